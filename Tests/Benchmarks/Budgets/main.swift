// SPDX-License-Identifier: Apache-2.0
// Allocations of one warm request through the gateway, held against budgets.json: `Budgets FILE`. Exit code 0 when
// all are kept.
import CAllocations
import GatewayRig
import Glibc
import JSON
import Runtime

/// So many that whatever happens once in a while (a table that grows) rounds to nothing.
let turns = 10_000

func limit(_ budgets: JSONObject, _ scenario: String, _ kind: String) -> Double? {
    guard case .object(let kinds) = budgets[scenario] else { return nil }
    switch kinds[kind] {
    case .integer(let number): return Double(number)
    case .number(let text): return Double(text)
    case .null, .bool, .string, .array, .object, nil: return nil
    }
}

func round(_ value: Double) -> Double { (value * 100).rounded() / 100 }

guard CommandLine.arguments.count == 2 else {
    print("usage: Budgets budgets.json")
    exit(2)
}
let bytes = try Files.read(CommandLine.arguments[1], limit: 1 << 20)
guard case .object(let file) = try JSONValue.parse(bytes.span),
    case .object(let budgets) = file["allocations"]
else {
    print("\(CommandLine.arguments[1]): no member \"allocations\"")
    exit(2)
}

let rig = try Rig()
let bench = Bench(rig)
var isKept = true
for scenario in try Scenario.all(rig) {
    try bench.warm(scenario)
    let made = allocations_made()
    let freed = allocations_freed()
    for _ in 0..<turns { try bench.turn(scenario) }
    let perTurn = round(Double(allocations_made() - made) / Double(turns))
    let kept = round(Double(allocations_made() - made - (allocations_freed() - freed)) / Double(turns))
    guard let most = limit(budgets, scenario.name, "made"),
        let mostKept = limit(budgets, scenario.name, "kept")
    else {
        print("✗ \(scenario.name): \(perTurn) allocations, \(kept) kept, and no budget")
        isKept = false
        continue
    }
    let isWithin = perTurn <= most && kept <= mostKept
    isKept = isKept && isWithin
    let mark = isWithin ? "✓" : "✗"
    print(
        "\(mark) \(scenario.name): \(perTurn) allocations (at most \(most)), \(kept) kept (at most \(mostKept))"
    )
}
exit(isKept ? 0 : 1)
