// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Runtime

/// The paths that a look for side doors tries.
struct SideDoorFiles {
    /// Where credentials of clouds and clusters usually lie.
    var credentials: [String]
    /// Sockets of container runtimes: who may talk to one owns the machine.
    var runtimes: [String]
    /// Bulkhead's keys, private keys and tokens.
    var keys: [String]
    /// What Bulkhead believes: configuration, tenants, policies, tables.
    var configuration: [String]
    var adminSocket: String

    init(_ configuration: Configuration?, home: String, environment: [String: String]) {
        let named = [
            "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_FEDERATED_TOKEN_FILE", "KUBECONFIG",
        ].compactMap { environment[$0] }
        credentials =
            named + [
                "\(home)/.aws/credentials", "\(home)/.config/gcloud/application_default_credentials.json",
                "\(home)/.azure/msal_token_cache.json", "\(home)/.kube/config", "\(home)/.netrc",
                "\(home)/.pgpass",
                "/root/.aws/credentials", "/etc/kubernetes/admin.conf",
                "/var/run/secrets/kubernetes.io/serviceaccount/token",
                "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
                "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
                "/var/run/secrets/azure/tokens/azure-identity-token",
            ]
        runtimes = [
            "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
            "/var/run/crio/crio.sock",
        ]
        // Where the image and the manifests of Deploy have them.
        keys = ["/etc/bulkhead/keys", "/etc/bulkhead/tls"]
        self.configuration = ["/etc/bulkhead"]
        adminSocket = "/run/bulkhead/admin.sock"
        if let configuration { add(configuration) }
    }

    private mutating func add(_ file: Configuration) {
        keys += file.secretFiles + file.secretFolders
        configuration += [file.file, file.adapters] + file.policy.files
        configuration += [file.tenants.file, file.policy.schema].compactMap(\.self)
        if let socket = file.admin.socket { adminSocket = socket }
    }
}
