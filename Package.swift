// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// Tests/Fuzz/run.sh sets this: then everything is compiled with coverage for libFuzzer, and the fuzz targets exist.
let isFuzzing = Context.environment["BULKHEAD_FUZZ"] != nil

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .enableExperimentalFeature("Lifetimes"),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    .unsafeFlags(isFuzzing ? ["-sanitize=fuzzer"] : []),
]

/// One Swift target of the layer diagram in Sources/README.md; `on` names the targets below it.
func layer(_ name: String, on dependencies: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies.map { .init(stringLiteral: $0) }, swiftSettings: strict)
}

func tests(_ name: String, on dependencies: [String]) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: (dependencies + ["TestSupport"]).map { .init(stringLiteral: $0) },
        swiftSettings: strict
    )
}

let vocabulary = ["Bytes", "Crypto", "HTTPTypes", "JSON", "XML"]
let engines = ["TLS", "HTTP1", "HTTP2"]
let parts = ["Identity", "Cedar", "Vending", "AWS", "Namespaces", "Telemetry", "Configuration"]

let package = Package(
    name: "bulkhead",
    products: [.executable(name: "bulkhead", targets: ["bulkhead"])],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
        .systemLibrary(name: "CAres", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "CSystem",
            cSettings: [.define("_GNU_SOURCE"), .unsafeFlags(["-Wall", "-Wextra", "-Werror"])]
        ),

        layer("Bytes"),
        layer("Crypto", on: ["Bytes", "COpenSSL"]),
        layer("HTTPTypes", on: ["Bytes"]),
        layer("JSON", on: ["Bytes"]),
        layer("XML", on: ["Bytes", "CExpat"]),
        layer("Compression", on: ["Bytes", "CZlib"]),

        layer("Identity", on: vocabulary),
        layer("Cedar", on: vocabulary),
        layer("Vending", on: vocabulary),
        layer("AWS", on: vocabulary),
        layer("Namespaces", on: vocabulary),
        layer("Telemetry", on: vocabulary),
        layer("Configuration", on: vocabulary + ["CYAML"]),

        layer("TLS", on: ["Bytes", "Crypto", "COpenSSL"]),
        layer("HTTP1", on: ["Bytes", "HTTPTypes"]),
        layer("HTTP2", on: ["Bytes", "HTTPTypes", "CNGHTTP2"]),

        layer("Gateway", on: vocabulary + ["Compression"] + parts),
        layer("Runtime", on: ["Bytes", "CSystem", "CAres"]),
        layer("Storage", on: ["Bytes", "CSQLite"]),
        layer("Sidecar", on: vocabulary + engines + parts + ["Gateway", "Runtime", "Storage"]),
        .executableTarget(
            name: "bulkhead",
            dependencies: (vocabulary + parts + ["Gateway", "Runtime", "Sidecar"]).map {
                .init(stringLiteral: $0)
            },
            swiftSettings: strict
        ),

        .executableTarget(
            name: "JSONBenchmark",
            dependencies: ["Bytes", "JSON"],
            path: "Tests/Benchmarks/JSON",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "CedarBenchmark",
            dependencies: ["Cedar", "JSON"],
            path: "Tests/Benchmarks/Cedar",
            swiftSettings: strict
        ),

        .executableTarget(
            name: "TokenBenchmark",
            dependencies: ["Bytes", "Crypto", "Identity", "JSON"],
            path: "Tests/Benchmarks/Tokens",
            swiftSettings: strict
        ),

        .target(
            name: "GatewayRig",
            dependencies: (vocabulary + ["HTTP1"] + parts + ["Gateway", "Sidecar"]).map {
                .init(stringLiteral: $0)
            },
            path: "Tests/GatewayRig",
            swiftSettings: strict
        ),

        .executableTarget(
            name: "SigningPeer",
            dependencies: ["AWS", "Bytes", "Crypto", "HTTPTypes", "JSON"],
            path: "Tests/Differential/Signing",
            swiftSettings: strict
        ),

        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        tests("Bytes", on: ["Bytes"]),
        tests("Crypto", on: ["Bytes", "Crypto"]),
        tests("HTTPTypes", on: ["Bytes", "HTTPTypes", "JSON"]),
        tests("JSON", on: ["Bytes", "JSON"]),
        tests("Identity", on: ["Bytes", "Crypto", "Identity", "JSON"]),
        tests("Cedar", on: ["Bytes", "Cedar", "JSON"]),
        tests("XML", on: ["Bytes", "XML"]),
        tests("Compression", on: ["Bytes", "Compression"]),
        tests("AWS", on: ["AWS", "Bytes", "Crypto", "HTTPTypes", "JSON"]),
        tests("Vending", on: ["Bytes", "Crypto", "JSON", "Vending"]),
        tests("Namespaces", on: ["Namespaces", "Bytes", "Crypto", "JSON", "HTTPTypes", "Configuration"]),
        tests("Telemetry", on: ["Bytes", "HTTPTypes", "JSON", "Telemetry"]),
        tests("Configuration", on: ["Bytes", "Configuration", "Crypto", "HTTPTypes", "JSON"]),
        tests("TLS", on: ["Bytes", "Crypto", "TLS"]),
        tests("HTTP1", on: ["Bytes", "HTTPTypes", "HTTP1"]),
        tests("HTTP2", on: ["Bytes", "HTTPTypes", "HTTP2"]),
        tests("Runtime", on: ["Runtime", "Bytes"]),
        tests("Storage", on: ["Bytes", "Storage"]),
        tests("Tidy", on: []),
        .target(name: "CAllocations", path: "Tests/Benchmarks/CAllocations"),
        .executableTarget(
            name: "Budgets",
            dependencies: (vocabulary + [
                "CAllocations", "HTTP1", "HTTP2", "Gateway", "GatewayRig", "Runtime",
            ]).map { .init(stringLiteral: $0) },
            path: "Tests/Benchmarks/Budgets",
            swiftSettings: strict
        ),
        tests("Sidecar", on: ["Bytes", "Configuration", "GatewayRig", "JSON", "Sidecar", "bulkhead"]),
        tests("Gateway", on: vocabulary + ["HTTP1"] + parts + ["Gateway", "GatewayRig"]),
    ]
)

if isFuzzing {
    func fuzzer(_ name: String, on dependencies: [String]) -> Target {
        .executableTarget(
            name: "Fuzz" + name,
            dependencies: (["Bytes", "FuzzDriver"] + dependencies).map { .init(stringLiteral: $0) },
            path: "Tests/Fuzz/" + name,
            sources: ["main.swift"],
            swiftSettings: strict
        )
    }
    package.targets += [
        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .target(
            name: "FuzzDriver",
            dependencies: ["CFuzzer"],
            path: "Tests/Fuzz/FuzzDriver",
            swiftSettings: strict
        ),
        fuzzer("RequestHead", on: ["HTTP1", "HTTPTypes"]),
        fuzzer("ResponseHead", on: ["HTTP1", "HTTPTypes"]),
        fuzzer("Pipeline", on: ["HTTP1", "HTTPTypes"]),
        fuzzer("Values", on: ["HTTPTypes"]),
        fuzzer("AdapterTable", on: ["Configuration", "Namespaces"]),
        fuzzer("Chunked", on: ["HTTP1", "HTTPTypes"]),
        fuzzer("HTTP2", on: ["HTTP2", "HTTPTypes"]),
        fuzzer("CanonicalPath", on: ["HTTPTypes"]),
        fuzzer("JWT", on: ["Crypto", "Identity", "JSON"]),
        fuzzer("JWKS", on: ["Crypto", "Identity", "JSON"]),
        fuzzer("JSON", on: ["JSON"]),
        fuzzer("Cedar", on: ["Cedar", "JSON"]),
        fuzzer("YAML", on: ["Configuration"]),
        fuzzer("Signature", on: ["AWS", "Crypto", "HTTPTypes"]),
        fuzzer("XML", on: ["XML"]),
    ]
}
