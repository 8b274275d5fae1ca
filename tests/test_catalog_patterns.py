"""Patterns and pointers: what is well formed, and why the rest is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.catalog.patterns import arguments_of, fault_of, first_segment

SEGMENT = st.text(min_size=1).map(
    lambda s: s.replace("*", "+").replace("~", "~0").replace("/", "~1")
)


@pytest.mark.parametrize("pattern", ["/a", "/emails/*/original", "/a/**", "/**", "/a~1b/~0c", "/0"])
def test_a_pointer_with_whole_wildcards_is_a_pattern(pattern):
    assert fault_of(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "does not begin with /"),
        ("a/b", "does not begin with /"),
        ("/", "has an empty segment"),
        ("/a//b", "has an empty segment"),
        ("/a/", "has an empty segment"),
        ("/a~b", "has a ~ that is neither ~0 nor ~1"),
        ("/a~", "has a ~ that is neither ~0 nor ~1"),
        ("/**/a", "has ** before its last segment"),
        ("/a*", "has a * inside a segment"),
        ("/a/***", "has a * inside a segment"),
    ],
)
def test_anything_else_is_told_why_it_is_none(pattern, why):
    assert fault_of(pattern) == why


@given(st.lists(SEGMENT | st.just("*"), min_size=1), st.sampled_from(["", "/**"]))
def test_whatever_the_grammar_makes_is_a_pattern(segments, end):
    assert fault_of("/" + "/".join(segments) + end) is None


@given(st.text() | st.text(alphabet="/*~01a"))
def test_a_fault_is_found_or_not_but_nothing_raises(text):
    fault = fault_of(text)
    assert fault is None or text[:1] != "/" or fault.startswith("has ")


@given(st.text(min_size=1))
def test_the_first_segment_is_the_key_that_was_escaped(key):
    escaped = key.replace("~", "~0").replace("/", "~1")
    assert first_segment(f"/{escaped}") == first_segment(f"/{escaped}/below") == key


def test_the_arguments_of_a_path_are_its_words_in_braces_except_the_organisation():
    assert arguments_of("/orgs/{org_id}/a/{b}/c/{d}") == ["b", "d"]
