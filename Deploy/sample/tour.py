# SPDX-License-Identifier: Apache-2.0
"""The tour: makes the calls that a curious person would make, shows what happened, and checks that it should have."""

import http.client
import json
import ssl
import sys
import time

# Names of Bulkhead's records and metrics.
REASON, LISTENER = "error.type", "bulkhead.listener"
CLINIC, HOSPITAL = "riverside-clinic", "mercy-hospital"
WAIT_SECONDS = 10


def styled(code, text):
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


class Tour:
    def __init__(self, demo):
        self.demo = demo
        self.context = ssl.create_default_context(cafile=str(demo.ca))
        self.wrong = []
        self.requests = 0
        self.ann = demo.token(CLINIC, "basic", "ann")
        self.bob = demo.token(HOSPITAL, "premium", "bob")

    # Making calls

    def call(self, token, path="/invocations", method="POST", body=None, headers=None):
        """One request at the front door: status, body text."""
        connection = http.client.HTTPSConnection(
            "localhost", self.demo.ports["ingress"], context=self.context, timeout=15)
        return self.exchange(connection, token, path, method, body, headers)

    def store_call(self, token, path, method="GET"):
        """One request at the listener that is meant for the agent alone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.demo.ports["stores"], timeout=15)
        return self.exchange(connection, token, path, method, None, None)

    def exchange(self, connection, token, path, method, body, headers):
        fields = dict(headers or {})
        if token is not None:
            fields["authorization"] = f"Bearer {token}"
        if body is not None:
            fields["content-type"] = "application/json"
            body = json.dumps(body)
        self.requests += 1
        try:
            connection.request(method, path, body=body, headers=fields)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def say_to_agent(self, token, prompt, **headers):
        status, text = self.call(token, body={"prompt": prompt}, headers=headers)
        return status, json.loads(text).get("answer", text) if status == 200 else text

    # Looking behind

    def seen(self, name):
        path = self.demo.seen(name)
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def records(self):
        path = self.demo.state / "records.jsonl"
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []

    def settled(self):
        """The records, once every request that has ended stands there: they are written in batches."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            records = self.records()
            total = sum(v for k, v in self.metrics().items() if k.split("{")[0] == "bulkhead_requests_total")
            if len(records) == total or time.monotonic() > deadline:
                return records
            time.sleep(0.01)

    def await_records(self, count):
        deadline = time.monotonic() + WAIT_SECONDS
        while len(records := self.records()) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return records

    # Telling

    def heading(self, text):
        print(f"\n{styled('1', text)}")

    def check(self, good, text, detail=""):
        mark = styled("32", "✓") if good else styled("31", "✗")
        print(f"  {mark} {text}" + (f"\n      {styled('2', detail)}" if detail else ""))
        if not good:
            self.wrong.append(text)

    # The stations

    def run(self):
        before = len(self.records())  # health checks and the like leave none, but count from here
        self.one_agent_two_tenants()
        self.streaming()
        self.talked_into_it()
        self.what_the_agent_sees()
        self.refusals()
        self.round_the_outside()
        self.records_and_metrics(before)
        print()
        if self.wrong:
            print(styled("31", f"✗ {len(self.wrong)} thing(s) not as they should be; logs in {self.demo.state}"))
            return 1
        print(styled("32", "✓ everything is as it should be"))
        return 0

    def one_agent_two_tenants(self):
        self.heading("Two tenants, one agent, one store, the same names")
        self.ask("clinic  ", self.ann, "remember patient: Ada, blood type 0", "I will remember patient.")
        self.ask("hospital", self.bob, "recall patient", "I know nothing of patient (404).")
        self.ask("hospital", self.bob, "remember patient: Grace, blood type AB", "I will remember patient.")
        self.ask("clinic  ", self.ann, "recall patient", "Ada, blood type 0")
        self.ask("hospital", self.bob, "recall patient", "Grace, blood type AB")
        self.ask("clinic  ", self.ann, "notes", "I keep: patient")
        self.ask("hospital", self.bob, "forget patient", "I forgot patient.")
        self.ask("clinic  ", self.ann, "recall patient", "Ada, blood type 0")

    def ask(self, who, token, prompt, expected):
        before = len(self.seen("memory"))
        status, answer = self.say_to_agent(token, prompt)
        paths = [f"{e['method']} {e['path']} → {e['status']}" for e in self.seen("memory")[before:]]
        self.check(status == 200 and answer == expected, f"{who}  {prompt!r} → {answer!r}",
                   "the store saw  " + ", ".join(paths))

    def compartment(self, tenant):
        """The tenant's place in the store, as the store saw it."""
        return next((e["path"].split("/")[2] for e in self.seen("memory")
                     if e["path"].startswith("/tenants/") and tenant.split("-")[0] in e["path"]), None)

    def streaming(self):
        self.heading("Server-sent events")
        status, text = self.call(self.ann, body={"prompt": "recall patient", "stream": True})
        words = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        self.check(status == 200 and " ".join(words) == "Ada, blood type 0", f"clinic    {len(words)} events: {words}")

    def talked_into_it(self):
        self.heading("An agent that was talked into going elsewhere")
        hospital, clinic = self.compartment(HOSPITAL), self.compartment(CLINIC)
        target = f"/tenants/{hospital}/notes/patient"
        before = len(self.seen("memory"))
        _, answer = self.say_to_agent(self.ann, f"fetch {target}")
        reached = [e["path"] for e in self.seen("memory")[before:]]
        self.check(reached == [f"/tenants/{clinic}{target}"] and "404" in answer,
                   f"clinic    asks for the hospital's path {target}", f"the store saw  {reached[0] if reached else 'nothing'}")
        for path in ("/../notes/patient", "/notes/%2e%2e/%2e%2e/x", "/notes//x", "/notes/a%2Fb"):
            before = len(self.seen("memory"))
            _, answer = self.say_to_agent(self.ann, f"fetch {path}")
            reached = [e["path"] for e in self.seen("memory")[before:]]
            self.check(not reached and answer.startswith(("The store answered 400", "The store answered 403")),
                       f"clinic    asks for {path}: refused", answer.removeprefix("The store answered "))

    def what_the_agent_sees(self):
        self.heading("What a caller says of themselves, and what the agent is told")
        status, _ = self.say_to_agent(self.ann, "hello", **{"x-tenant-id": HOSPITAL, "X_Tenant_Tier": "premium"})
        headers = self.seen("agent")[-1]["headers"]
        told = {name: headers.get(name) for name in ("x-tenant-id", "x-tenant-tier", "x-user-id")}
        self.check(status == 200 and told == {"x-tenant-id": CLINIC, "x-tenant-tier": "basic", "x-user-id": "ann"}
                   and HOSPITAL not in str(headers), "clinic    claims to be the hospital; the agent is told", str(told))
        carrier = headers.get("authorization", "")
        self.check(carrier.startswith("Bearer bhh1_") and self.ann not in str(headers),
                   "the token's place is taken by a handle, good on the agent's own listeners alone",
                   f"authorization: {carrier[:24]}…")
        self.check(all("authorization" not in e["headers"] for e in self.seen("memory")),
                   "the store is shown no credential of a caller")

    def refusals(self):
        self.heading("Refused")
        demo = self.demo
        good = self.ann.split(".")
        forged = ".".join((*good[:2], ("A" if good[2][0] != "A" else "B") + good[2][1:]))
        cases = [
            ("no token", None, "token_missing"),
            ("a forged signature", forged, "signature_invalid"),
            ("alg: none", demo.token(CLINIC, "basic", "ann", algorithm="none"), "algorithm_refused"),
            ("HS256 with the public key", demo.token(CLINIC, "basic", "ann", algorithm="HS256"), "algorithm_refused"),
            ("an expired token", demo.token(CLINIC, "basic", "ann", minutes=-10), "token_expired"),
            ("another issuer", demo.token(CLINIC, "basic", "ann", issuer="https://evil.example/"), "issuer_unknown"),
            ("another audience", demo.token(CLINIC, "basic", "ann", audience="other"), "audience_mismatch"),
            ("a tenant that does not exist", demo.token("nobody", "basic", "ann"), "tenant_unknown"),
            ("a suspended tenant", demo.token("former-practice", "basic", "ann"), "tenant_suspended"),
        ]
        for what, token, reason in cases:
            self.refused(what, reason, lambda token=token: self.call(token, body={"prompt": "hello"}))
        self.refused("an operation that nobody declared", None,
                     lambda: self.call(self.ann, path="/admin", body={"prompt": "hello"}))

    def refused(self, what, reason, make):
        agent, before = len(self.seen("agent")), len(self.settled())
        status, text = make()
        records = self.await_records(before + 1)[before:]
        reasons = [record.get(REASON) for record in records]
        good = status >= 400 and len(self.seen("agent")) == agent and len(reasons) == 1 and reasons[0] is not None
        self.check(good and reason in (None, reasons[0]), f"{status}  {what:34} {reasons[0] if reasons else 'no record'}")

    def round_the_outside(self):
        self.heading("Round the outside")
        self.refused("the store's listener without a handle", "token_missing",
                     lambda: self.store_call(None, "/notes/patient"))
        self.refused("the store's listener with a caller's token", None,
                     lambda: self.store_call(self.ann, "/notes/patient"))
        connection = http.client.HTTPConnection("127.0.0.1", self.demo.ports["admin"], timeout=5)
        connection.request("GET", "/metrics")
        self.check(connection.getresponse().status == 401, "401  metrics without the admin token")

    def records_and_metrics(self, before):
        self.heading("What is left of it")
        stores = len(self.seen("memory"))
        records = self.await_records(before + self.requests)[before:]
        fronts = [record for record in records if record[LISTENER] == "ingress"]
        refused = sum(1 for record in records if record.get(REASON))
        self.check(len({json.dumps(record) for record in records}) == len(records) and len(fronts) + 2 == self.requests,
                   f"{self.requests} calls of ours and {len(records) - self.requests} of the agent left {len(records)} "
                   f"records, {refused} of them refusals; {stores} requests reached the store")
        series = self.metrics()
        for name in ("bulkhead_requests_total", "bulkhead_refusals_total"):
            total = sum(value for key, value in series.items() if key.split("{")[0] == name)
            self.check(total == (len(records) if "requests" in name else refused), f"{name} says {total:.0f}")
        for key, value in sorted(series.items()):
            if key.startswith("bulkhead_refusals_total"):
                print(f"      {styled('2', f'{key} {value:.0f}')}")

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.demo.ports["admin"], timeout=5)
        connection.request("GET", "/metrics", headers={"authorization": f"Bearer {self.demo.admin_token}"})
        text = connection.getresponse().read().decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if line and not line.startswith("#")}
