// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// What the Connection fields of one message list (RFC 9110 §7.6.1).
struct ConnectionOptions: Equatable {
    static let maximumCount = 32

    var closes = false
    var keepsAlive = false
    var upgrades = false
    /// Names that no one here knows: those fields are this hop's and go no further.
    var namesOthers = false

    /// - Throws: `invalidConnection` for what is no list of tokens or too long a one, `connectionNamesField` for an option
    ///   that names a field which must reach its end, such as Host, Content-Length or Authorization: a proxy
    ///   that obeyed would remove it.
    init(_ fields: borrowing Fields, side: HTTP1Error.Side) throws(HTTP1Error) {
        var count = 0
        var next = fields.first(.connection)
        while let index = next {
            let value = fields.value(at: index)
            var start = 0
            while start < value.count {
                let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
                let option = value.extracting(start..<end).trimmingOWS()
                start = end + 1
                if option.isEmpty { continue }
                count += 1
                guard option.isToken, count <= Self.maximumCount else {
                    throw HTTP1Error(.invalidConnection, side, at: 0)
                }
                try take(option, side)
            }
            next = fields.first(.connection, from: index + 1)
        }
    }

    private mutating func take(_ option: borrowing Span<UInt8>, _ side: HTTP1Error.Side) throws(HTTP1Error) {
        switch KnownField(option) {
        case .keepAlive: keepsAlive = true
        case .upgrade: upgrades = true
        case .te, .trailer, .proxyConnection, .http2Settings: break
        case .other:
            if option.equalsIgnoringCase("close") {
                closes = true
            } else {
                namesOthers = true
            }
        default: throw HTTP1Error(.connectionNamesField, side, at: 0)
        }
    }

    /// Removes the fields that the message's Connection names beside those that every hop knows. Done where the
    /// head is parsed, before anyone adds a field that a hostile option might have named.
    static func removeNominated(from fields: inout Fields) {
        var index = fields.count
        while index > 0 {
            index -= 1
            if fields.known(at: index) == .other, names(fields, fieldAt: index) { fields.remove(at: index) }
        }
    }

    private static func names(_ fields: borrowing Fields, fieldAt field: Int) -> Bool {
        var next = fields.first(.connection)
        while let index = next {
            let value = fields.value(at: index)
            var start = 0
            while start < value.count {
                let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
                let option = value.extracting(start..<end).trimmingOWS()
                if option.equalsIgnoringCase(fields.name(at: field)) { return true }
                start = end + 1
            }
            next = fields.first(.connection, from: index + 1)
        }
        return false
    }
}
