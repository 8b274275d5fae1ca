"""Settings of what is shipped: each problem with its line, and never a header's value."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from settings_parts import CANARY, GOOD, problems, told, written

from sidecar import settings
from sidecar.errors import ConfigError
from sidecar.settings.headers import headers_in
from sidecar.stdio.serve import Source, serve


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("s" * 48 + "\n")
    return tmp_path


def shipping(folder: Path, *lines: str) -> Path:
    return written(folder, GOOD + "  ship:\n" + "".join(f"    {line}\n" for line in lines))


def test_nothing_is_shipped_unless_it_is_set(folder):
    loaded = settings.load(written(folder, GOOD))
    assert (loaded.audit.ship.stdout, loaded.audit.ship.otlp_url) == (False, None)


def test_both_ways_can_be_set_with_headers_from_a_file(folder):
    (folder / "headers").write_text("Authorization: Bearer x\nX-Tenant:\t7\n")
    ship = settings.load(
        shipping(
            folder,
            "stdout: true",
            "otlp_url: http://127.0.0.1:4318/v1/logs",
            "otlp_headers_file: FOLDER/headers",
        )
    ).audit.ship
    assert ship.stdout
    assert ship.otlp_headers_file
    assert headers_in(ship.otlp_headers_file) == {"Authorization": "Bearer x", "X-Tenant": "7"}


@pytest.mark.parametrize("line", ["no colon", "a b: c", ": value", "name: ü", "name:"])
def test_a_line_that_is_no_header_is_told_without_its_content(folder, line):
    (folder / "headers").write_text(
        f"good: {CANARY}\n{line} {CANARY}\n" if ":" not in line else line
    )
    file = shipping(
        folder, "otlp_url: http://127.0.0.1:4318/v1/logs", "otlp_headers_file: FOLDER/headers"
    )
    (problem,) = problems(file)
    assert problem.where.endswith("audit.ship.otlp_headers_file")
    assert problem.what == "is no header"
    assert CANARY not in str(problem)


def test_headers_without_a_collector_are_told(folder):
    (folder / "headers").write_text("a: b\n")
    file = shipping(folder, "otlp_headers_file: FOLDER/headers")
    assert list(told(file).values()) == ["has no use without otlp_url"]


def test_a_collector_without_the_extra_is_told(folder, monkeypatch):
    monkeypatch.setattr("sidecar.settings.shipping.find_spec", lambda _: None)
    file = shipping(folder, "otlp_url: http://127.0.0.1:4318/v1/logs")
    (problem,) = problems(file)
    assert problem.what == "needs what is not installed"
    assert problem.remedy == "pip install 'gladly-mcp-sidecar[otel]'"


def test_standard_output_is_the_clients_where_it_carries_its_messages(folder):
    file = shipping(folder, "stdout: true")
    with pytest.raises(
        ConfigError, match=r"audit\.ship\.stdout: cannot be used by `sidecar stdio`"
    ):
        asyncio.run(serve(Source(config=file, endpoint="support")))
    assert not (folder / "audit").exists(), "it is refused before anything is opened"
