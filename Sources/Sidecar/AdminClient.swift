// SPDX-License-Identifier: Apache-2.0
import Bytes
package import HTTPTypes
import Runtime

/// The other end of the admin plane's Unix socket, for commands of the same program.
package struct AdminClient {
    package enum Failure: Error, CustomStringConvertible {
        case unreachable(String)

        package var description: String {
            switch self {
            case .unreachable(let reason): reason
            }
        }
    }

    package struct Reply: Sendable {
        package let status: Int
        package let body: [UInt8]
    }

    private let path: String

    package init(socket path: String) { self.path = path }

    /// Sends one request without a body and waits for its answer, on a loop of its own.
    package func ask(_ method: Method, _ target: String) throws(Failure) -> Reply {
        do {
            let loop = try ControlLoop()
            let asker = Asker(loop: loop)
            let box = Box()
            let path = path
            Task(executorPreference: loop) {
                box.result = await asker.ask(method, target, path)
                loop.stop()
            }
            loop.run()
            switch box.result {
            case .success(let reply)?: return reply
            case .failure(let failure)?: throw failure
            case nil: throw Failure.unreachable("\(path): no answer")
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .unreachable("\(path): \(error)")
        }
    }

    /// The listening sockets of the process that answers there; nil where none does.
    package func takeSockets() throws(Failure) -> InheritedSockets? {
        do {
            let loop = try ControlLoop()
            let asker = Asker(loop: loop)
            let box = Box()
            let path = path
            Task(executorPreference: loop) {
                box.sockets = await asker.takeSockets(path)
                loop.stop()
            }
            loop.run()
            switch box.sockets {
            case .success(let sockets)?: return sockets
            case .failure(let failure)?: throw failure
            case nil: return nil
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .unreachable("\(path): \(error)")
        }
    }

    private actor Asker {
        private let loop: ControlLoop

        init(loop: ControlLoop) { self.loop = loop }

        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

        func takeSockets(_ path: String) async -> Result<InheritedSockets?, Failure> {
            let deadline = Clock.now() + .seconds(10)
            let address = SocketAddress(.unix(path))
            guard let socket = try? await AsyncSocket.connect(to: address, on: loop, deadline: deadline)
            else {
                return .success(nil)
            }
            var listeners: [(name: String, address: String, socket: Descriptor)] = []
            var admin: Descriptor?
            do throws(NetworkError) {
                var request = Buffer()
                request.append(string: "POST /handover/sockets HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try await socket.write(&request, deadline: deadline)
                while let (line, descriptor) = try await socket.receiveDescriptor(deadline: deadline) {
                    let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\n" }
                    guard words.count == 3, let descriptor else {
                        return .failure(.unreachable("\(path): what answers there gives no sockets"))
                    }
                    if words[0] == "admin" { admin = descriptor }
                    if words[0] == "listener" {
                        listeners.append((String(words[1]), String(words[2]), descriptor))
                    }
                }
            } catch {
                return .failure(.unreachable("\(path): \(error)"))
            }
            return .success(InheritedSockets(listeners: listeners, admin: admin))
        }

        func ask(_ method: Method, _ target: String, _ path: String) async -> Result<Reply, Failure> {
            // A reload may have to wait for issuers and names.
            let deadline = Clock.now() + .seconds(60)
            do {
                let socket = try await AsyncSocket.connect(
                    to: SocketAddress(.unix(path)),
                    on: loop,
                    deadline: deadline
                )
                var stream = ControlStream(socket, session: nil)
                let reply = try await stream.ask(method, target, authority: "localhost", deadline: deadline)
                return .success(Reply(status: reply.status, body: reply.body))
            } catch {
                return .failure(.unreachable("\(path): \(error)"))
            }
        }
    }

    /// Carries a result out of a task that ends before it is read.
    private final class Box: @unchecked Sendable {
        var result: Result<Reply, Failure>?
        var sockets: Result<InheritedSockets?, Failure>?
    }
}
