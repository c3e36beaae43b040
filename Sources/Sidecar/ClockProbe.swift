// SPDX-License-Identifier: Apache-2.0
import AWS
package import Bytes
package import Configuration
import HTTPTypes
import Runtime
import TLS

/// Asks those who check signatures and issue tokens what time it is: one GET without any credential each.
package struct ClockProbe {
    private struct Clock: Sendable {
        let name: String
        let url: WebURL
        let tls: TLSContext?
    }

    private let clocks: [Clock]

    /// Signatures of AWS live five minutes, tokens have a leeway of half one.
    package static let tolerance = Interval.seconds(30)

    package init(_ configuration: Configuration) throws(LoadProblems) {
        var found: [(name: String, url: String, ca: Configuration.Authorities)] = []
        for credential in configuration.credentials {
            switch credential.kind {
            case .sts(let sts): found.append(("STS of credential \(credential.name)", sts.endpoint, sts.ca))
            case .oauth(let oauth):
                found.append(("the server of credential \(credential.name)", oauth.tokenURL, oauth.ca))
            case .signedContext, .secret: break
            }
        }
        for issuer in configuration.identity.issuers {
            switch issuer.jwks.source {
            case .url(let url), .discovery(let url):
                found.append(("issuer \(issuer.name)", url, issuer.jwks.ca))
            case .file, .none: break
            }
        }
        do {
            clocks = try found.compactMap { name, text, ca in
                guard let url = WebURL(text) else { return nil }
                return Clock(name: name, url: url, tls: url.isSecure ? try Self.context(ca) : nil)
            }
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    static func context(_ ca: Configuration.Authorities) throws -> TLSContext {
        var paths = TLSTrust.systemPaths
        if case .file(let path) = ca { paths = [path] }
        guard let path = paths.first(where: { Surroundings.canRead($0) }) else {
            throw LoadProblems(["no authorities are here for the server that is to be asked"])
        }
        let pem = try Files.read(path, limit: 4 << 20)
        return try TLSContext(
            client: TLSClientOptions(trust: try TLSTrust(authorities: pem.span, named: path))
        )
    }

    package func ask() throws(LoadProblems) -> [Weakness] {
        if clocks.isEmpty { return [] }
        let clocks = clocks
        let result: Swift.Result<[Weakness], ResolutionError>
        do throws(SystemError) {
            result = try ControlLoop.run { loop in
                do throws(ResolutionError) {
                    let client = ControlClient(loop: loop, resolver: try Resolver(on: loop))
                    var found: [Weakness] = []
                    for clock in clocks { found.append(await Self.ask(clock, client)) }
                    return .success(found)
                } catch {
                    return .failure(error)
                }
            }
        } catch {
            throw LoadProblems(["\(error)"])
        }
        switch result {
        case .success(let found): return found
        case .failure(let error): throw LoadProblems(["\(error)"])
        }
    }

    private static func ask(_ clock: Clock, _ client: ControlClient) async -> Weakness {
        let reply: ControlClient.Reply
        do throws(FetchError) {
            reply = try await client.fetch(
                .get,
                clock.url.target,
                at: clock.url.target(tls: clock.tls),
                deadline: Runtime.Clock.now() + .seconds(5)
            )
        } catch {
            return Weakness(.clock, .unknown, "\(clock.name): \(error)", fix: "let Bulkhead reach it")
        }
        let text = reply.date
        return judge(clock.name, date: text.span, now: Runtime.Clock.wallTime())
    }

    /// - Parameter date: of an answer, as it stands there.
    package static func judge(_ name: String, date: Span<UInt8>, now: WallTime) -> Weakness {
        guard let there = WallTime(httpDate: date) else {
            return Weakness(.clock, .unknown, "\(name): says no time", fix: "ask somebody else")
        }
        let away = (now - there).nanoseconds.magnitude
        let seconds = away / 1_000_000_000
        if away <= UInt64(tolerance.nanoseconds) {
            return Weakness(.clock, .fine, "\(name): \(seconds) s apart")
        }
        return Weakness(
            .clock,
            .wrong,
            "\(name): this clock is \(seconds) s \(now < there ? "behind" : "ahead")",
            fix: "keep this machine's clock by NTP: signatures and tokens end by it"
        )
    }
}

extension WallTime {
    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7); nil for every other form.
    fileprivate init?(httpDate text: Span<UInt8>) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard text.count == 29, text[3] == ASCII.comma, text.extracting(25..<29).equals(" GMT"),
            let name = text.extracting(8..<11).string(),
            let month = months.firstIndex(of: name).map({ $0 + 1 })
        else { return nil }
        var compact = Buffer(capacity: 16)
        compact.append(text.extracting(12..<16))
        compact.append(UInt8(ascii: "0") + UInt8(month / 10))
        compact.append(UInt8(ascii: "0") + UInt8(month % 10))
        compact.append(text.extracting(5..<7))
        compact.append(UInt8(ascii: "T"))
        for place in [17, 20, 23] { compact.append(text.extracting(place..<(place + 2))) }
        compact.append(UInt8(ascii: "Z"))
        guard let time = SigningTime(compact.bytes)?.time else { return nil }
        self = time
    }
}
