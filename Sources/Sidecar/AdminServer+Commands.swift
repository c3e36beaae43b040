// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTPTypes
import Identity
import JSON
import Runtime

/// What operators command through the Unix socket, and what they are told.
extension ControlPlane {
    func command(_ path: String) async -> AdminReply {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        switch (parts.first, parts.count, parts.last) {
        case ("reload", 1, _):
            let report = await reload()
            return AdminReply(json: json(of: report), report.problems.isEmpty ? .ok : Status(422))
        case ("tenants", 3, "suspend"): return change(parts[1], isSuspended: true)
        case ("tenants", 3, "resume"): return change(parts[1], isSuspended: false)
        default: return AdminReply(.notFound, "known: /reload, /tenants/<id>/suspend, /tenants/<id>/resume\n")
        }
    }

    private func change(_ id: String, isSuspended: Bool) -> AdminReply {
        guard let tenant = TenantID(id) else { return AdminReply(.badRequest, "this is no tenant's id\n") }
        let problem = setSuspended(tenant, isSuspended)
        let reply = JSONValue.object(
            JSONObject([
                ("tenant", .string(id)),
                ("suspended", .bool(isSuspended)),
                // One that the registry does not know may be a slip of the pen, or be yet to come.
                ("registered", .bool(snapshot.identity.tenants[tenant] != nil)),
                ("durable", .bool(problem == nil)),
                ("problem", problem.map { .string($0) } ?? .null),
            ])
        )
        return AdminReply(json: reply, .ok)
    }

    /// Everything that an operator asks first.
    func status() -> AdminReply {
        let reply = JSONValue.object(
            JSONObject([
                ("version", .string(plan.version)),
                ("ready", .bool(isReady)),
                ("draining", .bool(isDraining)),
                ("generation", .integer(Int64(clamping: snapshot.plan.generation))),
                ("last_reload", lastReload.map(json) ?? .null),
                (
                    "suspended",
                    .array(snapshot.identity.tenants.suspended.map(\.text).sorted().map { .string($0) })
                ),
            ])
        )
        return AdminReply(json: reply, .ok)
    }

    private func json(of report: ReloadReport) -> JSONValue {
        .object(
            JSONObject([
                ("result", .string(report.problems.isEmpty ? "success" : "failure")),
                ("generation", .integer(Int64(clamping: report.generation))),
                ("time", .integer(report.time.seconds)),
                ("problems", .array(report.problems.map { .string($0) })),
            ])
        )
    }
}

extension JSONObject {
    fileprivate init(_ members: [(String, JSONValue)]) {
        self.init()
        for (name, value) in members { _ = append(name, value) }
    }
}

extension AdminReply {
    init(json value: JSONValue, _ status: Status) {
        var text = Buffer()
        value.write(into: &text)
        text.append(ASCII.lineFeed)
        self.init(status, text.bytes.array(), "application/json")
    }
}
