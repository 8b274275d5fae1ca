"""Values that are written otherwise than they read are found, and cut where they stand."""

from __future__ import annotations

import base64
import json
import re

import orjson
import pytest

from sidecar.redaction import redact_value, scan
from sidecar.redaction.detect import detect, is_suspect, merged
from sidecar.redaction.escapes import runs
from sidecar.redaction.reading import Step, further, undone

MAIL, CARD = "jane@example.com", "4111 1111 1111 1111"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PERCENT = "".join(f"%{ord(c):02x}" for c in MAIL)
READ = [
    ("EMAIL", "mail jane%2540example.com now", "jane%2540example.com"),
    ("EMAIL", f"x={PERCENT}&y", PERCENT),
    ("EMAIL", f"x={PERCENT.replace('%', '%25')}&y", PERCENT.replace("%", "%25")),
    ("PHONE", "call=%2B1%20415%20555%202671", "%2B1%20415%20555%202671"),
    ("EMAIL", "jane&#64;example.com", "jane&#64;example.com"),
    ("EMAIL", "jane&#x40;example&period;com", "jane&#x40;example&period;com"),
    ("EMAIL", "jane&amp;#64;example.com", "jane&amp;#64;example.com"),
    ("EMAIL", "jane&commat;example.com", "jane&commat;example.com"),
    ("PHONE", "+1&nbsp;415&nbsp;555&nbsp;2671", "+1&nbsp;415&nbsp;555&nbsp;2671"),
    ("EMAIL", r"at jane\u0040example.com", r"jane\u0040example.com"),
    ("EMAIL", r"at jane\\u0040example.com", r"jane\\u0040example.com"),
    ("EMAIL", r"at jane\x40example.com", r"jane\x40example.com"),
    ("EMAIL", r"at jane\u{40}example.com", r"jane\u{40}example.com"),
    ("EMAIL", f"see {encoded(MAIL)} there", encoded(MAIL)),
    ("EMAIL", f"see {encoded(MAIL).rstrip('=')} there", encoded(MAIL).rstrip("=")),
    ("PHONE", f"see {encoded('+14155552671')} there", encoded("+14155552671")),
    ("PHONE", f"x {encoded(json.dumps({'phone': '4155552671'}))}", None),
    ("EMAIL", f"twice {encoded(encoded(MAIL))}", encoded(encoded(MAIL))),
    ("EMAIL", f"hex {MAIL.encode().hex()}.", MAIL.encode().hex()),
    ("EMAIL", f"hex {MAIL.encode().hex().upper()}.", MAIL.encode().hex().upper()),
    ("CARD", "4111*1111*1111*1111", "4111*1111*1111*1111"),
    ("CARD", "4111 - 1111 - 1111 - 1111", "4111 - 1111 - 1111 - 1111"),
    ("PHONE", "415•555•2671", "415•555•2671"),
    ("SSN", "123_45_6789", "123_45_6789"),
    ("IBAN", "DE89|3704|0044|0532|0130|00", "DE89|3704|0044|0532|0130|00"),
    ("EMAIL", "it is j a n e @ e x a m p l e . c o m", "j a n e @ e x a m p l e . c o m"),
    ("PHONE", "( 4 1 5 )  5 5 5 - 2 6 7 1", "( 4 1 5 )  5 5 5 - 2 6 7 1"),
    ("EMAIL", "jane@exam\nple.com", "jane@exam\nple.com"),
    ("EMAIL", "jane@example\n.com", "jane@example\n.com"),
    ("EMAIL", "jane@example.\ncom", "jane@example.\ncom"),
    ("EMAIL", "jane@\nexample.com", "jane@\nexample.com"),
    ("EMAIL", "jane\n@example.com", "jane\n@example.com"),
    ("PHONE", "415-5\n55-2671", "415-5\n55-2671"),
    ("EMAIL", "jane (at) example [dot] com", "jane (at) example [dot] com"),
    ("EMAIL", "jane[@]example[.]com", "jane[@]example[.]com"),
    ("EMAIL", "write jane dot doe at example dot com", "jane dot doe at example dot com"),
    ("PHONE", "four one five, five five five, two six seven one", None),
    ("PHONE", "four one five, triple five, two six seven one", None),
    ("PHONE", "plus vier neun drei null eins zwei drei vier fünf sechs sieben", None),
    ("SSN", "one two three dash four five dash six seven eight nine", None),
    ("PIN", "my pin is four seven one one", "four seven one one"),
    ("CARD", "four one one one " + "one " * 11 + "one", None),
    ("TOKEN", "pаssword=hunter2", "hunter2"),
    ("IBAN", "DЕ89370400440532013000", "DЕ89370400440532013000"),
]
SURVIVORS = [
    "see https://shop.example/a%20b/c%2Fd?x=%7Bid%7D",
    "a &amp; b &lt;i&gt; &nbsp; c &#8217;s",
    r"C:\users\xavier\unit",
    "one, two, three and so on",
    "at one point five people came, then two or three left",
    "meet at noon [at] the shop (dot)",
    "a b c d e f g h i j k",
    "1 2 3 4 5 6 7 8 9",
    "10 - 20 - 30",
    "order 4155552671\norder 4155552672",
    "4155552671\n4155552672",
    "мы пишем по-русски v2 и ещё",
    base64.b64encode(bytes(range(200, 256)) * 2).decode(),
    encoded("Parcels that were not picked up are kept for ten days."),
    "5f8d0d55b54764421b7156c9",
    "9400110200881234567890",
    "@ example",
    "x_1*2*3",
]


@pytest.mark.parametrize(("entity", "text", "raw"), READ)
def test_a_value_is_found_as_it_reads_and_cut_as_it_is_written(entity, text, raw):
    found = [(s.entity, text[s.start : s.end]) for s in merged(detect(text))]
    if raw is None:
        assert [name for name, _ in found] == [entity]
    else:
        assert found == [(entity, raw)]


@pytest.mark.parametrize("text", SURVIVORS)
def test_what_only_looks_disguised_survives(text):
    assert detect(text) == []


@pytest.mark.parametrize(("entity", "text", "raw"), READ)
def test_the_gate_sees_disguises_in_serialised_json(entity, text, raw):
    value = {"a": text}
    for _ in range(3):
        assert is_suspect(orjson.dumps(value))
        value = {"a": orjson.dumps(value).decode()}


@pytest.mark.parametrize(("entity", "text", "raw"), READ)
def test_a_disguised_value_is_masked_and_reported(entity, text, raw):
    shown = redact_value({"a": [text]}, ()).value["a"][0]
    assert f"[{entity}]" in shown
    assert scan({"a": text})[0].entity == entity


def test_digits_that_are_written_otherwise_are_not_shown_as_the_last_four():
    (span,) = detect("%34%31%31%31 1111 1111 1111")
    assert span.is_whole
    assert not any(s.is_whole for s in detect("４１１１ 1111 1111 1111"))


def test_a_run_inside_a_run_is_followed_three_times_and_no_further():
    text = MAIL
    for depth in range(1, 7):
        text = encoded(text)
        assert bool(detect(text)) == (depth <= 3), depth


def test_a_picture_is_no_text():
    assert list(runs(base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8).decode())) == []


def test_a_step_maps_what_it_writes_to_all_that_it_replaced():
    steps = (Step(re.compile("x+"), lambda m: "<" + str(len(m[0])) + ">"),)
    reading = further(undone("ab xxx c", ()), steps)
    assert reading.text == "ab <3> c"
    span = detect(MAIL)[0]._replace(start=3, end=6)
    assert [(s.start, s.end) for s in reading.spans([span])] == [(3, 6)]
    span = span._replace(start=7, end=8)
    assert [(s.start, s.end) for s in reading.spans([span])] == [(7, 8)]
