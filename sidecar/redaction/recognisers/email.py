"""Mail addresses (RFC 5321, RFC 6531), also percent-encoded, quoted and with other alphabets."""

from __future__ import annotations

from sidecar.redaction.recogniser import Budget, Recogniser, Span, blanked, pattern

_AT = r"(?:@|%40)"
# Alphabets that put spaces between words: an address glued to Chinese text keeps its own ends.
_CHAR = r"\p{Latin}\p{Cyrillic}\p{Greek}\p{Nd}"
# No upper bounds: RE2 needs none to be linear, and Unicode classes repeated 64 times grow large.
_LOCAL = rf"(?:[{_CHAR}_%+][{_CHAR}._%+'\-]*|\"[^\"\\\r\n@\x00]{{1,62}}\")"
_TLD = (
    r"(?:xn--[A-Za-z0-9\-]{2,59}|[\p{Latin}\p{Cyrillic}\p{Greek}][\p{Latin}\p{Cyrillic}\p{Greek}]+)"
)
_DOMAIN = rf"(?:(?:[{_CHAR}][{_CHAR}\-]*\.)+{_TLD}|\[\d{{1,3}}(?:\.\d{{1,3}}){{3}}\])"
_ADDRESS = pattern(_LOCAL + _AT + _DOMAIN)
# The rest of Unicode, where the first pattern saw nothing: a whole address in Han script.
_ANY_SCRIPT = pattern(rf"[\pL\pN][\pL\pN._%+\-]*{_AT}(?:[\pL\pN][\pL\pN\-]*\.)+\pL\pL+")
# logo@2x.png is a file for a sharp screen.
_FILES = (b".png", b".jpg", b".jpeg", b".gif", b".svg", b".webp")


def _find(data: bytes, budget: Budget | None = None) -> list[Span]:
    spans = [Span("EMAIL", *m.span()) for m in _ADDRESS.finditer(data)]
    (budget or Budget()).spend(len(spans))
    found = [s for s in spans if not data[s.start : s.end].lower().endswith(_FILES)]
    if data.isascii():
        return found
    rest = blanked(data, found, b"\x00")
    return found + [Span("EMAIL", m.start(), m.end()) for m in _ANY_SCRIPT.finditer(rest)]


RECOGNISER = Recogniser(entity="EMAIL", gate=_AT + r"[^\s\"@\x00]", find=_find)
