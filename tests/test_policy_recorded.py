"""Recorded input documents: read back whole, and what they withhold is known by place."""

from __future__ import annotations

from copy import deepcopy

import orjson
import pytest
from review_parts import facts, recorded

from sidecar.policy import rehearsal
from sidecar.policy.comparing import recorded as records


@pytest.mark.parametrize("document", rehearsal.DOCUMENTS[1:])
def test_a_document_reads_back_as_the_facts_that_it_was_written_from(document):
    written = orjson.loads(orjson.dumps(document))
    again = records.facts(written).document()
    assert orjson.loads(orjson.dumps(again)) == written


@pytest.mark.parametrize(
    "broken",
    [None, [], {}, {"version": 2}, {"version": 1}, {"version": 1, "tools": [{}]}],
)
def test_what_is_no_document_is_refused_without_a_word_of_it(broken):
    with pytest.raises(ValueError, match=r"^(it is no input document|its version is another)$"):
        records.facts(broken)


def test_a_document_with_a_member_of_another_type_is_refused():
    document = deepcopy(facts().document())
    document["tools"][0]["name"] = 7
    with pytest.raises(ValueError, match="no input document"):
        records.facts(document)


def test_what_is_withheld_is_known_by_its_place():
    arguments = {"body": "please do", "count": 3, "to": [{"name": "Jane Roe"}], "Jane Roe": 1}
    places = records.withheld(recorded(facts(arguments=arguments)))
    assert ("arguments", "body") in places
    assert ("arguments", "to", None, "name") in places
    assert ("arguments", None) in places
    assert not any("count" in place for place in places)


def test_a_caller_of_whom_something_was_scrubbed_is_known_by_its_place():
    places = records.withheld(recorded(facts(on_behalf_of="jane.roe@example.com")))
    assert places == (("caller", "on_behalf_of"),)


def test_as_many_findings_as_a_record_holds_may_not_be_all():
    document = recorded(facts())
    finding = {"entity": "EMAIL", "pointer": "/body", "length": 3}
    document["findings"] = [finding] * (records.MOST_FINDINGS - 1)
    assert records.withheld(document) == ()
    document["findings"] = [finding] * records.MOST_FINDINGS
    assert records.withheld(document) == (("findings",),)


def test_what_is_put_in_the_place_of_a_withheld_leaf_has_its_kind_and_length():
    document = recorded(facts(arguments={"body": "please do", "n": 12345678901, "at": [True]}))
    filled = records.filled(document)["arguments"]
    assert filled == {"body": "x" * 9, "n": 10**11, "at": [True]}


def test_arguments_that_were_withheld_whole_become_an_empty_object():
    document = {**recorded(facts()), "arguments": {"withheld": "MORE", "length": 99999}}
    assert records.withheld(document) == (("arguments",),)
    assert records.filled(document)["arguments"] == {}


PLACES = (("arguments", "body"), ("arguments", "to", None, "name"))


@pytest.mark.parametrize(
    ("path", "reads"),
    [
        (("input",), True),
        (("input", "arguments"), True),
        (("input", "arguments", "body"), True),
        (("input", "arguments", "body", "deeper"), True),
        (("input", "arguments", None), True),
        (("input", "arguments", "to", None, "name"), True),
        (("input", "arguments", "to", "0", "phone"), False),
        (("input", "arguments", "status"), False),
        (("input", "caller", "roles"), False),
        (("data", "arguments", "body"), False),
    ],
)
def test_a_reference_reads_a_place_that_it_leads_to_or_into_or_past(path, reads):
    assert records.is_read(path, PLACES) is reads
