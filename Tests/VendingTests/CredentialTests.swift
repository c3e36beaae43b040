// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Testing
import Vending

private let start = WallTime(seconds: 1_800_000_000)

/// A cache behind a reference, whose answers are words.
private final class Vendor {
    private var cache: CredentialCache<String>
    private var tickets: [VendTicket] = []

    init(capacity: Int = 8) { cache = CredentialCache(capacity: capacity) }

    static func key(_ name: String) -> CredentialKey {
        var hasher = KeyHasher()
        hasher.beginCredential(generation: 1, credential: name.utf8Span.span, tenant: Span())
        return hasher.finishCredential()
    }

    /// What a lookup answers; tickets are numbered from 0 in the order in which they are given.
    func lookup(_ name: String = "k", tenant: String = "clinic", at seconds: Int64) -> String {
        switch cache.lookup(Self.key(name), tenant: tenant, now: start + .seconds(seconds)) {
        case .hit(let credential): return "hit \(credential)"
        case .refresh(let credential, let ticket):
            tickets.append(ticket)
            return "refresh \(credential) #\(tickets.count - 1)"
        case .vend(let ticket):
            tickets.append(ticket)
            return "vend #\(tickets.count - 1)"
        case .wait: return "wait"
        case .failed(let failure, let retryAt):
            return "\(failure.code) until \((retryAt - start).nanoseconds / 1_000_000_000)"
        }
    }

    func vended(
        _ ticket: Int,
        _ credential: String,
        name: String = "k",
        at seconds: Int64,
        life: Int64 = 1000,
        spread: UInt8 = 0
    ) -> Bool {
        let acceptance = cache.vended(
            Self.key(name),
            tickets[ticket],
            credential,
            expiry: start + .seconds(seconds + life),
            now: start + .seconds(seconds),
            spread: spread
        )
        if case .accepted = acceptance { return true } else { return false }
    }

    func failed(
        _ ticket: Int,
        _ failure: VendFailure,
        name: String = "k",
        at seconds: Int64,
        spread: UInt8 = 0
    ) -> Bool {
        let acceptance = cache.failed(
            Self.key(name),
            tickets[ticket],
            failure,
            now: start + .seconds(seconds),
            spread: spread
        )
        if case .accepted = acceptance { return true } else { return false }
    }

    func purge(_ tenant: String) { cache.purge(tenant: tenant) }
    func invalidate(_ name: String = "k") { cache.invalidate(Self.key(name)) }
    func reject(_ name: String = "k", at seconds: Int64) -> Bool {
        cache.reject(Self.key(name), now: start + .seconds(seconds))
    }
    var count: Int { cache.count }

    func holding(_ tenant: String, at seconds: Int64) -> String? {
        cache.holdings(now: start + .seconds(seconds))[tenant].map {
            "\($0.count) since \($0.oldest.seconds - start.seconds) to \($0.nextExpiry.seconds - start.seconds)"
        }
    }
}

@Suite struct CredentialCacheTests {
    private let vendor = Vendor()

    @Test func oneAttemptForAllWhoAsk() {
        #expect(vendor.lookup(at: 0) == "vend #0")
        #expect(vendor.lookup(at: 1) == "wait")
        #expect(vendor.lookup("other", at: 1) == "vend #1")
        #expect(vendor.vended(0, "A", at: 2))
        #expect(vendor.lookup(at: 3) == "hit A")
        #expect(vendor.lookup("other", at: 3) == "wait")
    }

    /// An upstream does not take it: asked for anew, but not as often as somebody likes.
    @Test func whatIsRejectedIsVendedAnewOnceInAWhile() {
        #expect(!vendor.reject(at: 0))
        #expect(vendor.lookup(at: 0) == "vend #0")
        #expect(!vendor.reject(at: 1))
        #expect(vendor.vended(0, "A", at: 2))
        for second in 2..<12 { #expect(!vendor.reject(at: Int64(second))) }
        #expect(vendor.lookup(at: 12) == "hit A")
        #expect(vendor.reject(at: 12) && !vendor.reject(at: 12))
        #expect(vendor.lookup(at: 12) == "vend #1")
        #expect(vendor.vended(1, "B", at: 13))
        #expect(!vendor.reject(at: 14))
        #expect(vendor.lookup(at: 14) == "hit B")
        // While it is renewed, the old one is not given any more, and the new one is that of the attempt under way.
        #expect(vendor.lookup(at: 900) == "refresh B #2")
        #expect(vendor.reject(at: 901))
        #expect(vendor.lookup(at: 902) == "wait")
        #expect(vendor.vended(2, "C", at: 903))
        #expect(vendor.lookup(at: 904) == "hit C")
        // Nobody else's goes with it.
        #expect(vendor.lookup("other", at: 904) == "vend #3")
        #expect(vendor.vended(3, "D", name: "other", at: 904))
        #expect(vendor.reject(at: 920))
        #expect(vendor.lookup("other", at: 921) == "hit D")
    }

    /// What is under way or has ended is not held; what cannot be renewed is, to its end.
    @Test func whatIsHeld() {
        #expect(vendor.lookup(at: 0) == "vend #0")
        #expect(vendor.holding("clinic", at: 1) == nil)
        #expect(vendor.vended(0, "A", at: 2))
        #expect(vendor.lookup("other", at: 10) == "vend #1")
        #expect(vendor.vended(1, "B", name: "other", at: 10, life: 500))
        #expect(vendor.lookup("foreign", tenant: "hospital", at: 10) == "vend #2")
        #expect(vendor.vended(2, "C", name: "foreign", at: 10))
        #expect(vendor.holding("clinic", at: 20) == "2 since 2 to 510")
        #expect(vendor.holding("hospital", at: 20) == "1 since 10 to 1010")
        #expect(vendor.holding("clinic", at: 510) == "1 since 2 to 1002")
        #expect(vendor.lookup(at: 900) == "refresh A #3")
        #expect(vendor.failed(3, .throttled, at: 901))
        #expect(vendor.holding("clinic", at: 950) == "1 since 2 to 1002")
        vendor.purge("clinic")
        #expect(vendor.holding("clinic", at: 950) == nil)
        #expect(vendor.holding("hospital", at: 950) == "1 since 10 to 1010")
    }

    /// A life of 1000 s: renewed from 800 s on, given until 940 s.
    @Test func isRenewedAheadAndServesMeanwhile() {
        #expect(vendor.lookup(at: 0) == "vend #0")
        #expect(vendor.vended(0, "A", at: 0))
        #expect(vendor.lookup(at: 799) == "hit A")
        #expect(vendor.lookup(at: 800) == "refresh A #1")
        #expect(vendor.lookup(at: 801) == "hit A")
        #expect(vendor.vended(1, "B", at: 802))
        #expect(vendor.lookup(at: 803) == "hit B")
        #expect(!vendor.vended(1, "C", at: 804), "a ticket is good once")
        #expect(vendor.lookup(at: 805) == "hit B")
    }

    @Test func isNeverGivenAtItsEnd() {
        #expect(vendor.lookup(at: 0) == "vend #0")
        #expect(vendor.vended(0, "A", at: 0))
        #expect(vendor.lookup(at: 900) == "refresh A #1")
        #expect(vendor.lookup(at: 939) == "hit A")
        #expect(vendor.lookup(at: 940) == "wait")
        #expect(vendor.failed(1, .unavailable, at: 941))
        #expect(vendor.lookup(at: 941) == "credential_unavailable until 942")
        #expect(vendor.lookup(at: 5000) == "vend #2")
    }

    @Test(arguments: [
        (1000, 0, 800, 940), (1000, 255, 701, 940), (100, 0, 75, 75), (3600, 0, 2880, 3540), (0, 0, 0, 0),
    ])
    func lives(_ life: Int64, _ spread: UInt8, _ refresh: Int64, _ end: Int64) {
        #expect(vendor.lookup(at: 0) == "vend #0")
        #expect(vendor.vended(0, "A", at: 0, life: life, spread: spread))
        if refresh > 0 { #expect(vendor.lookup(at: refresh - 1) == "hit A") }
        if refresh < end {
            #expect(vendor.lookup(at: refresh) == "refresh A #1")
            #expect(vendor.lookup(at: end) == "wait")
        } else {
            #expect(vendor.lookup(at: end) == "vend #1")
        }
    }

    @Test func failuresAreRememberedAndWaitLonger() {
        #expect(vendor.lookup(at: 0) == "vend #0")
        var now: Int64 = 0
        for (ticket, delay) in [1, 2, 4, 8, 16, 32, 60, 60].enumerated() {
            #expect(vendor.failed(ticket, .throttled, at: now))
            #expect(
                vendor.lookup(at: now + Int64(delay) - 1)
                    == "credential_throttled until \(now + Int64(delay))"
            )
            now += Int64(delay)
            #expect(vendor.lookup(at: now) == "vend #\(ticket + 1)")
        }
        #expect(vendor.vended(8, "A", at: now, life: 100))
        #expect(vendor.lookup(at: now + 80) == "vend #9")
        #expect(vendor.failed(9, .unavailable, at: now + 80))
        #expect(
            vendor.lookup(at: now + 80) == "credential_unavailable until \(now + 81)",
            "a success forgives"
        )
    }

    @Test func denialsHoldForAFixedTimeWithSpread() {
        #expect(vendor.lookup(at: 0) == "vend #0")
        #expect(vendor.failed(0, .denied, at: 0))
        #expect(vendor.lookup(at: 9) == "credential_denied until 10")
        #expect(vendor.lookup(at: 10) == "vend #1")
        #expect(vendor.failed(1, .denied, at: 10, spread: 254))
        #expect(vendor.lookup(at: 24) == "credential_denied until 24")
        #expect(vendor.lookup(at: 25) == "vend #2")
    }

    @Test func aFailedRenewalLeavesTheOldOne() {
        #expect(vendor.lookup(at: 0) == "vend #0")
        #expect(vendor.vended(0, "A", at: 0))
        #expect(vendor.lookup(at: 800) == "refresh A #1")
        #expect(vendor.failed(1, .throttled, at: 800))
        #expect(vendor.lookup(at: 800) == "hit A")
        #expect(vendor.lookup(at: 801) == "refresh A #2")
    }

    /// A suspension while a vend is in flight: its result must not come back to life.
    @Test func purgeVoidsWhatIsUnderWay() {
        #expect(vendor.lookup("a", tenant: "clinic", at: 0) == "vend #0")
        #expect(vendor.lookup("b", tenant: "hospital", at: 0) == "vend #1")
        vendor.purge("clinic")
        #expect(!vendor.vended(0, "A", name: "a", at: 1))
        #expect(!vendor.failed(0, .denied, name: "a", at: 1))
        #expect(vendor.vended(1, "B", name: "b", at: 1))
        #expect(vendor.lookup("a", tenant: "clinic", at: 2) == "vend #2")
        #expect(!vendor.vended(0, "A", name: "a", at: 3), "nor into the next attempt")
        #expect(vendor.lookup("b", tenant: "hospital", at: 3) == "hit B")
        vendor.invalidate("b")
        #expect(vendor.lookup("b", tenant: "hospital", at: 4) == "vend #3")
    }

    @Test func isBounded() {
        let vendor = Vendor(capacity: 3)
        for number in 0..<10 { #expect(vendor.lookup("k\(number)", at: 0) == "vend #\(number)") }
        #expect(vendor.count == 3)
        #expect(!vendor.vended(0, "A", name: "k0", at: 1), "pushed out: those who wait look up again")
        #expect(vendor.vended(9, "B", name: "k9", at: 1))
    }

    @Test func codesAreDistinct() {
        #expect(Set(VendFailure.allCases.map { "\($0.code)" }).count == VendFailure.allCases.count)
    }
}
