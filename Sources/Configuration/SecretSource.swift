// SPDX-License-Identifier: Apache-2.0
package import Crypto

extension Configuration {
    /// Where a secret is: a file that the caller reads, or bytes that came from the environment.
    package enum SecretSource: Sendable, Equatable {
        /// A resolved path.
        case file(String)
        case value(Secret)
    }
}

extension YAML.Value {
    /// `{file: path}` or a text with `${NAME}` in it. A secret that is written out is refused: configurations
    /// are printed, compared and committed.
    func secret() -> Configuration.SecretSource? {
        if case .mapping = node.content {
            return section { section in section.required("file")?.filePath() }
                .flatMap(\.self).map(Configuration.SecretSource.file)
        }
        context.record(path: "\(path).file", pattern: "\(pattern).file", position: nil)
        guard let (_, expansion) = expanded("{file: path} or \"${NAME}\"") else { return nil }
        guard expansion.isFilled else {
            note("a secret must be {file: path} or \"${NAME}\", not written out")
            return nil
        }
        guard !expansion.text.isEmpty else {
            note("the secret is empty")
            return nil
        }
        return .value(Secret(copying: Array(expansion.text.utf8).span))
    }
}
