# SPDX-License-Identifier: Apache-2.0
"""A Bulkhead that needs no peer but origins: one issuer, one tenant, each origin behind a store's adapter and behind an agent's."""

import json
import re

from .bulkhead import Bulkhead

TENANT = {"id": "clinic", "name": "Riverside Clinic", "tier": "basic", "issuers": ["workforce"]}
COMPARTMENT = re.compile(r"^/tenants/[a-z0-9]+/")


class Sealed:
    """One Bulkhead with a listener for each adapter and origin."""

    def __init__(self, folder, forge, witness, origins, **changes):
        self.witness, self.origins = witness, origins
        jwks = folder / "jwks.json"
        jwks.write_text(json.dumps(forge.jwks()))
        layer = {"owner": "peer tests", "reason": "origins know no tenants", "expires": "2099-12-31"}
        listeners, upstreams, routes = [], {}, []
        for origin in self.origins:
            upstreams[origin.name] = {"endpoints": [f"127.0.0.1:{origin.port}"]}
            for adapter in ("rest", "agentcore-runtime"):
                name = f"{adapter}-{origin.name}"
                listeners.append({"name": name, "carriers": ["bearer"], "routes": [name]})
                route = {"name": name, "adapter": adapter, "upstream": origin.name}
                if adapter == "rest":
                    route |= {"resource": f'Store::"{origin.name}"', "single_layer": layer}
                else:
                    route |= {"match": {"paths": ["/invocations", "/ping"]}, "resource": f'Agent::"{origin.name}"', "credentials": "context"}
                routes.append(route)
        self.bulkhead = None
        bulkhead = Bulkhead(folder / "bulkhead", {
            "workers": 1, "listeners": listeners, "upstreams": upstreams, "routes": routes,
            "identity": {"issuers": [{
                "name": "workforce", "profile": "oidc", "issuer": forge.issuer, "jwks": {"file": str(jwks)},
                "audiences": [forge.audience], "algorithms": ["RS256", "ES256"]}]},
            **changes,
        }, [TENANT])
        try:
            self.bulkhead = bulkhead.start()
        except AssertionError:
            self.stop()
            raise
        self.token = forge.token("clinic", "basic")

    def stop(self):
        if self.bulkhead is not None:
            self.bulkhead.stop()
        for origin in self.origins:
            origin.stop()
        self.witness.close()


class Shape:
    """How a request looks for one adapter, and what is seen of it."""

    def __init__(self, adapter, token):
        self.adapter, self.token = adapter, token

    def request(self, case, method=b"POST", version=b"HTTP/1.1", lines=b"", body=b""):
        if self.adapter == "rest":
            target = b"/" + case
        else:
            target = b"/invocations" if method == b"POST" else b"/ping"
        head = b"%s %s %s\r\nHost: localhost\r\nX-Case: %s\r\nAuthorization: Bearer %s\r\n" % (
            method, target, version, case, self.token.encode())
        return head + lines + b"\r\n" + body

    def whole(self, variant):
        """All that is sent of a variant, and a request behind it."""
        smuggled = self.request(b"smuggled", b"GET")
        body = variant.body.replace(b"{smuggled}", smuggled)
        whole = self.request(b"variant", variant.method, variant.version, variant.lines, body)
        if variant.change:
            whole = variant.change(whole)
        return whole + self.request(b"probe", b"GET", lines=b"Connection: close\r\n")

    def seen(self, request):
        """Method, case and body."""
        if self.adapter == "rest":
            return request.method, COMPARTMENT.sub("", request.target), request.body
        cases = [value for name, value in request.headers if name.lower() == "x-case"]
        return request.method, ",".join(cases), request.body
