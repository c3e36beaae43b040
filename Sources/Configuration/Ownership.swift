// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// The table of whose the ids are into which nothing can be sealed.
    package enum Ownership: Sendable, Equatable {
        /// Resolved path of a database, for the processes of one machine.
        case sqlite(path: String)
        case redis(RedisTable)
    }

    /// A table in a Redis or Valkey server, which a fleet shares.
    package struct RedisTable: Sendable, Equatable {
        package var endpoint: Endpoint
        /// Nil: plain text, to this host alone.
        package var tls: ClientTLS?
        /// Default: the server's default user.
        package var user: String?
        package var password: SecretSource?
        /// Default: 0.
        package var database = 0
        /// What stands before every key. Default: `bulkhead:`.
        package var prefix = "bulkhead:"
        /// For a connection, and for an answer. Default: 2 s.
        package var timeout = Interval.seconds(2)
        /// Whether a claim is told only when it is on the server's disk. Default: it is.
        package var isOnDisk = true
        /// In the memory of so many replicas it has to be besides. Default: 0.
        package var replicas = 0

        package init(endpoint: Endpoint) { self.endpoint = endpoint }
    }
}

extension Configuration.Ownership {
    static func decode(_ section: inout YAML.Section) -> Self? {
        let isRedis = section.required("store")?.choice([("sqlite", false), ("redis", true)])
        let path = section.value("path")
        let url = section.value("url")
        // Every key is looked at, so that one of the other kind is told from one that nobody knows.
        let table = Configuration.RedisTable.decode(&section, url)
        switch isRedis {
        case true?:
            path?.note("means nothing with store: redis; \"url\" says where it is")
            if url == nil { section.value.note("missing key \"url\"") }
            return table.map(Self.redis)
        case false?:
            url?.note("means nothing with store: sqlite; \"path\" says where it is")
            if path == nil { section.value.note("missing key \"path\"") }
            return path?.filePath().map { .sqlite(path: $0) }
        case nil: return nil
        }
    }
}

extension Configuration.RedisTable {
    fileprivate static func decode(_ section: inout YAML.Section, _ url: YAML.Value?) -> Self? {
        let place = url?.redisURL()
        var table = Self(endpoint: place?.endpoint ?? .init(host: .name("localhost"), port: 6379))
        if place?.isTLS ?? false { table.tls = Configuration.ClientTLS() }
        if let value = section.value("tls") {
            let tls = value.section(Configuration.ClientTLS.decode)
            if let place, !place.isTLS {
                value.note("means nothing with redis://; write rediss:// in \"url\"")
            }
            if table.tls != nil, let tls { table.tls = tls }
        }
        section.read("user", into: &table.user) { $0.string(count: 1...256) }
        let password = section.value("password")
        table.password = password?.secret()
        if table.user != nil, password == nil { section.value.note("\"user\" needs \"password\"") }
        section.read("database", into: &table.database) { $0.integer(in: 0...1_000_000) }
        section.read("prefix", into: &table.prefix) { $0.string(count: 1...64) }
        section.read("timeout", into: &table.timeout) {
            $0.duration(in: .milliseconds(50) ... .seconds(4))
        }
        section.read("durability", into: &table.isOnDisk) { $0.choice([("disk", true), ("memory", false)]) }
        section.read("replicas", into: &table.replicas) { $0.integer(in: 0...16) }
        return place == nil ? nil : table
    }
}

extension YAML.Value {
    /// `rediss://host`, `rediss://host:port`, or `redis://` to this host: who answers there says who owns what.
    fileprivate func redisURL() -> (endpoint: Configuration.Endpoint, isTLS: Bool)? {
        guard let text = string(count: 1...512) else { return nil }
        let isTLS = text.hasPrefix("rediss://")
        var rest = text.dropFirst(isTLS ? 9 : 8)
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard isTLS || text.hasPrefix("redis://"), let endpoint = Self.endpoint(rest) else {
            noteExpected(
                "rediss://host:6379 (redis:// for one on this host), with user, password and database under keys of their own"
            )
            return nil
        }
        let isHere =
            switch endpoint.host {
            case .name(let name): name == "localhost"
            case .address(let address): address.isLoopback
            }
        guard isTLS || isHere else {
            note("who can change what is said there decides who owns what: write rediss://")
            return nil
        }
        return (endpoint, isTLS)
    }

    private static func endpoint(_ text: Substring) -> Configuration.Endpoint? {
        if let host = HostText.host(text) { return .init(host: host, port: 6379) }
        guard let (name, port) = HostText.split(String(text)), port != 0, let host = HostText.host(name)
        else { return nil }
        return .init(host: host, port: port)
    }
}
