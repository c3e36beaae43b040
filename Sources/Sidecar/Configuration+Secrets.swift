// SPDX-License-Identifier: Apache-2.0
import Configuration

extension Configuration {
    /// Paths of the secrets that it names: keys, tokens, private keys.
    var secretFiles: [String] {
        let secrets = [keys.current, keys.previous, admin.token] + credentials.map(\.secret)
        var paths: [String] = []
        for case .file(let path)? in secrets { paths.append(path) }
        if case .redis(let table)? = ownership {
            if case .file(let path)? = table.password { paths.append(path) }
            if let key = table.tls?.certificate?.privateKey { paths.append(key) }
        }
        for listener in listeners { paths += listener.tls?.certificates.map(\.privateKey) ?? [] }
        return paths + upstreams.compactMap { $0.tls?.certificate?.privateKey }
    }

    /// Folders in which each tenant has a secret of its own.
    var secretFolders: [String] { credentials.compactMap(\.folder) }
}

extension Configuration.Credential {
    fileprivate var secret: Configuration.SecretSource? {
        switch kind {
        case .signedContext(let context): context.key
        case .oauth(let oauth):
            switch oauth.authentication {
            case .basic(.shared(let secret)), .post(.shared(let secret)), .privateKey(let secret, _): secret
            case .basic(.perTenant), .post(.perTenant): nil
            }
        case .sts, .secret: nil
        }
    }

    /// Where each tenant's own lies.
    fileprivate var folder: String? {
        switch kind {
        case .secret(let secret): secret.file.folder
        case .oauth(let oauth):
            switch oauth.authentication {
            case .basic(.perTenant(let file)), .post(.perTenant(let file)): file.folder
            case .basic(.shared), .post(.shared), .privateKey: nil
            }
        case .sts, .signedContext: nil
        }
    }
}
