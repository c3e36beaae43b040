// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import Namespaces
import Vending

/// Bodies that are rewritten as they come, since they never end (events) or are too large to be collected. What has left
/// before a refusal is cut off and never ended, so nobody takes it for a message (THREATS 18).
extension Gateway {
    /// A body that is mapped is collected up to so many bytes; a larger one goes on in pieces.
    package static var collectedBytes: Int { 256 << 10 }

    /// More of the request's body came than is collected: from here on it is rewritten in pieces.
    /// - Returns: `.forward`, with what goes on so far in `exchange.requestBody`; `.answer` for a refusal; nil where the
    ///   adapter must see the whole.
    package mutating func requestOverflowed(_ exchange: inout Exchange) -> Action? {
        guard let route = exchange.route, let mapping = exchange.mapping, !Self.seesWhole(exchange, route),
            route.adapter.streamsRequest(mapping),
            let transform = BodyTransform(requestOf: mapping, route.adapter)
        else { return nil }
        exchange.requestTransform = consume transform
        swap(&exchange.piece, &exchange.requestBody)
        return rewritePiece(&exchange, isFinal: false) ? .forward : .answer
    }

    /// Whether steps are left that want the whole body, or come behind it: a signature, the agent's and ours, covers all of
    /// it; an endpoint is leased when everything else is done; what is compressed is decoded whole.
    private static func seesWhole(_ exchange: borrowing Exchange, _ route: Route) -> Bool {
        exchange.signature != nil || route.signing != nil || route.isLeased
            || (exchange.mapping?.isCompressed ?? false)
    }

    /// A piece of the request's body is in `exchange.piece`.
    /// - Returns: false for a refusal: an answer is in `exchange.answer`, which is of use while nothing was sent yet (an
    ///   upstream may answer before it has the whole request); else what goes on is appended to `exchange.requestBody`.
    package mutating func rewritePiece(_ exchange: inout Exchange, isFinal: Bool) -> Bool {
        guard let means = exchange.grant?.means, var mapping = exchange.mapping else { return false }
        var piece = Buffer()
        swap(&piece, &exchange.piece)
        do throws(AdapterFailure) {
            try exchange.requestTransform?.feed(
                piece.bytes,
                isFinal: isFinal,
                &mapping,
                means.scope,
                into: &exchange.requestBody
            )
        } catch {
            stop(&exchange, error)
            return false
        }
        exchange.mapping = mapping
        piece.removeAll()
        swap(&piece, &exchange.piece)
        return true
    }

    /// More of the response's body came than is collected.
    /// - Returns: `.stream`, with what goes on so far in `exchange.responseBody`; `.answer` for a refusal; nil where the
    ///   answer must be seen whole.
    package mutating func responseOverflowed(_ exchange: inout Exchange) -> ResponseAction? {
        guard let adapter = exchange.route?.adapter, let mapping = exchange.mapping,
            // Their owners are asked for when all of them are known.
            !adapter.remembersOwners,
            exchange.upstreamResponse.status.rawValue < 400,
            let transform = BodyTransform(responseTo: mapping, isEvents: false, adapter)
        else { return nil }
        exchange.responseTransform = consume transform
        exchange.responseLimit = nil
        swap(&exchange.piece, &exchange.responseBody)
        return mapPiece(&exchange, isFinal: false) ? .stream(.unknown) : .answer
    }

    /// A piece of the response's body is in `exchange.piece`.
    /// - Returns: false for a refusal: an answer is in `exchange.answer`, which is of use while nothing was sent yet; else
    ///   what goes on is appended to `exchange.responseBody`.
    package mutating func mapPiece(_ exchange: inout Exchange, isFinal: Bool) -> Bool {
        guard let means = exchange.grant?.means, var mapping = exchange.mapping else { return false }
        var piece = Buffer()
        swap(&piece, &exchange.piece)
        do throws(AdapterFailure) {
            try exchange.responseTransform?.feed(
                piece.bytes,
                isFinal: isFinal,
                &mapping,
                means.scope,
                into: &exchange.responseBody
            )
            piece.removeAll()
            swap(&piece, &exchange.piece)
            return true
        } catch {
            stop(&exchange, error)
            return false
        }
    }

    /// A second answer must not be made where one has begun.
    private mutating func stop(_ exchange: inout Exchange, _ failure: AdapterFailure) {
        if exchange.isAnswered {
            stopPieces(&exchange, failure)
        } else {
            _ = refuse(&exchange, failure)
        }
    }
}
