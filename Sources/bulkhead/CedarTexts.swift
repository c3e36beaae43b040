// SPDX-License-Identifier: Apache-2.0
import Cedar
import JSON

/// What a file holds, told from its name: `.cedarschema` and `.cedarschema.json` are schemas.
private func isSchema(_ path: String) -> Bool {
    path.hasSuffix(".cedarschema") || path.hasSuffix(".cedarschema.json")
}

func cedarTranslate(_ arguments: [String]) throws(CedarFailure) -> Int32 {
    let given = try CedarArguments(arguments, operand: true, flags: [])
    guard let path = given.operand else { return given.options.printHelp() }
    switch (isSchema(path), path.hasSuffix(".json")) {
    case (true, true): print(try CedarFiles.document(path).text, terminator: "")
    case (true, false): try CedarFiles.document(path).json.printLine()
    case (false, true):
        let json = try CedarFiles.json(path)
        let set = try CedarFiles.reading(path) { () throws(DataError) in try PolicySet(json) }
        guard set.links.isEmpty else { throw .bad("\(path): template links have no form in text") }
        print(set.text, terminator: "")
    case (false, false):
        let source = Source(name: path, text: try CedarFiles.text(path))
        let set = try CedarFiles.parsing { () throws(SyntaxError) in try PolicySet([source]) }
        set.json.printLine()
    }
    return ExitCode.fine
}

func cedarFormat(_ arguments: [String]) throws(CedarFailure) -> Int32 {
    let given = try CedarArguments(arguments, operand: true, flags: [])
    guard let path = given.operand else { return given.options.printHelp() }
    let source = Source(name: path, text: try CedarFiles.text(path))
    let text = try CedarFiles.parsing { () throws(SyntaxError) in
        isSchema(path) ? try SchemaDocument.formatted(source) : try PolicySet.formatted(source)
    }
    print(text, terminator: "")
    return ExitCode.fine
}
