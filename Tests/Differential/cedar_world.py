# SPDX-License-Identifier: Apache-2.0
"""Random schemas, entities, requests and policies for cedar.py. Everything comes from one seeded generator.

A type is a tuple: ("long",), ("bool",), ("string",), ("ip",), ("decimal",), ("datetime",), ("duration",),
("set", T), ("record", ((name, T, required), ...)), ("entity", name).
"""
import json

STRINGS = ["a", "b", "", "*", "a*b", "é", "e\u0301", "\u0000", "x y", "\U0001f600", 'q"', "\\", "\n", "10.0.0.1", "1.0"]
NAMES = ["n", "owner", "level", "x y", "if", "principal", "é", "in_", "has1", "t"]
EXTENSIONS = {
    "ip": ["10.0.0.1", "10.0.0.0/8", "::1", "ff00::/8", "1.2.3.4/32", "127.0.0.1", "0.0.0.0/0"],
    "decimal": ["1.0", "-0.5", "0.1234", "922337203685477.5807", "-922337203685477.5808", "01.50"],
    "datetime": ["2024-01-01", "2024-02-29T23:59:59.999Z", "1969-12-31T00:00:00+0130", "0000-01-01", "9999-12-31"],
    "duration": ["1h", "-1d2h3m4s5ms", "0ms", "106751991167d", "-9223372036854775808ms", "60m"],
}
BAD = {"ip": ["1.2.3", "1.2.3.4/33"], "decimal": ["1", "1.00000"], "datetime": ["2024-02-30", "2024-01-01T00:00:00"], "duration": ["1h1d", ""]}
LONGS = [0, 1, 2, -1, 7, 100, 2**63 - 1, -(2**63)]
SCALARS = [("long",), ("bool",), ("string",), ("ip",), ("decimal",), ("datetime",), ("duration",)]


def quoted(text):
    out = '"'
    for c in text:
        out += {'"': '\\"', "\\": "\\\\", "\0": "\\0", "\n": "\\n"}.get(c, c)
    return out + '"'


def key(name):
    plain = name.isascii() and name.isidentifier() and name not in ("if", "in", "is", "has", "like", "then", "else", "true", "false")
    return name if plain else quoted(name)


def access(target, name):
    return f"{target}.{name}" if key(name) == name else f"{target}[{quoted(name)}]"


class World:
    def __init__(self, rng):
        self.rng = rng
        self.ns = rng.choice(["", "", "N", "A::B"])
        self.types = {}
        for name in ["User", "Group", "Doc", "Folder"]:
            self.types[self.full(name)] = {"attrs": self.record(2), "tags": self.type(1) if rng.random() < 0.5 else None}
        self.enum = self.full("Color")
        user, group, doc, folder = (self.full(n) for n in ["User", "Group", "Doc", "Folder"])
        self.parents = {user: [group], group: [group], doc: [folder], folder: [folder] if rng.random() < 0.5 else []}
        self.actions = {}
        for name in ["read", "write", "x y"]:
            self.actions[name] = {
                "in": rng.sample(["all", "some"], rng.randrange(3)),
                "principal": rng.sample([user, group], rng.randrange(1, 3)),
                "resource": rng.sample([doc, folder], rng.randrange(1, 3)),
                "context": self.record(2),
            }
        self.entities = self.make_entities()

    def full(self, name):
        return f"{self.ns}::{name}" if self.ns else name

    def type(self, depth):
        roll = self.rng.random()
        if depth > 0 and roll < 0.15:
            return ("set", self.type(depth - 1))
        if depth > 0 and roll < 0.3:
            return ("record", self.record(depth - 1))
        if roll < 0.45:
            return ("entity", self.full(self.rng.choice(["User", "Group", "Doc", "Color"])))
        return self.rng.choice(SCALARS)

    def record(self, depth):
        names = self.rng.sample(NAMES, self.rng.randrange(0, 5))
        return tuple((n, self.type(depth), self.rng.random() < 0.6) for n in names)

    # The schema in Cedar's syntax.
    def type_text(self, t):
        if t[0] == "set":
            return f"Set<{self.type_text(t[1])}>"
        if t[0] == "record":
            return "{" + ", ".join(f"{key(n)}{'' if r else '?'}: {self.type_text(x)}" for n, x, r in t[1]) + "}"
        if t[0] == "entity":
            return t[1]
        return {"long": "Long", "bool": "Bool", "string": "String", "ip": "ipaddr"}.get(t[0], t[0])

    def schema(self):
        lines = [f'entity Color enum ["red", "é"];']
        for name, body in self.types.items():
            short = name.split("::")[-1]
            parents = f" in [{', '.join(self.parents[name])}]" if self.parents[name] else ""
            tags = f" tags {self.type_text(body['tags'])}" if body["tags"] else ""
            lines.append(f"entity {short}{parents} = {self.type_text(('record', body['attrs']))}{tags};")
        lines.append('action "all", "some";')
        for name, a in self.actions.items():
            groups = f" in [{', '.join(quoted(g) for g in a['in'])}]" if a["in"] else ""
            lines.append(
                f"action {quoted(name)}{groups} appliesTo {{ principal: [{', '.join(a['principal'])}], "
                f"resource: [{', '.join(a['resource'])}], context: {self.type_text(('record', a['context']))} }};"
            )
        body = "\n".join(lines)
        return f"namespace {self.ns} {{\n{body}\n}}" if self.ns else body

    # Data.
    def value(self, t):
        rng = self.rng
        if t[0] == "long":
            return rng.choice(LONGS)
        if t[0] == "bool":
            return rng.random() < 0.5
        if t[0] == "string":
            return rng.choice(STRINGS)
        if t[0] in EXTENSIONS:
            return {"__extn": {"fn": t[0], "arg": rng.choice(EXTENSIONS[t[0]])}}
        if t[0] == "set":
            return [self.value(t[1]) for _ in range(rng.randrange(4))]
        if t[0] == "record":
            return {n: self.value(x) for n, x, r in t[1] if r or rng.random() < 0.5}
        name, ident = self.uid(t[1])
        return {"__entity": {"type": name, "id": ident}}

    def uid(self, name):
        if name == self.enum:
            return name, self.rng.choice(["red", "é"])
        return name, self.rng.choice(["1", "2", "é", "e\u0301"])

    def make_entities(self):
        out = []
        for name, body in self.types.items():
            for ident in ["1", "2", "é"]:
                if self.rng.random() < 0.15:
                    continue
                # A parent has a larger id than its child of the same type: no cycles.
                parents = []
                for p in self.parents[name]:
                    for candidate in ["1", "2", "é", "e\u0301"]:
                        if (p != name or candidate > ident) and self.rng.random() < 0.3:
                            parents.append({"type": p, "id": candidate})
                entity = {"uid": {"type": name, "id": ident}, "attrs": self.value(("record", body["attrs"])), "parents": parents}
                if body["tags"]:
                    entity["tags"] = {k: self.value(body["tags"]) for k in self.rng.sample(STRINGS, 3)}
                out.append(entity)
        return out

    def request(self):
        name = self.rng.choice(list(self.actions))
        a = self.actions[name]
        p, r = self.uid(self.rng.choice(a["principal"])), self.uid(self.rng.choice(a["resource"]))
        return {
            "principal": {"type": p[0], "id": p[1]},
            "action": {"type": self.full("Action"), "id": name},
            "resource": {"type": r[0], "id": r[1]},
            "context": self.value(("record", a["context"])),
        }


class Writer:
    """Writes policies whose expressions mostly have the types that they should have."""

    def __init__(self, world, rng):
        self.w, self.rng = world, rng
        action = rng.choice(list(world.actions))
        self.action = action
        a = world.actions[action]
        self.vars = {
            "principal": ("entity", rng.choice(a["principal"])),
            "resource": ("entity", rng.choice(a["resource"])),
            "context": ("record", a["context"]),
            "action": ("entity", world.full("Action")),
        }

    def paths(self, wanted):
        """Accesses of the wanted type, with the `has` tests that they need."""
        found = []

        def walk(text, t, tests, depth):
            if t == wanted:
                found.append((text, tests))
            if depth == 0:
                return
            attrs = t[1] if t[0] == "record" else self.w.types.get(t[1], {}).get("attrs", ()) if t[0] == "entity" else ()
            for name, x, required in attrs:
                test = [] if required else [f"{text} has {key(name)}"]
                walk(access(text, name), x, tests + test, depth - 1)
            if t[0] == "entity" and self.w.types.get(t[1], {}).get("tags"):
                k = quoted(self.rng.choice(STRINGS))
                walk(f"{text}.getTag({k})", self.w.types[t[1]]["tags"], tests + [f"{text}.hasTag({k})"], depth - 1)

        for name, t in self.vars.items():
            walk(name, t, [], 2)
        return found

    def entity(self, name):
        t, i = self.w.uid(name)
        if self.rng.random() < 0.03:
            i = "nobody"
        return f"{t}::{quoted(i)}"

    def expr(self, t, depth):
        rng = self.rng
        if rng.random() < 0.02:
            t = self.w.type(1)
        if depth > 0 and rng.random() < 0.08:
            return f"(if {self.expr(('bool',), depth - 1)} then {self.expr(t, depth - 1)} else {self.expr(t, depth - 1)})"
        if rng.random() < 0.4:
            paths = self.paths(t)
            if paths:
                text, tests = rng.choice(paths)
                if t == ("bool",) and tests and rng.random() < 0.9:
                    return f"({' && '.join(tests + [text])})"
                return text
        kind = t[0]
        if kind == "bool":
            return self.boolean(depth)
        if kind == "long":
            if depth > 0 and rng.random() < 0.4:
                if rng.random() < 0.2:
                    return f"{self.expr(('duration',), depth - 1)}.{rng.choice(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'])}()"
                if rng.random() < 0.2:
                    return f"-({self.expr(t, depth - 1)})"
                return f"({self.expr(t, depth - 1)} {rng.choice('+-*')} {self.expr(t, depth - 1)})"
            return str(rng.choice(LONGS))
        if kind == "string":
            return quoted(rng.choice(STRINGS))
        if kind in EXTENSIONS:
            if depth > 0 and kind == "datetime" and rng.random() < 0.3:
                return rng.choice([f"{self.expr(t, depth - 1)}.offset({self.expr(('duration',), depth - 1)})", f"{self.expr(t, depth - 1)}.toDate()"])
            if depth > 0 and kind == "duration" and rng.random() < 0.3:
                return rng.choice([f"{self.expr(('datetime',), depth - 1)}.durationSince({self.expr(('datetime',), depth - 1)})", f"{self.expr(('datetime',), depth - 1)}.toTime()"])
            pool = BAD[kind] if rng.random() < 0.03 else EXTENSIONS[kind]
            return f"{kind}({quoted(rng.choice(pool))})"
        if kind == "set":
            return f"[{', '.join(self.expr(t[1], max(depth - 1, 0)) for _ in range(rng.randrange(0 if rng.random() < 0.05 else 1, 4)))}]"
        if kind == "record":
            return "{" + ", ".join(f"{key(n)}: {self.expr(x, max(depth - 1, 0))}" for n, x, r in t[1] if r or rng.random() < 0.5) + "}"
        return self.entity(t[1]) if t[1] != self.w.full("Action") else f"{t[1]}::{quoted(rng.choice(list(self.w.actions) + ['all']))}"

    def boolean(self, depth):
        rng = self.rng
        if depth <= 0:
            return rng.choice(["true", "false"])
        e = lambda t: self.expr(t, depth - 1)
        any_entity = lambda: ("entity", self.w.full(rng.choice(["User", "Group", "Doc", "Folder"])))
        roll = rng.randrange(18)
        if roll < 4:
            return f"({e(('bool',))} {rng.choice(['&&', '||'])} {e(('bool',))})"
        if roll == 4:
            return f"!{rng.choice(['', '!'])}({e(('bool',))})"
        if roll < 7:
            t = self.w.type(1)
            return f"({e(t)} {rng.choice(['==', '!='])} {e(t)})"
        if roll < 9:
            t = rng.choice([("long",), ("datetime",), ("duration",)])
            return f"({e(t)} {rng.choice(['<', '<=', '>', '>='])} {e(t)})"
        if roll < 11:
            left = rng.choice(["principal", "resource", "action", e(any_entity())])
            right = any_entity()
            if left == "action":
                right = self.vars["action"]
            return f"({left} in {e(('set', right) if rng.random() < 0.4 else right)})"
        if roll == 11:
            return f"({rng.choice(['principal', 'resource', e(any_entity())])} is {any_entity()[1]}{rng.choice(['', f' in {e(any_entity())}'])})"
        if roll == 12:
            pattern = "".join(rng.choice(["*", "a", "\\*", "é", "b"]) for _ in range(rng.randrange(4)))
            return f'({e(("string",))} like "{pattern}")'
        if roll == 13:
            t = self.w.type(0)
            if rng.random() < 0.5:
                return f"{e(('set', t))}.contains({e(t)})"
            return f"{e(('set', t))}.{rng.choice(['containsAll', 'containsAny'])}({e(('set', t))})"
        if roll == 14:
            method = rng.choice(["isIpv4", "isIpv6", "isLoopback", "isMulticast"])
            return f"{e(('ip',))}.isInRange({e(('ip',))})" if rng.random() < 0.5 else f"{e(('ip',))}.{method}()"
        if roll == 15:
            return f"{e(('decimal',))}.{rng.choice(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'])}({e(('decimal',))})"
        if roll == 16:
            name = rng.choice(NAMES)
            target = rng.choice(list(self.vars))
            path = f".{rng.choice(['n', 'owner', 'level', 't'])}" if key(name) == name and rng.random() < 0.3 else ""
            return rng.choice([f"({target} has {key(name)}{path})", f"principal.hasTag({e(('string',))})"])
        return f"{e(('set', self.w.type(0)))}.isEmpty()"

    def scope(self, name):
        rng = self.rng
        t = self.vars[name][1]
        other = rng.choice([t] + self.w.parents.get(t, []))
        return rng.choice(
            ["", "", f" is {t}", f" == {self.entity(t)}", f" in {self.entity(other)}", f" is {t} in {self.entity(other)}"]
        )

    def policy(self):
        rng = self.rng
        action_type = self.w.full("Action")
        one = lambda: f"{action_type}::{quoted(rng.choice([self.action, 'all', 'some']))}"
        action = rng.choice(["", f" == {action_type}::{quoted(self.action)}", f" in {one()}", f" in [{one()}, {one()}]"])
        clauses = "".join(
            f"\n{rng.choice(['when', 'when', 'unless'])} {{ {self.expr(('bool',), rng.randrange(1, 5))} }}" for _ in range(rng.randrange(3))
        )
        annotation = rng.choice(["", "", '@note("é")\n', "@if\n"])
        return f"{annotation}{rng.choice(['permit', 'permit', 'forbid'])} (principal{self.scope('principal')}, action{action}, resource{self.scope('resource')}){clauses};"


def mutate(text, rng):
    """A few small damages, for the parsers."""
    for _ in range(rng.randrange(1, 4)):
        i = rng.randrange(len(text))
        j = min(len(text), i + rng.randrange(1, 6))
        text = rng.choice(
            [
                text[:i] + text[j:],
                text[:i] + text[i:j] * 2 + text[j:],
                text[:i] + rng.choice(["(", ")", "}", ",", ";", '"', "-", "!", ".", "::", " has ", " in ", " is ", "\\", "*", "=", "@", "?", "\u00a0", "//"]) + text[i:],
            ]
        )
    return text
