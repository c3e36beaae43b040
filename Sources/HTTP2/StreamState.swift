// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// One stream, from its first frame until its end was told. Kept and used again, so that a warm stream allocates
/// nothing here.
final class StreamState {
    fileprivate(set) var id: Int32 = 0

    // What the peer sends.
    var head = FieldBlock()
    var trailers = FieldBlock()
    /// The final head is whole; a block that follows is trailers.
    var hasHead = false
    /// Nothing follows the head.
    var headEndsStream = false
    var hasEnded = false
    /// What Content-Length said; nil where it said nothing, or speaks of no body.
    var expected: Int?
    var received = 0
    /// The peer waits for a 100 before it sends its body.
    var expectsContinue = false
    var interimCount = 0
    /// The request's, on a client's stream.
    var method = Method.get

    // What we send.
    var pending = Buffer()
    /// A head was sent.
    var hasAnswered = false
    /// Nothing comes behind `pending`.
    var ends = false
    /// The library has asked for more when there was none, and must be told.
    var isDeferred = false
    var trailersToSend = FieldText()
    /// Bytes of the body that were announced and not yet written; nil where none were.
    var announced: Int?
    /// A body that nobody may see: of an answer to HEAD, of a 204 or 304.
    var discardsBody = false
    /// `Event.drained` is said when `pending` falls to this.
    var drainMark: Int?

    /// Reset by us: what still comes is dropped.
    var isReset = false
    /// It was not the peer's fault.
    var isOurDoing = false
    /// The library has forgotten it.
    var isClosed = false

    func begin(_ id: Int32) {
        self.id = id
        hasHead = false
        headEndsStream = false
        hasEnded = false
        expected = nil
        received = 0
        expectsContinue = false
        interimCount = 0
        hasAnswered = false
        ends = false
        isDeferred = false
        announced = nil
        discardsBody = false
        drainMark = nil
        isReset = false
        isOurDoing = false
        isClosed = false
    }

    /// Gives back what one large message has left behind.
    func end() {
        id = 0
        head.trim(to: 4 << 10)
        trailers.trim(to: 1 << 10)
        trailersToSend.removeAll()
        pending.removeAll()
        if pending.capacity > 32 << 10 { pending.release() }
    }
}

/// The streams of one connection. Cost: a scan over their numbers, of which there are at most some hundred.
struct StreamTable: ~Copyable {
    private var ids: [Int32] = []
    private var states: [StreamState] = []
    private(set) var count = 0

    init() {}

    func find(_ id: Int32) -> StreamState? {
        guard id != 0, let index = ids.firstIndex(of: id) else { return nil }
        return states[index]
    }

    mutating func open(_ id: Int32) -> StreamState {
        count += 1
        let state: StreamState
        if let index = ids.firstIndex(of: 0) {
            ids[index] = id
            state = states[index]
        } else {
            state = StreamState()
            ids.append(id)
            states.append(state)
        }
        state.begin(id)
        return state
    }

    mutating func close(_ id: Int32) {
        guard id != 0, let index = ids.firstIndex(of: id) else { return }
        ids[index] = 0
        states[index].end()
        count -= 1
    }

    /// Forgets the storage of streams that are gone.
    mutating func trim() {
        guard count == 0 else { return }
        ids = []
        states = []
    }
}
