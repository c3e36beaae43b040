// SPDX-License-Identifier: Apache-2.0
import Bytes
import Namespaces
import Testing

@Suite struct ChromaTests {
    let adapter: Adapter
    let acme: AdapterScope
    let globex: AdapterScope

    init() throws {
        adapter = try Rig.adapter("chroma")
        acme = try Rig.scope(adapter, "acme")
        globex = try Rig.scope(adapter, "globex")
    }

    @Test func loads() throws {
        #expect(adapter.name == "chroma")
        #expect(adapter.isSingleLayer)
    }
}
