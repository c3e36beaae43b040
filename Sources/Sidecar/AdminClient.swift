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

    private actor Asker {
        private let loop: ControlLoop

        init(loop: ControlLoop) { self.loop = loop }

        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

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
    }
}
