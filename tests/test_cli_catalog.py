"""`sidecar catalog`: the table, and pins that are shown before they are accepted."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from console import sidecar
from flow import CATALOG, tool_list
from settings_parts import written
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner
from world import served

from sidecar.cli import cli
from sidecar.errors import ConfigError

pytestmark = pytest.mark.thorough

RUN = CliRunner()


class Changing:
    """A backend whose list a test changes."""

    def __init__(self) -> None:
        self.body = tool_list("list_all_gladly_tasks", "b").body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@pytest.fixture
def backend() -> Iterator[tuple[Changing, str]]:
    changing = Changing()
    with served(changing) as url:
        yield changing, f"{url}/mcp"


def test_the_table_names_every_tool():
    done = RUN.invoke(cli, ["catalog", "list"])
    assert done.exit_code == 0
    assert all(row.tool.name in done.output for row in CATALOG.rows)


@pytest.mark.sockets
def test_changes_are_shown_and_written_only_when_they_are_accepted(tmp_path, backend):
    changing, url = backend
    pins = tmp_path / "pins.json"
    config = written(tmp_path, settings_for(tmp_path, url, pins))
    arguments = ["catalog", "pin", "--config", str(config)]

    first = RUN.invoke(cli, arguments)
    assert (first.exit_code, pins.exists()) == (1, False)
    assert first.output.splitlines() == [
        "new: b",
        "new: list_all_gladly_tasks",
        "2 new; --all prints what each of them says",
        "look at each change; then accept them with --accept",
    ]
    whole = RUN.invoke(cli, [*arguments, "--all"])
    assert (whole.exit_code, pins.exists()) == (1, False)
    assert '+  "inputSchema": {' in whole.output

    assert RUN.invoke(cli, [*arguments, "--accept"]).exit_code == 0
    assert orjson.loads(pins.read_bytes())["tools"].keys() == {"list_all_gladly_tasks", "b"}
    again = RUN.invoke(cli, arguments)
    assert (again.exit_code, again.output) == (0, "nothing has changed since the review\n")

    changing.body = changing.body.replace(b'"object"', b'"object","description":"new"')
    changed = RUN.invoke(cli, arguments)
    assert changed.exit_code == 1
    assert "changed: b" in changed.output
    assert '+    "description": "new",' in changed.output


@pytest.mark.parametrize(
    ("place", "says"), [("none/pins.json", "its folder does not exist"), (".", "is a folder")]
)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_read(tmp_path, place, says):
    config = written(
        tmp_path,
        settings_for(tmp_path, "http://127.0.0.1:1", "").replace("catalog: {pins_file: }\n", ""),
    )
    words = ["catalog", "pin", "--config", str(config), "--accept", "--file", tmp_path / place]
    ran = sidecar(*words)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


@pytest.mark.sockets
def test_a_file_of_pins_that_is_named_and_missing_stops_the_start_with_the_way_out(
    tmp_path, backend
):
    config = written(tmp_path, settings_for(tmp_path, backend[1], tmp_path / "pins.json"))
    done = RUN.invoke(cli, ["check", "--config", str(config)])
    assert done.exit_code != 0
    assert "sidecar catalog pin" in str(done.exception)


def settings_for(folder, url, pins):
    return f"""
backend: {{url: {url}}}
bearer: {{audience: a, issuers: [{{issuer: i, hs256_secret_file: FOLDER/secret}}]}}
endpoints: [{{name: one}}]
audit: {{folder: FOLDER/audit}}
catalog: {{pins_file: {pins}}}
"""


@pytest.fixture(autouse=True)
def secret(tmp_path):
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text("s" * 40)


def test_a_tool_is_shown_in_words_by_any_of_its_names():
    row = next(row for row in CATALOG.rows if row.aliases)
    for name in (row.tool.name, row.aliases[0]):
        done = RUN.invoke(cli, ["catalog", "show", name])
        assert done.exit_code == 0
        assert done.output.startswith(f"name            {row.tool.name}")
    missing = RUN.invoke(cli, ["catalog", "show", "nope"])
    assert missing.exit_code == 1
    assert "no tool is called nope" in str(missing.exception)


def test_rows_of_ones_own_are_checked_with_file_and_line(tmp_path):
    assert "catalog: ok, 80 tools" in RUN.invoke(cli, ["catalog", "check"]).output
    (tmp_path / "mine.yaml").write_text("tools:\n  - name: x\n")
    done = RUN.invoke(cli, ["catalog", "check", str(tmp_path)])
    assert isinstance(done.exception, ConfigError)
    assert any("mine.yaml:2" in problem.where for problem in done.exception.problems)


@pytest.mark.sockets
def test_a_backends_unknown_tools_are_proposed_and_the_file_checks_out(tmp_path, backend):
    _, url = backend
    file = tmp_path / "rows" / "proposed.yaml"
    file.parent.mkdir()
    done = RUN.invoke(cli, ["catalog", "import", url, "--file", str(file)])
    assert done.exit_code == 0, done.output
    assert "known already: 1" in done.output
    assert "new: 1 b" in done.output
    assert f"wrote {file}" in done.output
    checked = RUN.invoke(cli, ["catalog", "check", str(file.parent)])
    assert "81 tools" in checked.output
    printed = RUN.invoke(cli, ["catalog", "import", url])
    assert "name: b" in printed.output


@pytest.mark.sockets
def test_a_backend_that_gives_no_list_is_told_and_nothing_is_written(tmp_path, backend):
    changing, url = backend
    changing.body = b"<html>"
    done = RUN.invoke(cli, ["catalog", "import", url, "--file", str(tmp_path / "x.yaml")])
    assert done.exit_code == 1
    assert not (tmp_path / "x.yaml").exists()
