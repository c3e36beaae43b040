// SPDX-License-Identifier: Apache-2.0
import Bytes
import Namespaces
import Telemetry

/// What goes to the audit log besides the record: leaks that were stopped (THREATS 16), and requests that nobody makes by
/// mistake. An id that is not the caller's is none of them: one that he deleted himself looks the same.
extension Gateway {
    mutating func noteAudit(_ hop: borrowing Hop, _ exchange: borrowing Exchange) {
        guard let reason = exchange.refusal?.code, let kind = Self.kind(reason) else { return }
        AuditLog.append(
            hop,
            kind,
            rewrite: exchange.leak?.rewrite,
            owner: exchange.leak?.owner,
            into: &audit
        )
    }

    private static func kind(_ reason: String) -> AuditLog.Kind? {
        switch reason {
        case "foreign_object": .leakStopped
        case "handle_invalid", "handle_foreign", "trace_foreign", "carriers_disagree", "lease_foreign",
            "session_foreign",
            "tenant_foreign", "signature_mismatch":
            .attackRefused
        default: nil
        }
    }

    /// Hands over the events since the last time; empty almost always.
    package mutating func takeAudit() -> [UInt8] {
        if audit.isEmpty { return [] }
        defer { audit.removeAll() }
        return audit.bytes.array()
    }
}
