// SPDX-License-Identifier: Apache-2.0
import Testing

/// The reader that the rules rest on.
@Suite struct SourceFileTests {
    private func file(_ text: String) -> SourceFile { SourceFile(path: "Sources/T/t.swift", text: text) }

    @Test func commentsAndStringsAreNoCode() {
        let file = file(
            """
            let a = "unsafe { \\(b("x)")) }" // unsafe
            let c = #"unsafe " \\"#; unsafe d()
            /* unsafe */ let e = \"""
                unsafe "quoted"
                \"""
            """
        )
        #expect(file.lines(matching: #"\bunsafe\b"#) == [2])
        #expect(file.code.count == file.lines.count)
    }

    @Test func importsAreSeen() {
        let file = file(
            "package import Bytes\n@preconcurrency import Glibc\n// import Foundation\nimport struct A.B"
        )
        #expect(file.imports.prefix(2) == ["Bytes", "Glibc"])
        #expect(!file.imports.contains("Foundation"))
    }

    @Test func functionsAreMeasured() {
        let file = file(
            """
            struct S {
                package init(
                    a: Int = { 1 }()
                ) {
                    one()
                    two()
                }
                func requirement() -> Int

                private mutating func f() { one() }
            }
            """
        )
        #expect(file.functions.map(\.count) == [2, 0])
    }

    @Test func defaultsAreSeenInTheirOwnSwitch() {
        let file = file(
            """
            switch self.phase {
            case .a:
                switch byte {
                default: break
                }
            default: break
            }
            """
        )
        #expect(file.defaults(inSwitchesOver: "phase") == [6])
    }
}
