// SPDX-License-Identifier: Apache-2.0
import Synchronization

extension ControlLoop {
    /// Runs `body` on a loop of its own, on the calling thread, until it returns. For commands that end by themselves.
    package static func run<Result: Sendable>(
        _ body: @escaping @Sendable (ControlLoop) async -> Result
    ) throws(SystemError) -> Result {
        let loop = try ControlLoop()
        let outcome = Outcome<Result>()
        Task(executorPreference: loop) {
            let result = await body(loop)
            outcome.value.withLock { $0 = result }
            loop.stop()
        }
        loop.run()
        guard let result = outcome.value.withLock({ $0 }) else {
            preconditionFailure("the loop stops only after the result is there")
        }
        return result
    }
}

/// Carries a result out of a task.
private final class Outcome<Result: Sendable>: Sendable {
    let value = Mutex<Result?>(nil)
}
