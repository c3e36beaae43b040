// SPDX-License-Identifier: Apache-2.0
import Bytes
internal import CNGHTTP2
import HTTPTypes

/// Fields on their way to the library, which wants names in lower case and pointers to everything.
struct FieldText: ~Copyable {
    private struct Entry {
        var nameCount: Int
        var valueCount: Int
        var flags: UInt8
    }

    private var text = Buffer()
    private var entries: [Entry] = []

    init() {}

    var isEmpty: Bool { entries.isEmpty }

    mutating func removeAll() {
        text.removeAll()
        entries.removeAll(keepingCapacity: true)
    }

    mutating func append(_ name: StaticString, _ value: borrowing Span<UInt8>) {
        text.append(name)
        text.append(value)
        entries.append(Entry(nameCount: name.utf8CodeUnitCount, valueCount: value.count, flags: 0))
    }

    mutating func append(_ name: StaticString, literal value: StaticString) { append(name, value.bytes) }

    mutating func append(_ name: StaticString, decimal value: Int) {
        text.append(name)
        let start = text.count
        text.append(decimal: value)
        entries.append(
            Entry(nameCount: name.utf8CodeUnitCount, valueCount: text.count - start, flags: 0)
        )
    }

    /// - Parameter skipped: what is not copied. Secrets are marked so that no table of either side, nor of a hop
    ///   behind it, keeps them (RFC 7541 §7.1.3).
    mutating func append(_ fields: borrowing Fields, skipping skipped: KnownFieldSet) {
        for index in fields.indices where !skipped.contains(fields.known(at: index)) {
            let name = fields.name(at: index)
            for place in name.indices { text.append(ASCII.lowercased(name[place])) }
            let value = fields.value(at: index)
            text.append(value)
            let isSecret = KnownFieldSet.secrets.contains(fields.known(at: index))
            let flags = isSecret ? UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) : 0
            entries.append(Entry(nameCount: name.count, valueCount: value.count, flags: flags))
        }
    }

    /// Lends the fields as the library takes them.
    @unsafe
    mutating func withVectors<R>(
        _ vectors: inout [nghttp2_nv],
        _ body: (UnsafePointer<nghttp2_nv>?, Int) -> R
    ) -> R {
        unsafe vectors.removeAll(keepingCapacity: true)
        // Safe because the text does not change while it is lent, and each entry's bytes follow the last one's.
        return unsafe text.bytes.withUnsafeBufferPointer { bytes in
            var offset = 0
            for entry in entries {
                let name = unsafe UnsafeMutablePointer(mutating: bytes.baseAddress! + offset)
                unsafe vectors.append(
                    nghttp2_nv(
                        name: name,
                        value: name + entry.nameCount,
                        namelen: entry.nameCount,
                        valuelen: entry.valueCount,
                        flags: entry.flags
                    )
                )
                offset += entry.nameCount + entry.valueCount
            }
            return unsafe vectors.withUnsafeBufferPointer { unsafe body($0.baseAddress, $0.count) }
        }
    }
}

extension KnownFieldSet {
    fileprivate static let secrets: KnownFieldSet = [
        .authorization, .proxyAuthorization, .xAPIKey, .apiKey, .cookie, .setCookie, .baggage,
        .xAmzSecurityToken, .workloadAccessToken, .xChromaToken,
    ]
}
