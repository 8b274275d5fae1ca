"""What somebody meant who wrote a word that is not known."""

from __future__ import annotations

import pytest

from sidecar.policy.spelling import meant


@pytest.mark.parametrize("word", ["destructiv", "destuctive", "destructive_"])
def test_a_word_that_is_close_is_told(word):
    assert meant(word, ["destructive", "read", "write"]) == "did you mean destructive?"


def test_of_few_words_all_are_told_and_of_many_none():
    assert meant("zzz", ["read", "destructive"]) == "one of: destructive, read"
    assert meant("zzz", map(str, range(13))) == ""
    assert meant("zzz", []) == ""
