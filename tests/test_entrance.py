"""From settings to the verifier: endpoints, issuers, workloads, and what is told to clients."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest
from identity_parts import head, signed
from settings_parts import GOOD, written

from sidecar import entrance, identity, settings
from sidecar.errors import ConfigError, NotFound, Unauthenticated
from sidecar.model import Caller, Head

KEY = "k" * 43


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_text(KEY)
    return tmp_path


def verified(file: Path, *heads: Head) -> list[Caller]:
    """What the verifier of these settings makes of each request."""

    async def main() -> list[Caller]:
        loaded = settings.load(file)
        async with AsyncExitStack() as stack:
            verifier = await entrance.verifier(loaded, entrance.directory(loaded), stack)
            return [await verifier.verify(each) for each in heads]

    return asyncio.run(main())


def test_an_endpoint_is_found_by_the_token_whose_keyed_hash_stands_in_the_settings(folder):
    token = identity.new_endpoint_token()
    text = GOOD.replace(
        "    methods:",
        f"    token_hash: {identity.endpoint_hash(token, KEY)}\n"
        "    require_api_token_auth: false\n    methods:",
    )
    file = written(folder, text + "endpoint_key_file: FOLDER/secret\n")
    (caller,) = verified(file, head(path=f"/mcp/{token}"))
    assert caller.endpoint.name == "support"
    (folder / "secret").write_text("j" * 43)
    with pytest.raises(NotFound):
        verified(file, head(path=f"/mcp/{token}"))


def test_an_endpoint_whose_token_lies_in_a_shared_file_follows_the_file(folder):
    shared, old, new = folder / "token", "o" * 43, "n" * 43
    shared.write_text(old)
    text = GOOD.replace(
        "    methods:",
        "    token_file: FOLDER/token\n    require_api_token_auth: false\n    methods:",
    )
    found = entrance.directory(settings.load(written(folder, text)))
    assert [f"/mcp/{token}" for token in (old, new) if found.find(f"/mcp/{token}")] == [
        f"/mcp/{old}"
    ]
    shared.write_text(new)
    assert found.find(f"/mcp/{old}") is None
    endpoint = found.find(f"/mcp/{new}")
    assert (endpoint and endpoint.name, len(found)) == ("support", 1)
    assert found.find("/mcp") is None
    shared.write_text("short")
    assert found.find(f"/mcp/{new}") is endpoint


def test_two_endpoints_whose_shared_tokens_change_places_do_so(folder):
    files = {"a": folder / "a", "b": folder / "b"}
    for name, file in files.items():
        file.write_text(name * 43)
    entries = [
        {"name": name, "token_file": str(file), "require_api_token_auth": False}
        for name, file in files.items()
    ]
    text = (
        GOOD[: GOOD.index("endpoints:")] + f"endpoints: {entries}\naudit: {{folder: FOLDER/au}}\n"
    )
    found = entrance.directory(settings.load(written(folder, text)))
    at_a = found.find(f"/mcp/{'a' * 43}")
    assert at_a is not None
    assert found.has(at_a)
    files["a"].write_text("b" * 43)
    assert not found.has(at_a), "a rotation alone ends what was verified by the old token"
    assert found.find(f"/mcp/{'b' * 43}") is None, "two want it, so that nobody has it"
    files["b"].write_text("a" * 43)
    names = [getattr(found.find(f"/mcp/{c * 43}"), "name", None) for c in "ab"]
    assert names == ["b", "a"]


def test_a_shared_token_that_opens_another_endpoint_opens_that_one_alone(folder):
    (folder / "token").write_text("o" * 43)
    hashed = identity.endpoint_hash("n" * 43, KEY)
    text = GOOD.replace(
        "  - name: support",
        f"  - {{name: writers, token_hash: {hashed}, methods: [write]}}\n"
        "  - name: support\n    token_file: FOLDER/token",
    )
    loaded = settings.load(written(folder, text + "endpoint_key_file: FOLDER/secret\n"))
    found = entrance.directory(loaded)
    (folder / "token").write_text("n" * 43)
    assert [getattr(found.find(f"/mcp/{c * 43}"), "name", None) for c in "on"] == [None, "writers"]
    with pytest.raises(ConfigError, match="another endpoint's"):
        entrance.directory(loaded)
    (folder / "token").write_text("p" * 43)
    names = [getattr(found.find(f"/mcp/{c * 43}"), "name", None) for c in "nop"]
    assert names == ["writers", None, "support"]


@pytest.mark.parametrize("token", ["short", "a" * 31, "a b" * 20, "a/" * 20, "a" * 129])
def test_a_file_that_holds_no_endpoint_token_is_refused_at_the_start(folder, token):
    (folder / "token").write_text(token)
    text = GOOD.replace("    methods:", "    token_file: FOLDER/token\n    methods:")
    loaded = settings.load(written(folder, text))
    with pytest.raises(ConfigError) as caught:
        entrance.directory(loaded)
    assert token not in str(caught.value)


def test_a_token_verifies_with_the_keys_of_its_own_issuer_alone(folder):
    second = "    - issuer: https://other.example\n      hs256_secret_file: FOLDER/other\n"
    (folder / "other").write_text("o" * 48)
    file = written(folder, GOOD.replace("endpoints:\n", second + "endpoints:\n"))
    times = {"iat": 1, "exp": 4_000_000_000}
    ours = signed(key=KEY, **times)
    theirs = signed(iss="https://other.example", key="o" * 48, **times)
    callers = verified(file, head(f"Bearer {ours}"), head(f"Bearer {theirs}"))
    assert [c.issuer for c in callers] == ["https://issuer.example", "https://other.example"]
    crossed = signed(iss="https://other.example", key=KEY, **times)
    stranger = signed(iss="https://third.example", key=KEY, **times)
    for token, why in ((crossed, "bad_signature"), (stranger, "wrong_issuer")):
        with pytest.raises(Unauthenticated, match=why):
            verified(file, head(f"Bearer {token}"))


def test_without_a_public_url_a_challenge_names_no_metadata(folder):
    with pytest.raises(Unauthenticated) as caught:
        verified(written(folder, GOOD), head())
    assert caught.value.headers == (("www-authenticate", "Bearer"),)


PUBLIC = """\
public_url: https://mcp.example.com/mcp
backend: {url: http://127.0.0.1:9000/mcp}
bearer:
  audience: sidecar
  required_scopes: [mcp:use]
  issuers:
    - {issuer: https://issuer.example, jwks_url: https://issuer.example/keys}
    - {issuer: https://cluster, jwks_url: https://cluster/k, kubernetes: {namespace: a}}
    - {issuer: https://development, hs256_secret_file: FOLDER/secret}
endpoints: [{name: support}]
audit: {folder: FOLDER/audit}
"""


def test_metadata_names_the_issuers_that_a_client_can_ask_and_nothing_of_a_request(folder):
    documents = entrance.documents(settings.load(written(folder, PUBLIC)))
    path = "/.well-known/oauth-protected-resource"
    assert set(documents) == {path, f"{path}/mcp"}
    assert orjson.loads(documents[path].body) == {
        "resource": "https://mcp.example.com/mcp",
        "authorization_servers": ["https://issuer.example"],
        "scopes_supported": ["mcp:use"],
        "bearer_methods_supported": ["header"],
    }


def test_there_is_no_metadata_when_no_client_could_get_a_token(folder):
    text = GOOD + "public_url: https://mcp.example.com/mcp\n"
    assert entrance.documents(settings.load(written(folder, text))) == {}
    with pytest.raises(Unauthenticated) as caught:
        verified(written(folder, text), head())
    assert caught.value.headers == (("www-authenticate", "Bearer"),)


def test_with_a_public_url_a_challenge_names_where_its_metadata_stands(folder):
    with pytest.raises(Unauthenticated) as caught:
        verified(written(folder, PUBLIC), head())
    where = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
    assert caught.value.headers == (
        ("www-authenticate", f'Bearer scope="mcp:use", resource_metadata="{where}"'),
    )
