// SPDX-License-Identifier: Apache-2.0
import Testing
import Vending

@Suite struct VendLedgerTests {
    @Test func itCountsAndIsBounded() {
        var ledger = VendLedger(limit: 2, overflow: "other")
        for (tenant, isVended) in [
            ("a", true), ("a", false), ("b", true), ("c", true), ("d", false), ("a", true),
        ] {
            ledger.add(tenant, isVended: isVended)
        }
        #expect(ledger.counts.count == 3)
        #expect(ledger.counts["a"]?.vended == 2 && ledger.counts["a"]?.failed == 1)
        #expect(ledger.counts["b"]?.vended == 1)
        #expect(ledger.counts["other"]?.vended == 1 && ledger.counts["other"]?.failed == 1)
    }
}
