"""Addresses of the Internet Protocol, versions 4 and 6 (RFC 791, RFC 4291), as people's machines.

Four numbers with dots are a version as often as an address. They are one behind a word or a product
that says so, and so is whatever begins with 0; loopback and unspecified addresses are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from sidecar.redaction.recogniser import Budget, Recogniser, Span, is_letter, pattern

_FOUR = r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
_V4 = pattern(r"\d[\d.]*")
_H = r"[0-9A-Fa-f]"
_V6 = pattern(rf"{_H}{{0,4}}:(?:{_H}{{0,4}}:){{1,7}}(?:{_FOUR}|{_H}{{0,4}})")
_VERSION = pattern(
    r"(?i)(?:version|versión|versione|versão|release|build|firmware|driver|revision|"
    r"rev|ver|sdk|chapter|section|kapitel|abschnitt|§|[a-z]/)[ :=#]{0,3}$"
)
_BEFORE = 16  # bytes in which the word of a version stands
_SHORT = 4
_COLONS = 6  # the fewest of an address with all its groups, the last two as version 4
_PLACES = 4


def _is_version(data: bytes, start: int) -> bool:
    before = data[max(start - _BEFORE, 0) : start]
    m = _VERSION.search(before)
    if m is None:
        return is_letter(data, start - 1)  # v1.2.3.4
    word = m.group().rstrip(b" :=#")
    # A short word counts only where it is whole: not ser-ver.
    return word.endswith(b"/") or len(word) > _SHORT or not is_letter(before, m.start() - 1)


def _fourth(data: bytes, budget: Budget) -> Iterator[Span]:
    for m in _V4.finditer(data):
        start, end = m.span()
        text = m.group().rstrip(b".")
        end = start + len(text)
        if text.count(b".") != _PLACES - 1:
            continue
        budget.spend()
        address = _address(text)
        if not isinstance(address, IPv4Address) or _is_nobodys(address):
            continue
        if not _is_version(data, start) and not is_letter(data, end):
            yield Span("IP", start, end)


def _is_nobodys(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address) and address.packed[0] == 0:
        return True
    return address.is_loopback or address.is_unspecified


def _address(text: bytes) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.decode())
    except ValueError:
        return None


def _sixth(data: bytes, budget: Budget) -> Iterator[Span]:
    for m in _V6.finditer(data):
        start, end = m.span()
        text = m.group()
        if _is_glued(data, start, end) or not (text.count(b":") >= _COLONS or b"::" in text):
            continue  # a time, mostly
        budget.spend()
        if text.endswith(b":") and not text.endswith(b"::"):
            text = text[:-1]
        address = _address(text)
        if isinstance(address, IPv6Address) and not _is_nobodys(address) and _is_whole(text):
            yield Span("IP", start, start + len(text))


def _is_glued(data: bytes, start: int, end: int) -> bool:
    before, after = data[start - 1 : start], data[end : end + 1]
    return before.isalnum() or after.isalnum() or b":" in (before, after)


def _is_whole(text: bytes) -> bool:
    """All eight groups, or the first written out as those in use are: no `std::vector`, no 1::2."""
    head = text.partition(b":")[0]
    is_mapped = text.lower().startswith((b"::ffff:", b"64:ff9b::"))
    return is_mapped or b"::" not in text or len(head) == _PLACES


def _find(data: bytes, budget: Budget | None = None) -> list[Span]:
    budget = budget or Budget()
    sixth = list(_sixth(data, budget)) if b":" in data else []
    inside = [(span.start, span.end) for span in sixth]
    fourth = _fourth(data, budget)
    return sixth + [s for s in fourth if not any(a <= s.start < b for a, b in inside)]


RECOGNISER = Recogniser(
    entity="IP",
    gate=rf"\d\.\d{{1,3}}\.\d{{1,3}}\.\d|{_H}{{3,4}}:(?::|{_H}{{1,4}}:)|(?:{_H}{{1,4}}:){{7}}|"
    r"::(?i:ffff):|64:(?i:ff9b)::",
    find=_find,
)
