"""The section for a collector: what is refused at start, and what is done with the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import wire
from flow import ask, flow, result
from settings_parts import CANARY, GOOD, problems, told, written
from wire import Papers

from sidecar import settings
from sidecar.monitoring import Monitoring
from sidecar.settings import headers_in

pytestmark = pytest.mark.anyio


def configured(folder: Path, more: str, url: str = "http://127.0.0.1:4318") -> Path:
    """A good settings file with a section for telemetry."""
    (folder / "secret").write_text("s" * 48)
    return written(folder, f"{GOOD}telemetry:\n  otlp_url: {url}\n{more}")


def test_the_section_is_off_by_default_and_sends_everything_when_it_is_there(tmp_path):
    loaded = settings.load(configured(tmp_path, ""))
    assert loaded.telemetry is not None
    assert (loaded.telemetry.sample_ratio, loaded.telemetry.timeout) == (1.0, 5.0)
    assert settings.load(written(tmp_path, GOOD)).telemetry is None


@pytest.mark.parametrize("is_parent_there", [True, False])
def test_without_the_extra_the_settings_say_in_one_line_what_to_install(
    tmp_path, monkeypatch, is_parent_there
):
    def find(name: str) -> None:
        if not is_parent_there:
            raise ModuleNotFoundError(name)

    monkeypatch.setattr("sidecar.settings.telemetry.find_spec", find)
    (problem,) = problems(configured(tmp_path, ""))
    assert problem.where.endswith("telemetry.otlp_url")
    assert problem.remedy == "pip install 'gladly-mcp-sidecar[otel]'"


def test_a_file_of_headers_is_checked_and_none_of_its_values_is_told(tmp_path):
    file = tmp_path / "headers"
    file.write_text(f"authorization: Bearer {CANARY}\nno header {CANARY}\n")
    found = problems(configured(tmp_path, f"  headers_file: {file}\n"))
    assert [problem.what for problem in found] == ["is no header"]
    assert CANARY not in str(found)
    file.write_text(f"authorization: Bearer {CANARY}\n")
    assert settings.load(configured(tmp_path, f"  headers_file: {file}\n")).telemetry
    assert headers_in(file) == {"authorization": f"Bearer {CANARY}"}


def test_an_address_with_a_query_or_credentials_is_no_collectors(tmp_path):
    (tmp_path / "secret").write_text("s" * 48)
    for url in ("http://h/?a=b", "http://user:pass@h", "ftp://h"):
        told(written(tmp_path, f"{GOOD}telemetry: {{otlp_url: '{url}'}}\n"))


@pytest.mark.sockets
async def test_a_collector_behind_tls_is_trusted_by_the_authorities_that_are_set(tmp_path):
    papers = Papers(tmp_path).make()
    (tmp_path / "headers").write_text("x-key: k1\n")
    async with wire.served(wire.fixed(wire.answer()), papers.server()) as collector:
        for more, taken in ((f"  ca_file: {papers.file('ca.pem')}\n", 1), ("", 0)):
            text = f"  headers_file: FOLDER/headers\n{more}".replace("FOLDER", str(tmp_path))
            monitoring = Monitoring(settings.load(configured(tmp_path, text, collector.url)))
            folder = tmp_path / str(taken)
            folder.mkdir()
            async with flow(folder, watches=monitoring.watches) as f:
                f.backend.reply = result({})
                await f.ask(ask("ping"))
            exporter = monitoring._exporter
            exporter.start(list)
            await monitoring.close()
            assert (exporter.exported.sent, exporter.exported.dropped) == (taken, 1 - taken)
    assert [request.values("x-key") for request in collector.seen] == [["k1"], ["k1"]]
    assert [request.line.split()[1] for request in collector.seen] == [
        "/path-with-a-t0ken/v1/traces",
        "/path-with-a-t0ken/v1/metrics",
    ]
