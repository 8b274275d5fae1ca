"""A site's archive from a real HTTP server: by its ETag, bounded, and pinned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from engine_parts import facts
from gladly_fixtures import listening
from settings_parts import GOOD, written
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from test_policy_archive import FILES, packed

from sidecar import app, settings
from sidecar.errors import ConfigError
from sidecar.policy import Embedded, Policy, load
from sidecar.policy.archive import MAX_BYTES
from sidecar.policy.renewal.bundle_source import Address, BundleSource
from sidecar.settings import Rotating, shipped, token_in

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

LIBRARY = shipped("policies")
OTHER = packed({"site/config/data.yaml": "bulk_roles: [admin]\n"})


@dataclass
class Shelf:
    """A server of one archive, which says 304 to whoever has it; keeps what it was asked."""

    raw: bytes = packed(FILES)
    status: int = 200
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/bundles/s3cret/bundle.tar.gz", self._answer)])

    async def _answer(self, request: Request) -> Response:
        self.asked.append(dict(request.headers))
        if self.status != 200:
            return Response("no", self.status, {"location": "/elsewhere"})
        etag = f'"{hashlib.sha256(self.raw).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304)
        return Response(self.raw, headers={"etag": etag})

    def source(self, **how: str | Rotating[str]) -> BundleSource:
        """A source that may ask as often as it is asked."""
        return BundleSource(Address(self.url, **how), LIBRARY, period=0.0)  # type: ignore[arg-type]


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf()
    with listening(made.app()) as url:
        made.url = f"{url}/bundles/s3cret/bundle.tar.gz"
        yield made


async def refused(source: BundleSource) -> str:
    with pytest.raises(ConfigError) as caught:
        await source.changed()
    return str(caught.value)


async def test_an_archive_is_taken_up_once_and_then_asked_for_by_its_etag(shelf):
    source = shelf.source()
    bundle = await source.changed()
    assert bundle is not None
    assert [rule.name for rule in bundle.site_rules] == ["access.hours"]
    assert (await Policy(Embedded(bundle), 5.0).decide(facts())).policy_sha256 == bundle.sha256
    assert await source.changed() is None
    assert "if-none-match" not in shelf.asked[0]
    assert shelf.asked[1]["if-none-match"].startswith('"')
    shelf.raw = OTHER
    newer = await source.changed()
    assert newer is not None
    assert newer.data["site"] == {"config": {"bulk_roles": ["admin"]}}


async def test_the_same_rules_in_a_folder_are_the_same_policy(shelf, tmp_path):
    (tmp_path / "bundle.tar.gz").write_bytes(shelf.raw)
    bundle = await shelf.source().changed()
    assert bundle is not None
    assert bundle.sha256 == load(LIBRARY, tmp_path).sha256


@pytest.mark.parametrize(
    "raw", [b"<html>", packed({"x.rego": "package x\n"}), bytes(MAX_BYTES + 1)]
)
async def test_what_cannot_be_used_is_told_once_and_the_next_good_one_is_taken_up(shelf, raw):
    source = shelf.source()
    good, shelf.raw = shelf.raw, raw
    assert "bundle" in await refused(source)
    assert await source.changed() is None
    shelf.raw = good
    assert await source.changed() is not None


async def test_a_server_that_fails_redirects_or_is_gone_is_told_without_the_urls_path(shelf):
    source = shelf.source()
    first = await source.changed()
    for status in (307, 403, 404, 500):
        shelf.status = status
        said = await refused(source)
        assert str(status) in said
        assert "s3cret" not in said
    assert len(shelf.asked) == 5
    shelf.status = 200
    assert await source.changed() is first, "so that whoever was told of the trouble sees its end"
    assert await source.changed() is None
    gone = BundleSource(Address("http://127.0.0.1:1/s3cret"), LIBRARY)
    said = await refused(gone)
    assert "cannot be had" in said
    assert "s3cret" not in said


async def test_a_pinned_archive_is_the_only_one_that_is_taken_up(shelf):
    source = shelf.source(sha256=hashlib.sha256(shelf.raw).hexdigest())
    assert await source.changed() is not None
    shelf.raw = OTHER
    assert "policy.bundle_sha256" in await refused(source)


async def test_it_is_asked_no_more_often_than_it_may_be(shelf):
    now = [0.0]
    source = BundleSource(Address(shelf.url), LIBRARY, period=10.0, clock=lambda: now[0])
    assert await source.changed() is not None
    shelf.raw = OTHER
    now[0] = 7.9
    assert await source.changed() is None
    now[0] = 12.1
    assert await source.changed() is not None
    assert len(shelf.asked) == 2


async def test_the_token_is_sent_as_its_file_holds_it_now(shelf, tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("t0ken")
    source = shelf.source(token=Rotating(token_in, file))
    await source.changed()
    file.write_text("another-t0ken")
    await source.changed()
    assert [a["authorization"] for a in shelf.asked] == ["Bearer t0ken", "Bearer another-t0ken"]


async def test_a_start_takes_its_rules_from_the_server_and_ends_without_them(shelf, tmp_path):
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_text("s" * 40)
    more = f"policy: {{bundle_url: '{shelf.url}', engine: embedded}}\n"
    loaded = settings.load(written(tmp_path, GOOD + more))
    bundle = app.check(loaded).bundle
    assert [rule.name for rule in bundle.site_rules] == ["access.hours"]
    shelf.status = 503
    with pytest.raises(ConfigError, match="the server answers 503"):
        app.check(loaded)
