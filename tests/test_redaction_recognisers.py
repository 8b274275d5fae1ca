"""Every recogniser's table: what it finds, what survives it, and that the gate sees it anywhere."""

from __future__ import annotations

import json

import orjson
import pytest

from sidecar.redaction.detect import detect, is_suspect, merged
from sidecar.redaction.recognisers import ALL

EMAIL = [
    ("mail jane@example.com now", "jane@example.com"),
    ("Jane.Doe+tag@mail.example.co.uk.", "Jane.Doe+tag@mail.example.co.uk"),
    ("连接jane@example.com请", "jane@example.com"),
    ("o'brien@example.ie", "o'brien@example.ie"),
    ("https://x.test/?email=jane%40example.com&a=b", "jane%40example.com"),
    ('"john doe"@example.com', '"john doe"@example.com'),
    ("用户@例子.公司", "用户@例子.公司"),
    ("jаne@exаmple.com", "jаne@exаmple.com"),
    ("root@[192.168.0.1]", "root@[192.168.0.1]"),
    ("ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
    ("ja\u200bne@exam\u00adple.com", "ja\u200bne@exam\u00adple.com"),
    ("jane@xn--bcher-kva.xn--p1ai", "jane@xn--bcher-kva.xn--p1ai"),
]
PHONE = [
    ("+14155552671", "+14155552671"),
    ("ring +1 415 555 2671 2 items", "+1 415 555 2671"),
    ("(415) 555-2671", "(415) 555-2671"),
    ("x415-555-2671y", "415-555-2671"),
    ("415.555.2671", "415.555.2671"),
    ("1-415-555-2671", "1-415-555-2671"),
    ("415-555-2671 ext. 89", "415-555-2671 ext. 89"),
    ("+49 30 1234567", "+49 30 1234567"),
    ("0044 20 7946 0958", "0044 20 7946 0958"),
    ("my cell is 4155552671", "4155552671"),
    ("4155552671 is my cell", "4155552671"),
    ("tel4155552671", "4155552671"),
    ("Tel.: 030 1234567", "030 1234567"),
    ("电话415-555-2671吧", "415-555-2671"),
    ("+1\u00a0415\u2011555\u20112671", "+1\u00a0415\u2011555\u20112671"),
    ("+١٤١٥٥٥٥٢٦٧١", "+١٤١٥٥٥٥٢٦٧١"),
    ("+1 415\n555 2671", "+1 415\n555 2671"),
]
CARD = [
    ("card 4111 1111 1111 1111!", "4111 1111 1111 1111"),
    ("x4111111111111111y", "4111111111111111"),
    ("卡号4111111111111111。", "4111111111111111"),
    ("5105-1051-0510-5100", "5105-1051-0510-5100"),
    ("2223003122003222", "2223003122003222"),  # Mastercard, 2-series
    ("378282246310005", "378282246310005"),  # American Express
    ("3782 822463 10005", "3782 822463 10005"),
    ("6304000000000000000", "6304000000000000000"),  # nineteen digits
    ("12 4111 1111 1111 1111 3", "4111 1111 1111 1111"),
    ("4111\n1111\n1111\n1111", "4111\n1111\n1111\n1111"),
    (r"4111\n1111\n1111\n1111", r"4111\n1111\n1111\n1111"),
    ("４１１１１１１１１１１１１１１１", "４１１１１１１１１１１１１１１１"),
    ("4111\u200b11111111\u200b1111", "4111\u200b11111111\u200b1111"),
]
TOKEN = [
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def", None),
    ("Authorization: Bearer abcdefgh12345678ABCD", "abcdefgh12345678ABCD"),
    ("bearer abcdefgh12345678ABCD", "abcdefgh12345678ABCD"),
    ("Basic YWxhZGRpbjpvcGVuc2VzYW1l", "YWxhZGRpbjpvcGVuc2VzYW1l"),
    ("password: hunter2", "hunter2"),
    ("password is Hunter!", "Hunter!"),
    ("pwd=abc", "abc"),
    ("api_key=abc123", "abc123"),
    ('{"client_secret": "s3cr3t-x"', "s3cr3t-x"),
    ("?token=abcdefgh12345678ABCD&x=1", "abcdefgh12345678ABCD"),
    ("use sk-proj-abcdefgh12345678", "sk-proj-abcdefgh12345678"),
    ("AKIAIOSFODNN7EXAMPLE", None),
    ("postgres://app:pa55@db/x", "app:pa55"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END", None),
]
PIN = [
    ("PIN: 1234", "1234"),
    ("my pin is 1 2 3 4", "1 2 3 4"),
    ("CVV 123", "123"),
    ("the security code is 9876.", "9876"),
    ("your one-time code: 482913", "482913"),
    ("Geheimzahl lautet 4711", "4711"),
    ("code secret : 4711", "4711"),
    ("código de seguridad 987", "987"),
    ("codice di sicurezza 987", "987"),
    ("您的验证码482913", "482913"),
]
SSN = [
    ("his ssn 123-45-6789.", "123-45-6789"),
    ("x123-45-6789y", "123-45-6789"),
    ("社会安全号123-45-6789吧", "123-45-6789"),
    ("078 05 1120", "078 05 1120"),
    ("078.05.1120", "078.05.1120"),
    ("078/05/1120", "078/05/1120"),
    ("SSN: 123456789", "123456789"),
    ('"social_security_number": "123456789"', "123456789"),
    ("Social Security #123 456789", "123 456789"),
    ("ITIN 912-71-1234", "912-71-1234"),
    ("１２３-４５-６７８９", "１２３-４５-６７８９"),
]
IBAN = [
    ("to DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00"),
    ("DE89370400440532013000", "DE89370400440532013000"),
    ("de89370400440532013000", "de89370400440532013000"),
    ("GB29 NWBK 6016 1331 9268 19", "GB29 NWBK 6016 1331 9268 19"),
    ("FR14 2004 1010 0505 0001 3M02 606.", "FR14 2004 1010 0505 0001 3M02 606"),
    ("NO93 8601 1117 947", "NO93 8601 1117 947"),
    ("MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
    ("AD12 0001 2030 2003 5910 0100", "AD12 0001 2030 2003 5910 0100"),
    ("账户DE89370400440532013000号", "DE89370400440532013000"),
    ("IBANDE89370400440532013000", "DE89370400440532013000"),
    ("DE89-3704-0044-0532-0130-00", "DE89-3704-0044-0532-0130-00"),
]
IP = [
    ("from 203.0.113.7.", "203.0.113.7"),
    ("http://203.0.113.7:8080/x", "203.0.113.7"),
    ("地址203.0.113.7吧", "203.0.113.7"),
    ("server 10.0.0.1, up", "10.0.0.1"),
    ("2001:db8::8a2e:370:7334", "2001:db8::8a2e:370:7334"),
    ("[2001:db8:0:0:1:0:0:1]:443", "2001:db8:0:0:1:0:0:1"),
    ("fe80::1%eth0", "fe80::1"),
    ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
    ("::FFFF:cb00:7107 it is", "::FFFF:cb00:7107"),
    ("64:ff9b::203.0.113.7", "64:ff9b::203.0.113.7"),
]
TABLE = [
    (entity, text, raw or text)
    for entity, rows in (
        ("EMAIL", EMAIL),
        ("PHONE", PHONE),
        ("CARD", CARD),
        ("TOKEN", TOKEN),
        ("PIN", PIN),
        ("SSN", SSN),
        ("IBAN", IBAN),
        ("IP", IP),
    )
    for text, raw in rows
]

SURVIVORS = [
    "Qm9-XyZ_01aBcDeFgHiJkL",
    "-_AbCdEfGhIjKlMnOpQrS0",
    "5f8d0d55b54764421b7156c9",
    "123e4567-e89b-12d3-a456-426614174000",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "order 4155552671",
    "#4155552671",
    "call about order 4155552671",
    "hotel 4155552671",
    "302-5556789-1234567",
    "tel 0000000000",
    "+999 123 456 789",
    "9900 20 7946 0958",
    "1Z999AA10123456784",
    "9400110200881234567890",
    "4006381333931",
    "1700000000",
    "1700000000000",
    "2026-11-22T10:00:00+02:00",
    "2026-11-22 10:00:00.000",
    "20261122100000",
    "$1,234.56",
    "EUR 12.345,67",
    "version 10.15.7.2671",
    "4111 1111 1111 1112",
    "0000000000000000",
    "6.276767335663405",
    "0.4111111111111111",
    "shopping 1234 pinned 5678",
    "verification code for order 12345678",
    "basic understanding of responsibilities",
    "bearer responsibilities-of-the-office",
    "password: please reset it",
    "task-management-and-more-words",
    "risk-assessment-framework-2026",
    "logo@2x.png",
    "@jane",
    "pkg@1.2.3",
    "meet me @ 10",
    "tokens and secrets",
    "UPPER_CASE_ENUM",
    "000-45-6789",
    "666-45-6789",
    "912-71-1234",
    "123-00-6789",
    "123-45-0000",
    "9-123-45-6789",
    "123-45-6789-1",
    "ssn for order 123456789",
    "123456789",
    "DE00 3704 0044 0532 0130 00",
    "DE89370400440532013000x",
    "5DE89370400440532013000",
    "DE89 3704 0044",
    "XX89370400440532013000",
    "version 10.15.7.26",
    "v1.2.3.4",
    "Version: 4.18.2.0",
    "Mozilla/5.0 Chrome/119.0.0.0 Safari/537.36",
    "section 1.2.3.4",
    "1.2.3.4.5",
    "1.2.3",
    "256.1.1.1",
    "01.02.03.04",
    "0.1.2.3",
    "127.0.0.1",
    "::1",
    "std::vector",
    "abc::def",
    "1::2",
    "10:00:00",
    "00:1B:44:11:3A:B7",
]


@pytest.mark.parametrize(("entity", "text", "raw"), TABLE)
def test_a_recogniser_finds_exactly_the_value(entity, text, raw):
    spans = [(s.entity, text[s.start : s.end]) for s in merged(detect(text))]
    assert spans == [(entity, raw)]


@pytest.mark.parametrize("text", SURVIVORS)
def test_look_alikes_survive(text):
    assert detect(text) == []


@pytest.mark.parametrize(("entity", "text", "raw"), TABLE)
def test_the_gate_sees_in_serialised_json_what_a_recogniser_finds(entity, text, raw):
    value = {"a": f"before {text}"}
    for _ in range(4):
        assert is_suspect(orjson.dumps(value))
        value = {"a": orjson.dumps(value).decode()}
    assert is_suspect(orjson.dumps({"a": json.dumps({"b": text})}))


def test_the_gate_sees_a_clean_record_as_clean():
    record = {"id": "Qm9-XyZ_01aBcDeFgHiJkL", "createdAt": "2026-11-22T10:00:00Z", "status": "OPEN"}
    assert not is_suspect(orjson.dumps({"content": [{"type": "text", "text": str(record)}]}))


def test_gates_have_neither_groups_nor_anchors_nor_word_boundaries():
    for recogniser in ALL:
        assert r"\b" not in recogniser.gate
        assert not recogniser.gate.startswith("^")


def test_every_occurrence_is_found():
    text = "a@b.example, c@d.example; a@b.example 4111111111111111 4111111111111111"
    assert [s.entity for s in merged(detect(text))] == ["EMAIL"] * 3 + ["CARD"] * 2


def test_our_own_masks_are_no_text():
    assert detect("[PHONE] 4155552671 [PIN] 1234 [EMAIL]") == []


def test_a_label_before_the_text_counts_as_context():
    assert [(s.entity, s.start, s.end) for s in detect("4155552671", "phone: ")] == [
        ("PHONE", 0, 10)
    ]
