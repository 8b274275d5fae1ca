"""Site policies that nobody wrote: valid ones pass, and bent ones are problems, not tracebacks."""

from __future__ import annotations

import orjson
import pytest
from engine_parts import put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.errors import ConfigError
from sidecar.model import ENTITIES
from sidecar.policy import load
from sidecar.settings import shipped

LIBRARY = shipped("policies")
NEVER = 'input.caller.purpose == "none"'
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True).map("r_{}".format)
CONDITIONS = st.sampled_from(
    [
        NEVER,
        '"lead" in input.caller.roles',
        "count(input.endpoint.tags) > 3",
        'some tool in tools; tool.method == "delete"',
        'not "x" in data.sidecar.lib.query.roles',
        'startswith(input.mcp.method, "tools/")',
    ]
)
TEXTS = st.text('abc %é"\\{}', max_size=8).map(lambda text: orjson.dumps(text).decode())
ACTIONS = st.sampled_from(["keep", "mask", "last4", "pseudonym", "drop"])
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "destructive_roles": st.lists(TEXTS),
        "default_methods": st.lists(st.sampled_from(["read", "write", "delete"])),
        "masks": st.dictionaries(st.sampled_from(sorted(ENTITIES)), ACTIONS),
        "always_masked": st.lists(st.sampled_from(sorted(ENTITIES))),
    },
)


@st.composite
def modules(draw: st.DrawFn) -> str:
    """A site rule as somebody who read policies/README.md writes it."""
    kind = draw(st.sampled_from(["grant", "deny", "deny", "mask"]))
    group = {"grant": "access", "mask": "masks"}.get(
        kind, draw(st.sampled_from(["access", "arguments"]))
    )
    members = {"tool": '"t"' if kind == "grant" else '"*"', "code": draw(TEXTS)}
    if kind == "deny":
        members |= {"message": draw(TEXTS), "remedy": draw(TEXTS)}
    if kind == "mask":
        entity = draw(st.sampled_from(sorted(ENTITIES)))
        members |= {"entity": f'"{entity}"', "action": f'"{draw(ACTIONS)}"'}
    term = ", ".join(f'"{key}": {value}' for key, value in members.items())
    return (
        f"package site.rules.{group}.{draw(NAMES)}\n\nimport data.sidecar.lib.query.tools\n\n"
        f"{kind} contains {{{term}}} if {{\n\t{draw(CONDITIONS)}\n\t_fits(tools)\n}}\n\n"
        "_fits(given) if count(given) >= 0\n"
    )


@pytest.mark.thorough
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts=st.lists(modules(), min_size=1, max_size=3, unique_by=lambda t: t.split("\n")[0]),
    config=CONFIGS,
)
def test_a_valid_site_policy_passes(tmp_path_factory, texts, config):
    files: dict[str, str | bytes] = {f"{i}.rego": text for i, text in enumerate(texts)}
    files["data.json"] = orjson.dumps({"site": {"config": config}})
    made = load(LIBRARY, put(tmp_path_factory.mktemp("site"), files))
    assert len(made.site_rules) == len(texts)


@pytest.mark.thorough
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=modules(), cut=st.integers(0, 200), put_in=st.text('abdeny.{}[]"\n', max_size=3))
def test_any_text_is_taken_or_is_a_problem_and_never_a_traceback(
    tmp_path_factory, text, cut, put_in
):
    changed = text[:cut] + put_in + text[cut + len(put_in) :]
    site = put(tmp_path_factory.mktemp("site"), {"x.rego": changed})
    try:
        load(LIBRARY, site)
    except ConfigError as error:
        assert all(str(site) in problem.where for problem in error.problems)
