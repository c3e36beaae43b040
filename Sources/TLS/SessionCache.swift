// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Synchronization

/// Sessions that servers offered to one client context, by server name: the latest of each.
/// A session resumes without the server's certificate being shown again, so it is only ever offered by the context
/// that verified it, for the name that it was verified for. Shared by all threads.
@safe
final class SessionCache: Sendable {
    static let limit = 1024

    private let sessions = Mutex<[String: StoredSession]>([:])

    /// Takes over one reference to `session`.
    func store(_ session: OpaquePointer, for name: String) {
        let stored = unsafe StoredSession(owning: session)
        sessions.withLock { sessions in
            if sessions.count >= SessionCache.limit, sessions[name] == nil, let any = sessions.keys.first {
                sessions[any] = nil
            }
            sessions[name] = stored
        }
    }

    /// Offers the stored session, if there is one, in the coming handshake of `ssl`.
    func apply(to ssl: OpaquePointer, name: String) {
        guard let stored = sessions.withLock({ $0[name] }) else { return }
        // Safe because the connection takes a reference of its own.
        _ = unsafe SSL_set_session(ssl, stored.raw)
    }
}

@safe
private final class StoredSession: Sendable {
    nonisolated(unsafe) let raw: OpaquePointer

    init(owning raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe SSL_SESSION_free(raw) }
}

/// Keeps what the server offers in the session's wire; the session hands it to the cache after the call.
/// - Returns: 1, which means that the reference is now ours.
nonisolated func keepOfferedSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
    // Safe because the wire outlives the connection, and an earlier offer is let go of here.
    guard let wire = unsafe Wire.of(SSL_get_rbio(ssl)), let session = unsafe session,
        unsafe SSL_SESSION_is_resumable(session) == 1
    else { return 0 }
    unsafe SSL_SESSION_free(wire.pointee.offeredSession)
    unsafe wire.pointee.offeredSession = session
    return 1
}
