// SPDX-License-Identifier: Apache-2.0
package import CFuzzer
import Glibc

/// libFuzzer, as the programs of this folder use it.
package enum Fuzzer {
    /// Hands the process over to libFuzzer. `target` makes a span of what it gets, checks what must hold for it, and
    /// answers 0; what does not hold is a crash.
    package static func run(_ target: fuzzer_target) -> Never {
        var count = CommandLine.argc
        // Safe because both belong to the process and live as long as it.
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
        exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, target))
    }
}
