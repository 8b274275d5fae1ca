"""What the tests of reviews share: a site's folder, and a question as an event records it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flow import BUNDLE, CATALOG

from sidecar import redaction
from sidecar.model import Caller, Endpoint, JsonObject
from sidecar.policy import Bundle, Facts, load
from sidecar.settings import shipped

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WRITE = "create_a_gladly_task"
READ = "list_all_gladly_tasks"
LIBRARY = BUNDLE

RULE = """
package site.rules.{group}.{name}

import data.sidecar.lib.query.roles
import data.sidecar.lib.query.tools

deny contains {{
	"tool": tool.name,
	"code": "{group}.{name}",
	"message": "Not so.",
	"remedy": "Ask somebody.",
}} if {{
	some tool in tools
	{body}
}}
"""


def site(folder: Path, config: str = "", **rules: str) -> Path:
    """A site's folder: data, and denials by name, `access_contractors="…"`, each with its body."""
    folder.mkdir(exist_ok=True)
    if config:
        (folder / "data.yaml").write_text(f"site:\n  config:\n{config}")
    for name, body in rules.items():
        group, _, rule = name.partition("_")
        lines = body.replace("\n", "\n\t")
        (folder / f"{name}.rego").write_text(RULE.format(group=group, name=rule, body=lines))
    return folder


def policies(folder: Path, config: str = "", **rules: str) -> Bundle:
    """The library with such a site."""
    return load(shipped("policies"), site(folder, config, **rules))


def facts(name: str = WRITE, arguments: Mapping[str, Any] | None = None, **caller: Any) -> Facts:
    """A call of a tool; `methods`, `tags` and `expires_at` are the endpoint's."""
    scope = {key: caller.pop(key) for key in ("tags", "expires_at") if key in caller}
    methods = caller.pop("methods", ("read", "write", "custom"))
    at = Endpoint("here", None, methods=methods, **scope)
    who = Caller(at, is_authenticated=True, subject="agent", **caller)
    given = dict(arguments or {})
    found = redaction.scan(given) if given else ()
    return Facts((CATALOG.find(name),), who, "tools/call", "2025-11-25", NOW, given, found)


def recorded(asked: Facts) -> JsonObject:
    """Its input as the log holds it."""
    document = deepcopy(asked.document())
    document["arguments"] = redaction.withhold(asked.arguments, asked.findings)
    document["caller"] = redaction.scrub_value(document["caller"])
    return document
