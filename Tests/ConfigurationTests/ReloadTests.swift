// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Testing

@Suite struct ReloadTests {
    @Test func defaultsAndValues() throws {
        let plain = try decode(base)
        #expect(plain.reload.watch && plain.reload.debounce == .milliseconds(250) && plain.migrate.isEmpty)
        let text = base + "\nreload: {watch: false, debounce: 2s}\nmigrate: [notes, agent]\n"
        let written = try decode(text)
        #expect(!written.reload.watch && written.reload.debounce == .seconds(2))
        #expect(written.migrate == ["notes", "agent"])
        #expect(written.check(adapters: adapters, now: now).isEmpty)
    }

    @Test func onlyRoutesMigrate() throws {
        let found = try decode(base + "\nmigrate: [notes, nots]\n").check(adapters: adapters, now: now)
        #expect(found.count == 1)
        #expect(found.first?.description.contains("migrate[1]: there is no route \"nots\"") == true)
    }

    /// Whatever else is wrong with a file, the socket is found as long as it is YAML.
    @Test(arguments: [
        ("admin: {socket: a.sock}", "/etc/a.sock"),
        ("admin: {socket: /run/a.sock, nonsense: 1}", "/run/a.sock"),
        ("version: 9\nroutes: 7\nadmin: {socket: \"${D}/a.sock\"}", "/var/a.sock"), ("admin: {}", nil),
        ("admin: 3", nil), ("{", nil), ("", nil),
    ])
    func theSocketIsFoundInABrokenFile(_ text: String, _ socket: String?) {
        let found = Configuration.adminSocket(
            in: Array(text.utf8).span,
            file: "/etc/f.yaml",
            environment: ["D": "/var"]
        )
        #expect(found == socket)
    }
}
