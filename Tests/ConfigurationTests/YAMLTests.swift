// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Testing

@Suite struct YAMLTests {
    @Test(arguments: [
        ("~", YAML.Kind.null), ("null", .null), ("", .null), ("true", .boolean), ("False", .boolean),
        ("yes", .text), ("no", .text), ("0", .integer), ("-12", .integer), ("+7", .integer),
        ("007", .integer),
        ("0x1F", .integer), ("0o17", .integer), ("0x", .text), ("0xg", .text), ("0o8", .text), ("1.", .float),
        (".5", .float), ("1e3", .float), ("1.5e-3", .float), ("-.inf", .float), (".nan", .float),
        (".", .text),
        ("-x", .text), ("+", .text), ("1e", .text), ("1.2.3", .text), ("10.0.0.1", .text), ("12:30", .text),
        ("64KiB", .text), ("0b1", .text), ("1_000", .text), ("é", .text),
    ])
    func plainScalarsFollowTheCoreSchema(_ text: String, _ kind: YAML.Kind) throws {
        let node = try parse("k: \(text)\nq: '\(text)'\ns: !!str \(text)\n")
        guard case .mapping(let entries) = node.content, case .scalar(let plain) = entries[0].value.content,
            case .scalar(let quoted) = entries[1].value.content,
            case .scalar(let tagged) = entries[2].value.content
        else { throw Configuration.Problems([]) }
        #expect(plain == .init(text: text, style: .plain, kind: kind))
        #expect(quoted == .init(text: text, style: .quoted, kind: .text))
        #expect(tagged.kind == .text)
    }

    @Test func everyNodeKnowsItsPlace() throws {
        let node = try parse("# head\na: 1\nlist:\n  - {é: ü, x: [y]}\n  - |\n    text\n")
        #expect(node.position == .init(line: 2, column: 1))
        #expect(node["a"]?.position == .init(line: 2, column: 4))
        guard case .sequence(let items)? = node["list"]?.content, case .mapping(let flow) = items[0].content
        else {
            throw Configuration.Problems([])
        }
        #expect(node["list"]?.position == .init(line: 4, column: 3))
        #expect(items[0].position == .init(line: 4, column: 5))
        #expect(flow[0].keyPosition == .init(line: 4, column: 6))
        #expect(flow[1].keyPosition == .init(line: 4, column: 12))
        #expect(flow[1].value.position == .init(line: 4, column: 15))
        #expect(items[1].content == .scalar(.init(text: "text\n", style: .block, kind: .text)))
    }

    @Test(arguments: [
        ("", ["f.yaml:1:1: the file is empty"]),
        ("# only a comment\n", ["f.yaml:2:1: the file is empty"]),
        (
            "a: 1\nb: 2\na: 3\na: 4\n",
            [
                "f.yaml:3:1: duplicate key \"a\"; first at 1:1",
                "f.yaml:4:1: duplicate key \"a\"; first at 1:1",
            ]
        ),
        (
            "a: &x 1\nb: *x\n",
            ["f.yaml:1:4: anchors are not supported", "f.yaml:2:4: aliases are not supported"]
        ),
        ("a: !!int 1\n", ["f.yaml:1:4: tag \"tag:yaml.org,2002:int\" is not supported"]),
        ("a: !x [1]\n", ["f.yaml:1:4: tag \"!x\" is not supported"]),
        ("? [a]\n: 1\n", ["f.yaml:1:3: a key must be plain text"]),
        ("a: 1\n---\nb: 2\n", ["f.yaml:2:1: a second document; a file holds one"]),
        ("a: \"\\0\"\n", ["f.yaml:1:4: control character U+0 in a value"]),
        (
            "a:\n  b: 1\n c: 2\n",
            ["f.yaml:3:2: did not find expected key while parsing a block mapping that begins at 1:1"]
        ),
        ("a: [1,\n", ["f.yaml:2:1: did not find expected node content while parsing a flow node"]),
        (
            "\ta: 1\n",
            ["f.yaml:1:1: found character that cannot start any token while scanning for the next token"]
        ),
    ])
    func whatIsNoConfigurationIsAnError(_ text: String, _ expected: [String]) {
        #expect(problems { () throws(Configuration.Problems) in _ = try parse(text) } == expected)
    }

    @Test func bytesThatAreNotUTF8HaveAPlace() {
        let bytes: [UInt8] = Array("a: é\nb: é".utf8) + [0xFF, 0x0A]
        let found = problems { () throws(Configuration.Problems) in
            _ = try YAML.parse(bytes.span, file: "f.yaml")
        }
        #expect(found == ["f.yaml:2:5: invalid leading UTF-8 octet"])
    }

    @Test func limitsHold() {
        let limits = YAML.Limits(bytes: 40, depth: 3, nodes: 6)
        #expect(
            problems { () throws(Configuration.Problems) in _ = try parse("[[1]]", limits: limits) } == []
        )
        #expect(
            problems { () throws(Configuration.Problems) in _ = try parse("[[[1]]]", limits: limits) }
                == ["f.yaml:1:4: nested deeper than 3 levels"]
        )
        #expect(
            problems { () throws(Configuration.Problems) in
                _ = try parse("[1, 2, 3, 4, 5, 6]", limits: limits)
            }
                == ["f.yaml:1:17: more than 6 values"]
        )
        let long = String(repeating: "#", count: 41)
        #expect(
            problems { () throws(Configuration.Problems) in _ = try parse(long, limits: limits) }
                == ["f.yaml:1:1: the file is larger than 40 bytes"]
        )
        let deep = String(repeating: "[", count: 100_000)
        #expect(problems { () throws(Configuration.Problems) in _ = try parse(deep) }.count == 1)
    }
}
