"""Values that are written as they are spoken or drawn: words for digits, `(at)`, spaced letters.

Each step turns one such form into the usual one. Read so, prose says strange things; what is found
in it still has to verify.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sidecar.redaction.reading import Step
from sidecar.redaction.recogniser import pattern

_DIGITS = (
    "zero oh nought null zéro cero",
    "one eins un uno um",
    "two zwei zwo deux dos due dois",
    "three drei trois tres tre três",
    "four vier quatre cuatro quattro quatro",
    "five fünf fuenf cinq cinco cinque",
    "six sechs seis sei",
    "seven sieben sept siete sette sete",
    "eight acht huit ocho otto oito",
    "nine neun neuf nueve nove",
)
_DIGIT_OF = {word: str(digit) for digit, words in enumerate(_DIGITS) for word in words.split()}
_SIGNS_SPOKEN = {
    "-": "dash hyphen minus strich bindestrich guion guión tiret traço trattino",
    "+": "plus más mais più",
    ".": "dot point punkt punto ponto",
}
_SIGN_OF = {word: sign for sign, words in _SIGNS_SPOKEN.items() for word in words.split()}
_TIMES = {"double": 2, "triple": 3}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_WORD = _any_of(_DIGIT_OF)
_SPOKEN_GATE = rf"(?i:(?:(?:{_WORD})[\s,.\-]{{1,5}}){{2}}(?:{_WORD}))"
_ITEM = rf"(?:(?:double|triple) (?:{_WORD})|{_WORD}|{_any_of(_SIGN_OF)}|\d)"
_LETTER = r"[^\W\d_]"
_ITEMS = re.compile(rf"(?i)(?:double|triple)|{_WORD}|{_any_of(_SIGN_OF)}|\d|[,.\n]")
_SPOKEN = re.compile(rf"(?i)(?<!{_LETTER}){_ITEM}(?:[\s,.\-]{{1,5}}{_ITEM}){{2,60}}(?!{_LETTER})")
_WORDS = re.compile(rf"(?i){_WORD}")
_TEN = 10


def _spoken(m: re.Match[str]) -> str:
    if not _WORDS.search(m[0]):
        return m[0]  # digits alone are written, not spoken
    out = ""
    times = 1
    for item in (i.lower() for i in _ITEMS.findall(m[0])):
        if item in _TIMES:
            times = _TIMES[item]
            continue
        out += _DIGIT_OF.get(item, _SIGN_OF.get(item, item if item.isdigit() else " ")) * times
        times = 1
    if re.fullmatch(r"\d(?: \d)+", out):
        out = out.replace(" ", "")
    return _as_written(out)


def _as_written(spoken: str) -> str:
    """Digits as a number is written that needs separators to be known; nobody speaks an order's."""
    bare = re.sub(r"[ \-]", "", spoken)
    national = bare.removeprefix("1") if len(bare) > _TEN else bare
    if len(national) == _TEN and national.isdigit():
        return f"{national[:3]}-{national[3:6]}-{national[6:]}"
    is_abroad = len(bare) > _TEN and bare.startswith("00") and bare.isdigit()
    return f"+{bare[2:]}" if is_abroad else spoken


_AT = "at|ät|arroba|arobase|chiocciola|@"
_DOT = r"dot|punkt|punto|point|ponto|\."
_OPEN, _SHUT = r"[\[({<]", r"[\])}>]"
_SIGNED_GATE = (
    rf"{_OPEN}\s?(?i:{_AT}|{_DOT})\s?{_SHUT}|(?i:\s(?:dot|punkt|punto|point|ponto)\s[a-z]{{2}})"
)
_SIGNED = pattern(_SIGNED_GATE)
_NAME = r"[\w+\-]{1,64}"
_SPOKEN_DOT = r"\s{1,3}(?:dot|punkt|punto|point|ponto)\s{1,3}"
_ADDRESS = re.compile(
    rf"(?i)(?<![\w+\-])(?:{_NAME}{_SPOKEN_DOT}){{0,3}}[\w.+\-]{{1,64}}\s{{1,3}}(?:{_AT})\s{{1,3}}"
    rf"{_NAME}(?:{_SPOKEN_DOT}{_NAME}){{1,4}}"
)


def _signed(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?i)\s{{0,3}}{_OPEN}\s?(?:{words})\s?{_SHUT}\s{{0,3}}")


def _address(m: re.Match[str]) -> str:
    text = re.sub(rf"(?i){_SPOKEN_DOT}", ".", m[0])
    return re.sub(rf"(?i)\s{{1,3}}(?:{_AT})\s{{1,3}}", "@", text)


_SPACED_GATE = r"(?:[A-Za-z0-9@+(] {1,3}(?:[.,\-)] {1,3})?){6}[A-Za-z0-9@.]"
_SPACED = re.compile(r"(?<!\S)(?:\S {1,3}){5,400}\S(?!\S)")


def _closed(m: re.Match[str]) -> str:
    return re.sub(r" {1,3}", lambda gap: " " if len(gap[0]) > 1 else "", m[0])


_SIGNS = r"*|~=#\\>^!;·•∙⋅‧"
_ODD_GATE = rf"\d ?[{_SIGNS}]{{1,3}} ?[A-Z0-9]{{2}}|\d\d ?_ ?\d\d|\d\d (?:[.\-/]|--) \d\d|\d--\d"
_ODD = re.compile(
    rf"(?<=[A-Z0-9])(?:\s{{0,2}}(?:[{_SIGNS}_]{{1,3}}|[.\-/]{{2,3}})\s{{0,2}}|\s{{1,2}}[.\-/]\s{{1,2}})"
    r"(?=[A-Z0-9])"
)

_BREAK = r"\s{0,3}\n\s{0,3}"
_BROKEN_GATE = (
    r"\d[\-.()]?[ \t\r]{0,3}\n\s{0,3}[\-.()]?\d|@[^\s\"@\x00]{0,64}[ \t\r]{0,3}\n|"
    r"@\s[A-Za-z0-9]|\w\s{1,4}@\w"
)
_BREAKS = pattern(_BROKEN_GATE)
_BROKEN = re.compile(
    rf"(?<=[\d\-.()]){_BREAK}(?=[\d\-.()])|(?<=\w){_BREAK}(?=@[\w\-]{{1,63}}\.\w)|(?<=@)\s{{1,4}}(?=\w)"
)
_TLD = r"(?:com|org|net|edu|gov|info|[A-Za-z]{2})"
_LABEL = r"[\w\-]{1,63}"
_BROKEN_HOST = re.compile(
    rf"(@{_LABEL}|@(?:{_LABEL}\.){{1,5}}(?!{_TLD}\s){_LABEL}){_BREAK}(?=[\w\-]{{0,63}}\.[A-Za-z]{{2}})|"
    rf"(@(?:{_LABEL}\.){{1,5}}){_BREAK}(?=[A-Za-z]{{2}})|"
    rf"(@{_LABEL}(?:\.{_LABEL}){{0,5}}){_BREAK}(?=\.[A-Za-z]{{2}})"
)

_ALIKE = str.maketrans(
    "аАвВеЕкКмМнНоОрРсСтТуУхХіІјЈѕЅԁԛԝαΑβΒεΕηΗιΙκΚΜνΝοΟρΡτΤυΥχΧζΖ",
    "aABBeEkKmMHHoOpPcCTTyYxXiIjJsSdqwaABBEEnHiIkKMvNoOpPTTuYxXZZ",
)
_MIXED_GATE = r"[A-Za-z0-9@][\x{370}-\x{52f}]|[\x{370}-\x{52f}][A-Za-z0-9@]"
_MIXED = re.compile(r"(?<![\w@.\-])[\w@.\-]*[\u0370-\u052f][\w@.\-]*")


def _latin(m: re.Match[str]) -> str:
    """A word that mixes alphabets, in one of them; a word of one alphabet as it is."""
    return m[0].translate(_ALIKE) if re.search("[A-Za-z0-9]", m[0]) else m[0]


GATE = f"{_SPOKEN_GATE}|{_SIGNED_GATE}|{_SPACED_GATE}|{_ODD_GATE}|{_BROKEN_GATE}|{_MIXED_GATE}"
"""Matches wherever one of the steps may show something."""
_GATE = pattern(GATE)
BROKEN_IN_JSON = pattern(r"\d[\-.()]?\s{0,3}(?:\\+[nr]\s{0,3}){1,4}[\-.()]?\d")
"""A line broken inside a number as JSON text has it: where escapes are undone, that is a space."""

STEPS: tuple[Step, ...] = (
    Step(_SPACED, _closed, pattern(_SPACED_GATE)),
    Step(_signed(_AT), lambda _: "@", _SIGNED),
    Step(_signed(_DOT), lambda _: ".", _SIGNED),
    Step(_ADDRESS, _address, _SIGNED),
    Step(_SPOKEN, _spoken, pattern(_SPOKEN_GATE)),
    Step(_ODD, lambda _: "-", pattern(_ODD_GATE)),
    Step(_BROKEN_HOST, lambda m: m[1] or m[2] or m[3], _BREAKS),
    Step(_BROKEN, lambda _: "", _BREAKS),
    Step(_MIXED, _latin, pattern(_MIXED_GATE)),
)


def is_unusual(data: bytes) -> bool:
    """Whether one of the steps may show something."""
    return _GATE.search(data) is not None
