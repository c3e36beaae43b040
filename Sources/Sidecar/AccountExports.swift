// SPDX-License-Identifier: Apache-2.0
package import AWS
package import JSON
import Runtime

/// What `aws … get-*` and `describe-*` printed of an account. Each file is known by its members, whatever its name.
package struct AccountExports: Sendable {
    package struct Role: Sendable {
        package var trust: IAMDocument?
        package var maximumSeconds: Int64?
        /// By the name of the policy.
        package var policies: [(name: String, document: IAMDocument)] = []
    }

    package struct Client: Sendable {
        package var pool: String
        /// Attributes that whoever uses the client may set of himself. Empty: the standard ones, no others.
        package var writes: [String]
    }

    /// By name, which is the end of the ARN.
    package private(set) var roles: [String: Role] = [:]
    /// By id.
    package private(set) var clients: [String: Client] = [:]
    /// Managed policies that came without saying whose they are: held against every role.
    package private(set) var policies: [(name: String, document: IAMDocument)] = []

    package init() {}

    /// Every `*.json` of a folder.
    package init(folder: String) throws(LoadProblems) {
        do {
            for name in try Files.list(folder) where name.hasSuffix(".json") {
                let path = "\(folder)/\(name)"
                let bytes = try Files.read(path, limit: 64 << 20)
                let value: JSONValue
                do throws(JSONError) {
                    value = try JSONValue.parse(bytes.span, maximumBytes: 64 << 20)
                } catch {
                    throw LoadProblems(["\(path): is no JSON: \(error)"])
                }
                if !add(value, named: name) {
                    throw LoadProblems([
                        "\(path): is none of: get-role, get-role-policy, get-policy-version, "
                            + "get-account-authorization-details, describe-user-pool-client"
                    ])
                }
            }
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    /// - Returns: false for what is no export that is known, or holds a policy that is none.
    package mutating func add(_ value: JSONValue, named name: String) -> Bool {
        guard let object = value.object else { return false }
        if let role = object["Role"]?.object { return add(role: role) }
        if let client = object["UserPoolClient"]?.object { return add(client: client) }
        if let role = object["RoleName"]?.string,
            let document = object["PolicyDocument"].flatMap(IAMDocument.init)
        {
            let policy = object["PolicyName"]?.string ?? name
            roles[role, default: Role()].policies.append((policy, document))
            return true
        }
        if let version = object["PolicyVersion"]?.object {
            guard let document = version["Document"].flatMap(IAMDocument.init) else { return false }
            policies.append((name, document))
            return true
        }
        if let details = object["RoleDetailList"]?.array {
            return details.allSatisfy {
                $0.object.map { add(details: $0, object["Policies"]?.array ?? []) } ?? false
            }
        }
        return false
    }

    private mutating func add(role: JSONObject) -> Bool {
        guard let name = role["RoleName"]?.string,
            let trust = role["AssumeRolePolicyDocument"].flatMap(IAMDocument.init)
        else { return false }
        roles[name, default: Role()].trust = trust
        roles[name]?.maximumSeconds = role["MaxSessionDuration"]?.integer
        return true
    }

    private mutating func add(client: JSONObject) -> Bool {
        guard let id = client["ClientId"]?.string, let pool = client["UserPoolId"]?.string else {
            return false
        }
        clients[id] = Client(pool: pool, writes: client["WriteAttributes"]?.strings ?? [])
        return true
    }

    /// Of `get-account-authorization-details`: with its own policies, and those that are attached to it.
    private mutating func add(details role: JSONObject, _ managed: [JSONValue]) -> Bool {
        guard let name = role["RoleName"]?.string,
            let trust = role["AssumeRolePolicyDocument"].flatMap(IAMDocument.init)
        else { return false }
        roles[name, default: Role()].trust = trust
        for policy in role["RolePolicyList"]?.array ?? [] {
            guard let policy = policy.object,
                let document = policy["PolicyDocument"].flatMap(IAMDocument.init)
            else { return false }
            roles[name]?.policies.append((policy["PolicyName"]?.string ?? "", document))
        }
        let attached = (role["AttachedManagedPolicies"]?.array ?? []).compactMap {
            $0.object?["PolicyArn"]?.string
        }
        for policy in managed {
            guard let policy = policy.object, let arn = policy["Arn"]?.string, attached.contains(arn) else {
                continue
            }
            for version in policy["PolicyVersionList"]?.array ?? [] {
                guard let version = version.object, version["IsDefaultVersion"]?.bool ?? false else {
                    continue
                }
                guard let document = version["Document"].flatMap(IAMDocument.init) else { return false }
                roles[name]?.policies.append((policy["PolicyName"]?.string ?? arn, document))
            }
        }
        return true
    }
}
