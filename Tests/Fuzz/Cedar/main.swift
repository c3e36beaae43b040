// SPDX-License-Identifier: Apache-2.0
// Feeds every reader of the Cedar target; the first byte says which. Built and run by Tests/Fuzz/run.sh.
import Bytes
import Cedar
import FuzzDriver
import JSON

private func policies(_ text: String) {
    guard let set = try? PolicySet([Source(name: "f", text: text)]) else { return }
    let printed = set.text
    guard let again = try? PolicySet([Source(name: "f", text: printed)]), again.text == printed else {
        fatalError("printing is not stable: \(printed)")
    }
    decide(set)
}

private func policiesInJSON(_ text: String) {
    guard let json = try? Document.parse(text), let set = try? PolicySet(json) else { return }
    guard (try? PolicySet(set.json))?.json == set.json else { fatalError("JSON is not stable") }
    if !set.written.isEmpty, (try? PolicySet([Source(name: "f", text: set.text)])) == nil {
        fatalError("cannot be read back: \(set.text)")
    }
    decide(set)
}

private func schema(_ text: String) {
    guard let document = try? SchemaDocument(Source(name: "f", text: text)) else { return }
    guard (try? SchemaDocument(Source(name: "f", text: document.text)))?.text == document.text else {
        fatalError("printing is not stable: \(document.text)")
    }
    guard let schema = try? Schema(document) else { return }
    let probe = "permit(principal, action, resource) when { principal has a && context.b == resource.c };"
    if let set = try? PolicySet([Source(name: "p", text: probe)]) { _ = Validator(schema).review(set) }
}

private func schemaInJSON(_ text: String) {
    guard let json = try? Document.parse(text), let document = try? SchemaDocument(json) else { return }
    _ = document.text
    _ = try? Schema(document)
}

private func entities(_ text: String) {
    guard let json = try? Document.parse(text) else { return }
    _ = try? ValueReader().request(json)
    guard let entities = try? ValueReader().entities(json), let store = try? EntityStore(entities) else {
        return
    }
    for entity in store.entities { _ = store.ancestors(of: entity.uid) }
}

private func expression(_ text: String) {
    let source = Source(name: "f", text: "permit(principal, action, resource) when {\n\(text)\n};")
    if let set = try? PolicySet([source]) { decide(set) }
}

private func values(_ text: Text) {
    if let value = DecimalValue(text), DecimalValue(Text(value.description)) != value {
        fatalError("decimal")
    }
    if let value = AddressValue(text) {
        // The longest spelling of an IPv6 network is longer than what may be read.
        let spelled = value.description
        if spelled.utf8.count <= 43, AddressValue(Text(spelled)) != value { fatalError("address") }
        _ = value.isInRange(value)
    }
    _ = DatetimeValue(text)
    _ = DurationValue(text)
}

private let alice = EntityUID(type: "User", id: "alice")
private let store = try? EntityStore([
    Entity(
        alice,
        attributes: ["age": 18, "r": .record(["a": .set([1, 2])])],
        tags: ["t": "v"],
        parents: [EntityUID(type: "Group", id: "g")]
    )
])

private func decide(_ set: PolicySet) {
    let authorizer = Authorizer(set)
    let request = AccessRequest(
        principal: alice,
        action: EntityUID(type: "Action", id: "view"),
        resource: EntityUID(type: "Doc", id: "d"),
        context: ["x": 1, "s": "text", "b": true, "l": .long(.min)]
    )
    guard let store else { return }
    let decision = authorizer.authorize(request, store)
    let possibility = authorizer.possibility(request, store)
    if decision.allowed, possibility == .no { fatalError("allowed, but not possible") }
    _ = authorizer.reads(by: request.action, store)
}

/// The first byte says which reader gets the rest.
private func check(_ input: Span<UInt8>) {
    guard !input.isEmpty, let text = input.extracting(1..<input.count).string() else { return }
    switch input[0] % 8 {
    case 0: policies(text)
    case 1: policiesInJSON(text)
    case 2: schema(text)
    case 3: schemaInJSON(text)
    case 4: entities(text)
    case 5: expression(text)
    case 6: _ = EntityUID(parsing: text)
    default: values(Text(text))
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
