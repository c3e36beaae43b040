// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import Runtime
import Telemetry

private let help = """
    usage: bulkhead audit verify FILE… [--json]

    Reads an audit log, the oldest file first, and says where a line was changed, taken out or put in. What was cut off
    at its end shows only in the lines that follow: keep copies where this host cannot write.
    """

func auditCommand(_ arguments: [String]) -> Int32 {
    do throws(UsageError) {
        guard let command = arguments.first, command != "--help", command != "-h" else {
            if arguments.isEmpty { throw UsageError(message: "audit wants a command", help: help) }
            print(help)
            return ExitCode.fine
        }
        guard command == "verify" else {
            throw UsageError(message: "unknown command \"audit \(command)\"", help: help)
        }
        let rest = arguments.dropFirst()
        let options = try Options(rest.filter { $0.hasPrefix("-") }, flags: ["--json"], help: help)
        if options.wantsHelp { return options.printHelp() }
        let files = rest.filter { !$0.hasPrefix("-") }
        if files.isEmpty { throw UsageError(message: "audit verify wants a FILE", help: help) }
        return verify(files, json: options.has("--json"))
    } catch {
        return error.report()
    }
}

private func verify(_ files: [String], json: Bool) -> Int32 {
    var verifier = AuditVerifier()
    do throws(Files.Failure) {
        for file in files {
            let bytes = try Files.read(file, limit: 1 << 30)
            var start = 0
            while start < bytes.count {
                let end = bytes.span.firstIndex(of: ASCII.lineFeed, from: start) ?? bytes.count
                verifier.add(bytes.span.extracting(start..<end))
                start = end + 1
            }
        }
    } catch {
        printError("\(error)")
        return ExitCode.bad
    }
    if json { print(report(verifier)) } else { tell(verifier) }
    return verifier.breaks.isEmpty ? ExitCode.fine : ExitCode.bad
}

private func tell(_ verifier: borrowing AuditVerifier) {
    for flaw in verifier.breaks { print("line \(flaw.line) \(flaw.what)") }
    let beheaded =
        verifier.beheaded == 0 ? "" : "; the first lines of \(verifier.beheaded) are in no file here"
    print(
        "\(verifier.lines) lines, \(verifier.chainCount) chains\(beheaded): "
            + (verifier.breaks.isEmpty ? "whole" : "\(verifier.breaks.count) broken places")
    )
}

private func report(_ verifier: borrowing AuditVerifier) -> String {
    var output = Buffer()
    var writer = JSONWriter()
    writer.beginObject(&output)
    writer.key("lines", &output)
    writer.integer(verifier.lines, &output)
    writer.key("chains", &output)
    writer.integer(verifier.chainCount, &output)
    writer.key("beheaded", &output)
    writer.integer(verifier.beheaded, &output)
    writer.key("breaks", &output)
    writer.beginArray(&output)
    for flaw in verifier.breaks {
        writer.beginObject(&output)
        writer.key("line", &output)
        writer.integer(flaw.line, &output)
        writer.key("what", &output)
        writer.string(flaw.what, &output)
        writer.endObject(&output)
    }
    writer.endArray(&output)
    writer.endObject(&output)
    return output.bytes.string() ?? ""
}
