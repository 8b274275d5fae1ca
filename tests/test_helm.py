"""The chart's values, schema and README agree; helm and Kubernetes accept what it renders."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import readme
import yaml
from chart import BEARER, CASES, CHART, KUBERNETES, render, run_helm, settings_in, template, the
from pydantic import BaseModel

from sidecar import settings

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())

KNOWN: dict[str, type[BaseModel]] = {
    "backend": settings.Backend,
    "policy": settings.Policy,
    "catalog": settings.Catalog,
}

needs_helm = pytest.mark.sockets


def leaves(schema: dict[str, Any], values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that the schema knows by name, with its default."""
    for key, below in schema.get("properties", {}).items():
        if key == "global":
            continue
        here = f"{path}.{key}".lstrip(".")
        if "properties" in below and values[key] and key != "resources":
            yield from leaves(below, values[key], here)
        else:
            yield here, values[key]


def objects_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "properties" in schema:
        yield schema
    for below in schema.get("properties", {}).values():
        yield from objects_in(below)


def test_the_schema_is_draft_07_and_accepts_the_defaults() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator(SCHEMA).validate(VALUES)


def test_every_object_with_named_values_is_closed_and_the_root_knows_global() -> None:
    assert all(one["additionalProperties"] is False for one in objects_in(SCHEMA))
    assert "global" in SCHEMA["properties"]


def test_values_and_schema_name_the_same_things() -> None:
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)
    assert dict(leaves(SCHEMA, VALUES))


def test_every_value_is_explained_by_a_comment() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    assert len(lines) <= 200
    for path, _ in leaves(SCHEMA, VALUES):
        key = path.rsplit(".", 1)[-1]
        at = [number for number, line in enumerate(lines) if re.match(rf"\s*{key}:", line)]
        assert any(lines[number - 1].lstrip().startswith("#") for number in at), path


def test_the_readme_lists_every_value_with_its_default() -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \| `(.*?)` \|", (CHART / "README.md").read_text(), re.MULTILINE
    )
    told = {name: json.loads(default) for name, default in rows}
    assert len(told) == len(rows)
    assert told == dict(leaves(SCHEMA, VALUES))


@needs_helm
@pytest.mark.parametrize("major", ["helm", "helm3"])
@pytest.mark.parametrize("case", CASES)
def test_strict_lint_finds_nothing(case: str, major: str) -> None:
    done = run_helm(major, "lint", "--strict", ".", "-f", f"ci/{case}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@needs_helm
@pytest.mark.parametrize("case", CASES)
def test_helm_3_and_helm_4_render_the_same_objects(case: str) -> None:
    by_name = [
        {(d["kind"], d["metadata"]["name"]): d for d in render(case, major=major)}
        for major in ("helm", "helm3")
    ]
    assert by_name[0] == by_name[1]


@needs_helm
@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("case", CASES)
def test_kubernetes_knows_every_field(case: str, version: str) -> None:
    for document in render(case):
        kubernetes_validate.validate(document, version, strict=True)


@needs_helm
def test_a_misspelt_field_would_be_noticed() -> None:
    deployment = the("Deployment", render(BEARER))
    deployment["spec"]["template"]["spec"]["automountServiceAcountToken"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES[-1], strict=True)


@needs_helm
@pytest.mark.parametrize("major", ["helm", "helm3"])
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("sidecar.mode=bogus", "mode"),
        ("sidecar.prot=8081", "prot"),
        ("sidecar.port=80", "port"),
        ("image.digest=latest", "digest"),
        ("bogus=1", "bogus"),
        ("settings.audit.folder=/tmp", "audit"),
        ("settings.backend.url=https://elsewhere", "backend"),
        ("backend.url=https://user:password@example.com/mcp", "url"),
        ("audit.reads=never", "reads"),
        ("settings.policy.site_folder=/tmp", "policy"),
        ("settings.policy.opa_token_file=/tmp/token", "policy"),
        ("settings.policy.opa_url=http://opa:8181/v1", "opa_url"),
        ("settings.policy.timeout_ms=0", "timeout_ms"),
        ("settings.catalog.pins_file=/tmp/pins.json", "catalog"),
        ("settings.catalog.refresh_seconds=0", "refresh_seconds"),
        ("agent.runAsUser=65532", "runAsUser"),
        ("agent.tokenSeconds=60", "tokenSeconds"),
    ],
)
def test_the_schema_refuses(wrong: str, named: str, major: str) -> None:
    done = template(BEARER, wrong, major=major)
    assert done.returncode != 0
    assert named in done.stderr


@needs_helm
@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["backend.secret.urlKey=url"], "both set"),
        (["backend.url="], "there is no backend"),
        (["backend.secret.name="], "names a key but no Secret"),
        (["backend.secret.tokenKey="], "without a key"),
        (["sidecar.adminPort=8080"], "are the same"),
        (["existingPolicies=other"], "both set"),
        (["agent.image="], "agent.image is empty"),
        (["settings.bearer=null"], "wants bearer tokens"),
        (["settings.endpoints[0].name=a", "settings.endpoints[0].token_hash=ab"], "endpointSecret"),
        (["endpointSecret.name=a", "endpointSecret.keyKey="], "without a key"),
        (["audit.signingSecret.name=a", "audit.signingSecret.key="], "set audit.signingSecret.key"),
        (["pseudonymSecret.name=a"], "set pseudonymSecret.keyIds"),
        (["pseudonymSecret.keyIds={k1}"], "set pseudonymSecret.name"),
        (["settings.endpoints[0].name=a", "settings.endpoints[0].token_file=/x"], "tokenKey"),
        (["settings.telemetry.headers_file=/x"], "telemetry.headers_file names a file"),
        (["settings.telemetry.ca_file=/x"], "telemetry.ca_file names a file"),
        (["telemetrySecret.headersKey=h"], "set telemetrySecret.name"),
        (["telemetrySecret.name=a"], "set telemetrySecret.headersKey"),
        (["telemetrySecret.name=a", "telemetrySecret.caKey=c"], "set settings.telemetry.otlp_url"),
        (["audit.ship.otlpSecret.caKey=c"], "set audit.ship.otlpSecret.name"),
        (
            ["audit.ship.otlpSecret.name=a", "audit.ship.otlpSecret.headersKey=h"],
            "set audit.ship.otlpUrl",
        ),
        (["settings.policy.engine=opa"], "set settings.policy.opa_url"),
    ],
)
def test_what_cannot_hold_together_stops_the_rendering(sets: list[str], told: str) -> None:
    done = template(BEARER, *sets)
    assert done.returncode != 0
    assert told in done.stderr


@needs_helm
def test_a_kubernetes_without_native_sidecars_is_refused() -> None:
    done = run_helm("helm", "template", ".", "-f", f"ci/{BEARER}", "--kube-version", "1.28.0")
    assert done.returncode != 0
    assert ">=1.29.0-0" in done.stderr


def test_the_schema_names_sections_and_times_that_the_sidecar_has() -> None:
    known_sections = SCHEMA["properties"]["settings"]["properties"]
    assert set(known_sections) <= set(settings.Settings.model_fields)
    for name, known in KNOWN.items():
        assert set(known_sections[name]["properties"]) <= set(known.model_fields)


def test_the_readme_names_what_the_chart_refuses_of_policy_and_catalog() -> None:
    values = SCHEMA["properties"]["settings"]["properties"]
    text = (CHART / "README.md").read_text()
    for name in ("policy", "catalog"):
        refused = set(KNOWN[name].model_fields) - set(values[name]["properties"])
        assert refused
        assert all(f"`{name}.{field}`" in text for field in refused)


def test_the_readme_names_every_setting_that_the_chart_has_no_value_for() -> None:
    """Sections that pass through whole are the settings' own; the rest has a value or is named."""
    values = SCHEMA["properties"]["settings"]["properties"]
    whole = {name for name, known in values.items() if "properties" not in known}
    template_of_settings = (CHART / "templates" / "settings.yaml").read_text()
    text = (CHART / "README.md").read_text()
    mounted = {"bearer.issuers[].kubernetes.pod_uid_file", "endpoints[].token_file"}
    table = readme.README.read_text().partition("<!-- generated: settings -->")[2]
    names = re.findall(r"^\| `([\w.\[\]]+)` \|", table.partition("<!-- end -->")[0], re.MULTILINE)
    assert len(names) > 50
    for name in names:
        section, _, field = name.partition(".")
        section, last = section.removesuffix("[]"), name.rsplit(".", 1)[-1]
        is_file = last.endswith("_file") and name not in mounted
        has_value = (
            (section in whole and not is_file)
            or field.partition("[]")[0] in values.get(section, {}).get("properties", {})
            or f'"{last}"' in template_of_settings
        )
        assert has_value or f"`{name}`" in text or f"`{section}`" in text, name


@needs_helm
def test_policy_and_catalog_reach_the_settings_beside_the_sites_folder() -> None:
    sets = ["settings.policy.engine=opa", "settings.policy.opa_url=http://opa.example:8181"]
    sets += ["settings.policy.timeout_ms=900", "settings.catalog.refresh_seconds=5"]
    loaded = settings_in(render(BEARER, *sets))
    own = {"engine": "opa", "opa_url": "http://opa.example:8181", "timeout_ms": 900}
    assert settings.Policy.model_validate(own).timeout_ms == 900
    assert loaded["policy"] == own | {"site_folder": "/etc/sidecar/policies"}
    assert loaded["catalog"] == {"refresh_seconds": 5}


@needs_helm
def test_without_a_deployment_only_the_settings_are_left() -> None:
    assert [document["kind"] for document in render("library-values.yaml")] == ["ConfigMap"]
