"""Credentials: JSON Web Tokens, authorization schemes, vendors' keys, passwords in text and URLs.

Some repetitions here have no upper bound, for a credential cut short is a credential shown. With
RE2 that costs nothing: its time is linear for every pattern.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from sidecar.redaction.recogniser import Budget, Recogniser, Span, is_letter, pattern

_J = r"[ _\-.]{0,2}"
WORDS = (
    rf"(?:password|passwd|passphrase|passwort|kennwort|pwd|contraseña|mot{_J}de{_J}passe|"
    rf"client{_J}secret|secret{_J}key|secret|api{_J}key|access{_J}key|private{_J}key|"
    rf"(?:access|refresh|id|auth|session|bearer|api){_J}token|authorization)"
)
LABEL = "password="
"""The context of a member whose whole value is a credential: read before it as a label is."""
_VALUE = r"[^\s\"'&,;<>\x00]"
_JWT = pattern(r"eyJ[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*){1,4}")  # RFC 7515, and JWE's five
_SCHEME = pattern(r"(?i:(bearer|basic))\s{1,3}([A-Za-z0-9._~+/\-]{8,}={0,2})")  # RFC 6750, 7617
_VENDOR = pattern(
    r"(?:sk|pk|rk)[\-_][A-Za-z0-9_\-]{16,}|gh[opsur]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|"
    r"glpat-[A-Za-z0-9_\-]{16,}|xox[abeprs]-[A-Za-z0-9\-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|"
    r"AIza[0-9A-Za-z_\-]{35}"
)
_PEM = pattern(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^\x00]*?(?:-----END|\z)")
_NAMED = pattern(
    rf"(?i:{WORDS})[\w\-]{{0,24}}[\"'\s]{{0,4}}([:=]|\bis )[\s\"']{{0,4}}"
    rf"(?:(?i:bearer|basic|digest|token)\s{{1,3}})?({_VALUE}{{3,}})"
)
_WEAK = pattern(r"(?i:token|key|signature|sig)=([A-Za-z0-9_\-.~+/%]{16,})")
_USERINFO = pattern(r"://([^\s/@:\"<>\x00]*:[^\s/@\"<>\x00]+)@")  # RFC 3986, 3.2.1
_OPAQUE = 16


def _is_random(value: bytes) -> bool:
    """Whether it is no word: letters and digits, or both cases in the midst of it."""
    has_digit = any(48 <= byte <= 57 for byte in value)  # noqa: PLR2004 - 0 to 9
    return has_digit or (value != value.lower() and not value[1:].islower())


def _is_basic(value: bytes) -> bool:
    """RFC 7617: the base64 of `user:password`."""
    try:
        return b":" in base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return False


def _schemes(data: bytes, budget: Budget) -> Iterator[Span]:
    for m in _SCHEME.finditer(data):
        budget.spend()
        value = m.group(2)
        is_bearer = m.group(1).lower() == b"bearer"
        is_opaque = len(value) >= _OPAQUE and _is_random(value)
        if is_opaque if is_bearer else (_is_basic(value) or is_opaque):
            yield Span("TOKEN", *m.span(2))


def _vendors(data: bytes, budget: Budget) -> Iterator[Span]:
    for m in _VENDOR.finditer(data):
        budget.spend()
        before = data[m.start() - 1 : m.start()]
        if not (before.isalnum() or before in (b"-", b"_")) and _is_random(m.group()):
            yield Span("TOKEN", *m.span())  # and not risk-assessment, nor the middle of an id


def _named(data: bytes, budget: Budget) -> Iterator[Span]:
    for m in _NAMED.finditer(data):
        budget.spend()
        value = m.group(2)
        # After a colon or "is" a plain word is prose: "password: please reset it".
        if m.group(1) == b"=" or not (value.rstrip(b".!?)").isalpha() and value.islower()):
            yield Span("TOKEN", *m.span(2))
    for m in _WEAK.finditer(data):
        budget.spend()
        if not is_letter(data, m.start() - 1) and _is_random(m.group(1)):
            yield Span("TOKEN", *m.span(1))


def _find(data: bytes, budget: Budget | None = None) -> list[Span]:
    budget = budget or Budget()
    jwts = [Span("TOKEN", m.start(), m.end()) for m in _JWT.finditer(data)]
    urls = [Span("TOKEN", *m.span(1)) for m in _USERINFO.finditer(data)]
    keys = [Span("TOKEN", m.start(), m.end()) for m in _PEM.finditer(data)]
    budget.spend(len(jwts) + len(urls) + len(keys))
    judged = (*_schemes(data, budget), *_vendors(data, budget), *_named(data, budget))
    return [*jwts, *urls, *keys, *judged]


RECOGNISER = Recogniser(
    entity="TOKEN",
    gate=r"eyJ[A-Za-z0-9_\-]{4,}\.|(?i:bearer|basic)\s{1,3}[A-Za-z0-9._~+/\-]{8}|"
    r"(?:sk|pk|rk)[\-_][A-Za-z0-9_\-]{16}|gh[opsur]_[A-Za-z0-9]{30}|github_pat_|glpat-|"
    r"xox[abeprs]-|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_\-]{35}|-----BEGIN |"
    rf"(?i:{WORDS})[\w\-]{{0,40}}[\"'\s]*(?:[:=]|is )[\s\"'\[]*[^\s\"'&,;<>\x00]|"
    r"(?i:token)\"\s*:\s*\[?\s*\"|"
    r"(?i:token|key|signature|sig)=[A-Za-z0-9_\-.~+/%]{16}|"
    r"://[^\s/@:\"<>\x00]*:[^\s/@\"<>\x00]+@",
    find=_find,
)
