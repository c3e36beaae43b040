// SPDX-License-Identifier: Apache-2.0
import Testing

/// The layers of Sources/README.md. Package.swift is the law; this is what the compiler does not see.
@Suite struct LayerTests {
    private static let vocabulary: Set = ["Bytes", "Crypto", "HTTPTypes", "JSON", "XML"]
    private static let parts: Set = [
        "Identity", "Cedar", "Vending", "AWS", "Namespaces", "Telemetry", "Configuration",
    ]

    /// What each target may import, besides Swift itself. Targets on one line of the diagram do not import one another.
    static let layers: [String: Set<String>] = [
        // For `ByAddress`, a field whose value nobody uses.
        "Bytes": ["Glibc", "Synchronization"],
        "Crypto": ["Bytes", "COpenSSL"],
        "HTTPTypes": ["Bytes"],
        "JSON": ["Bytes"],
        "XML": ["Bytes", "CExpat"],
        "Compression": ["Bytes", "CZlib"],
        "Identity": vocabulary.union(["Synchronization"]),
        "Cedar": vocabulary,
        "Vending": vocabulary,
        "AWS": vocabulary,
        "Namespaces": vocabulary,
        "Telemetry": vocabulary,
        "Configuration": vocabulary.union(["CYAML"]),
        "TLS": ["Bytes", "Crypto", "COpenSSL", "Synchronization"],
        "HTTP1": ["Bytes", "HTTPTypes"],
        "HTTP2": ["Bytes", "HTTPTypes", "CNGHTTP2"],
        "Gateway": vocabulary.union(parts).union(["Compression"]),
        "Storage": ["Bytes", "CSQLite", "Glibc"],
        "Runtime": ["Bytes", "CSystem", "CAres", "Glibc", "Synchronization"],
        "Sidecar": vocabulary.union(parts).union([
            "TLS", "HTTP1", "HTTP2", "Gateway", "Runtime", "Storage", "Glibc", "Synchronization",
        ]),
        "bulkhead": vocabulary.union(parts).union(["Gateway", "Runtime", "Sidecar", "Glibc"]),
    ]

    /// Sidecar makes no system call of its own but these: numbers of signals and the count of cores, the write to
    /// standard error, the rights of the admin socket.
    static let sidecarGlibc: Set = [
        "Sources/Sidecar/Sidecar.swift", "Sources/Sidecar/ControlPlane.swift",
        "Sources/Sidecar/AdminServer.swift",
    ]

    @Test func importsPointDown() {
        for file in Tree.sources {
            guard let allowed = Self.layers[file.target] else {
                Issue.record("\(file.path): its target stands in no layer; add it to LayerTests.layers")
                continue
            }
            for module in file.imports where module != "Swift" && module != file.target {
                #expect(allowed.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test func systemCallsAreAtTheEdge() {
        for file in Tree.sources where file.target == "Sidecar" && file.imports.contains("Glibc") {
            #expect(Self.sidecarGlibc.contains(file.path), "\(file.path) imports Glibc")
        }
    }

    /// Everything from Gateway down knows no clock, no entropy, no thread and no `async`.
    @Test func coresAreSansIO() {
        let edge: Set = ["Runtime", "Storage", "Sidecar", "bulkhead"]
        let banned: [Pattern] = [
            #"\basync\b"#, #"\bawait\b"#, #"\bTask\b *[({.]"#, #"\bClock\.now"#,
            #"SystemRandomNumberGenerator"#,
            #"\.random\(in:"#, #"ContinuousClock"#, #"\bgetenv\b"#, #"\bprint\("#,
        ]
        for file in Tree.sources where !edge.contains(file.target) {
            for pattern in banned {
                #expect(file.lines(matching: pattern).isEmpty, "\(file.path): something of the outside world")
            }
        }
    }

    @Test func theTableKnowsEveryTarget() {
        let targets = Set(Tree.sources.map(\.target))
        #expect(targets == Set(Self.layers.keys))
    }
}
