// SPDX-License-Identifier: Apache-2.0
// Times decisions: `CedarBenchmark policies.cedar entities.json requests.json [rounds]`. Prints one line of JSON. Run by cedar.py.
import Cedar
import Foundation
import JSON

func load(_ index: Int) throws -> String {
    try String(contentsOf: URL(filePath: CommandLine.arguments[index]), encoding: .utf8)
}

func percentile(_ sorted: [Double], _ share: Double) -> Double {
    sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}

let clock = ContinuousClock()
func microseconds(_ duration: Swift.Duration) -> Double {
    Double(duration.components.seconds) * 1e6 + Double(duration.components.attoseconds) / 1e12
}

var loaded: (Authorizer, EntityStore)?
let parse = try clock.measure {
    let policies = try PolicySet([Source(name: "policies", text: try load(1))])
    let store = try EntityStore(try ValueReader().entities(try Document.parse(try load(2))))
    loaded = (Authorizer(policies), store)
}
guard let (authorizer, store) = loaded else { exit(1) }
let requests = try (try Document.parse(try load(3)).array ?? []).map { try ValueReader().request($0) }
let rounds = CommandLine.arguments.count > 4 ? Int(CommandLine.arguments[4]) ?? 20 : 20

var decision = Decision()
var allowed = 0
for request in requests {
    authorizer.authorize(request, store, into: &decision)
    if decision.allowed { allowed += 1 }
}
// Each sample is one pass over all requests: one decision is too short for the clock.
var passes: [Double] = []
for _ in 0..<rounds {
    let time = clock.measure {
        for request in requests { authorizer.authorize(request, store, into: &decision) }
    }
    passes.append(microseconds(time) / Double(requests.count))
}
passes.sort()
print(
    """
    {"policies": \(authorizer.policySet.written.count), "requests": \(requests.count), "allowed": \(allowed), \
    "p50_us": \(percentile(passes, 0.5)), "p99_us": \(percentile(passes, 0.99)), \
    "load_ms": \(microseconds(parse) / 1000)}
    """
)
