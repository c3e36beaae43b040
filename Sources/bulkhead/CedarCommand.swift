// SPDX-License-Identifier: Apache-2.0
import Bytes
import Cedar
import JSON
import Runtime

private let cedarHelp = """
    usage: bulkhead cedar <command> [options]

      authorize  --policies F… --entities F [--schema F] [--links F] --request F [--json]
                                                    decide one request
      validate   --schema F --policies F… [--entities F] [--json]
                                                    strict validation
      check      --schema F --policies F… [--json]  validation, and what can never apply or may cross tenants
      format     FILE                               policies or a schema, laid out alike, to standard output
      translate  FILE                               policies or a schema, text to JSON and JSON to text
      corpus     DIR [--json]                       run conformance cases (cedar-integration-tests)

    Files ending in .json are JSON. --policies may be given several times.
    """

/// `bulkhead cedar …`: the policy language on its own.
func cedarCommand(_ arguments: [String]) -> Int32 {
    guard let command = arguments.first else {
        printError(cedarHelp)
        return ExitCode.usage
    }
    let rest = Array(arguments.dropFirst())
    do throws(CedarFailure) {
        switch command {
        case "authorize": return try cedarAuthorize(rest)
        case "validate": return try cedarValidate(rest, review: false)
        case "check": return try cedarValidate(rest, review: true)
        case "format": return try cedarFormat(rest)
        case "translate": return try cedarTranslate(rest)
        case "corpus": return try cedarCorpus(rest)
        case "help", "--help", "-h":
            print(cedarHelp)
            return ExitCode.fine
        default:
            printError("bulkhead: unknown command \"cedar \(command)\"\n\(cedarHelp)")
            return ExitCode.usage
        }
    } catch {
        switch error {
        case .usage(let usage): return usage.report()
        case .bad(let message):
            printError("bulkhead: \(message)")
            return ExitCode.bad
        }
    }
}

/// Why a command of `bulkhead cedar` could not do its work.
enum CedarFailure: Error {
    case usage(UsageError)
    /// A file that cannot be read or is not what it should be.
    case bad(String)
}

/// The options of a command, its first operand split off.
struct CedarArguments {
    let options: Options
    let operand: String?

    init(
        _ arguments: [String],
        operand: Bool = false,
        flags: [String] = ["--json"],
        values: [String] = []
    ) throws(CedarFailure) {
        var rest = arguments
        var first: String?
        if operand, let index = rest.firstIndex(where: { !$0.hasPrefix("-") }) {
            first = rest.remove(at: index)
        }
        do throws(UsageError) {
            options = try Options(rest, flags: flags, values: values, help: cedarHelp)
            if operand, first == nil, !options.wantsHelp {
                throw UsageError(message: "a file or folder is missing", help: cedarHelp)
            }
        } catch {
            throw .usage(error)
        }
        self.operand = first
    }

    func required(_ name: String) throws(CedarFailure) -> String {
        do throws(UsageError) { return try options.required(name) } catch { throw .usage(error) }
    }
}

/// Reads what the commands are given; a name that ends in `.json` is JSON.
enum CedarFiles {
    static func text(_ path: String) throws(CedarFailure) -> String {
        let bytes: [UInt8]
        do throws(Files.Failure) { bytes = try Files.read(path, limit: 64 << 20) } catch {
            throw .bad(error.description)
        }
        guard let text = bytes.span.string() else { throw .bad("\(path): not UTF-8") }
        return text
    }

    static func json(_ path: String) throws(CedarFailure) -> JSONValue {
        let text = try text(path)
        return try reading(path) { () throws(DataError) in try Document.parse(text) }
    }

    /// Runs `body` and says of which file its failure is.
    static func reading<T>(_ path: String, _ body: () throws(DataError) -> T) throws(CedarFailure) -> T {
        do throws(DataError) { return try body() } catch { throw .bad("\(path): \(error)") }
    }

    static func parsing<T>(_ body: () throws(SyntaxError) -> T) throws(CedarFailure) -> T {
        do throws(SyntaxError) { return try body() } catch { throw .bad(error.description) }
    }

    /// One set of all files; ids are those of `@id`, else file and number.
    static func policies(_ paths: [String]) throws(CedarFailure) -> (set: PolicySet, sources: [Source]) {
        var sources: [Source] = []
        var parsed: [PolicySet] = []
        for path in paths {
            if path.hasSuffix(".json") {
                let json = try json(path)
                parsed.append(try reading(path) { () throws(DataError) in try PolicySet(json) })
            } else {
                sources.append(Source(name: path, text: try text(path)))
            }
        }
        let read = sources
        var set = try parsing { () throws(SyntaxError) in try PolicySet(read, naming: .annotated) }
        for other in parsed {
            for policy in other.written { try add(&set) { (set) throws(SyntaxError) in try set.add(policy) } }
            for link in other.links { try add(&set) { (set) throws(SyntaxError) in try set.add(link) } }
        }
        return (set, sources)
    }

    static func add(
        _ set: inout PolicySet,
        _ body: (inout PolicySet) throws(SyntaxError) -> Void
    ) throws(CedarFailure) {
        do throws(SyntaxError) { try body(&set) } catch { throw .bad(error.description) }
    }

    static func document(_ path: String) throws(CedarFailure) -> SchemaDocument {
        if path.hasSuffix(".json") {
            let json = try json(path)
            return try reading(path) { () throws(DataError) in try SchemaDocument(json) }
        }
        let source = Source(name: path, text: try text(path))
        return try parsing { () throws(SyntaxError) in try SchemaDocument(source) }
    }

    static func schema(_ path: String) throws(CedarFailure) -> Schema {
        let document = try document(path)
        return try parsing { () throws(SyntaxError) in try Schema(document) }
    }

    static func store(_ path: String, _ schema: Schema?) throws(CedarFailure) -> EntityStore {
        let json = try json(path)
        return try reading(path) { () throws(DataError) in
            let entities = try ValueReader().entities(json, schema)
            if let schema { return try EntityStore(entities, conformingTo: schema) }
            do throws(EntityError) { return try EntityStore(entities) } catch {
                throw DataError("", error.description)
            }
        }
    }
}

extension JSONValue {
    /// Prints the value on one line.
    func printLine() {
        var buffer = Buffer()
        write(into: &buffer)
        print(buffer.bytes.string() ?? "")
    }
}
