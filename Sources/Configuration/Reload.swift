// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// How a running process takes over what was changed in its files.
    package struct Reload: Sendable, Equatable {
        /// Whether a changed file is taken over by itself. SIGHUP and `bulkhead reload` always work. Default: true.
        package var watch = true
        /// How long after the first change the files are read. Default: 250 ms.
        package var debounce = Interval.milliseconds(250)

        package init() {}
    }
}

extension Configuration.Reload {
    static func decode(_ section: inout YAML.Section) -> Self {
        var reload = Self()
        section.read("watch", into: &reload.watch) { $0.boolean() }
        section.read("debounce", into: &reload.debounce) { $0.duration(in: .zero ... .seconds(60)) }
        return reload
    }
}

extension Configuration {
    /// Where the admin plane's socket is, from a file that need not be right in anything else: a tenant must be
    /// suspended also while somebody is at work on the configuration (THREATS 10). Nil where that is not to be read.
    package static func adminSocket(
        in bytes: borrowing Span<UInt8>,
        file: String,
        environment: [String: String]
    ) -> String? {
        guard let root = try? YAML.parse(bytes, file: file, limits: .init(bytes: 1 << 20)) else { return nil }
        let context = YAML.Context(file: file, environment: environment)
        // Whatever is noted on the way is not asked for.
        return context.root(root).section { section in
            section.value("admin")?.section { $0.value("socket")?.filePath() }.flatMap(\.self)
        }.flatMap(\.self)
    }
}
