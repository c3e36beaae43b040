// SPDX-License-Identifier: Apache-2.0

/// What a worker or the control thread counts without a name from outside. A counter only grows.
/// Those of one family stand together.
package enum Counter: Int, Sendable, CaseIterable {
    // Connections from callers. Each one that was accepted is counted closed once; the difference is open.
    case connectionsAccepted, connectionsClosed
    /// Accepted and closed at once, for a limit; not among those accepted.
    case connectionsRefused, connectionsRefusedAtListener, connectionsRefusedFromAddress
    /// `accept` found no free descriptor.
    case acceptExhausted
    case tlsHandshakeFailures

    // Of those connections, the ones in HTTP/2, and their streams.
    case http2Connections, http2Streams
    /// Connections that were ended for too much of one thing.
    case http2ResetFloods, http2ContinuationFloods, http2SettingsFloods, http2PingFloods
    case http2EmptyFrameFloods, http2OtherFrameFloods, http2WindowUpdateFloods, http2QueuedFrameFloods
    case http2HeaderFloods, http2SlowHeads
    /// Connections that were ended because their caller did not take an answer.
    case http2WindowStalls

    // Requests. Each that has begun ends as one record.
    case requestsBegun, recordsWritten
    /// Records that a sink did not take in time.
    case recordsDropped

    // Look-ups.
    case tokenCacheHits, tokenCacheMisses, grantCacheHits, grantCacheMisses
    /// Idle connections to upstreams.
    case poolHits, poolMisses

    // Identity.
    case tierDrift, handlesSealed, handlesOpened
    /// Fields of callers that only Bulkhead may set.
    case headersStripped

    // Policy.
    case decisions, policyErrors, shadowDenials

    // What is done for parked exchanges, and on the control thread.
    case needsMet, needsFailed
    case keyFetches, keyFetchFailures, vends, vendFailures
    /// Credentials that an upstream did not take, and that were forgotten for it.
    case credentialsRejected
    /// Askings of stores for the keys of tables.
    case schemaFetches, schemaFetchFailures
    case reloads, reloadFailures
    /// Ids that a store has made, and whose they became; looks into the table of owners that failed.
    case ownersClaimed, ownersForeign, ownershipFailures
    /// Endpoints of agents that are leased.
    case leasesGranted, endpointsRecycled, recycleFailures
    /// For a tenant that was suspended, a key that was taken back.
    case exchangesCut

    // Upstreams. Each connection that was opened is counted closed once; the difference is open.
    case upstreamConnectionsOpened, upstreamConnectionsClosed, upstreamRetries
    /// Of those connections, the ones in HTTP/2.
    case upstreamHTTP2Connections
    /// Answers that would have shown something of another tenant.
    case leaksStopped
    /// Lines of the audit log, and those that could not be written.
    case auditEvents, auditEventsDropped

    /// The family: counters that differ in their labels alone have one name.
    var name: StaticString {
        switch self {
        case .connectionsAccepted: "bulkhead_connections_accepted_total"
        case .connectionsClosed: "bulkhead_connections_closed_total"
        case .connectionsRefused, .connectionsRefusedAtListener, .connectionsRefusedFromAddress:
            "bulkhead_connections_refused_total"
        case .acceptExhausted: "bulkhead_accept_exhausted_total"
        case .tlsHandshakeFailures: "bulkhead_tls_handshake_failures_total"
        case .http2Connections: "bulkhead_http2_connections_total"
        case .http2Streams: "bulkhead_http2_streams_total"
        case .http2ResetFloods, .http2ContinuationFloods, .http2SettingsFloods, .http2PingFloods,
            .http2EmptyFrameFloods, .http2OtherFrameFloods, .http2WindowUpdateFloods,
            .http2QueuedFrameFloods, .http2HeaderFloods, .http2SlowHeads:
            "bulkhead_http2_floods_total"
        case .http2WindowStalls: "bulkhead_http2_window_stalls_total"
        case .requestsBegun: "bulkhead_requests_begun_total"
        case .recordsWritten: "bulkhead_records_written_total"
        case .recordsDropped: "bulkhead_records_dropped_total"
        case .tokenCacheHits, .tokenCacheMisses, .grantCacheHits, .grantCacheMisses,
            .poolHits, .poolMisses:
            "bulkhead_cache_lookups_total"
        case .tierDrift: "bulkhead_tier_drift_total"
        case .handlesSealed: "bulkhead_handles_sealed_total"
        case .handlesOpened: "bulkhead_handles_opened_total"
        case .headersStripped: "bulkhead_headers_stripped_total"
        case .decisions: "bulkhead_policy_decisions_total"
        case .policyErrors: "bulkhead_policy_errors_total"
        case .shadowDenials: "bulkhead_policy_shadow_denials_total"
        case .needsMet, .needsFailed: "bulkhead_needs_total"
        case .keyFetches, .keyFetchFailures: "bulkhead_issuer_key_fetches_total"
        case .vends, .vendFailures: "bulkhead_credential_vends_total"
        case .credentialsRejected: "bulkhead_credentials_rejected_total"
        case .schemaFetches, .schemaFetchFailures: "bulkhead_schema_fetches_total"
        case .reloads, .reloadFailures: "bulkhead_configuration_reloads_total"
        case .ownersClaimed, .ownersForeign: "bulkhead_ownership_claims_total"
        case .ownershipFailures: "bulkhead_ownership_failures_total"
        case .leasesGranted: "bulkhead_leases_granted_total"
        case .endpointsRecycled, .recycleFailures: "bulkhead_endpoint_recycles_total"
        case .exchangesCut: "bulkhead_exchanges_cut_total"
        case .upstreamConnectionsOpened: "bulkhead_upstream_connections_opened_total"
        case .upstreamConnectionsClosed: "bulkhead_upstream_connections_closed_total"
        case .upstreamRetries: "bulkhead_upstream_retries_total"
        case .upstreamHTTP2Connections: "bulkhead_upstream_http2_connections_total"
        case .leaksStopped: "bulkhead_leaks_stopped_total"
        case .auditEvents: "bulkhead_audit_events_total"
        case .auditEventsDropped: "bulkhead_audit_events_dropped_total"
        }
    }

    /// What Prometheus says of the family.
    var help: StaticString {
        switch self {
        case .connectionsAccepted: "Connections from callers."
        case .connectionsClosed: "Connections from callers that have ended."
        case .connectionsRefused, .connectionsRefusedAtListener, .connectionsRefusedFromAddress:
            "Connections that were closed at once, by the limit."
        case .acceptExhausted: "Times that no descriptor was free for a connection."
        case .tlsHandshakeFailures: "Handshakes with callers that failed."
        case .http2Connections: "Connections from callers in HTTP/2."
        case .http2Streams: "Streams that callers opened in HTTP/2."
        case .http2ResetFloods, .http2ContinuationFloods, .http2SettingsFloods, .http2PingFloods,
            .http2EmptyFrameFloods, .http2OtherFrameFloods, .http2WindowUpdateFloods,
            .http2QueuedFrameFloods, .http2HeaderFloods, .http2SlowHeads:
            "Connections in HTTP/2 that were ended for too much of one thing."
        case .http2WindowStalls: "Connections in HTTP/2 that were ended because nobody took an answer."
        case .requestsBegun: "Requests that were begun."
        case .recordsWritten: "Records of requests."
        case .recordsDropped: "Records that a sink did not take in time."
        case .tokenCacheHits, .tokenCacheMisses, .grantCacheHits, .grantCacheMisses,
            .poolHits, .poolMisses:
            "Look-ups in a cache, by result."
        case .tierDrift: "Tokens that name another tier than the tenant has."
        case .handlesSealed: "Handles made."
        case .handlesOpened: "Handles accepted."
        case .headersStripped: "Fields of callers that only Bulkhead may set."
        case .decisions: "Decisions that no cache had."
        case .policyErrors: "Policies that failed and so did not apply."
        case .shadowDenials: "Decisions that a policy in shadow mode would deny."
        case .needsMet, .needsFailed: "Things that requests had to wait for, by result."
        case .keyFetches, .keyFetchFailures: "Fetches of issuers' keys, by result."
        case .vends, .vendFailures: "Credentials asked for, by result."
        case .credentialsRejected: "Credentials that an upstream did not take."
        case .schemaFetches, .schemaFetchFailures: "Keys of tables asked for, by result."
        case .reloads, .reloadFailures: "Configurations read anew, by result."
        case .ownersClaimed, .ownersForeign: "New ids of stores, by whose they were."
        case .ownershipFailures: "Looks into the table of owners that failed."
        case .leasesGranted: "Requests that were given an endpoint of a leased agent."
        case .endpointsRecycled, .recycleFailures: "Endpoints started anew between two leases, by result."
        case .exchangesCut:
            "Requests ended on their way: their tenant was suspended, or their key taken back."
        case .upstreamConnectionsOpened: "Connections to upstreams."
        case .upstreamConnectionsClosed: "Connections to upstreams that have ended."
        case .upstreamRetries: "Requests that were sent once more."
        case .upstreamHTTP2Connections: "Connections to upstreams in HTTP/2."
        case .leaksStopped: "Answers held back that would have shown another tenant."
        case .auditEvents: "Lines of the audit log."
        case .auditEventsDropped: "Lines of the audit log that could not be written."
        }
    }

    /// What stands behind the family's name.
    var labels: StaticString {
        switch self {
        case .tokenCacheHits: "{cache=\"token\",result=\"hit\"}"
        case .tokenCacheMisses: "{cache=\"token\",result=\"miss\"}"
        case .grantCacheHits: "{cache=\"grant\",result=\"hit\"}"
        case .grantCacheMisses: "{cache=\"grant\",result=\"miss\"}"
        case .poolHits: "{cache=\"connection\",result=\"hit\"}"
        case .poolMisses: "{cache=\"connection\",result=\"miss\"}"
        case .needsMet, .keyFetches, .vends, .schemaFetches, .reloads, .endpointsRecycled:
            "{result=\"success\"}"
        case .needsFailed, .keyFetchFailures, .vendFailures, .schemaFetchFailures, .reloadFailures,
            .recycleFailures:
            "{result=\"failure\"}"
        case .ownersClaimed: "{owner=\"own\"}"
        case .ownersForeign: "{owner=\"foreign\"}"
        case .connectionsRefused: "{limit=\"process\"}"
        case .connectionsRefusedAtListener: "{limit=\"listener\"}"
        case .connectionsRefusedFromAddress: "{limit=\"address\"}"
        case .http2ResetFloods: "{kind=\"resets\"}"
        case .http2ContinuationFloods: "{kind=\"continuations\"}"
        case .http2SettingsFloods: "{kind=\"settings\"}"
        case .http2PingFloods: "{kind=\"pings\"}"
        case .http2EmptyFrameFloods: "{kind=\"empty_frames\"}"
        case .http2OtherFrameFloods: "{kind=\"other_frames\"}"
        case .http2WindowUpdateFloods: "{kind=\"window_updates\"}"
        case .http2QueuedFrameFloods: "{kind=\"queued_frames\"}"
        case .http2HeaderFloods: "{kind=\"header_bytes\"}"
        case .http2SlowHeads: "{kind=\"slow_heads\"}"
        case .connectionsAccepted, .connectionsClosed, .acceptExhausted,
            .http2Connections, .http2Streams, .http2WindowStalls,
            .tlsHandshakeFailures, .requestsBegun, .recordsWritten, .recordsDropped, .tierDrift,
            .handlesSealed, .handlesOpened, .leasesGranted, .headersStripped, .decisions, .policyErrors,
            .shadowDenials, .credentialsRejected, .ownershipFailures,
            .exchangesCut, .upstreamConnectionsOpened, .upstreamConnectionsClosed, .upstreamRetries,
            .upstreamHTTP2Connections,
            .leaksStopped, .auditEvents, .auditEventsDropped:
            ""
        }
    }
}
