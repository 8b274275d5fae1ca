"""Limits of a log, and starts on one that cannot be used: told with its name and what to do."""

import os
import resource

import pytest
from test_audit_event import intent
from test_audit_failures import file_limit, folder, limit_files, refused
from test_audit_writer import run, writer

from sidecar import audit
from sidecar.errors import ConfigError, OrganDown

__all__ = ["file_limit", "folder"]  # fixtures


def test_a_fifo_in_the_logs_place_is_refused_at_the_start(folder):
    folder.mkdir()
    os.mkfifo(folder / "audit.jsonl")
    with pytest.raises(ConfigError, match=r"audit\.jsonl.*not a regular file"):
        writer(folder)


def test_a_link_in_the_logs_place_is_not_followed(folder, tmp_path):
    folder.mkdir()
    (folder / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"audit\.jsonl"):
        writer(folder)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_log_is_refused_at_the_start(folder):
    log = writer(folder)
    run(log, intent())
    log.close()
    with pytest.raises(ConfigError, match=r"audit\.jsonl.*largest size.*move it away"):
        writer(folder, max_bytes=500)


def test_a_folder_that_cannot_be_made_is_told_with_its_name(tmp_path):
    (tmp_path / "audit").write_text("in the way")
    with pytest.raises(ConfigError, match=r"audit/audit\.jsonl: the audit log cannot be used"):
        writer(tmp_path / "audit")


def test_a_recovery_that_cannot_be_written_is_told_at_the_start(folder, file_limit):
    log = writer(folder)
    run(log, intent())
    log._segment.close()
    limit_files((folder / "audit.jsonl").stat().st_size)
    with pytest.raises(ConfigError, match=r"audit\.jsonl.*File too large"):
        writer(folder)
    limit_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    writer(folder).close()


def test_half_a_line_that_cannot_be_kept_stays_where_it_is(folder, file_limit):
    folder.mkdir()
    path = folder / "audit.jsonl"
    path.write_bytes(b'{"v":1,"seq":1')
    limit_files(5)
    with pytest.raises(ConfigError, match=r"audit\.jsonl.*File too large"):
        writer(folder)
    assert path.read_bytes() == b'{"v":1,"seq":1'
    limit_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    writer(folder).close()
    assert (folder / "audit.torn.2").read_bytes() == b'{"v":1,"seq":1'


def test_no_record_passes_the_largest_size_but_the_stop_does(folder):
    log = writer(folder, max_bytes=2000)
    run(log, intent())
    with pytest.raises(OrganDown, match="largest size"):
        run(log, *(intent() for _ in range(5)))
    assert not log.is_healthy
    assert (folder / "audit.jsonl").stat().st_size <= 2000
    log.close()
    assert audit.verify(folder / "audit.jsonl", log.head).has_clean_stop


def test_an_event_longer_than_a_line_may_be_is_refused_without_harm_to_others(folder):
    log = writer(folder)
    refused(log, intent(decision={"input": {"text": "x" * (1 << 20)}}))
    assert log.is_healthy
    log.close()
