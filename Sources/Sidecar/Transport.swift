// SPDX-License-Identifier: Apache-2.0
import Bytes
import Identity
import Runtime
import TLS

/// One socket with its TLS session, as two byte queues of plain text.
/// Reading: `fill` moves what the socket has into `input`. Writing: append to `output`, then `flush`; or `send`, at once.
/// While it is read it may `borrow` the worker's large input, and its cipher text comes and goes through the worker's buffers:
/// a connection keeps only what waits.
/// Readiness is edge-triggered: `isReadable` and `isWritable` hold until a call says `wouldBlock`.
struct Transport: ~Copyable {
    enum State: Equatable {
        /// TLS has not finished its handshake (or a connection attempt is under way).
        case opening
        case open
        /// The peer has ended its side properly; what is in `input` is whole.
        case peerEnded
        /// Broken or closed; nothing more may be read or written.
        case failed(Cause)
    }

    enum Cause: Equatable { case reset, tls, truncated }

    /// How busy a caller's connection has been since it came, or since `trim`. Most carry one request and then wait: those
    /// keep no buffer, or the next connection's would come to lie behind it, and the room of both stay taken for ever.
    private enum Use { case idle, once, busy }

    /// One read's size where what it brings may have to wait.
    static let readBytes = 32 << 10
    /// One read's size where all that came before has gone on: fewer calls, and fewer times that the peer is woken.
    static let burstBytes = 128 << 10
    /// A stretch of a body of this size is sent from where it lies; a smaller one is gathered with others.
    static let directBytes = 16 << 10

    let socket: Socket
    private var session: TLSSession?
    let isPlain: Bool
    private(set) var state: State
    private var wire = Buffer()
    var input = Buffer()
    var output = Buffer()
    private(set) var isReadable = false
    private(set) var isWritable = false
    /// The kernel said that the peer has ended, so a read after the last byte will tell.
    private(set) var sawEnd = false
    /// Neither direction works any more: nobody is there to answer.
    private(set) var isHungUp = false
    private var closeSent = false
    /// ALPN has chosen HTTP/2.
    private(set) var speaksHTTP2 = false
    /// The name that the caller asked for in its handshake, in lower case; nil for none.
    private(set) var serverName: [UInt8]?
    /// What the caller showed in its handshake; nil for none, and towards upstreams.
    private(set) var certificate: ClientCertificate?
    private let isConnecting: Bool
    private var use = Use.idle
    /// `input` is the worker's.
    private var hasLoan = false
    private let lent = ByAddress()

    init(_ socket: consuming Socket, session: consuming TLSSession?, connecting: Bool) {
        // In one straight line: see `Descriptor` for what a branch in here would do.
        let isPlain = session == nil
        self.socket = socket
        self.session = session
        self.isPlain = isPlain
        isConnecting = connecting
        state = .opening
        if isPlain, !connecting { state = .open }
    }

    /// Two queues with no socket behind them: what a stream of HTTP/2 has.
    static func detached() -> Transport { Transport(.none, session: nil, connecting: false) }

    mutating func note(_ readiness: Readiness) {
        if !readiness.isDisjoint(with: .readable) { isReadable = true }
        if !readiness.isDisjoint(with: .writable) { isWritable = true }
        if !readiness.isDisjoint(with: .ended) { sawEnd = true }
        if !readiness.isDisjoint(with: .failed) {
            isHungUp = true
            isReadable = true
            isWritable = true
        }
    }

    /// A new connection: data often comes with it, and there is room to write.
    mutating func assumeReady() {
        isReadable = true
        isWritable = true
    }

    /// Bytes that wait for the peer to take them.
    var pendingBytes: Int { output.count + wire.count }

    var isOpen: Bool { state == .open || state == .peerEnded }

    /// The outcome of a connection attempt, once the socket has turned writable.
    mutating func connected() {
        guard socket.connectError() == 0 else {
            state = .failed(.reset)
            return
        }
        guard var session = self.session.take() else {
            state = .open
            return
        }
        _ = session.start(output: &wire)
        self.session = consume session
    }

    /// Takes the worker's large input for a while. What was left from the last time comes along, where it is little.
    mutating func borrow(_ scratch: inout Scratch) {
        guard !hasLoan, input.count <= Scratch.leftoverBytes else { return }
        swap(&input, &scratch.plain)
        hasLoan = true
        input.append(scratch.plain.bytes)
        scratch.plain.removeAll()
    }

    /// Gives it back, and keeps what is left in it.
    mutating func giveBack(_ scratch: inout Scratch) {
        guard hasLoan else { return }
        hasLoan = false
        swap(&input, &scratch.plain)
        input.append(scratch.plain.bytes)
        scratch.plain.removeAll()
        // Who was left with much has had a slow peer.
        if input.isEmpty, input.capacity > Self.readBytes { input.release() }
    }

    /// Reads once and decrypts all of it.
    /// - Parameters:
    ///   - scratch: the worker's.
    ///   - limit: bytes that are read at most.
    /// - Returns: whether there is more in `input` than before.
    @discardableResult
    mutating func fill(scratch: inout Scratch, limit: Int = readBytes) -> Bool {
        guard isReadable, state == .open || state == .opening else { return false }
        let before = input.count
        if isPlain {
            apply(socket.read(into: &input, limit: limit), limit)
        } else {
            let transfer = socket.read(into: &scratch.cipher, limit: limit)
            // What comes after our close_notify is only taken away; the library would fail on some of it.
            if case .moved = transfer, !closeSent { decrypt(scratch.cipher.bytes) }
            scratch.cipher.removeAll()
            apply(transfer, limit)
        }
        return input.count > before
    }

    private mutating func apply(_ transfer: Transfer, _ limit: Int) {
        switch transfer {
        case .moved(let count):
            // A short read means that the socket is empty; the next edge tells of more.
            if count < limit { isReadable = sawEnd }
        case .wouldBlock: isReadable = false
        case .failed:
            isReadable = false
            state = .failed(.reset)
        case .ended:
            isReadable = false
            // Without close_notify a TLS stream may have been cut (RFC 8446 §6.1).
            if state == .open || state == .opening {
                state = isPlain ? .peerEnded : .failed(.truncated)
            }
        }
    }

    private mutating func decrypt(_ cipher: borrowing Span<UInt8>) {
        guard var session = self.session.take() else { return }
        switch session.receive(cipher, plain: &input, output: &wire) {
        case .done:
            if state == .opening { speaksHTTP2 = session.applicationProtocol == "h2" }
            if state == .opening, !isConnecting {
                noteServerName(session.serverName)
                certificate = session.peerCertificate.map { ClientCertificate($0) }
            }
            state = .open
        case .handshaking: break
        case .closed(let cleanly): state = cleanly ? .peerEnded : .failed(.truncated)
        case .failed: state = .failed(.tls)
        }
        self.session = consume session
    }

    /// Some clients put an address there, which is no name (RFC 6066 §3).
    private mutating func noteServerName(_ name: String?) {
        guard let name = name?.lowercased(), IPAddress(name) == nil else { return }
        serverName = Array(name.utf8)
    }

    /// Encrypts and writes what waits. Cost: at most one `write` while the socket takes everything.
    /// - Returns: the state after it.
    @discardableResult
    mutating func flush() -> State {
        seal()
        guard pendingBytes > 0, !isPlain || state != .opening else { return state }
        while isWritable {
            let transfer = isPlain ? socket.write(output.bytes) : socket.write(wire.bytes)
            switch transfer {
            case .moved(let count):
                if isPlain { output.consume(count) } else { wire.consume(count) }
                if isPlain ? output.isEmpty : wire.isEmpty { return state }
            case .wouldBlock: isWritable = false
            case .ended, .failed:
                isWritable = false
                state = .failed(.reset)
            }
        }
        return state
    }

    private mutating func seal() {
        guard state == .open || state == .peerEnded, !output.isEmpty, var session = self.session.take() else {
            return
        }
        if session.seal(output, into: &wire) != .done { state = .failed(.tls) }
        output.removeAll()
        self.session = consume session
    }

    /// The same as `flush`, through the worker's buffer where none of the connection's own waits.
    @discardableResult
    mutating func flush(scratch: inout Scratch) -> State {
        guard !isPlain, wire.isEmpty, !output.isEmpty else {
            flush()
            // Who was left with much has had a slow peer.
            if wire.isEmpty, wire.capacity > Self.directBytes { wire.release() }
            return state
        }
        swap(&wire, &scratch.sealed)
        flush()
        keepUnsent(&scratch)
        return state
    }

    /// Sends a stretch of a body from where it lies, behind all that waits. What the socket does not take waits too, and `flush`
    /// says why. Cost: one `write` while the socket takes everything.
    mutating func send(_ bytes: borrowing Span<UInt8>, scratch: inout Scratch) {
        guard isOpen, isWritable, wire.isEmpty else { return output.append(bytes) }
        if isPlain { return sendPlain(bytes) }
        swap(&wire, &scratch.sealed)
        seal()
        if isOpen, var session = self.session.take() {
            if session.send(bytes, output: &wire) != .done { state = .failed(.tls) }
            self.session = consume session
        }
        if case .moved(let count) = socket.write(wire.bytes) { wire.consume(count) }
        keepUnsent(&scratch)
    }

    private mutating func sendPlain(_ bytes: borrowing Span<UInt8>) {
        let waiting = output.count
        guard case .moved(let count) = socket.write(output.bytes, bytes) else { return output.append(bytes) }
        output.consume(min(count, waiting))
        output.append(bytes.extracting(max(count - waiting, 0)..<bytes.count))
    }

    /// Gives the worker's buffer back, and keeps what the socket did not take of it.
    private mutating func keepUnsent(_ scratch: inout Scratch) {
        swap(&wire, &scratch.sealed)
        wire.append(scratch.sealed.bytes)
        scratch.sealed.removeAll()
    }

    /// Says that nothing more comes from us; call after `output` is empty.
    mutating func close() {
        guard !closeSent else { return }
        closeSent = true
        if var session = self.session.take() {
            session.close(output: &wire)
            self.session = consume session
            if isWritable, !wire.isEmpty { _ = socket.write(wire.bytes) }
            // Gone or not: nothing may be written behind the end of our side. It would fail, the connection would count as
            // broken and be closed with bytes unread, and the reset that follows takes the last words with it.
            wire.removeAll()
        }
        socket.shutdownWriting()
    }

    /// A request begins. From the second on, buffers stay until `trim`.
    mutating func noteRequest() {
        switch use {
        case .idle: use = .once
        case .once:
            use = .busy
            if var session = self.session.take() {
                session.keepBuffers()
                self.session = consume session
            }
        case .busy: break
        }
    }

    /// The turn is over: buffers with nothing in them go, unless the connection is busy.
    mutating func spare() {
        if use != .busy { releaseEmpty() }
    }

    /// Gives buffers back while the connection is idle.
    mutating func trim() {
        releaseEmpty()
        use = .idle
        if var session = self.session.take() {
            session.releaseBuffers()
            self.session = consume session
        }
    }

    private mutating func releaseEmpty() {
        if input.isEmpty { input.release() }
        if output.isEmpty { output.release() }
        if wire.isEmpty { wire.release() }
    }
}

extension TLSSession {
    /// Seals everything that is in `plain`.
    mutating func seal(_ plain: borrowing Buffer, into output: inout Buffer) -> TLSOutcome {
        send(plain.bytes, output: &output)
    }
}
