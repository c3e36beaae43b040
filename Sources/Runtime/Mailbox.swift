// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A queue from any thread to one. The receiver is woken once for each batch, not for each message.
package final class Mailbox<Message: Sendable>: Sendable {
    private let queue = Mutex<[Message]>([])
    private let pending = Atomic<Bool>(false)
    private let waker: Waker

    package init(waker: Waker) { self.waker = waker }

    package func send(_ message: Message) {
        queue.withLock { $0.append(message) }
        if !pending.exchange(true, ordering: .acquiringAndReleasing) { waker.wake() }
    }

    /// Everything that has arrived, in order. Cost: one atomic load when there is nothing.
    package func drain() -> [Message] {
        guard pending.exchange(false, ordering: .acquiringAndReleasing) else { return [] }
        return queue.withLock { messages in
            let all = messages
            messages = []
            return all
        }
    }
}
