"""What a change does: callers feel it at their next request, and the audit log has it before."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from flow import Backend, Flow, flow
from provisioning_parts import BASE, admin, desk, opened

from sidecar.errors import ConfigError, OrganDown
from sidecar.provisioning.records import moment
from sidecar.provisioning.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]

CREATE = "create_a_gladly_task"


def breaks(*_: Any, **__: Any) -> Any:
    raise OrganDown("the disk is full", reason="audit_unwritable")


async def test_callers_are_let_in_at_a_new_endpoint_at_once_and_only_as_far_as_it_goes(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make()
        assert await d.call(made["token"]) == 200
        assert await d.call(made["token"], CREATE) == -32602
        assert await d.call(made["token"], bearer=None) == 401


async def test_a_changed_scope_holds_at_a_callers_next_request_with_the_same_token(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make(config={"methods": ["read", "write"]})
        assert await d.call(made["token"], CREATE) == 200
        await d.ask("PATCH", made["id"], {"config": {"methods": ["read"]}})
        assert await d.call(made["token"], CREATE) == -32602
        await d.ask("PATCH", made["id"], {"config": {"require_api_token_auth": False}})
        assert await d.call(made["token"], bearer=None) == 200


async def test_a_deleted_endpoint_is_unknown_at_the_next_request(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make()
        assert await d.call(made["token"]) == 200
        await d.ask("DELETE", made["id"])
        assert await d.call(made["token"]) == 404


async def test_an_endpoint_ends_at_its_second_for_callers_and_administrators(tmp_path):
    async with desk(tmp_path) as d:
        d.later(hours=-2)  # for callers it is two hours later already
        made = await d.make(expires_at=moment(d.clock[0] + timedelta(hours=1)))
        assert await d.call(made["token"]) == 404
        assert (await d.ask("GET", made["id"])).status_code == 200
        d.later(hours=1)
        for verb, body in (("GET", None), ("PATCH", {"expires_at": None}), ("DELETE", None)):
            assert (await d.ask(verb, made["id"], body)).status_code == 404
        assert (await d.ask("GET")).json()["result"] == []


async def test_a_sweep_deletes_what_has_expired_and_records_each(tmp_path):
    async with desk(tmp_path) as d:
        ends = moment(d.clock[0] + timedelta(hours=1))
        gone = {(await d.make(expires_at=ends))["id"] for _ in range(103)}
        kept = await d.make()
        assert await d.gateway.sweep() == 0
        count = len(d.flow.directory)
        d.later(hours=1)
        assert await d.gateway.sweep() == 103
        assert len(d.flow.directory) == count - 103
        assert {one["data"]["endpoint_id"] for one in d.events("endpoint_swept")} == gone
        assert all("actor" not in one for one in d.events("endpoint_swept"))
        assert [one.endpoint.id for one in d.store.everything()] == [kept["id"]]


async def test_a_sweep_that_cannot_be_recorded_deletes_nothing(tmp_path, monkeypatch):
    async with desk(tmp_path) as d:
        await d.make(expires_at=moment(d.clock[0] + timedelta(hours=1)))
        d.later(hours=1)
        monkeypatch.setattr(d.flow.writer, "record", breaks)
        with pytest.raises(OrganDown):
            await d.gateway.sweep()
        assert len(d.store.everything()) == 1


async def test_each_change_is_recorded_with_who_and_what_and_without_the_token(tmp_path):
    async with desk(tmp_path) as d:
        bearer = admin(subject="operator-2")
        asked: dict[str, Any] = {"name": "Desk of jane@example.com", "config": {"tags": ["tasks"]}}
        made = (await d.ask("POST", body=asked, bearer=bearer)).json()
        await d.ask("PATCH", made["id"], {"config": {"methods": ["read"]}}, bearer=bearer)
        await d.ask("DELETE", made["id"], bearer=bearer)
        created, changed, deleted = d.events()
        for one, what in ((created, "created"), (changed, "changed"), (deleted, "deleted")):
            assert one["data"]["what"] == f"endpoint_{what}"
            assert one["data"]["endpoint_id"] == made["id"]
            assert one["data"]["account"] == "default"
            assert one["actor"]["subject"] == "operator-2"
            assert one["actor"]["issuer"] == "https://issuer.example"
            assert one["actor"]["token_id"]
            assert one["src"]["ip"]
        assert created["data"]["methods"] == changed["data"]["methods"] == ["read"]
        assert changed["data"]["tags"] == ["tasks"]
        log = d.flow.log.read_text()
        assert made["token"] not in log
        assert d.flow.directory.hash_of(made["token"]) not in log
        assert "jane@example.com" not in log


async def test_a_caller_at_a_provisioned_endpoint_is_told_apart_by_its_id(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make(name="jane@example.com")
        assert await d.call(made["token"]) == 200
        for one in (*d.flow.events("intent"), d.flow.outcome):
            assert one["actor"]["endpoint_id"] == made["id"]
        assert "jane@example.com" not in d.flow.log.read_text()


async def changes(d: Any, made: dict[str, Any]) -> list[int]:
    """The statuses of one attempt at each change."""
    return [
        (await d.ask(verb, path, body)).status_code
        for verb, path, body in (
            ("POST", "", {"name": "other"}),
            ("PATCH", made["id"], {"name": "other"}),
            ("DELETE", made["id"], None),
        )
    ]


async def test_without_the_audit_log_there_is_no_change(tmp_path, monkeypatch):
    async with desk(tmp_path) as d:
        made = await d.make(name="kept")
        before, count = d.store.everything(), len(d.flow.directory)
        with monkeypatch.context() as patched:
            patched.setattr(d.flow.writer, "record", breaks)
            assert await changes(d, made) == [503, 503, 503]
            assert (await d.ask("GET", bearer=None)).status_code == 503
        assert d.store.everything() == before
        assert len(d.flow.directory) == count
        assert await d.call(made["token"]) == 200


@pytest.mark.parametrize("method", ["add", "change", "remove"])
async def test_without_the_store_there_is_no_change_and_the_log_says_so(
    tmp_path, monkeypatch, method
):
    async with desk(tmp_path) as d:
        made = await d.make(name="kept")
        before, count = d.store.everything(), len(d.flow.directory)
        index = ["add", "change", "remove"].index(method)

        async def fails(*_: Any) -> None:
            raise OrganDown("disk I/O error", reason="store_unusable")

        monkeypatch.setattr(d.store, method, fails)
        assert (await changes(d, made))[index] == 503
        (event,) = d.events("endpoint_unchanged")
        announced = next(one for one in d.events() if one["id"] == event["ref"])
        assert announced["data"]["endpoint_id"] == event["data"]["endpoint_id"]
        if method == "remove":
            assert await d.call(made["token"]) == 200
        if method == "add":
            assert len(d.flow.directory) == count - 1  # the last of the changes deleted
            assert before


async def test_the_change_is_recorded_before_the_store_and_the_directory_have_it(
    tmp_path, monkeypatch
):
    async with desk(tmp_path) as d:
        seen: list[tuple[int, int, bool]] = []
        record, count = d.flow.writer.record, len(d.flow.directory)

        async def spied(event: Any, *, is_synced: bool = False) -> None:
            seen.append((len(d.store.everything()), len(d.flow.directory) - count, is_synced))
            await record(event, is_synced=is_synced)

        monkeypatch.setattr(d.flow.writer, "record", spied)
        made = await d.make()
        await d.ask("DELETE", made["id"])
        assert seen == [(0, 0, True), (1, 1, True)]


async def test_changes_at_the_same_time_come_one_after_another(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make(config={"methods": ["read"], "tags": ["tasks"]})
        bodies = [{"config": {"tags": ["customers"]}}, {"config": {"methods": ["get"]}}]
        await asyncio.gather(*(d.ask("PATCH", made["id"], body) for body in bodies))
        config = (await d.ask("GET", made["id"])).json()["config"]
        assert (config["methods"], config["tags"]) == (["get"], ["customers"])
        deleted = await asyncio.gather(*(d.ask("DELETE", made["id"]) for _ in range(4)))
        assert sorted(one.status_code for one in deleted) == [204, 404, 404, 404]
        assert len(d.events("endpoint_deleted")) == 1


async def test_refused_requests_are_recorded_once_and_then_counted(tmp_path):
    async with desk(tmp_path) as d:
        for _ in range(3):
            await d.ask("GET", bearer=None)
        await d.ask("POST", body={"name": ""})
        await d.ask("GET", "/nowhere", bearer=None)
        await d.ask("GET", bearer=admin("other"))
        told = [(one["data"]["reason"], one["outcome"]["http"]) for one in d.events()]
        assert told == [
            ("unauthenticated", 401),
            ("unusable_request", 400),
            ("not_found", 404),
            ("insufficient_scope", 403),
        ]
        assert d.events()[1]["actor"]["subject"] == "operator-1"


async def test_a_body_that_does_not_come_is_waited_for_only_so_long(tmp_path):
    async with desk(tmp_path, body_timeout=0.05) as d:

        async def never():
            yield b"{"
            await asyncio.Event().wait()

        headers = {"content-type": "application/json", "authorization": f"Bearer {admin()}"}
        answer = await asyncio.wait_for(d.http.post(BASE, content=never(), headers=headers), 10)
        assert answer.status_code == 408


async def test_a_fault_of_ours_is_told_without_a_word_of_it(tmp_path, monkeypatch):
    async with desk(tmp_path) as d:

        async def fails(*_: Any) -> Any:
            raise RuntimeError("c4n4ry")

        monkeypatch.setattr(d.gateway, "page", fails)
        transport = httpx2.ASGITransport(d.application, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as http:
            answer = await http.get(BASE, headers={"authorization": f"Bearer {admin()}"})
        assert (answer.status_code, answer.json()["statusCode"]) == (500, 500)
        assert "c4n4ry" not in answer.text


def reopened(f: Flow, folder: Any) -> Any:
    return opened(f, Store(folder / "endpoints.db"))


async def test_endpoints_survive_a_restart(tmp_path):
    async with desk(tmp_path) as d:
        made = await d.make()
        gone = await d.make()
        await d.ask("DELETE", gone["id"])
    (tmp_path / "again").mkdir()
    async with flow(tmp_path / "again") as f:
        later = reopened(f, tmp_path)
        assert await later.call(made["token"]) == 200
        assert await later.call(gone["token"]) == 404
        assert (await later.ask("GET", made["id"])).json()["name"] == made["name"]
        later.store.close()


async def test_a_start_is_refused_when_a_declared_name_is_that_of_a_stored_endpoint(tmp_path):
    async with desk(tmp_path) as d:
        d.gateway._reserved = frozenset()
        made = await d.make(name="READ")
    (tmp_path / "again").mkdir()
    async with flow(tmp_path / "again") as f:
        store = Store(tmp_path / "endpoints.db")
        with pytest.raises(ConfigError, match=made["id"]):
            opened(f, store)
        store.close()


async def test_an_endpoint_of_an_account_that_is_gone_is_stored_and_not_served(tmp_path):
    async with desk(tmp_path) as d:
        made = (await d.ask("POST", "/integrated-account/sandbox/mcp", {})).json()
        assert made["integrated_account_id"] == "sandbox"
    (tmp_path / "again").mkdir()
    sandbox = Backend()
    async with flow(tmp_path / "again", accounts={"sandbox": sandbox}) as f:
        store = Store(tmp_path / "endpoints.db")
        later = opened(f, store, accounts=frozenset({"default"}))
        assert await later.call(made["token"]) == 404
        assert sandbox.sent == f.backend.sent == []
        await opened(f, store).call(made["token"])
        assert (len(sandbox.sent), f.backend.sent) == (1, [])
        store.close()


async def test_whoever_lacks_a_scope_is_named_each_in_an_event_of_their_own(tmp_path):
    async with desk(tmp_path) as d:
        for subject in ("reader-1", "reader-2"):
            bearer = admin("endpoints:read", subject=subject)
            reply = await d.ask(
                "DELETE", f"/integrated-account/default/mcp/{'0' * 8}", bearer=bearer
            )
            assert reply.status_code == 403
        told = [event["actor"] for event in d.flow.events("admin")]
        assert [actor["subject"] for actor in told] == ["reader-1", "reader-2"]
        assert {actor["auth_error"] for actor in told} == {"insufficient_scope"}
