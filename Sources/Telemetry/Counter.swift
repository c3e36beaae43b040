// SPDX-License-Identifier: Apache-2.0

/// What a worker or the control thread counts without a label. A counter only grows.
package enum Counter: Int, Sendable, CaseIterable {
    // Connections from callers. Each one that was accepted is counted closed once; the difference is open.
    case connectionsAccepted, connectionsClosed
    /// Accepted and closed at once, for a limit; not among those accepted.
    case connectionsRefused
    /// `accept` found no free descriptor.
    case acceptExhausted
    case tlsHandshakeFailures

    // Requests. Each that has begun ends as one record.
    case requestsBegun, recordsWritten
    /// Records that a sink did not take in time.
    case recordsDropped

    // Identity.
    case tokenCacheHits, tokenCacheMisses, tierDrift, handlesSealed, handlesOpened, headersStripped

    // Policy and grants.
    case grantCacheHits, grantCacheMisses, decisions, policyErrors, shadowDenials

    // Needs.
    case needsMet, needsFailed
    case keyFetches, keyFetchFailures, vends, vendFailures

    // Upstreams. Each connection that was opened is counted closed once; the difference is open.
    case poolHits, poolMisses, upstreamConnectionsOpened, upstreamConnectionsClosed, upstreamRetries
    /// Answers that would have shown something of another tenant.
    case leaksStopped

    // Configuration.
    case reloads, reloadFailures
}

/// What the control thread sets to a value.
package enum Gauge: Int, Sendable, CaseIterable {
    /// 1 when requests are served. No label.
    case ready
    /// Seconds since an issuer's keys were fetched. Label: issuer.
    case keyAge
    /// Label: upstream.
    case healthyEndpoints
    /// Number of the configuration in force. No label.
    case configurationGeneration
    /// Unix time in seconds. No label.
    case processStart
    /// No label.
    case workers
}
