"""Texts and values that our own logs may hold: every entity replaced, no rule asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from sidecar.redaction import detect, leaves
from sidecar.redaction.leaves import MAX_DEPTH
from sidecar.redaction.recogniser import Span, blanked, pattern

_LONGEST = 65_536
"""Characters of one text of a log; what is longer is cut there, and says so."""
_CUT = "…[CUT]"
_ENDPOINT = pattern(r"/mcp/([^\s/?#\"'<>\x00]{8,})")
_PARAMETER = pattern(r"[?&][^=&#\s\"'<>\x00]{1,256}=([^&#\s\"'<>\x00]+)")
# Behind a semicolon stand parameters of types and of user agents, too: there the name decides.
_MATRIX = pattern(r";([^=;&#\s\"'<>\x00]{1,256})=([^;&#\s\"'<>\x00]+)")
_QUERY = pattern(r"://[^\s?#\"'<>\x00]*\?([^\s#\"'<>\x00]+)")
_USER = pattern(r"://([^\s/?#@\"'<>\x00]+)@")
_NAMES = (
    r"(?i:authorization|cookie|x-api-key|mcp-session-id|last-event-id|mcp-param-[\w\-]{1,64}|"
    r"x-[\w\-]{0,40}(?:token|secret|key))[\"']?\s{0,3}[:=,]"
)
_HEADER = pattern(rf"{_NAMES}\s{{0,3}}(?:b?[\"'])?([^\s\"'\x00][^\r\n\"'\x00]+)")
# Where there is none of these, none of the above is, nor anything that a recogniser finds.
_GATE = pattern(
    rf"{detect.GATE}|/mcp/[^\s/?#\"'<>\x00]{{8}}|[?&;][^=&#\s\"'<>\x00]{{1,256}}=|{_NAMES}|"
    r"://[^\s?#\"'<>\x00]*\?[^\s#\"'<>\x00]|://[^\s/?#@\"'<>\x00]+@"
)
_SECRET_NAME = pattern(r"(?i)token|key|secret|passw|pwd|sig|auth|code|credential")


def scrub(text: str) -> str:
    """Replace all personal data and credentials of a text by `[ENTITY]`, for operational logs.

    Beyond what is found in results: the token in `/mcp/<token>`, the user in a URL and all that its
    query says, parameters elsewhere whose decoded name tells of a secret, and the values of headers
    that hold credentials or copies of arguments. Never raises.
    """
    if len(text) <= _LONGEST and detect.is_plainly_clean(text, _GATE):
        return text  # names and digests, mostly: a record has thirty of them
    text = text.encode("utf-8", "replace").decode()
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + _CUT
    extra = list(_extra(blanked(text, detect.masks(text), "\x00")))
    return detect.replaced(text, detect.detect(text) + extra)


def _extra(text: str) -> Iterator[Span]:
    data = text.encode()
    spans = [m.span(1) for m in _ENDPOINT.finditer(data)]
    for where in (_HEADER, _QUERY, _USER, _PARAMETER):
        spans += [m.span(1) for m in where.finditer(data)]
    for m in _MATRIX.finditer(data):
        name = unquote_plus(unquote_plus(m.group(1).decode(errors="replace")))
        if _SECRET_NAME.search(name.encode("utf-8", "replace")):
            spans.append(m.span(2))
    for start, end in spans:
        head = len(data[:start].decode(errors="replace"))
        yield Span("TOKEN", head, head + len(data[start:end].decode(errors="replace")))


def scrub_value(value: Any) -> Any:
    """The same over every string, number and key of a JSON value. Never raises.

    What is no JSON appears as its scrubbed `str`; what is nested too deeply as a note.
    """
    return _scrubbed(value, "", 0)


def _scrubbed(value: Any, context: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return "[too deep to scrub]"
    if isinstance(value, dict):
        members = ((str(key), child) for key, child in value.items())
        return leaves.object_of(
            (scrub(k), _scrubbed(v, leaves.context_of(k), depth + 1)) for k, v in members
        )
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_scrubbed(child, context, depth + 1) for child in value]
    if value is None or isinstance(value, bool):
        return value
    return _scalar(value, context)


def _scalar(value: Any, context: str) -> Any:
    text = str(value).encode("utf-8", "replace").decode()
    labelled = detect.detect(text, context) if context and len(text) <= _LONGEST else []
    clean = scrub(detect.replaced(text, labelled))
    return value if clean == text and isinstance(value, (str, int, float)) else clean
