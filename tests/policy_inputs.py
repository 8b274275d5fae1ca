"""Sites and input documents for engines: readable ones of every kind, and hostile ones."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from flow import CATALOG
from rego_parts import POLICIES, example, readme_files

from sidecar.catalog import EXITS
from sidecar.policy import read
from sidecar.review import examples

HOSTILE: Final[tuple[Any, ...]] = (
    None,
    "",
    0,
    1,
    -1.5,
    True,
    False,
    [],
    {},
    [None],
    [1],
    {"": None},
    "read",
    "*",
    "ü💥",
)

# ---- sites


class Site(NamedTuple):
    """An operator's part: modules by name, and the data below `site`."""

    modules: Mapping[str, str] = MappingProxyType({})
    data: dict[str, Any] | None = None


UNREADABLE: Final = "package site.rules.access.broken\n\ndeny := true\n"
MASK_RULE: Final = """package site.rules.masks.strict

import data.sidecar.lib.query.tools

mask contains {"tool": tool.name, "code": "masks.strict", "entity": "NAME", "action": "drop"} if {
	some tool in tools
	"crm" in tool.tags
}

mask contains {"tool": "*", "code": "masks.strict", "pointer": "/notes", "action": "last4"}
"""
ODD_CONFIG: Final = {
    "bulk_roles": ["exporter"],
    "destructive_roles": ["lead", None],
    "raw_roles": ["auditor"],
    "masks": {"EMAIL": "drop", "CARD": "keep", "PHONE": "hash", "IBAN": None},
    "bulk_tags": "all",
    "denied": [{"tags": ["crm"], "clients": ["x"], "endpoints": ["support"]}],
    "reserved_tools": [{"tags": ["tasks"], "effects": ["write"], "roles": ["lead"]}],
    "reserved_values": [{"argument": "status", "values": ["CLOSED", True, 1], "roles": []}],
    "open_hours": [
        {"effects": ["destructive"], "open": {"Thursday": [0, 1], "Friday": [8, 18]}},
        {"tags": ["media"], "open": {"Thursday": [1, 9]}, "utc_offset_minutes": 90},
    ],
    "webhook_hosts": ["*.our.example"],
    "expected_in_arguments": [{"argument": "other", "entities": ["CARD"], "tools": ["t1"]}],
    "caller_masks": [
        {"purposes": [""], "masks": {"NAME": "pseudonym", "PIN": "keep"}},
        {"roles": ["lead"], "masks": {"NAME": "keep"}},
    ],
    "surprise": [],
}
WHOLE_CONFIG: Final = {
    "always_masked": [],
    "bulk_roles": ["exporter"],
    "bulk_tags": ["export", "media"],
    "caller_masks": [{"purposes": ["refunds"], "masks": {"EMAIL": "keep"}}],
    "customers_per_hour": 3,
    "default_methods": ["list", "create"],
    "denied": [{"tools": ["t2"]}, {"effects": ["write"], "clients": ["client-2"]}],
    "destructive_roles": ["lead"],
    "expected_in_arguments": [{"tags": ["crm"], "argument": "body", "entities": ["CARD"]}],
    "masks": {"NAME": "pseudonym", "EMAIL": "keep"},
    "open_hours": [{"tags": ["tasks"], "open": {"Thursday": [0, 9], "Saturday": [22, 24]}}],
    "passed_methods": ["resources/read"],
    "raw_roles": ["auditor"],
    "refused_in_arguments": ["EMAIL", "PIN"],
    "reserved_tools": [{"tags": ["crm"], "purposes": ["refunds", ""], "accounts": [""]}],
    "reserved_values": [{"argument": "status", "values": ["CLOSED"], "roles": ["lead"]}],
    "shadow_rules": ["access.pinned"],
    "tainted_minutes": 30,
    "tainted_roles": ["lead"],
    "tainted_tags": ["export"],
    "webhook_hosts": ["*.our.example", "hooks.example"],
}
OWN_RULES: Final = {"a.rego": next(iter(readme_files("rego").values())), "b.rego": MASK_RULE}
SITES: Final[dict[str, Site]] = {
    "no site": Site(),
    "every key of the data": Site({}, {"config": WHOLE_CONFIG}),
    "odd data": Site({}, {"config": ODD_CONFIG}),
    "rules": Site(OWN_RULES),
    "an unreadable rule": Site({"a.rego": UNREADABLE}),
    "rules in shadow": Site(
        OWN_RULES,
        {"config": {"shadow_rules": ["access.contractors", "access.unknown", "access.tags"]}},
    ),
    "an unreadable rule in shadow": Site(
        {"a.rego": UNREADABLE}, {"config": {"shadow_rules": ["access.broken"]}}
    ),
}

# ---- inputs

_TAGS: Final = ["crm", "crm", "tasks", "tasks", "export", "media", "webhooks", "unreviewed"]
_VALUES: Final = [
    "CLOSED",
    " closed",
    "true",
    True,
    1,
    "https://a.our.example/x",
    "https://hooks.example:8443/",
    "http://evil.example",
    "https://a.our.example@evil.example/",
]
_TIMES: Final = (
    "2026-01-01T00:00:00Z",
    "2026-01-03T23:59:59.5+00:00",
    "2026-01-01T09:00:00-01:30",
    "2026-01-05T12:00:00+14:00",
)
_RECENT: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"customers": 3, "new_customers": 1, "opens_customers": False, "customer_text_seconds": 1800},
    {"customers": 499, "new_customers": 1, "opens_customers": True, "customer_text_seconds": 0},
    {"customers": 500, "new_customers": 0, "opens_customers": True, "customer_text_seconds": None},
)
_COUNTED: Final = frozenset({"customers", "new_customers"})


def _tool(pick: random.Random, name: str) -> dict[str, Any]:
    marks = {"overwrites": pick.random() < 0.3, "outbound": pick.random() < 0.3}
    return {
        "name": name,
        "known": pick.random() < 0.95,
        "method": pick.choice(["list", "get", "create", "update", "delete", "custom"]),
        "effect": pick.choice(["read", "read", "write", "write", "destructive"]),
        "tags": pick.sample(_TAGS, pick.randrange(3)),
        "pii": ["EMAIL"],
        "customer_text": ["/body"],
        "pinned": pick.random() < 0.9,
        "arguments": {"body": {**marks, "expected": pick.choice([[], ["CARD"]])}},
    }


def _exit(pick: random.Random) -> dict[str, Any]:
    name = pick.choice(sorted(EXITS))
    return _tool(pick, name) | {"method": "custom", "tags": list(EXITS[name].tags)}


def readable(pick: random.Random) -> dict[str, Any]:
    """A list or a call as `policies/input.schema.json` has it."""
    is_list = pick.random() < 0.4
    names = [f"t{pick.randrange(4)}" for _ in range(pick.randrange(6) if is_list else 1)]
    roles = pick.sample(["lead", "exporter", "auditor", "contractor"], pick.randrange(3))
    methods = pick.sample(["read", "write", "delete", "custom"], pick.randrange(3))
    endpoint = {
        "methods": methods,
        "tags": pick.choice([[], ["crm"], ["crm", "tasks"]]),
        "account": pick.choice(["", "", "sandbox"]),
    }
    caller = {
        "roles": roles,
        "client": pick.choice(["client-1", "client-2"]),
        "purpose": pick.choice(["", "refunds", "support"]),
    }
    document = {
        **copy.deepcopy(example()),
        "tools": [_exit(pick) if pick.random() < 0.1 else _tool(pick, name) for name in names],
        "mcp": {"method": "tools/list" if is_list else "tools/call", "protocol": ""},
        "caller": {**example()["caller"], **caller},
        "endpoint": {**example()["endpoint"], **endpoint},
        "recent": dict(pick.choice(_RECENT)),
        "time": pick.choice(_TIMES),
    }
    if is_list:
        return {k: v for k, v in document.items() if k not in {"arguments", "findings"}}
    entities = pick.sample(["EMAIL", "CARD", "PIN", "MASK"], pick.choice([0, 0, 1, 2]))
    places = ["/body", "/body/0/text", "/other", ""]
    found = [{"entity": e, "pointer": pick.choice(places), "length": 4} for e in entities]
    given = {name: pick.choice(_VALUES) for name in pick.sample(["status", "url", "body"], 2)}
    return {**document, "findings": found, "arguments": {"other": [given], **given}}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document, as a container and a key or an index of it."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _broken(pick: random.Random, document: dict[str, Any]) -> Any:
    """The document with up to two places taken away, or with what nobody expects there.

    What the sidecar itself counts stays a number: that is no caller's to choose.
    """
    for _ in range(pick.choice([0, 1, 1, 2])):
        container, key = pick.choice(list(_places(document)))
        if pick.random() < 0.3 or key in _COUNTED:
            del container[key]
        else:
            container[key] = copy.deepcopy(pick.choice(HOSTILE))
        if not document:
            break
    return document


def generated(seed: object, count: int) -> list[Any]:
    """So many inputs, a quarter of them as they may come and the others broken; by the seed."""
    pick = random.Random(str(seed))
    return [_broken(pick, readable(pick)) for _ in range(count)]


@functools.cache
def from_catalog() -> list[dict[str, Any]]:
    """Lists of every tool of the catalog, and calls of each of its examples."""
    return examples.documents(CATALOG.rows, ["lead", "exporter", "auditor", "contractor"])


def library_keys() -> set[str]:
    """The keys that a site may give in its data."""
    return set(read([POLICIES]).data["sidecar"]["config"])
