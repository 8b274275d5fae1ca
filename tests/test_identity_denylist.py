"""What was revoked counts no longer, from the next request on; a senseless list is told."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from identity_parts import ALL, OPEN, URL_TOKEN, head, make, refused, signed, verify, why

from sidecar import identity
from sidecar.errors import ConfigError
from sidecar.identity import DenyList
from sidecar.settings import Rotating


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        identity.read_deny_list(file)
    return [problem.what for problem in caught.value.problems]


def test_a_token_is_refused_by_its_id_and_by_its_subject():
    for denied in (DenyList(jti=frozenset({"t-1"})), DenyList(sub=frozenset({"ann"}))):
        verifier = make(denied=lambda denied=denied: denied)
        assert refused(signed(jti="t-1"), verifier) == "token_revoked"
    verifier = make(denied=lambda: DenyList(jti=frozenset({"t-1"}), sub=frozenset({"bob"})))
    assert verify(head(f"Bearer {signed(jti='t-2')}"), verifier).subject == "ann"
    assert verify(head(f"Bearer {signed()}"), verifier).subject == "ann"


def test_a_remembered_token_is_refused_as_soon_as_it_is_revoked():
    lists = [identity.NOTHING_DENIED]
    verifier = make(denied=lambda: lists[-1])
    verify(head(f"Bearer {signed(jti='t-1')}"), verifier)
    lists.append(DenyList(jti=frozenset({"t-1"})))
    assert refused(signed(jti="t-1"), verifier) == "token_revoked"


def test_a_revoked_endpoint_is_not_found_whatever_is_sent():
    verifier = make(denied=lambda: DenyList(endpoint=frozenset({"open"})))
    for values in ((), (f"Bearer {signed()}",)):
        assert why(head(*values, path=f"/mcp/{URL_TOKEN}"), verifier) == "endpoint_revoked: open"


def test_a_caller_in_a_stream_is_no_longer_welcome_once_revoked():
    lists = [identity.NOTHING_DENIED]
    verifier = make(ALL, denied=lambda: lists[-1])
    known = verify(head(f"Bearer {signed(jti='t-1')}"), verifier)
    stranger = verify(head(path=f"/mcp/{URL_TOKEN}"), verifier)
    assert verifier.is_welcome(known)
    assert verifier.is_welcome(stranger)
    for denied in ({"jti": "t-1"}, {"sub": "ann"}, {"endpoint": "main"}):
        lists.append(DenyList(**{kind: frozenset({one}) for kind, one in denied.items()}))
        assert not verifier.is_welcome(known)
        assert verifier.is_welcome(stranger)


def test_a_caller_whose_endpoint_was_removed_is_no_longer_welcome():
    directory = identity.Directory("k" * 32, [OPEN])
    verifier = identity.Verifier(directory)
    caller = replace(verify(head(path=f"/mcp/{URL_TOKEN}")), endpoint=OPEN)
    assert verifier.is_welcome(caller)
    directory.remove(str(OPEN.token_hash))
    assert not verifier.is_welcome(caller)


def test_a_caller_whose_endpoint_was_changed_is_no_longer_welcome_in_a_stream():
    directory = identity.Directory("k" * 32, [OPEN])
    verifier = identity.Verifier(directory)
    caller = replace(verify(head(path=f"/mcp/{URL_TOKEN}")), endpoint=OPEN)
    directory.put(replace(OPEN, methods=("get",)))
    assert not verifier.is_welcome(caller)


def test_a_file_is_read_again_when_it_is_replaced_and_kept_when_it_is_broken(tmp_path):
    file = tmp_path / "denied.yaml"
    file.write_text("jti: []\n")
    listed = Rotating(identity.read_deny_list, file)
    assert listed.value == identity.NOTHING_DENIED
    (tmp_path / "new").write_text("jti: [t-1]\nendpoint: [old]\n")
    (tmp_path / "new").replace(file)
    expected = DenyList(jti=frozenset({"t-1"}), endpoint=frozenset({"old"}))
    assert listed.value == expected
    file.write_text("jti: {")
    assert listed.value == expected


def test_what_looks_like_a_number_or_a_date_is_text(tmp_path):
    file = tmp_path / "denied.yaml"
    file.write_text("jti: [7, 0b_]\nsub: [2026-13-45, no, ~]\n")
    expected = DenyList(jti=frozenset({"7", "0b_"}), sub=frozenset({"2026-13-45", "no", "~"}))
    assert identity.read_deny_list(file) == expected


def test_an_empty_file_denies_nothing(tmp_path):
    for text in ("", "# nobody\n", "sub:\n"):
        (tmp_path / "denied").write_text(text)
        assert identity.read_deny_list(tmp_path / "denied") == identity.NOTHING_DENIED


@pytest.mark.thorough
def test_everything_wrong_with_a_list_is_told(tmp_path):
    file = tmp_path / "denied.yaml"
    assert problems(file, "[a]") == ["is no mapping"]
    assert problems(file, "jti: {") == ["is not YAML"]
    assert problems(file, "sub: [a]\njti: []\nsub: [b]\n") == ["names a kind twice"]
    assert problems(file, "jti: " + "[" * 3000) == ["is not YAML"]
    assert problems(file, "jti: [[7]]\nsub: a\nsubject: [a]\nendpoint: ['']\n") == [
        "is no list of texts",
        "is no list of texts",
        "is no kind",
        "is no list of texts",
    ]
    assert problems(file, "#" * ((1 << 20) + 1)) == ["has more than 1048576 bytes"]
    with pytest.raises(ConfigError, match="cannot be read"):
        identity.read_deny_list(tmp_path / "none")


@given(st.text(max_size=60) | st.from_regex(r"(jti|sub|endpoint|x): ?(\[[a-z0-9, ]*\]|[a-z]*)\n?"))
@hypothesis(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_list_or_problems(tmp_path, text):
    file = tmp_path / "any"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = identity.read_deny_list(file)
    except ConfigError as error:
        assert error.problems
    else:
        assert isinstance(found, DenyList)
