// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import JSON
import TestSupport
import Testing

/// One case of web-platform-tests' `urltestdata.json` that names an http or https URL.
struct URLCase: CustomTestStringConvertible, Sendable {
    var input: String
    /// Nil where the standard fails.
    var pathname: String?
    var search = ""
    var hostname = ""
    var testDescription: String { input }
}

/// The URL standard repairs what it reads; a boundary must not, because the next reader may repair it otherwise. So
/// every case here is either read as the standard reads it, or refused under one of these rules.
///
/// | reason | rule |
/// |---|---|
/// | `authorityInvalid` | hosts are names and addresses as they are looked up: no percent-encoding, no IDNA mapping, no forbidden or empty ones; ports are 1...65535 in at most five digits |
/// | `userInformation` | credentials in a target are refused, not dropped |
/// | `dotSegment`, `escapedDot` | dot segments are refused, not resolved |
/// | `emptySegment` | `//` is refused |
/// | `invalidEscape`, `escapedControl`, `invalidUTF8` | what decodes to nothing, to a control byte or to no text is refused |
/// | `backslash`, `parameter`, `invalidByte`, `rawNonASCII`, `controlByte` | raw bytes outside RFC 3986 are refused, not escaped, stripped or turned into slashes |
/// | `fragment` | fragments are never sent |
/// | `formNotSupported`, `schemeNotSupported`, `empty` | only `/path` and `http(s)://` are targets; tabs and new lines are no part of a scheme |
///
/// The other way round, what the standard fails and is accepted here: labels that IDNA would reject. The authority is compared
/// with configured hosts and never resolved, so such a name only ever matches itself.
@Suite(.enabled(if: Corpora.has("whatwg-url"), "set BULKHEAD_CORPORA to a folder that holds whatwg-url"))
struct WHATWGTests {
    /// Of every file that has such cases.
    private static func load() throws -> [URLCase] {
        var items: [JSONValue] = []
        for file in Corpora.files(below: "whatwg-url", suffix: ".json") {
            items += try JSONValue.parse(Corpora.read(file).span).array ?? []
        }
        var cases: [URLCase] = []
        for item in items {
            guard let object = item.object, let input = object["input"]?.string,
                object["failure"] != nil || object["pathname"] != nil
            else { continue }
            let lower = input.lowercased()
            let isAbsolute = lower.hasPrefix("http:") || lower.hasPrefix("https:")
            let base = object["base"]?.string ?? ""
            guard isAbsolute || (input.hasPrefix("/") && base.hasPrefix("http")) else { continue }
            cases.append(
                URLCase(
                    input: input,
                    pathname: object["failure"] == nil ? object["pathname"]?.string : nil,
                    search: object["search"]?.string ?? "",
                    hostname: object["hostname"]?.string ?? ""
                )
            )
        }
        return cases
    }

    /// The reasons of the table above.
    private static let explained: Set<TargetError.Reason> = [
        .authorityInvalid, .userInformation, .dotSegment, .escapedDot, .emptySegment, .invalidEscape,
        .escapedControl, .invalidUTF8, .backslash, .parameter, .invalidByte, .rawNonASCII, .controlByte,
        .fragment,
        .formNotSupported, .schemeNotSupported, .empty,
    ]

    /// A label that only IDNA judges.
    private func isUnresolvable(_ host: String) -> Bool { host.contains("xn--") }

    /// What the standard's path would be with the escapes that mean nothing resolved.
    private func canonical(_ pathname: String) -> String? {
        var path = CanonicalPath()
        return (try? path.parse(pathname.bytes.span)) == nil ? nil : path.bytes.text
    }

    @Test func isReadAsTheStandardReadsItOrRefused() throws {
        var accepted = 0
        var failedThere = 0
        var refusals: [TargetError.Reason: Int] = [:]
        for item in try Self.load() {
            var head = RequestHead()
            do throws(TargetError) {
                try head.setTarget(item.input.bytes.span)
                if !item.input.hasPrefix("/") { head.version = .http10 }
                try item.input.hasPrefix("/") ? () : head.resolveAuthority()
            } catch {
                refusals[error.reason, default: 0] += 1
                continue
            }
            accepted += 1
            guard let pathname = item.pathname else {
                failedThere += 1
                #expect(isUnresolvable(head.host.text), "\(item.input)")
                continue
            }
            #expect(head.path.bytes.text == canonical(pathname), "\(item.input)")
            let query = head.path.query.isEmpty ? "" : "?" + head.path.query.text
            #expect(query.replacing("'", with: "%27") == item.search, "\(item.input)")
        }
        let total = accepted + refusals.values.reduce(0, +)
        print(
            "whatwg-url: \(total) cases, \(accepted) accepted (\(failedThere) of them fail in the standard)"
        )
        for (reason, count) in refusals.sorted(by: { $0.value > $1.value }) {
            print("whatwg-url: refused \(count) × \(reason.code)")
        }
        #expect(Set(refusals.keys).isSubset(of: Self.explained))
        #expect(accepted > 0)
    }
}
