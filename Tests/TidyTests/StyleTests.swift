// SPDX-License-Identifier: Apache-2.0
import Testing

/// The house rules that a reader would otherwise have to remember.
@Suite struct StyleTests {
    /// Targets in which `unsafe` may stand.
    static let unsafeTargets: Set = ["Bytes", "Crypto", "TLS", "HTTP2", "Runtime", "Storage", "Compression"]
    /// Files elsewhere, each with its reason.
    static let unsafeFiles: [String: String] = [
        "Sources/Configuration/YAMLEvents.swift": "owns libyaml's parser",
        "Sources/XML/XMLReader.swift": "owns expat's parser",
        "Sources/bulkhead/Environment.swift": "reads the process's environment",
        "Sources/Sidecar/AdminClient.swift": "names its loop as an executor",
        "Sources/Sidecar/ControlPlane.swift": "writes a notice to standard error",
        "Sources/Sidecar/Explainer.swift": "marks a borrowed gateway",
    ]
    /// Promises that the compiler cannot check, each with its reason.
    static let unchecked: [String: String] = [
        "Sources/Bytes/Buffer.swift": "owns its storage, which nothing else points at",
        "Sources/Crypto/BlockPermutation.swift": "owns its cipher",
        "Sources/Crypto/HMACSHA256.swift": "owns its digest contexts",
        "Sources/Crypto/SHA256.swift": "owns its digest context",
        "Sources/TLS/TLSSession.swift": "owns its SSL object, which moves with it",
        "Sources/Runtime/ControlLoop.swift": "its state is touched on its own thread, its inbox under a lock",
        "Sources/Sidecar/AdminClient.swift": "carries a result out of a task that ends before it is read",
        "Sources/Sidecar/Explainer.swift": "carries a result out of a task that ends before it is read",
        "Sources/Sidecar/Sidecar.swift": "carries a worker to the thread that owns it from then on",
    ]
    /// Longer functions, each with its reason.
    static let long: [String: String] = [
        "Sources/HTTPTypes/KnownField+Lookup.swift": "tables: one case for each name"
    ]
    /// Files whose switches are over states: every one lists its cases.
    static let machines: [String] = [
        "Sources/HTTP1/ServerConnection.swift", "Sources/HTTP1/ClientConnection.swift",
        "Sources/HTTP1/BodyDecoder.swift", "Sources/HTTP1/BodyEncoder.swift",
        "Sources/HTTP1/ChunkExtension.swift",
        "Sources/Gateway/Gateway.swift", "Sources/Identity/KeySchedule.swift",
        "Sources/Vending/CredentialCache.swift", "Sources/Sidecar/Worker.swift",
        "Sources/Sidecar/Worker+Accept.swift", "Sources/Sidecar/Worker+Answer.swift",
        "Sources/Sidecar/Worker+Downstream.swift", "Sources/Sidecar/Worker+Upstream.swift",
        "Sources/Sidecar/Downstream.swift", "Sources/Sidecar/Upstream.swift",
        "Sources/Sidecar/Transport.swift",
    ]

    private func expectNone(_ pattern: Pattern, in files: [SourceFile], _ rule: String) {
        for file in files {
            for line in file.lines(matching: pattern) {
                Issue.record("\(file.path):\(line): \(rule)")
            }
        }
    }

    @Test func unsafeStaysWhereItIsExpected() {
        for file in Tree.sources where !Self.unsafeTargets.contains(file.target) {
            guard Self.unsafeFiles[file.path] == nil else { continue }
            for line in file.lines(matching: #"\bunsafe\b"#) { Issue.record("\(file.path):\(line): unsafe") }
        }
        for path in Self.unsafeFiles.keys {
            let file = Tree.sources.first { $0.path == path }
            #expect(
                file?.lines(matching: #"\bunsafe\b"#).isEmpty == false,
                "\(path) needs no exception any more"
            )
        }
    }

    @Test func uncheckedPromisesAreListed() {
        for file in Tree.sources {
            let lines = file.lines(matching: "@unchecked")
            let isListed = Self.unchecked[file.path] != nil
            #expect(lines.isEmpty != isListed, "\(file.path): @unchecked")
        }
    }

    @Test func bannedWords() {
        expectNone(#"\btry!"#, in: Tree.sources + Tree.tests, "try!")
        expectNone(#"\bas!"#, in: Tree.sources, "as!")
        expectNone(#"\bfatalError\b"#, in: Tree.sources, "fatalError")
        expectNone(
            #"^\s*(@\w+ )*(public|open) (final )?(class|func|var|let|struct|enum|actor|protocol|extension|init|typealias)\b"#,
            in: Tree.sources,
            "package is our public"
        )
        expectNone(#"@testable"#, in: Tree.sources + Tree.tests, "@testable")
        expectNone(#"@_(?!lifetime\b)\w+"#, in: Tree.sources, "an attribute with an underscore")
        expectNone(#"\b(Foundation|Dispatch)\b"#, in: Tree.sources, "Foundation and Dispatch stay out")
        let markers = ["TO" + "DO", "FIX" + "ME"]
        for file in Tree.sources + Tree.tests {
            for (index, line) in file.lines.enumerated()
            where markers.contains(where: line.contains) {
                Issue.record("\(file.path):\(index + 1): a marker of unfinished work")
            }
        }
    }

    @Test func machinesListTheirStates() {
        for path in Self.machines {
            guard let file = Tree.sources.first(where: { $0.path == path }) else {
                Issue.record("\(path) is gone: update the list of machines")
                continue
            }
            for line in file.lines(matching: #"^\s*default:"#) { Issue.record("\(path):\(line): default:") }
        }
        for file in Tree.sources {
            for line in file.defaults(inSwitchesOver: "phase|state|reading|writing|mode") {
                Issue.record("\(file.path):\(line): default: in a switch over a state")
            }
        }
    }

    @Test func filesAndFunctionsAreShort() {
        for file in Tree.sources + Tree.tests {
            #expect(file.lines.count <= 501, "\(file.path): \(file.lines.count) lines, at most 500")
        }
        for file in Tree.sources {
            for function in file.functions where Self.long[file.path] == nil {
                #expect(
                    function.count <= 60,
                    "\(file.path):\(function.line): \(function.count) lines, at most 60"
                )
            }
        }
        // The counter counts: there are hundreds of functions.
        #expect(Tree.sources.reduce(0) { $0 + $1.functions.count } > 500)
    }

    @Test func everyFileNamesItsLicence() {
        for file in Tree.sources + Tree.tests {
            #expect(file.lines.first == "// SPDX-License-Identifier: Apache-2.0", "\(file.path)")
        }
    }

    @Test func pathsHaveNoSpaces() {
        for folder in ["Sources", "Tests", "Config", "Deploy"] {
            for path in Tree.paths(below: folder) { #expect(!path.contains(" "), "\(path)") }
        }
    }

    /// Documentation lives in the README of the folder that it is about.
    @Test(arguments: ["Sources", "Tests", "Config", "Config/adapters", "Config/policies", "Deploy"])
    func foldersAreDocumented(_ folder: String) {
        #expect(Tree.exists("\(folder)/README.md"), "\(folder)/README.md")
    }
}
