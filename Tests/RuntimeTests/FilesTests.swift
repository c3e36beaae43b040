// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import Glibc
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

    private func folder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bulkhead-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.path()
    }

    @Test func replacingIsWholeAndAnotherFile() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/list"
        #expect(Files.stamp(of: path) == nil)
        try Files.replace(path, with: Array("one\n".utf8).span)
        let first = Files.stamp(of: path)
        #expect(first != nil && Files.stamp(of: path) == first)
        try Files.replace(path, with: Array("two\n".utf8).span)
        #expect(Files.stamp(of: path) != first)
        #expect(try Files.read(path) == Array("two\n".utf8))
        #expect(try Files.list(folder) == ["list"])
        #expect(throws: Files.Failure.self) { try Files.replace(folder + "/no/list", with: [1].span) }
    }

    /// As Kubernetes swaps a volume: the file's own link stays, what it leads to is another file.
    @Test func aSwappedLinkShowsInTheStampAndInTheWatch() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let files = FileManager.default
        for revision in ["1", "2"] {
            try files.createDirectory(atPath: "\(folder)/..\(revision)", withIntermediateDirectories: true)
            try Data("same".utf8).write(to: URL(filePath: "\(folder)/..\(revision)/f"))
        }
        try files.createSymbolicLink(atPath: "\(folder)/..data", withDestinationPath: "..1")
        try files.createSymbolicLink(atPath: "\(folder)/f", withDestinationPath: "..data/f")
        #expect(Files.resolved("\(folder)/f")?.hasSuffix("/..1/f") == true)
        let before = Files.stamp(of: "\(folder)/f")
        let watch = try FolderWatch()
        watch.look(at: [folder, "/no/such/folder"])
        #expect(!isReadable(watch))
        try files.createSymbolicLink(atPath: "\(folder)/..tmp", withDestinationPath: "..2")
        let renamed = unsafe rename("\(folder)/..tmp", "\(folder)/..data")
        #expect(renamed == 0)
        #expect(Files.stamp(of: "\(folder)/f") != before)
        #expect(isReadable(watch))
        // The folder that the link leads to now; the one before is of no matter any more.
        watch.look(at: [folder, "\(folder)/..2"])
        try Data("new".utf8).write(to: URL(filePath: "\(folder)/..1/f"))
        #expect(!isReadable(watch))
        try Data("new".utf8).write(to: URL(filePath: "\(folder)/..2/f"))
        #expect(isReadable(watch))
        watch.look(at: [folder])
        watch.look(at: [folder])
        try Data("newer".utf8).write(to: URL(filePath: "\(folder)/..2/f"))
        #expect(!isReadable(watch))
    }

    private func isReadable(_ watch: FolderWatch) -> Bool {
        var poll = pollfd(fd: watch.raw, events: Int16(POLLIN), revents: 0)
        let count = unsafe Glibc.poll(&poll, 1, 0)
        return count == 1
    }
}
