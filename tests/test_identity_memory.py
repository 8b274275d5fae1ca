"""Memory: a verified token is remembered as long as it holds, and nothing else is."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_parts import (
    BOTH,
    GOOD,
    LEEWAY,
    MAIN,
    NOW,
    OPEN,
    OTHER_TOKEN,
    SHARED,
    URL_TOKEN,
    Fixed,
    forged,
    head,
    make,
    refused,
    signed,
    verify,
)

from sidecar.errors import NotFound, OrganDown, Refusal, Unauthenticated
from sidecar.identity import bearers as module
from sidecar.model import Head


def test_a_verified_token_is_remembered_for_its_endpoint_alone():
    keys = Fixed(SHARED.keys)
    verifier = make(keys=keys)
    for _ in range(3):
        assert verify(head(f"Bearer {signed()}"), verifier).endpoint is MAIN
    assert keys.asked == 1
    caller = verify(head(f"Bearer {signed()}", path=f"/mcp/{OTHER_TOKEN}"), verifier)
    assert (caller.endpoint, keys.asked) == (BOTH, 2)


def test_a_remembered_token_still_expires():
    now = [NOW]
    verifier = make([MAIN], now=lambda: now[0])
    verify(head(f"Bearer {signed()}"), verifier)
    now[0] = GOOD["exp"] + LEEWAY
    assert refused(signed(), verifier) == "expired"


def test_a_refused_token_is_not_remembered():
    keys = Fixed({})
    verifier = make(keys=keys)
    assert refused(signed(), verifier) == "unknown_key"
    keys.keys = SHARED.keys
    assert verify(head(f"Bearer {signed()}"), verifier).subject == "ann"


def test_changed_keys_forget_every_token():
    keys = Fixed(dict(SHARED.keys))
    verifier = make(keys=keys)
    verify(head(f"Bearer {signed()}"), verifier)
    keys.keys.clear()
    verify(head(f"Bearer {signed()}"), verifier)
    keys.version += 1
    assert refused(signed(), verifier) == "unknown_key"


def test_keys_that_change_while_a_token_verifies_are_asked_again_the_next_time():
    class Changing(Fixed):
        async def find(self, kid, algorithm):
            found = await super().find(kid, algorithm)
            self.keys, self.version = {}, self.version + 1
            return found

    verifier = make(keys=Changing(dict(SHARED.keys)))
    verify(head(f"Bearer {signed()}"), verifier)
    assert refused(signed(), verifier) == "unknown_key"


def test_stale_keys_are_renewed_before_a_remembered_token_is_trusted():
    keys = Fixed(dict(SHARED.keys))
    verifier = make(keys=keys)
    verify(head(f"Bearer {signed()}"), verifier)
    keys.keys.clear()
    keys.stale = True
    assert refused(signed(), verifier) == "unknown_key"


def test_memory_is_bounded_and_drops_the_longest_unused(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 2)
    keys = Fixed(SHARED.keys)
    verifier = make(keys=keys)
    for subject in ("a", "b", "a", "c", "a"):
        verify(head(f"Bearer {signed(sub=subject)}"), verifier)
    assert keys.asked == 3
    verify(head(f"Bearer {signed(sub='b')}"), verifier)
    assert keys.asked == 4


def test_a_remembered_token_costs_a_fraction_of_a_new_one():
    """Both measured in one run, the best of ten each, so that a busy machine changes neither."""
    known, verifier = head(f"Bearer {signed(pad='x' * 500)}"), make()
    new = (head(f"Bearer {signed(jti=str(n), pad='x' * 500)}") for n in itertools.count())

    async def cost(requests: list[Head]) -> float:
        start = time.process_time()
        for each in requests:
            await verifier.verify(each)
        return (time.process_time() - start) / len(requests)

    async def best(batches: Iterable[list[Head]]) -> float:
        return min([await cost(batch) for batch in batches])

    async def main() -> tuple[float, float]:
        await verifier.verify(known)
        batches = [[next(new) for _ in range(20)] for _ in range(10)]
        return await best([[known] * 200] * 10), await best(batches)

    remembered, verified = asyncio.run(main())
    assert remembered < verified / 5


def test_keys_that_cannot_be_reached_are_our_fault_and_not_the_callers():
    class Unreachable(Fixed):
        async def find(self, kid, algorithm):
            raise OrganDown(reason="keys_unreachable")

    with pytest.raises(OrganDown) as caught:
        verify(head(f"Bearer {signed()}"), make(keys=Unreachable({})))
    assert (caught.value.status, caught.value.reason) == (503, "keys_unreachable")


TEXT = st.text(max_size=60)
PIECE = st.sampled_from(signed().split(".")) | TEXT
TOKENS = st.lists(PIECE, min_size=1, max_size=4).map(".".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
CLAIMS = st.dictionaries(st.sampled_from([*GOOD, "nbf", "act", "scope", "scp", "roles"]), JSON)
FORGED = st.builds(
    forged,
    st.fixed_dictionaries(
        {"alg": st.just("HS256") | JSON}, optional={"kid": JSON, "typ": JSON, "crit": JSON}
    ),
    CLAIMS.map(lambda claims: GOOD | claims) | JSON,
)


@pytest.mark.thorough
@given(st.lists(TEXT | (TOKENS | FORGED).map("Bearer {}".format), max_size=2), st.text(max_size=9))
@settings(deadline=None, max_examples=300)
def test_any_header_gives_a_caller_or_a_refusal(values, tail):
    verifier = make()
    for path in ("/mcp", f"/mcp/{URL_TOKEN}", f"/mcp/{tail}"):
        try:
            caller = verify(head(*values, path=path), verifier)
        except Refusal as refusal:
            assert isinstance(refusal, Unauthenticated | NotFound)
        else:
            assert caller.is_authenticated or caller.endpoint is OPEN
            json.dumps(caller.claims).encode()
