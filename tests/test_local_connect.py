"""Configuration of clients: well formed, with a bearer and for a URL that opens by itself."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess

import pytest

from sidecar.local.connect import CLIENTS, TITLES, Target, instructions

URL, BEARER = "https://sidecar.example/mcp/token", "a.b.c"
OPEN, CLOSED = Target(URL), Target(URL, BEARER)
PROGRAM = Target(URL, stdio=("stdio", "--folder", "/home with blanks"))


def test_every_client_has_a_title_and_is_told_under_it():
    assert TITLES.keys() == CLIENTS.keys()
    said = instructions(CLOSED)
    assert [title for title in TITLES.values() if f"{title}\n" not in said] == []


@pytest.mark.parametrize("client", CLIENTS)
def test_one_client_alone_is_told_when_it_is_named(client):
    said = instructions(OPEN, client)
    assert said.startswith(TITLES[client])
    assert [title for title in TITLES.values() if title in said] == [TITLES[client]]


@pytest.mark.parametrize("client", CLIENTS)
def test_the_bearer_stands_there_only_if_the_endpoint_wants_one(client):
    assert URL in CLIENTS[client](OPEN)
    assert "Bearer" not in CLIENTS[client](OPEN)
    assert f"Bearer {BEARER}" in CLIENTS[client](CLOSED)


def test_a_desktop_without_node_starts_the_sidecar_itself():
    server = json.loads(CLIENTS["claude-desktop"](PROGRAM))["mcpServers"]["gladly"]
    assert server["args"] == ["stdio", "--folder", "/home with blanks"]
    assert server["command"].endswith("/sidecar")


def test_a_desktop_with_node_gets_the_bearer_through_the_environment():
    server = json.loads(CLIENTS["claude-desktop"](CLOSED))["mcpServers"]["gladly"]
    assert server["env"] == {"AUTH": f"Bearer {BEARER}"}
    assert server["args"][-2:] == ["--header", "Authorization:${AUTH}"]
    assert "env" not in json.loads(CLIENTS["claude-desktop"](OPEN))["mcpServers"]["gladly"]


def test_editors_get_the_url_and_the_header():
    assert json.loads(CLIENTS["cursor"](CLOSED))["mcpServers"]["gladly"] == {
        "url": URL,
        "headers": {"Authorization": f"Bearer {BEARER}"},
    }
    assert json.loads(CLIENTS["vs-code"](OPEN))["servers"]["gladly"] == {"type": "http", "url": URL}


@pytest.mark.parametrize("client", ["claude-code", "inspector"])
def test_a_command_line_keeps_the_header_in_one_word(client):
    words = shlex.split(CLIENTS[client](CLOSED))
    assert f"Authorization: Bearer {BEARER}" in words
    assert URL in words


ODD = Target("https://x.example/$(id)?a=1&b='\";`id`", "a' $(id)")


@pytest.mark.parametrize("client", ["claude-code", "inspector"])
def test_a_shell_that_is_given_the_line_runs_nothing_of_the_url_or_the_bearer(client):
    line = CLIENTS[client](ODD)
    done = subprocess.run(
        ["sh", "-c", f'claude() {{ printf \'%s\\n\' "$@"; }}; npx() {{ claude "$@"; }}; {line}'],
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.splitlines()
    assert ODD.url in words
    assert f"Authorization: Bearer {ODD.bearer}" in words


def test_the_python_holds_an_odd_url_as_one_text():
    tree = ast.parse(CLIENTS["python"](ODD))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert ODD.url in texts


@pytest.mark.parametrize("target", [OPEN, CLOSED])
def test_the_python_is_python(target):
    assert URL in ast.unparse(ast.parse(CLIENTS["python"](target)))
