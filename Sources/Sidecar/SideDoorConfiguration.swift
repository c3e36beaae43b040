// SPDX-License-Identifier: Apache-2.0
package import Configuration
import Runtime

extension Configuration {
    /// Reads a configuration for what it names, where its secrets are not at hand: an agent's container has neither the
    /// files nor the variables that it is filled from, so a variable that is not set counts as the text "unset".
    package static func forDoctor(
        path: String,
        environment: [String: String]
    ) throws(LoadProblems) -> Configuration {
        do {
            let bytes = try Files.read(path, limit: 1 << 20)
            var filled = environment
            for name in variables(String(decoding: bytes, as: UTF8.self)) where filled[name] == nil {
                filled[name] = "unset"
            }
            return try Configuration.decode(bytes.span, file: path, environment: filled)
        } catch let problems as Configuration.Problems {
            throw LoadProblems(problems.list.map(\.description))
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    /// The names in `${NAME}`.
    private static func variables(_ text: String) -> [String] {
        text.split(separator: "${", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            part.firstIndex(of: "}").map { String(part[..<$0]) }
        }
    }
}
