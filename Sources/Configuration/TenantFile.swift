// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// A file for each tenant: a path in which one segment is, or has in it, the tenant's id.
    package struct TenantFile: Sendable, Equatable {
        /// Resolved path of the folder that all of them lie in, without the slash.
        package var folder: String
        /// What comes before and behind the id in its segment.
        package var prefix: String
        package var suffix: String
        /// Segments behind it; empty where the segment names the file itself.
        package var rest: [String]
    }

    /// Credentials that lie in files, each tenant's own.
    package struct TenantSecret: Sendable, Equatable {
        package var file: TenantFile
        /// How old what was read may be. Default: 5 s.
        package var refresh = Interval.seconds(5)
        package var injection = Injection.bearer
    }
}

extension Configuration.TenantSecret {
    static func decode(_ section: inout YAML.Section) -> Self? {
        let file = section.required("path")?.tenantFile()
        var refresh = Interval.seconds(5)
        section.read("refresh", into: &refresh) { $0.duration(in: .seconds(1) ... .seconds(3600)) }
        var injection = Configuration.Injection.bearer
        section.read("inject", into: &injection) { value in
            value.section { Configuration.Injection.decode(&$0, needsUser: false) }.flatMap(\.self)
        }
        return file.map { Self(file: $0, refresh: refresh, injection: injection) }
    }
}

extension YAML.Value {
    private static let hole = "{tenant}"

    /// `secrets/{tenant}/api-key` or `secrets/{tenant}.key`.
    func tenantFile() -> Configuration.TenantFile? {
        guard let path = filePath() else { return nil }
        var segments = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let places = segments.indices.filter { segments[$0].contains(Self.hole) }
        guard places.count == 1, let place = places.first, place > 0,
            let cut = segments[place].firstRange(of: Self.hole),
            !segments[place][cut.upperBound...].contains(Self.hole)
        else {
            note(
                "expected a path with {tenant} in one of its segments, and a folder before it: secrets/{tenant}/key"
            )
            return nil
        }
        let rest = Array(segments[(place + 1)...])
        guard rest.allSatisfy({ !["", ".", ".."].contains($0) }) else {
            note("expected a path without \".\", \"..\" and empty segments behind {tenant}")
            return nil
        }
        let segment = segments[place]
        segments.removeSubrange(place...)
        return Configuration.TenantFile(
            folder: segments.joined(separator: "/"),
            prefix: String(segment[..<cut.lowerBound]),
            suffix: String(segment[cut.upperBound...]),
            rest: rest
        )
    }
}
