// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTP1
import HTTPTypes

/// One kind of request, over and over, through one gateway that has seen it before.
struct Scenario {
    let name: String
    let text: [UInt8]
    let listener: Int
    /// Empty for requests that are refused.
    let response: [UInt8]
    /// A stream on a connection of HTTP/2, from the frames of its request to those of its answer.
    let isMultiplexed: Bool

    static func all(_ rig: Rig) throws -> [Scenario] {
        let token = Signer.pool.token(.ann)
        let handle = try rig.handle(token)
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        let list = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nETag: \"1\"\r\n\r\n"
        let session = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: session-of-thirty-three-characters"
        let common = ["User-Agent: client/1.0", "Accept: */*", "Accept-Encoding: identity"]
        return [
            Scenario(
                "ingress",
                Rig.request(
                    "POST /invocations",
                    token: token,
                    common + ["Content-Type: application/json"],
                    body: "{}"
                ),
                rig.listener("ingress"),
                answer
            ),
            Scenario(
                "ingress with a session",
                Rig.request(
                    "POST /invocations",
                    token: token,
                    common + ["Content-Type: application/json", session],
                    body: "{}"
                ),
                rig.listener("ingress"),
                answer
            ),
            Scenario(
                "rest",
                Rig.request("GET /notes/1?x=1", host: "notes.local", token: handle, common),
                rig.listener("stores"),
                list
            ),
            Scenario(
                "rest over HTTP/2",
                Rig.request("GET /notes/1?x=1", host: "notes.local", token: handle, common),
                rig.listener("stores"),
                list,
                isMultiplexed: true
            ),
            Scenario(
                "refused: no token",
                Rig.request("POST /invocations", common, body: "{}"),
                rig.listener("ingress"),
                ""
            ),
        ]
    }

    private init(
        _ name: String,
        _ text: String,
        _ listener: Int,
        _ response: String,
        isMultiplexed: Bool = false
    ) {
        self.name = name
        self.isMultiplexed = isMultiplexed
        self.text = Array(text.utf8)
        self.listener = listener
        self.response = Array(response.utf8)
    }
}
