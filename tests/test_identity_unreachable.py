"""Key sets that cannot be fetched: the last one stays in use, and without one all is refused."""

import asyncio
import gzip
import json

import httpx2
import pytest
from issuer_parts import ALGORITHMS, RSA_JWK, URL, Issuer, found, public
from starlette.responses import RedirectResponse, Response

from sidecar import identity
from sidecar.errors import OrganDown
from sidecar.identity import keyset as module
from sidecar.identity import publisher


@pytest.fixture
def issuer():
    return Issuer()


BAD = [
    Response(status_code=500),
    Response(status_code=404),
    Response(json.dumps({"keys": [RSA_JWK]}), status_code=203),
    RedirectResponse("https://issuer.example/elsewhere"),
    Response("no json"),
    Response(b"\xff"),
    Response("[]"),
    Response('{"keys": {}}'),
    Response('{"keys": []}'),
    Response(json.dumps({"keys": [RSA_JWK] * 101})),
    Response(json.dumps({"keys": [RSA_JWK], "pad": "x" * publisher.LARGEST})),
    Response(
        gzip.compress(json.dumps({"keys": [RSA_JWK]}).encode()),
        headers={"content-encoding": "gzip"},
    ),
]


@pytest.mark.parametrize("answer", BAD)
def test_without_any_key_set_the_organ_is_down(issuer, answer):
    issuer.answer = answer
    with pytest.raises(OrganDown) as caught:
        found(issuer, ("rsa", "RS256"))
    assert caught.value.reason == "keys_unreachable"


@pytest.mark.parametrize("answer", BAD)
def test_a_set_that_cannot_be_fetched_leaves_the_last_one_in_use(issuer, answer):
    async def main() -> None:
        keys = issuer.key_set()
        await keys.find("rsa", "RS256")
        issuer.answer, issuer.now = answer, issuer.now + 600
        for _ in range(3):
            assert await keys.find("rsa", "RS256") is not None
        assert (issuer.asked, keys.version, keys.is_stale()) == (2, 1, False)
        issuer.now += 30
        assert keys.is_stale()

    asyncio.run(main())


def test_an_empty_organ_tries_again_after_a_second(issuer):
    async def main() -> None:
        issuer.answer = Response(status_code=503)
        keys = issuer.key_set()
        for _ in range(5):
            with pytest.raises(OrganDown):
                await keys.find("rsa", "RS256")
        assert issuer.asked == 1
        issuer.answer, issuer.now = None, issuer.now + 1
        assert await keys.find("rsa", "RS256") is not None

    asyncio.run(main())


def test_a_connection_that_fails_and_a_url_that_is_none_are_failures(issuer):
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    async def main(url: str) -> None:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(fail))
        keys = identity.KeySet(identity.Publisher(url, client, resolve=public), ALGORITHMS)
        with pytest.raises(OrganDown):
            await keys.find("a", "RS256")

    for url in (URL, "https://[", "nothing"):
        asyncio.run(main(url))


def test_an_issuer_that_never_answers_is_given_up(issuer, monkeypatch):
    monkeypatch.setattr(module, "FETCH_S", 0.01)

    async def main() -> None:
        issuer.gate = asyncio.Event()
        with pytest.raises(OrganDown):
            await issuer.key_set().find("rsa", "RS256")

    asyncio.run(main())
