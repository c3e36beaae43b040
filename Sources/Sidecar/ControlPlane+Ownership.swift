// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import Namespaces
import Runtime
import Telemetry

/// Whose ids are, for workers that met one which they do not know.
extension ControlPlane {
    private static let watchInterval = Interval.milliseconds(500)

    /// All that comes while others are answered is answered in one: whatever they claim is one transaction, one sync of
    /// the disk, one journey.
    func meetOwners(_ need: Need, _ worker: Int) {
        ownerWaiters.append((need, worker))
        if ownerWaiters.count == 1, !isAskingOwners {
            Task(executorPreference: loop) { await self.answerOwners() }
        }
    }

    private func answerOwners() async {
        guard !isAskingOwners else { return }
        isAskingOwners = true
        defer { isAskingOwners = false }
        while !ownerWaiters.isEmpty {
            let waiters = ownerWaiters
            ownerWaiters = []
            var queries: [OwnerCache.Query] = []
            for case .owners(let asked) in waiters.map(\.need) { queries += asked }
            var answers: [OwnerCache.Answer?] = []
            do throws(OwnershipFailure) {
                answers = try await ownership.answer(queries)
            } catch {
                count(.ownershipFailures)
                if case .file = error { notice("ownership: \(error)") }
                answers = Array(repeating: nil, count: queries.count)
            }
            tell(waiters, queries, answers)
        }
    }

    private func tell(
        _ waiters: [(need: Need, worker: Int)],
        _ queries: [OwnerCache.Query],
        _ answers: [OwnerCache.Answer?]
    ) {
        for (query, found) in zip(queries, answers) {
            guard case .created = query.ask, let found else { continue }
            count(found == .unowned ? .ownersForeign : .ownersClaimed)
        }
        var rest = answers[...]
        for (need, worker) in waiters {
            guard case .owners(let asked) = need else { continue }
            let own = rest.prefix(asked.count).compactMap(\.self)
            rest = rest.dropFirst(asked.count)
            let isWhole = own.count == asked.count
            answer(worker, need, nil, isWhole ? .owners(own) : .failed(.ownershipFailed))
        }
    }

    /// Connects at the start, and again whenever the connection was lost, so that the first who needs it has it.
    func watchOwnership() async {
        guard ownership.isConnected != nil else { return }
        while !isDraining {
            if ownership.isConnected == false, !isAskingOwners {
                isAskingOwners = true
                do throws(OwnershipFailure) { try await ownership.open() } catch {
                    if error.isUnfit, !ownership.hasBegun {
                        failure.note("ownership: \(plan.ownership?.place ?? ""): \(error)")
                        return drain()
                    }
                }
                isAskingOwners = false
                if !ownerWaiters.isEmpty { await answerOwners() }
            }
            await loop.sleep(until: Clock.now() + Self.watchInterval)
        }
    }
}
