"""The README says what is true: its tables are the code's, its commands run as they stand.

Over 300 lines: its commands are run one after another, in one folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import readme
import tools
import yaml
from gladly_fixtures import stack

from sidecar.audit.reports import KEEPING
from sidecar.local import Folder
from sidecar.local.processes import free_port

ROOT = readme.ROOT
ENVIRONMENT = dict(os.environ)  # noqa: TID251 - what the commands inherit
TEXT = readme.README.read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
NEWCOMER, CLAUDE, PLATFORM, START, CALLS, CHART, GATEWAY, SECURITY, PINS, REVIEWER = BLOCKS


@pytest.mark.parametrize("file", readme.FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_generated_tables_are_the_codes(file):
    assert readme.current(file) == file.read_text(), "run: python tests/readme.py"


def test_a_conditional_value_stands_in_the_table_as_each_of_its_sides():
    (row,) = re.findall(r"^\| `Denied` \| (.*?) \|", readme.refusals(), re.MULTILINE)
    assert row == "200, 404"


def test_the_two_first_commands_are_targets_and_ci_runs_the_second():
    """What they do: test_demo.py runs the demo; the test target is running this very test."""
    assert NEWCOMER.split("\n")[:2] == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo: .*\n\t\$\(BIN\)/sidecar demo$", makefile, re.MULTILINE)
    assert re.search(r"^test: ", makefile, re.MULTILINE)
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_every_command_block_is_known_to_these_tests():
    assert len(BLOCKS) == 10


def test_every_invariant_of_the_readme_has_tests_that_bear_its_number_in_each_file_it_names():
    rows = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", TEXT, re.MULTILINE)
    assert [number for number, _ in rows] == [str(n) for n in range(1, 13)]
    for number, told in rows:
        assert f"`test_invariant_{number}_*`" in told
        for file in ("tests/test_invariants.py", *re.findall(r"`(tests/[^`]*)`", told)):
            assert f"def test_invariant_{number}_" in (ROOT / file).read_text(), file
    named = {path for _, told in rows for path in re.findall(r"`(tests/[^`]*)`", told)}
    assert len(named) >= 4


def test_no_test_bears_an_invariants_number_in_a_file_that_the_readme_does_not_name():
    rows = dict(re.findall(r"^\| (\d+) \|.*\| (.*) \|$", TEXT, re.MULTILINE))
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        bare = path.name == "test_invariants.py"
        for number in set(
            re.findall(r"^(?:async )?def test_invariant_(\d+)_", path.read_text(), re.MULTILINE)
        ):
            assert bare or f"`tests/{path.name}`" in rows[number], path.name


def test_every_metric_of_the_alerts_stands_in_the_generated_table_with_its_labels():
    (text,) = re.findall(r"### Alerts\n.*?```yaml\n(.*?)```", TEXT, re.DOTALL)
    (group,) = yaml.safe_load(text)["groups"]
    table = dict(re.findall(r"^\| `(sidecar_\w+)` \| \w+ \| (.*?) \|", TEXT, re.MULTILINE))
    for rule in group["rules"]:
        named = re.findall(r"(sidecar_\w+)(?:\{(\w+)=)?", rule["expr"])
        assert named
        for metric, label in named:
            assert metric in table
            assert not label or f"`{label}`" in table[metric]


def test_what_may_be_pruned_is_the_same_list_in_the_readme_and_in_a_report():
    (told,) = re.findall(r"oldest closed file that is\n\n((?:- .*\n)+)", TEXT)
    words = [line.removeprefix("- ").partition(":")[0] for line in told.splitlines()]
    *conditions, days = [word.strip(",. ").replace("`", "") for word in words]
    assert f"{', '.join(conditions)} and {days}" in KEEPING.text()


def test_every_link_of_the_readme_leads_to_a_file():
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


class Shell(NamedTuple):
    """Where the commands run, and how; the path of the endpoint that was made there."""

    folder: Path
    endpoint: str
    environment: dict[str, str]
    run: Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """A folder like the checkout, with `sidecar` on the path, and the one in it that git ignores.

    Commands run one after another, the first of them in the checkout and the others in that folder.
    """
    folder = tmp_path_factory.mktemp("readme")
    for name in ("tests", "helm"):
        (folder / name).symlink_to(ROOT / name)
    program = folder / "bin" / "sidecar"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sidecar "$@"\n')
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), ENVIRONMENT["PATH"]])

    environment = {**ENVIRONMENT, "PATH": path, "PYTHONPATH": str(ROOT)}
    places = [folder]

    def run(script: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-euc", script], cwd=places[-1], capture_output=True, text=True, timeout=60,
            env=environment | more, check=False,
        )  # fmt: skip

    done = run(PLATFORM)
    assert done.returncode == 0, done.stderr
    places.append(folder / "try")
    return Shell(places[-1], done.stderr.split()[-1], environment, run)


@pytest.mark.sockets
def test_the_command_for_claude_comes_up_and_says_how_to_connect(tmp_path):
    """What is printed is tried with real clients in test_local_up.py."""
    assert CLAUDE == "sidecar up --simulate\n"
    _, *words = CLAUDE.split()
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecar", *words, "--port", str(free_port())],
        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT | {"HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        assert process.stdout
        said = "".join(iter(process.stdout.readline, "  asyncio.run(main())\n"))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    for client in ("Claude Code", "Claude Desktop", "Cursor", "VS Code", "MCP Inspector", "Python"):
        assert f"\n{client}" in said
    assert (tmp_path / ".gladly-mcp-sidecar" / "simulated" / "audit" / "audit.jsonl").exists()


def test_the_logs_that_stdio_keeps_are_named():
    assert f"`{Folder.STDIO_AUDIT}/1`" in TEXT


@pytest.mark.sockets
def test_the_platform_engineers_commands_make_settings_that_check_out(shell):
    config = yaml.safe_load((shell.folder / "sidecar.yaml").read_text())
    assert config["endpoints"][0]["name"] == "support-agent"
    assert "settings: ok, 1 endpoint(s)" in shell.run("sidecar check --config sidecar.yaml").stdout


@pytest.mark.sockets
def test_the_pin_command_writes_what_a_backend_says(shell, tmp_path):
    with stack(tmp_path) as gladly:
        done = shell.run(PINS, SIDECAR_BACKEND__URL=gladly.url)
    assert done.returncode == 0, done.stderr
    assert "new: create_a_gladly_task" in done.stdout
    assert "create_a_gladly_task" in (shell.folder / "pins.json").read_text()


def run_aside(shell: Shell, script: str, environment: dict[str, str]) -> str:
    """Run commands that leave programs running, end those, and give all that was said."""
    said = shell.folder / "said"
    with said.open("w") as out:
        process = subprocess.Popen(
            ["sh", "-euc", f"{script}\nkill $!; wait $!"], cwd=shell.folder, stdout=out,
            stderr=subprocess.STDOUT, env=shell.environment | environment, start_new_session=True,
        )  # fmt: skip
    try:
        assert process.wait(60) == 0, said.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    return said.read_text()


class Said(NamedTuple):
    """What was answered over MCP, in the order of the calls, and all that was printed."""

    answers: list[dict[str, Any]]
    text: str


@pytest.fixture(scope="module")
def said(shell):
    """What the list, the calls and the security engineer's commands said, as they stand.

    The three programs have ended afterwards; their audit log is where the reviewer looks.
    """
    script, ports = START + CALLS + SECURITY.replace("sleep 3", "is_live"), {}
    for port in ("8080", "8090", "8091", "9090"):
        ports[port] = str(free_port())
        script = script.replace(port, ports[port])
    listening = {
        "ENDPOINT": shell.endpoint,
        "SIDECAR_LISTEN__PORT": ports["8080"],
        "SIDECAR_ADMIN__PORT": ports["9090"],
        "SIDECAR_BACKEND__URL": f"http://127.0.0.1:{ports['8090']}/mcp",
    }
    text = run_aside(shell, IS_LIVE.replace("9090", ports["9090"]) + script, listening)
    lines = [line for line in text.splitlines() if line.startswith('{"jsonrpc"')]
    return Said([json.JSONDecoder().raw_decode(line)[0] for line in lines], text)


IS_LIVE = """\
turn=0
is_live() {
  turn=$((turn + 1))
  until curl --silent http://127.0.0.1:9090/metrics |
    grep -q "policy_reloads_total{state=.live.} $turn"
  do :; done
}
"""
"""In the place of three seconds, which a machine that does much else may need more than."""


@pytest.mark.sockets
def test_the_three_programs_run_as_they_stand_and_the_calls_are_answered(said):
    listed, allowed, refused, *_ = said.answers
    names = {tool["name"] for tool in listed["result"]["tools"]}
    assert "list_all_gladly_customers" in names
    assert not any(name.startswith("create") for name in names)
    (customer,) = allowed["result"]["structuredContent"]["result"]
    assert customer["name"] == "[NAME]"
    assert refused["error"]["message"] == "Unknown tool: create_a_gladly_customer"


@pytest.mark.sockets
def test_the_security_engineers_rule_goes_from_a_draft_to_a_refusal_while_it_serves(said):
    *_, tried, refused = said.answers
    assert "policy: ok, 1 rules in draft" in said.text
    assert "newly refused: 1 call(s)" in said.text
    assert tried["result"]["isError"] is False
    assert said.text.count("WOULD BE REFUSED in shadow (arguments.lookups)") == 1
    assert refused["result"]["isError"] is True
    (told,) = refused["result"]["content"]
    assert told["text"].startswith("arguments.lookups: Customers are looked up by mail address")


@pytest.mark.sockets
def test_the_security_engineers_rule_is_listed_and_a_broken_one_is_named(shell, said):
    taken = shell.run("sidecar check --config sidecar.yaml")
    assert "site rules: arguments.lookups (deny) from site/lookups.rego" in taken.stdout
    assert taken.stderr == ""
    (shell.folder / "site" / "broken.rego").write_text("package site.x\n\ndeny contains {\n")
    broken = shell.run("sidecar check --config sidecar.yaml")
    (shell.folder / "site" / "broken.rego").unlink()
    assert broken.returncode == 2
    assert "broken.rego:" in broken.stderr


@pytest.mark.sockets
def test_the_recorded_message_is_walked_through_ten_steps_with_the_draft(shell, said):
    (command,) = re.findall(r"`(sidecar trace .*)`", TEXT)
    traced = shell.run(command)
    assert "10 record outcome" in traced.stdout
    assert "jane.roe" not in traced.stdout


def test_the_folder_of_the_commands_is_one_that_git_ignores():
    assert PLATFORM.startswith("mkdir try && cd try\n")
    asked = subprocess.run(
        ["git", "check-ignore", "--quiet", "try/bearer-secret"], cwd=ROOT, check=False
    )
    assert asked.returncode == 0


@pytest.mark.sockets
def test_the_gateways_commands_make_an_endpoint_and_list_it(shell):
    script, ports = GATEWAY, {}
    for port in ("8080", "9090", "9091"):
        ports[port] = str(free_port())
        script = script.replace(f":{port}/", f":{ports[port]}/")
    listening = {
        "SIDECAR_LISTEN__PORT": ports["8080"],
        "SIDECAR_ADMIN__PORT": ports["9090"],
        "SIDECAR_PROVISIONING__PORT": ports["9091"],
        "SIDECAR_AUDIT__FOLDER": "audit-of-the-gateway",
    }
    said = run_aside(shell, script, listening)
    made = json.loads(said[said.index('{"id"') :].splitlines()[0])
    assert made["url"] == f"https://mcp.example.com/mcp/{made['token']}"
    row = next(line for line in said.splitlines() if line.startswith("Night shift"))
    assert made["id"] in row
    assert row.endswith("active")


@pytest.mark.sockets
def test_the_charts_commands_run(shell):
    helm = tools.require("helm")
    path = os.pathsep.join([str(helm.parent), ENVIRONMENT["PATH"]])
    done = shell.run(CHART, PATH=path)
    assert done.returncode == 0, done.stderr
    assert "kind: Deployment" in done.stdout


@pytest.mark.sockets
def test_the_reviewers_commands_answer_for_the_refused_call(shell, said):
    event = said.answers[2]["error"]["data"]["_meta"]["gladly-mcp-sidecar/event"]
    done = shell.run(REVIEWER.replace("EVENT-ID", event))
    assert done.returncode == 0, done.stderr
    assert "verified" in done.stdout
    assert '"sealed.methods"' in done.stdout
    (denial,) = [line for line in done.stdout.splitlines() if " access.methods " in line]
    assert denial.endswith(event)
    assert "Jane Roe" not in done.stdout
    assert "3 requests with an id, 3 of them in the audit log." in done.stdout
    assert done.stdout.endswith("Both logs tell the same.\n")


def test_no_file_of_the_repository_names_a_machines_path_or_a_registry_host():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    hosts = re.compile(
        r"registry\.npmjs\.org|files\.pythonhosted\.org|pypi\.org/s|\B/(root|home)/\w"
    )
    found = []
    for name in listed:
        path = ROOT / name
        if not path.is_file() or path == Path(__file__):
            continue
        if hosts.search(path.read_text("utf-8", "replace")):
            found.append(name)
    assert found == []
