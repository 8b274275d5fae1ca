"""Strings made to be slow are looked at in no time.

The bounds are guards against hanging, in CPU time and with slack; `-rP` prints what was measured.
"""

from __future__ import annotations

import base64
import time

import pytest

from sidecar import redaction
from sidecar.redaction.detect import detect

LENGTH = 20_000
LONGEST = 0.2
"""Seconds of CPU, the least of three tries: other work on the machine makes it look like more."""


def of(piece: str) -> str:
    return (piece * (LENGTH // len(piece) + 1))[:LENGTH]


HOSTILE = {
    "dots before an at": of("a.") + "@",
    "hyphens before an at": of("a-") + "@x",
    "labels without an end": "a@" + of("b."),
    "ats": of("@"),
    "ats in a row": of("a@"),
    "quotes and ats": of('"a@'),
    "digits": of("1"),
    "digits apart": of("4 "),
    "groups of a card": of("4111 1111 1111 1112 "),
    "visas": of("4"),
    "plus signs": of("+1"),
    "parentheses": of("(415) "),
    "phones that are none": of("+1 415 000 0000 "),
    "words before no number": of("phone "),
    "pins without a number": of("pin: "),
    "a word and spaces": "password" + of(" "),
    "is": of("password is "),
    "heads of tokens": of("eyJhbGci."),
    "bearers": of("bearer "),
    "keys that do not end": of("-----BEGIN RSA PRIVATE KEY-----"),
    "user information": of("://a:"),
    "ibans that are none": of("DE00 0000 0000 0000 0000 00 "),
    "colons": of("abcd:"),
    "dotted fours": of("1.2.3.4."),
    "security numbers": of("000-00-0000 "),
    "percent": of("%25"),
    "percent at": of("%2540"),
    "entities": of("&amp;#64;"),
    "ampersands": of("&#6"),
    "backslashes": of("\\"),
    "backslash u": of("\\u0"),
    "base64": of(base64.b64encode(b"jane@example.com, ").decode()),
    "runs of base64": of(base64.b64encode(b"jane@example.com").decode() + " "),
    "runs of base64 that say nothing": of(base64.b64encode(b"nothing to see").decode() + " "),
    "base64 again and again": base64.b64encode(
        base64.b64encode(base64.b64encode(of("x@y.example ").encode()[:8000]))
    ).decode(),
    "hexadecimal": of("4a616e65"),
    "words for digits": of("one "),
    "words for digits in a row": of("one"),
    "double": of("double "),
    "singles": of("a "),
    "at and dot": of("a at b dot "),
    "at in brackets": of("(at)"),
    "dots in brackets": of("[dot] "),
    "odd signs": of("4*"),
    "broken lines": of("4\n"),
    "broken addresses": of("a@b\n"),
    "spaces": of(" "),
    "lines": of("\n"),
    "underscores": of("_"),
    "mixed alphabets": of("aа"),
    "full-width": of("４"),
    "zero width": of("4\u200b"),
    "masks": of("[EMAIL]"),
    "brackets": of("["),
    "braces": of('{"a":'),
}


def seconds(look, value) -> float:
    taken = []
    for _ in range(3):
        begin = time.process_time()
        look(value)
        taken.append(time.process_time() - begin)
    return min(taken)


@pytest.mark.thorough
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_string_is_looked_at_in_no_time(name):
    text = HOSTILE[name]
    for look in (detect, redaction.scrub, redaction.scan):
        taken = seconds(look, text)
        print(f"{name}: {look.__name__} {taken * 1000:.0f} ms")
        assert taken <= LONGEST


@pytest.mark.thorough
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_result_is_masked_in_no_time(name):
    taken = seconds(lambda value: redaction.redact_value(value, ()), {"text": HOSTILE[name]})
    print(f"{name}: {taken * 1000:.0f} ms")
    assert taken <= LONGEST
