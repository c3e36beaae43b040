// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// To whom an agent's endpoint belongs at a time.
    package enum Lease: String, CaseIterable, Sendable {
        /// To everybody.
        case none
        case tenant, session
    }

    /// How endpoints are leased.
    package struct Leasing: Sendable, Equatable {
        /// For an endpoint, at most. Default: 30 s.
        package var wait = Interval.seconds(30)
        /// After which an endpoint without requests is given up. Default: 5 min.
        package var idle = Interval.seconds(300)
        /// Required where endpoints are leased.
        package var recycle: Recycle?
    }

    /// How an endpoint's process is made another one between two leases.
    package struct Recycle: Sendable, Equatable {
        /// Where a POST without a body ends the process.
        package var path: String
        /// Who takes that POST: one for each endpoint. Empty: the endpoint itself.
        package var endpoints: [Endpoint] = []
        /// A GET whose answer's body is another after each start. Nil: the endpoint's port must be seen closed.
        package var proof: String?
        /// Until the new process must be there. Default: 30 s.
        package var timeout = Interval.seconds(30)
    }
}

extension Configuration.Leasing {
    static func decode(_ section: inout YAML.Section) -> Self {
        var leasing = Self()
        section.read("wait", into: &leasing.wait) { $0.duration(in: .milliseconds(100) ... .seconds(600)) }
        section.read("idle", into: &leasing.idle) { $0.duration(in: .zero ... .seconds(86_400)) }
        if let value = section.value("recycle") {
            leasing.recycle = value.section(Configuration.Recycle.decode).flatMap(\.self)
        }
        return leasing
    }
}

extension Configuration.Recycle {
    static func decode(_ section: inout YAML.Section) -> Self? {
        let path = section.required("path")?.requestPath()
        var recycle = Self(path: path ?? "/")
        if let list = section.value("endpoints")?.list(count: 1...256) {
            recycle.endpoints = list.compactMap { $0.endpoint() }
        }
        section.read("proof", into: &recycle.proof) { $0.requestPath() }
        section.read("timeout", into: &recycle.timeout) { $0.duration(in: .seconds(1) ... .seconds(600)) }
        return path == nil ? nil : recycle
    }
}

extension YAML.Value {
    /// A path such as `/ping`, as it stands in a request.
    func requestPath() -> String? {
        guard let text = string() else { return nil }
        if text.hasPrefix("/") && text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) { return text }
        note("expected a path such as /ping")
        return nil
    }
}
