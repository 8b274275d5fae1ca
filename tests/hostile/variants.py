"""Variants of a refused call that nobody thought of: its structure is kept, its writing is not.

Every variant names the refused tool in at least one reading, and the allowed one may stand beside.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from hostile.request import CLAIM, MODERN, Case

Draw = st.DrawFn
Pairs = list[tuple[str, Any]]
"""An object as it will be written: keys may stand in it twice."""

_REFUSED = st.sampled_from(
    ["create_a_gladly_task", "delete_a_gladly_customer_by_id", "tool_of_no_catalog"]
)
_ALLOWED = "list_all_gladly_tasks"
_BLANKS = st.sampled_from(
    ["", " ", "\n", "\t", "\r\n "] * 8 + ["\ufeff", "\f", "\u00a0", "\u2028", "/**/", "\0"]
)
_IN_PARAMS: tuple[tuple[str, Any], ...] = (
    *[("name", _ALLOWED)] * 4,
    ("Name", _ALLOWED),
    ("name\0", _ALLOWED),
    ("\uff4eame", _ALLOWED),
    ("arguments", []),
    ("_meta", []),
)
_IN_MESSAGE: tuple[tuple[str, Any], ...] = (
    *[("params", [("name", _ALLOWED)])] * 4,
    ("Params", [("name", _ALLOWED)]),
    ("method", "tools/list"),
    ("Method", "ping"),
    ("id", 2),
    ("jsonrpc", "1.0"),
)
"""Rivals: members that say something else than the call they stand in."""

_OTHER_KEYS = st.sampled_from(
    [
        *("result", "error", "task", "tool", "tool_name", "inputResponses", "requestState"),
        *("uri", "cursor", "_Meta", "__proto__", "constructor", ""),
    ]
)
_OTHER_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([])
)
_OTHERS = st.tuples(_OTHER_KEYS, _OTHER_VALUES)
_HEADERS = st.sampled_from(
    [
        "Mcp-Name: list_all_gladly_tasks",
        "Mcp-Name: create_a_gladly_task",
        "Mcp-Name: =?base64?bGlzdF9hbGxfZ2xhZGx5X3Rhc2tz?=",
        "Mcp-Method: tools/call",
        "Mcp-Method: tools/list",
        "Mcp-Param-Name: list_all_gladly_tasks",
        "MCP-Protocol-Version: 2025-11-25",
        "MCP-Protocol-Version: 2025-03-26",
        "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Session-Id: x",
        "Content-Type: application/json; charset=utf-8",
        "Content-Type: application/json; charset=utf-16",
        "Content-Type: text/plain",
        "Content-Encoding: identity",
        "Content-Encoding: gzip",
        "Accept: */*",
        "X-HTTP-Method-Override: GET",
        "X-Forwarded-User: admin",
        "Origin: null",
    ]
)
_CHARSETS = st.sampled_from(["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be", "utf-7"])


_ODD = st.sets(
    st.sampled_from(
        ["rivals", "others", "blanks", "letters", "charset", "bytes", "around", "headers"]
    ),
    min_size=1,
    max_size=2,
)
"""What is odd about a variant: few things at a time, or one would hide the other."""


@st.composite
def variants(draw: Draw) -> Case:
    """A refused call, written as nobody would write it."""
    odd = draw(_ODD)
    is_modern = draw(st.booleans())
    name = draw(_REFUSED)
    text = _Writer(draw, odd).written(_message(draw, odd, name, is_modern=is_modern))
    if "around" in odd:
        text = draw(st.sampled_from(["[@]", "[@,@]", "@@", "@\n@", "\ufeff@"])).replace("@", text)
    body = text.encode(draw(_CHARSETS) if "charset" in odd else "utf-8", "surrogatepass")
    if "bytes" in odd:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(min_size=1, max_size=2)) + body[at:]
    lines = [MODERN.replace("create_a_gladly_task", name)] if is_modern else []
    lines += draw(st.lists(_HEADERS, max_size=3)) if "headers" in odd else []
    return Case("", "variant", body, "\n".join(lines))


def _message(draw: Draw, odd: set[str], name: str, *, is_modern: bool) -> Pairs:
    params: Pairs = [("name", name), ("arguments", [("case", "variant")])]
    if is_modern:
        claim = json.loads(f"{{{CLAIM}}}")["_meta"]
        params.append(("_meta", [(key, value or []) for key, value in claim.items()]))
    message: Pairs = [("jsonrpc", "2.0"), ("id", 1), ("method", "tools/call"), ("params", params)]
    if "rivals" in odd:
        pairs, rivals = draw(st.sampled_from([(params, _IN_PARAMS), (message, _IN_MESSAGE)]))
        pairs.insert(draw(st.integers(0, len(pairs))), draw(st.sampled_from(rivals)))
    if "others" in odd:
        pairs = draw(st.sampled_from([params, message]))
        pairs.insert(draw(st.integers(0, len(pairs))), draw(_OTHERS))
    return message


@dataclass(frozen=True)
class _Writer:
    """Writes a tree as JSON text, each time a little differently."""

    draw: Draw
    odd: set[str]

    def written(self, value: Any) -> str:
        if isinstance(value, str):
            return self._spelt(value)
        if not isinstance(value, list):
            return json.dumps(value)
        members = (
            f"{self._blank()}{self._spelt(key)}{self._blank()}:{self._blank()}{self.written(inner)}"
            for key, inner in value
        )
        return f"{{{','.join(members)}{self._blank()}}}"

    def _blank(self) -> str:
        return self.draw(_BLANKS) if "blanks" in self.odd else ""

    def _spelt(self, text: str) -> str:
        """A string with some of its letters escaped."""
        plain = [json.dumps(letter, ensure_ascii=False)[1:-1] for letter in text]
        if plain and "letters" in self.odd:
            for at in self.draw(st.sets(st.integers(0, len(plain) - 1), max_size=3)):
                plain[at] = self.draw(st.sampled_from(_escapes(text[at])))
        return f'"{"".join(plain)}"'


def _escapes(letter: str) -> list[str]:
    """Both spellings of an escape; a letter beyond 16 bits takes two."""
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    pairs = [units[at : at + 4] for at in range(0, len(units), 4)]
    return ["".join(f"\\u{case(pair)}" for pair in pairs) for case in (str.lower, str.upper)]
