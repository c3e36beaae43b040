// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import Runtime
import Testing

@Suite struct FilesTests {
    /// What a file of `count` bytes is read as with a limit of 100,000.
    private func readSecret(_ count: Int) throws -> Result<[UInt8], Files.Failure> {
        let file = FileManager.default.temporaryDirectory.appending(path: "bulkhead-\(UUID().uuidString)")
        try Data(repeating: 7, count: count).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        do throws(Files.Failure) {
            return .success(try Files.withSecret(file.path(), limit: 100_000) { $0.array() })
        } catch {
            return .failure(error)
        }
    }

    @Test(arguments: [0, 1, 65_536, 100_000])
    func secretsAreReadWhole(_ count: Int) throws {
        #expect(try readSecret(count).get() == [UInt8](repeating: 7, count: count))
    }

    @Test func aSecretHasALimit() throws {
        guard case .failure(.tooLarge(_, let limit)) = try readSecret(100_001) else {
            Issue.record("read too much")
            return
        }
        #expect(limit == 100_000)
    }
}
