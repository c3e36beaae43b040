// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Foundation
import Testing

/// What was thrown, a line each; empty when nothing was.
func problems(_ body: () throws(Configuration.Problems) -> Void) -> [String] {
    do throws(Configuration.Problems) {
        try body()
        return []
    } catch {
        return error.list.map(\.description)
    }
}

func parse(_ text: String, limits: YAML.Limits = .init()) throws(Configuration.Problems) -> YAML.Node {
    try YAML.parse(Array(text.utf8).span, file: "f.yaml", limits: limits)
}

func decode(
    _ text: String,
    file: String = "f.yaml",
    environment: [String: String] = [:]
) throws(Configuration.Problems) -> Configuration {
    try Configuration.decode(Array(text.utf8).span, file: file, environment: environment)
}

let adapters: [String: Configuration.AdapterTraits] = [
    "agentcore-runtime": .init(kind: .ingress, isSingleLayer: false, sealsIdentifiers: true),
    "rest": .init(kind: .store, isSingleLayer: true, sealsIdentifiers: false),
    "chroma": .init(kind: .store, isSingleLayer: true, sealsIdentifiers: true),
]

/// 2027-01-01T00:00:00Z.
let now = WallTime(seconds: 1_798_761_600)

/// The smallest whole configuration; tables of mistakes are edits of it.
let base = """
    version: 1
    listeners:
      - name: ingress
        address: 127.0.0.1:8443
        carriers: [bearer]
        routes: [agent]
      - name: stores
        address: 127.0.0.1:9443
        carriers: [handle]
        routes: [notes]
    identity:
      issuers:
        - name: cognito
          profile: cognito
          issuer: https://issuer.example/pool
          audiences: [app]
    tenants: {file: tenants.yaml}
    tiers:
      basic: {weight: 1}
      premium:
    policy: {files: [policies/]}
    upstreams:
      agent: {endpoints: ["127.0.0.1:8080"]}
      notes: {endpoints: ["notes:8100"]}
    routes:
      - name: agent
        adapter: agentcore-runtime
        resource: 'Agent::"agent"'
        upstream: agent
      - name: notes
        adapter: rest
        resource: 'Store::"notes"'
        upstream: notes
        single_layer: {owner: me, reason: test, expires: 2027-12-31}
    keys: {current: {file: k}}

    """

/// One change of `base`, and what is to be said of it.
struct Mistake: CustomTestStringConvertible, Sendable {
    var old: String
    var new: String
    var expected: [String]

    init(_ old: String, _ new: String, _ expected: String...) {
        self.old = old
        self.new = new
        self.expected = expected.map { "f.yaml:" + $0 }
    }

    var testDescription: String { "\(old) → \(new)" }

    var text: String {
        precondition(base.contains(old), "\(old) is not in the base configuration")
        return base.replacing(old, with: new, maxReplacements: 1)
    }
}
