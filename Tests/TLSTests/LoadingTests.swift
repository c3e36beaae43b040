// SPDX-License-Identifier: Apache-2.0
import Bytes
import TLS
import Testing

/// Errors at load say which content is bad, and why.
@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL))
struct LoadingTests {
    private static func load(_ chain: [UInt8], _ key: [UInt8]) -> String? {
        do {
            _ = try TLSCertificate(chain: chain.span, named: "tls.crt", key: key.span, keyNamed: "tls.key")
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static func problem(_ options: TLSServerOptions) -> String? {
        do {
            _ = try TLSContext(server: options)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func certificatesAndKeys() throws {
        let keys = try #require(PublicKeys.shared)
        let chain = try keys.pem("server.crt")
        let key = try keys.pem("server.key")
        #expect(Self.load(chain, key) == nil)
        // One file with both, in either order, is common.
        #expect(Self.load(key + chain, chain + key) == nil)
        #expect(Self.load([], key) == "tls.crt: is empty")
        #expect(Self.load(key, key) == "tls.crt: holds no certificate in PEM form")
        #expect(Self.load(chain, []) == "tls.key: is empty")
        #expect(Self.load(chain, chain) == "tls.key: holds no unencrypted private key in PEM form")
        #expect(
            Self.load(chain, try keys.pem("locked.key"))
                == "tls.key: holds no unencrypted private key in PEM form"
        )
        #expect(
            Self.load(chain, try keys.pem("wild.key"))
                == "tls.key: is not the key of the first certificate in tls.crt"
        )
        let cut = Array(chain[..<(chain.count / 2)])
        #expect(Self.load(cut, key)?.hasPrefix("tls.crt: certificate 1 is malformed") == true)
        #expect(Self.load(chain + cut, key)?.hasPrefix("tls.crt: certificate 2 is malformed") == true)
        let many = Array(repeatElement(chain, count: 17).joined())
        #expect(Self.load(many, key) == "tls.crt: holds more than 16 certificates")
    }

    @Test func facts() throws {
        let certificate = try #require(PublicKeys.shared).certificate("server")
        #expect(certificate.dnsNames == ["example.test", "also.example.test"])
        #expect(certificate.notAfter.seconds - certificate.notBefore.seconds == 30 * 86_400)
    }

    @Test func authorities() throws {
        let keys = try #require(PublicKeys.shared)
        let key = try keys.pem("ca.key")
        do {
            _ = try TLSTrust(authorities: key.span, named: "ca.pem")
            Issue.record("a key was taken for an authority")
        } catch {
            #expect("\(error)" == "ca.pem: holds no certificate in PEM form")
        }
        // The same authority twice is no mistake.
        _ = try keys.trust("ca", "ca")
    }

    @Test func servers() throws {
        let ends = try Ends()
        var none = ends.server
        none.certificates = []
        #expect(Self.problem(none) == "ingress: has no certificate")
        var nobody = ends.server
        nobody.clientCertificates = .required
        #expect(Self.problem(nobody)?.hasPrefix("ingress: asks for client certificates of nobody") == true)
        for names in [[""], [String(repeating: "x", count: 256)]] {
            var named = ends.server
            named.applicationProtocols = names
            #expect(Self.problem(named) == "ingress: an ALPN name has 1 to 255 bytes")
        }
        let weak = try ends.keys.certificate("weak")
        for certificates in [[weak], [ends.server.certificates[0], weak]] {
            var weakened = ends.server
            weakened.certificates = certificates
            #expect(Self.problem(weakened) == "weak.crt: cannot be used (ee key too small)")
        }
    }
}
