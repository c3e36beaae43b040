// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// Temporary AWS keys of a role, made for one tenant at a time.
    package struct STS: Sendable, Equatable {
        /// ARN of the role of every tier that has none of its own.
        package var role: String?
        /// By tier.
        package var roles: [String: String] = [:]
        /// By the name that a permit's `@role` calls it: all that policies may choose.
        package var namedRoles: [String: String] = [:]
        package var region: String
        /// 15 min to 12 h. Default: 15 min.
        package var duration = Interval.seconds(900)
        /// Default: `https://sts.<region>.amazonaws.com`, or its FIPS twin.
        package var endpoint: String
        /// Authorities for the endpoint. Default: the system's.
        package var ca = Authorities.system
        package var tags = Tags()
        /// Whether CloudTrail is told whose the session is in a way that stays. Default: true.
        package var setsSourceIdentity = true
        package var externalID: String?
        /// Whether each session is narrowed to its compartment by a policy. Default: true.
        package var narrows = true
        package var base = Base()

        /// Names of the session tags; nil where none is sent.
        package struct Tags: Sendable, Equatable {
            package var tenant: String? = "tenant"
            package var tier: String? = "tier"
            package var user: String? = "user"
        }

        /// Where the keys come from that ask STS.
        package struct Base: Sendable, Equatable {
            package enum Source: String, CaseIterable, Sendable {
                /// The first of the others that is there, in the order in which the AWS tools look.
                case automatic = "auto"
                case environment, file, container, instance
                case webIdentity = "web-identity"
            }

            package var source = Source.automatic
            /// Of the shared files. Default: `AWS_PROFILE`, else `default`.
            package var profile: String?
        }
    }

    /// What a route to an AWS service must name.
    package struct AWSRoute: Sendable, Equatable {
        package struct Table: Sendable, Equatable {
            /// With `*` at its end: all that begin so.
            package var name: String
            /// Nil: the store is asked for it.
            package var partitionKey: String?
            package var indexes: [String: String]
        }

        /// The service's name in signatures. Default: that of the adapter.
        package var service: String?
        package var buckets: [String] = []
        package var tables: [Table] = []
        /// What requests may name besides: ids and ARNs, `*` at the end for all that begin so.
        package var resources: [String] = []
        /// What a process must say in `Authorization` to be given keys. Default: the lease is enough.
        package var token: SecretSource?
    }
}

extension Configuration.STS {
    /// Every role that may be assumed, in a fixed order.
    package var allRoles: [String] {
        Set([role].compactMap(\.self) + roles.values + namedRoles.values).sorted()
    }

    static func decode(_ section: inout YAML.Section) -> Self? {
        let region = section.required("region")?.awsName("a region such as us-east-1")
        let isFIPS = section.value("fips")?.boolean() ?? false
        var sts = Self(region: region ?? "", endpoint: "")
        sts.endpoint = "https://sts\(isFIPS ? "-fips" : "").\(sts.region).amazonaws.com"
        section.read("endpoint", into: &sts.endpoint) { $0.url() }
        section.read("ca", into: &sts.ca) { $0.authorities() }
        section.read("role", into: &sts.role) { $0.roleARN() }
        for entry in section.value("roles")?.map() ?? [] {
            if let role = entry.value.roleARN() { sts.roles[entry.name] = role }
        }
        for entry in section.value("named_roles")?.map() ?? [] {
            if let role = entry.value.roleARN() { sts.namedRoles[entry.name] = role }
        }
        if sts.role == nil, sts.roles.isEmpty, sts.namedRoles.isEmpty {
            section.value.note("missing key \"role\", or \"roles\" with one for each tier")
        }
        section.read("duration", into: &sts.duration) { $0.duration(in: .seconds(900) ... .seconds(43_200)) }
        section.read("tags", into: &sts.tags) { value in value.section(Tags.decode) }
        section.read("source_identity", into: &sts.setsSourceIdentity) { $0.boolean() }
        section.read("external_id", into: &sts.externalID) { $0.string(count: 2...1224) }
        section.read("session_policy", into: &sts.narrows) { $0.boolean() }
        section.read("base", into: &sts.base.source) { $0.choice(Base.Source.self) }
        section.read("profile", into: &sts.base.profile) { $0.string(count: 1...128) }
        return region == nil ? nil : sts
    }
}

extension Configuration.STS.Tags {
    fileprivate static func decode(_ section: inout YAML.Section) -> Self {
        func name(_ key: String, _ standard: String?) -> String? {
            if section.isNull(key) { return nil }
            return section.value(key)?.awsName("a tag's name: up to 128 letters, digits and _.:/=+-@")
                ?? standard
        }
        let tags = Self()
        return Self(
            tenant: name("tenant", tags.tenant),
            tier: name("tier", tags.tier),
            user: name("user", tags.user)
        )
    }
}

extension Configuration.AWSRoute {
    static func decode(_ section: inout YAML.Section) -> Self {
        var route = Self()
        section.read("service", into: &route.service) { $0.awsName("a service such as bedrock") }
        section.read("buckets", into: &route.buckets) { value in
            value.list(count: 1...16)?.compactMap { $0.awsName("a bucket") }
        }
        section.read("tables", into: &route.tables) { value in
            value.items(count: 1...16, Table.decode)
        }
        section.read("token", into: &route.token) { $0.secret() }
        section.read("resources", into: &route.resources) { value in
            value.list(count: 1...64)?.compactMap { $0.resourceName() }
        }
        return route
    }
}

extension Configuration.AWSRoute.Table {
    fileprivate static func decode(_ section: inout YAML.Section) -> Self? {
        let name = section.required("name")?.tableName()
        let key = section.value("partition_key")?.string(count: 1...255)
        if key == nil, !section.isNull("indexes"), let indexes = section.value("indexes") {
            indexes.note("goes with \"partition_key\"; without, the store is asked for both")
        } else if key != nil, name?.hasSuffix("*") ?? false {
            section.value.note(
                "\"partition_key\" is one table's, and the name stands for many: leave one of them out"
            )
        }
        var indexes: [String: String] = [:]
        for entry in section.value("indexes")?.map() ?? [] {
            if let key = entry.value.string(count: 1...255) { indexes[entry.name] = key }
        }
        guard let name else { return nil }
        return Self(name: name, partitionKey: key, indexes: indexes)
    }
}

extension YAML.Value {
    fileprivate func awsName(_ what: String) -> String? {
        guard let text = string(count: 1...255) else { return nil }
        let isName = text.utf8.allSatisfy { ASCII.isAlphanumeric($0) || Array("_.:/=+-@".utf8).contains($0) }
        if !isName { noteExpected(what) }
        return isName ? text : nil
    }

    /// A name, or the beginning of one and `*`.
    fileprivate func tableName() -> String? {
        guard let text = string(count: 1...255) else { return nil }
        let body = text.hasSuffix("*") ? text.dropLast() : text[...]
        let isName = body.utf8.allSatisfy { ASCII.isAlphanumeric($0) || Array("_.-".utf8).contains($0) }
        if !isName { noteExpected("a table: letters, digits and _.-, perhaps with * at its end") }
        return isName ? text : nil
    }

    fileprivate func resourceName() -> String? {
        guard let text = string(count: 1...2048) else { return nil }
        let body = text.hasSuffix("*") ? text.dropLast() : text[...]
        let isName = body.utf8.allSatisfy { ASCII.isAlphanumeric($0) || Array("-._:/".utf8).contains($0) }
        if !isName { noteExpected("an id or an ARN, perhaps with * at its end") }
        return isName ? text : nil
    }

    fileprivate func roleARN() -> String? {
        guard let text = string(count: 20...2048) else { return nil }
        guard text.hasPrefix("arn:aws"), text.contains(":iam::"), text.contains(":role/") else {
            noteExpected("the ARN of a role: arn:aws:iam::123456789012:role/tenant")
            return nil
        }
        return text
    }
}
