"""The API is what its own OpenAPI document says: every path, status and shape, whatever is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import jsonschema
import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from provisioning_parts import BASE, Desk, admin, desk
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from sidecar.errors import OrganDown
from sidecar.provisioning.openapi import LIST_PATH, ONE_PATH, document

DOCUMENT = document("all")
OPERATIONS = {
    (path, verb): operation
    for path, found in DOCUMENT["paths"].items()
    for verb, operation in found.items()
    if verb != "parameters"
}


def test_every_operation_of_the_application_is_documented_and_no_other():
    assert set(OPERATIONS) == {
        (LIST_PATH, "get"), (LIST_PATH, "post"),
        (ONE_PATH, "get"), (ONE_PATH, "patch"), (ONE_PATH, "delete"),
    }  # fmt: skip
    for operation in OPERATIONS.values():
        assert operation["summary"]
        assert operation["description"]


async def provoked(d: Desk, verb: str, url: str) -> list[httpx2.Response]:
    """Answers of every status that an operation can give, but for a store that is down."""
    has_body = verb in {"POST", "PATCH"}
    good = {"name": "x"} if has_body else None
    named = {"authorization": f"Bearer {admin()}", "content-type": "application/json"}
    found = [
        await d.http.request(verb, url, headers=[*named.items(), *named.items()]),
        await d.ask(verb, url, good, bearer=None),
        await d.ask(verb, url, good, bearer=admin("x")),
        await d.ask(verb, url.replace("default", "nobody"), good),
    ]
    if has_body:
        found += [
            await d.ask(verb, url, good, content_type="text/plain"),
            await d.ask(verb, url, b" " * 70_000),
            await d.http.request(verb, url, content=never(), headers=named),
        ]
    return [*found, await d.ask(verb, url, good)]


async def never() -> AsyncIterator[bytes]:
    """A body that does not end."""
    yield b"{"
    await asyncio.Event().wait()


async def down(*_: Any, **__: Any) -> Any:
    raise OrganDown("no disk", reason="store_unusable")


def shaped(answer: Any, told: dict[str, Any]) -> None:
    """Hold a body against its documented schema."""
    content = told.get("content")
    if content is None:
        assert answer.content == b""
        return
    schema = {**content["application/json"]["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "verb"), OPERATIONS)
async def test_every_documented_status_is_given_in_its_documented_shape(
    tmp_path, monkeypatch, path, verb
):
    async with desk(tmp_path, body_timeout=0.05) as d:
        url = BASE if path == LIST_PATH else f"{BASE}/{(await d.make())['id']}"
        answers = await provoked(d, verb.upper(), url)
        monkeypatch.setattr(d.store, "_run", down)
        answers.append(await d.ask(verb.upper(), url, {} if verb in {"post", "patch"} else None))
        documented = OPERATIONS[path, verb]["responses"]
        for answer in answers:
            shaped(answer, documented[str(answer.status_code)])
        assert {str(answer.status_code) for answer in answers} == set(documented)


# ---- schemathesis

CHECKS = SchemathesisConfig.from_dict(
    {
        # The token is ours; that another or none is refused is a check of its own.
        "generation": {"with-security-parameters": False},
        # A body may follow the schema and still ask for what cannot be: an expiry in the past,
        # tags that match no tool. That is a 400, which the default of this check leaves out.
        "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 400, 404]}},
    }
)


@pytest.mark.thorough
@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("path", "verb"), OPERATIONS)
def test_schemathesis_finds_nothing_by_any_of_its_checks(tmp_path, path, verb, mode):
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(desk(tmp_path)) as d,
    ):
        known = {"id": "default", "endpoint_id": portal.call(d.make)["id"]}
        schema = schemathesis.openapi.from_asgi("/openapi.json", d.application, config=CHECKS)
        operation = schema[path][verb.upper()]
        given_path = {name: known[name] for name in known if f"{{{name}}}" in path}
        cases = operation.as_strategy(mode, path_parameters=given_path)
        cases |= operation.as_strategy(mode)

        @given(cases)
        @settings(max_examples=60, suppress_health_check=list(HealthCheck))
        def hold(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers={"Authorization": f"Bearer {admin()}"})

        hold()
