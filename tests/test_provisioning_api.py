"""The provisioning API: who may, what is asked, and what is answered, shaped as Truto's."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flow import token
from provisioning_parts import ADMIN, BASE, PUBLIC_URL, admin, desk

from sidecar.identity import DenyList
from sidecar.provisioning.records import moment

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]

FIELDS = {
    *("id", "name", "config", "integrated_account_id", "created_by"),
    *("expires_at", "created_at", "updated_at"),
}


def envelope(answer: Any, status: int) -> str:
    """The message of an error, after its shape was held against Truto's."""
    body = answer.json()
    assert answer.status_code == body["statusCode"] == status, answer.text
    assert set(body) == {"statusCode", "error", "message"}
    assert answer.headers["cache-control"] == "no-store"
    return str(body["message"])


async def test_a_created_endpoint_is_told_with_its_token_once_and_never_again(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.ask("POST", body={"name": "Desk", "config": {"methods": ["read"]}})
        assert made.status_code == 201
        assert made.headers["cache-control"] == "no-store"
        body = made.json()
        assert set(body) == FIELDS | {"token", "url"}
        assert body["url"] == f"{PUBLIC_URL}/{body['token']}"
        assert uuid.UUID(body["id"]).version == 4
        assert body["integrated_account_id"] == "default"
        assert (body["name"], body["created_by"]) == ("Desk", "operator-1")
        assert body["config"] == {
            "methods": ["read"],
            "tags": [],
            "tool_exposure": "all",
            "require_api_token_auth": True,
        }
        shown = {name: body[name] for name in FIELDS}
        assert (await d.ask("GET", body["id"])).json() == shown
        assert (await d.ask("GET")).json() == {"result": [shown], "next_cursor": None}


async def test_an_empty_body_makes_an_endpoint_with_the_safe_defaults(tmp_path):
    async with desk(tmp_path) as d:
        body = (await d.ask("POST", body={})).json()
        assert body["name"] == f"endpoint-{body['id'][:8]}"
        assert body["config"]["require_api_token_auth"] is True
        assert body["config"]["methods"] == ["read"]
        assert body["expires_at"] is None


async def test_names_may_repeat_but_not_that_of_a_declared_endpoint(tmp_path):
    async with desk(tmp_path) as d:
        assert (await d.make(name="twice"))["id"] != (await d.make(name="twice"))["id"]
        for name in ("read", "READ", "ｒｅａｄ"):
            assert "name: belongs" in envelope(await d.ask("POST", body={"name": name}), 400)
        one = await d.make(name="free")
        assert "name: belongs" in envelope(await d.ask("PATCH", one["id"], {"name": "read"}), 400)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"[]", "must be a JSON object"),
        (b'{"name":"a","name":"b"}', "stands twice"),
        (b'{"config":{"tags":[],"tags":["x"]}}', "stands twice"),
        ({"nam": "a"}, "the body holds an unknown member; known: name, config, expires_at"),
        ({"name": ""}, "name: must be 1 to 255"),
        ({"name": "a\nb"}, "name: must be 1 to 255"),
        ({"name": "x" * 256}, "name: must be 1 to 255"),
        ({"name": None}, "name: must be 1 to 255"),
        ({"config": None}, "config: must be an object"),
        ({"config": {"x": 1}}, "config holds an unknown member"),
        ({"config": {"methods": ["reads"]}}, "config.methods: holds what is no method"),
        ({"config": {"methods": "read"}}, "config.methods: must be a list"),
        ({"config": {"methods": []}}, "config.methods: must name a method"),
        ({"config": {"tags": ["Tasks"]}}, "config.tags: must be at most 100 tags"),
        ({"config": {"tool_exposure": "discovery"}}, "config.tool_exposure: must be all"),
        ({"config": {"require_api_token_auth": 1}}, "config.require_api_token_auth: must be true"),
        ({"config": {"tags": ["no_such_tag"]}}, "no tool of the catalog matches"),
        ({"config": {"methods": ["delete"], "tags": ["public_answers"]}}, "no tool of the catalog"),
        ({"expires_at": "2027-01-31"}, "expires_at: must be null, or a time with its zone"),
        ({"expires_at": "2027-01-31T00:00:00"}, "expires_at: must be null, or a time"),
        ({"expires_at": 1830000000}, "expires_at: must be null, or a time"),
        ({"expires_at": "2020-01-31T00:00:00Z"}, "expires_at: must lie at least 60 seconds"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at: must be null, or a time"),
    ],
)
async def test_a_body_that_cannot_be_used_is_a_400_that_says_why(tmp_path, body, says):
    async with desk(tmp_path) as d:
        assert says in envelope(await d.ask("POST", body=body), 400)
        made = await d.make()
        assert says in envelope(await d.ask("PATCH", made["id"], body), 400)
        assert len((await d.ask("GET")).json()["result"]) == 1


async def test_every_problem_of_a_body_is_told_at_once_and_no_value(tmp_path):
    async with desk(tmp_path) as d:
        secret = "c4n4ry"
        config = {"methods": [secret], "tags": [secret.upper()], secret: 1}
        body = {"name": secret + "\n", "config": config, "expires_at": secret}
        said = envelope(await d.ask("POST", body=body), 400)
        for place in ("name:", "config.methods:", "config.tags:", "config holds", "expires_at:"):
            assert place in said
        assert secret not in said.lower()


async def test_an_endpoint_without_methods_reads_so_that_tags_of_writers_alone_match_nothing(
    tmp_path,
):
    async with desk(tmp_path) as d:
        body = {"config": {"tags": ["campaigns"]}}
        assert "no tool of the catalog" in envelope(await d.ask("POST", body=body), 400)
        body["config"]["methods"] = ["write"]
        assert (await d.ask("POST", body=body)).status_code == 201


async def test_an_expiry_is_at_least_sixty_seconds_ahead_and_cut_to_milliseconds(tmp_path):
    async with desk(tmp_path) as d:
        d.clock[0] = datetime(2026, 12, 1, tzinfo=UTC)
        envelope(await d.ask("POST", body={"expires_at": "2026-12-01T00:00:59.999Z"}), 400)
        made = await d.make(expires_at="2026-12-01t01:01:00.0009+01:00")
        assert made["expires_at"] == "2026-12-01T00:01:00.000Z"


async def test_a_patch_merges_the_config_by_member_and_null_makes_it_permanent(tmp_path):
    async with desk(tmp_path) as d:
        ends = moment(d.clock[0] + timedelta(hours=1))
        config = {"methods": ["read"], "tags": ["tasks"], "require_api_token_auth": False}
        made = await d.make(config=config, expires_at=ends)
        d.later(seconds=5)
        body = {"config": {"tags": ["customers"]}, "expires_at": None}
        changed = (await d.ask("PATCH", made["id"], body)).json()
        assert changed["config"] == made["config"] | {"tags": ["customers"]}
        assert changed["expires_at"] is None
        assert changed["name"] == made["name"]
        assert changed["updated_at"] > made["updated_at"] == changed["created_at"]
        assert set(changed) == FIELDS


async def test_a_patch_checks_tools_only_when_it_brings_a_config(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make()
        d.gateway._tools = ()
        assert (await d.ask("PATCH", made["id"], {"name": "new"})).status_code == 200
        envelope(await d.ask("PATCH", made["id"], {"config": {"methods": ["read"]}}), 400)
        envelope(await d.ask("PATCH", made["id"], {"config": {}}), 400)


async def test_a_patch_that_changes_nothing_is_refused(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make()
        assert "changes nothing" in envelope(await d.ask("PATCH", made["id"], {}), 400)


async def test_a_deleted_endpoint_is_a_204_and_then_a_404(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make()
        gone = await d.ask("DELETE", made["id"])
        assert (gone.status_code, gone.content) == (204, b"")
        for verb, body in (("GET", None), ("DELETE", None), ("PATCH", {"name": "x"})):
            assert "no such endpoint" in envelope(await d.ask(verb, made["id"], body), 404)


async def test_unknown_accounts_and_endpoints_and_those_of_others_are_404(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make()
        for path in (
            "/integrated-account/nobody/mcp",
            f"/integrated-account/sandbox/mcp/{made['id']}",
            f"{BASE}/{uuid.uuid4()}",
            f"{BASE}/{made['id'].upper()}",
            f"{BASE}/x",
            f"{BASE}/",
            "/",
            "/mcp",
        ):
            envelope(await d.ask("GET", path), 404)
        assert (await d.ask("GET", "/integrated-account/sandbox/mcp")).json()["result"] == []


async def test_a_list_comes_in_pages_without_a_gap_or_a_repeat(tmp_path):
    async with desk(tmp_path) as d:
        made = [(await d.make(name=f"n{number}"))["id"] for number in range(5)]
        await d.ask("POST", "/integrated-account/sandbox/mcp", {})
        seen, cursor = [], ""
        while cursor is not None:
            page = (
                await d.ask("GET", f"{BASE}?limit=2{cursor and '&next_cursor=' + cursor}")
            ).json()
            assert len(page["result"]) <= 2
            seen += [one["id"] for one in page["result"]]
            cursor = page["next_cursor"]
        assert seen == made


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=", "next_cursor=-1", "next_cursor=",
              "page=2", "limit=1&limit=2", "next_cursor=" + "9" * 19, "limit=%D9%A1"],
)  # fmt: skip
async def test_a_query_that_cannot_be_used_is_a_400(tmp_path, query):
    async with desk(tmp_path) as d:
        envelope(await d.ask("GET", f"{BASE}?{query}"), 400)


async def test_no_agents_token_opens_anything(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make()
        claims = {"claims": {"scope": "endpoints:read endpoints:write"}}
        for bearer in (token(**claims), "x.y.z", made["token"], admin(issuer="https://other")):
            answer = await d.ask("GET", bearer=bearer)
            envelope(answer, 401)
            assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
        answer = await d.ask("GET", bearer=None)
        envelope(answer, 401)
        assert answer.headers["www-authenticate"] == 'Bearer scope="endpoints:read"'
        assert await d.call(made["token"], bearer=admin()) == 401


async def test_each_scope_opens_its_own_verbs_alone(tmp_path):
    async with desk(tmp_path) as d:
        path = (await d.make())["id"]
        read, write = admin("endpoints:read"), admin("endpoints:write x")
        assert (await d.ask("GET", bearer=read)).status_code == 200
        assert (await d.ask("GET", path, bearer=read)).status_code == 200
        for verb, where, body in (
            ("POST", "", {}), ("PATCH", path, {"name": "x"}), ("DELETE", path, None),
        ):  # fmt: skip
            answer = await d.ask(verb, where, body, bearer=read)
            envelope(answer, 403)
            assert answer.headers["www-authenticate"] == (
                'Bearer error="insufficient_scope", scope="endpoints:write"'
            )
        envelope(await d.ask("GET", path, bearer=write), 403)
        assert (await d.ask("DELETE", path, bearer=write)).status_code == 204


async def test_a_revoked_administrator_is_refused_at_the_next_request(tmp_path):
    async with desk(tmp_path) as d:
        bearer = admin()
        assert (await d.ask("GET", bearer=bearer)).status_code == 200
        d.denied.append(DenyList(sub=frozenset({"operator-1"})))
        envelope(await d.ask("GET", bearer=bearer), 401)


async def test_browsers_odd_verbs_types_and_sizes_are_refused(tmp_path):
    async with desk(tmp_path) as d:
        envelope(await d.ask("GET", origin="https://a.example"), 403)
        for verb in ("PUT", "DELETE", "HEAD", "OPTIONS", "PROPFIND"):
            answer = await d.ask(verb)
            assert answer.status_code == 405
            assert answer.headers["allow"] == "GET, POST"
        envelope(await d.ask("POST", body=b"{}", content_type="text/plain"), 415)
        envelope(await d.ask("POST", body=b"{}", content_encoding="gzip"), 415)
        envelope(await d.ask("POST"), 415)
        envelope(await d.ask("POST", body=b" " * (64 * 1024 + 1)), 413)
        assert (await d.ask("POST", body=b"{}" + b" " * (64 * 1024 - 2))).status_code == 201


async def test_the_description_is_there_for_everybody_and_for_no_browser(tmp_path):
    async with desk(tmp_path) as d:
        answer = await d.ask("GET", "/openapi.json", bearer=None)
        assert (answer.status_code, answer.json()["openapi"]) == (200, "3.1.0")
        envelope(await d.ask("POST", "/openapi.json", {}, bearer=None), 405)


async def test_a_stranger_is_refused_before_the_body_is_read(tmp_path):
    async with desk(tmp_path) as d:
        read = []

        async def body():
            read.append(1)
            yield b"{}"

        headers = {"content-type": "application/json", "authorization": f"Bearer {token()}"}
        answer = await d.http.post(BASE, content=body(), headers=headers)
        envelope(answer, 401)
        assert ADMIN not in answer.text
