"""First files of a policy for a backend of one's own; they pass `check` and `test` as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sidecar.errors import ConfigError, Problem

RULES: Final = "policy"
"""The part that `policy.site_folder` names."""

CATALOG: Final = "tool_catalog"
"""The part that `catalog.folders` names."""

_ROWS: Final = """\
# What the backend's tools do, touch and reveal: tool_catalog/README.md of the sidecar says how to
# write a row, and `sidecar catalog import URL` proposes rows for the tools of a running server.
tools:
  - name: read_order
    confidence: published
    title: Read an order
    summary: Reads what one customer ordered.
    description: Reads one order by id, with what was ordered and for whom.
    method: get
    effect: read
    tags: [orders]
    input_schema:
      type: object
      additionalProperties: false
      required: [order_id]
      properties:
        order_id: {type: string, maxLength: 50, description: The order's id.}
    output_schema:
      type: object
      required: [id]
      properties:
        id: {type: string, description: The order's id.}
        email: {type: string, description: Whose order it is.}
    pii: {/email: EMAIL}
    safe: [/id]
    examples:
      - {arguments: {order_id: "17"}, verdict: allow}

  - name: refund_order
    confidence: published
    title: Refund an order
    summary: Pays a part of an order back.
    description: Pays a part of one order back to the customer.
    method: update
    effect: write
    tags: [orders]
    input_schema:
      type: object
      additionalProperties: false
      required: [order_id, cents]
      properties:
        order_id: {type: string, maxLength: 50, description: The order's id.}
        cents: {type: integer, minimum: 1, description: How much is paid back.}
    output_schema: {type: object, properties: {}}
    examples:
      - {arguments: {order_id: "17", cents: 500}, verdict: allow}
      - {arguments: {order_id: "17", cents: 90000}, verdict: allow}
"""

_RULE: Final = """\
# METADATA
# title: Refunds
# description: Keeps refunds to the amount in data.site.limits.refund_cents.
package site.rules.arguments.refunds

import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: Refunds of more, and of what is no number.
# custom:
#   code: arguments.refunds
#   message: "Tool %s: this refund is larger than an agent may make."
#   remedy: Refund less, or ask a person to do it.
deny contains {
	"tool": tool.name,
	"code": "arguments.refunds",
	"message": sprintf("Tool %s: this refund is larger than an agent may make.", [tool.name]),
	"remedy": "Refund less, or ask a person to do it.",
} if {
	some tool in tools
	tool.name == "refund_order"
	not _is_small
}

_is_small if {
	is_number(input.arguments.cents)
	input.arguments.cents <= data.site.limits.refund_cents
}
"""

_TEST: Final = """\
package site.tests.arguments.refunds_test

import data.sidecar.example_test as example
import data.site.rules.arguments.refunds

_call(name, cents) := object.union(
	example.with_tool({"name": name}),
	{"arguments": {"cents": cents}},
)

_denied(cents) if {
	example.named(refunds.deny) == {"refund_order"} with input as _call("refund_order", cents)
}

test_allows_a_small_refund if {
	refunds.deny == set() with input as _call("refund_order", data.site.limits.refund_cents)
}

test_denies_a_large_refund if _denied(data.site.limits.refund_cents + 1)

test_denies_a_refund_that_is_no_number if {
	every cents in [null, "1", []] {
		_denied(cents)
	}
}

test_leaves_other_tools_alone if refunds.deny == set() with input as _call("read_order", 999999)

test_denies_missing_input if refunds.deny == set() with input as {}
"""

_DATA: Final = """\
# What your rules decide by, and what you change of the library's.
site:
  limits:
    refund_cents: 5000
  config:
    # Who may call tools whose effect is destructive.
    destructive_roles: [support_lead]

    # Every other key of the library, as it is shipped: take the # away to change one.
"""


def write(folder: Path, library: Path) -> Iterator[Path]:
    """Write the files into a folder that does not exist yet or is empty; give each path.

    Raises:
        ConfigError: there is something in the folder.
    """
    if folder.exists() and any(folder.iterdir()):
        what = "is not empty, and what is there stays as it is"
        raise ConfigError([Problem(str(folder), what, "name a new folder")])
    texts = {
        f"{CATALOG}/orders.yaml": _ROWS,
        f"{RULES}/data.yaml": _DATA + _keys(library),
        f"{RULES}/refunds.rego": _RULE,
        f"{RULES}/refunds_test.rego": _TEST,
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        yield path


def _keys(library: Path) -> str:
    """The library's own data with its comments, every key commented out."""
    text = (library / "sidecar" / "config" / "data.yaml").read_text("utf-8")
    _, _, keys = text.partition("\n\n")  # after the line that says not to edit it
    lines = [
        f"    #{line}" if line.startswith("#") else f"    # {line}" if line else ""
        for line in keys.splitlines()
    ]
    return "\n".join(lines) + "\n"


def instead(folder: Path) -> Problem | None:
    """What to name in the place of a folder that `write` has made, if it made that one."""
    rules, rows = folder / RULES, folder / CATALOG
    if not (rules.is_dir() and rows.is_dir()):
        return None
    what = "is not the folder of rules: that lies in it, beside a catalog"
    return Problem(str(folder), what, f"name {rules}, and to check it --catalog {rows}")
