"""The part of Rego that means the same on both engines: its built-ins, patterns and formats.

What stands here was compared between the embedded engine and OPA. What does not is an error on one
of them, or worse, means something else there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

_GROUPS: Final[Mapping[str, str]] = {
    "array": "concat reverse slice",
    "base64": "decode encode is_valid",
    "base64url": "decode encode_no_pad",
    "glob": "match",
    "hex": "decode encode",
    "json": "filter is_valid marshal patch remove unmarshal",
    "net": "cidr_contains",
    "numbers": "range",
    "object": "filter get keys remove subset union union_n",
    "regex": "find_n is_valid match replace split",
    "semver": "compare",
    "strings": "any_prefix_match any_suffix_match replace_n reverse",
    "time": "add_date clock date parse_duration_ns parse_ns parse_rfc3339_ns weekday",
    "units": "parse parse_bytes",
    "urlquery": "decode encode",
}
_PLAIN: Final = """
    abs ceil concat contains count endswith floor format_int indexof intersection is_array
    is_boolean is_null is_number is_object is_set is_string lower max min product replace
    round sort split
    sprintf startswith substring sum to_number trim trim_left trim_prefix trim_right trim_space
    trim_suffix type_name union upper walk
"""

BUILTINS: Final = frozenset(_PLAIN.split()) | {
    f"{group}.{name}" for group, names in _GROUPS.items() for name in names.split()
}
"""The built-ins that a rule may call. A test may call `print` besides."""

_INSTEAD: Final[Mapping[str, str]] = {
    "crypto": "the sidecar hashes; decide by what the input has",
    "http": "a decision asks nobody: put what it needs into data",
    "io": "the sidecar verifies tokens: input.caller says what they say",
    "net": "net.cidr_contains is the one that is portable",
    "opa": "a decision reads no environment: put what it needs into data",
    "print": "leave it to tests: what a rule prints holds people's data",
    "rand": "a decision is the same twice",
    "rego": "write the text out; METADATA is not to be had at run time",
    "time": "input.time is the time, for time.parse_rfc3339_ns",
    "trace": "take it away",
    "uuid": "a decision is the same twice",
}


def instead(name: str) -> str:
    """What to do without a built-in that is not portable; empty when there is nothing to say."""
    return _INSTEAD.get(name.partition(".")[0], "")


PATTERNS: Final[Mapping[str, int]] = {
    "regex.find_n": 0,
    "regex.is_valid": 0,
    "regex.match": 0,
    "regex.replace": 1,
    "regex.split": 0,
}
"""Where the pattern stands among what is given to a built-in."""

MAX_PATTERN: Final = 500
"""Longest pattern in characters: the embedded engine refuses what compiles to over 100 KiB."""

_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_CLASSES: Final = {
    **dict.fromkeys("wW", "[A-Za-z0-9_]"),
    **dict.fromkeys("dD", "[0-9]"),
    **dict.fromkeys("sS", r"[ \t\n]"),
    **dict.fromkeys("bB", "^, $ or the character that ends the word"),
    **dict.fromkeys("pP", "the characters themselves, such as [A-Za-z]"),
}


def pattern_faults(pattern: str) -> Iterator[tuple[str, str]]:
    """What in a regular expression means two things, each with what to write instead."""
    for letter in dict.fromkeys(_ESCAPED.findall(pattern)):
        if letter in _CLASSES:
            what = rf"\{letter} knows Unicode on one engine and ASCII on the other"
            yield what, f"write {_CLASSES[letter]}"
    bare = _ESCAPED.sub("", pattern)
    if "(?" in bare:
        yield "(? is read differently by the two engines", "lower() the text first, and group by ("
    if "[[:" in bare:
        yield "a class such as [[:alpha:]] is not portable", "write the characters, [A-Za-z]"
    if len(pattern) > MAX_PATTERN:
        yield f"the pattern is longer than {MAX_PATTERN} characters", "write several short ones"


_VERB: Final = re.compile(r"%(.?)", re.DOTALL)


def format_faults(text: str) -> Iterator[tuple[str, str]]:
    """What in the format of a `sprintf` is not portable."""
    for verb in dict.fromkeys(_VERB.findall(text)):
        if verb not in {"s", "d", "v", "%"}:
            yield f"%{verb} in a format is not portable", "write %s, %d or %v"
