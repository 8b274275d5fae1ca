"""What is kept between two runs: for this person alone, whole or not at all."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sidecar import app, settings
from sidecar.errors import ConfigError
from sidecar.local import Folder, Gladly


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_with_secrets_that_only_this_person_can_read(tmp_path):
    folder = Folder(tmp_path / "a" / "b")
    assert mode(folder.path) == 0o700
    for secret in (folder.backend_token, folder.simulated_token):
        assert mode(secret) == 0o600
        assert len(secret.read_text().strip()) == 43
    assert folder.backend_token.read_text() != folder.simulated_token.read_text()


def test_a_folder_that_was_there_keeps_its_mode_and_its_secrets_are_this_persons(tmp_path):
    tmp_path.chmod(0o755)
    folder = Folder(tmp_path)
    assert mode(tmp_path) == 0o755
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
    assert folder.backend_token.exists()


@pytest.mark.parametrize("open_to_all", [0o777, 0o1777, 0o703])
def test_a_folder_that_everybody_can_write_in_is_refused(tmp_path, open_to_all):
    tmp_path.chmod(open_to_all)
    with pytest.raises(ConfigError) as refused:
        Folder(tmp_path)
    (problem,) = refused.value.problems
    assert (problem.where, problem.what) == (str(tmp_path), "can be written by everybody")
    assert problem.remedy
    assert list(tmp_path.iterdir()) == []


def test_secrets_and_the_endpoint_stay_the_same(tmp_path):
    first, second = Folder(tmp_path), Folder(tmp_path)
    assert first.endpoint_path == second.endpoint_path
    assert first.endpoint_path.startswith("/mcp/")


def test_the_settings_that_are_written_check_out_and_open_only_reading(tmp_path):
    folder = Folder(tmp_path)
    file = folder.write_settings("http://127.0.0.1:9", 8080, 9090)
    loaded = settings.load(file)
    assert len(app.check(loaded).catalog) > 10
    (endpoint,) = loaded.endpoints
    assert (endpoint.methods, endpoint.require_api_token_auth) == (("read",), False)
    assert loaded.listen.host == "127.0.0.1"
    assert mode(file) == 0o600
    assert folder.endpoint_path.removeprefix("/mcp/") not in file.read_text()


def test_a_sidecar_beside_it_has_settings_and_a_log_of_its_own(tmp_path):
    folder = Folder(tmp_path)
    own = folder.path / "audit-stdio" / "1"
    assert folder.take(own)
    file = folder.write_settings("http://127.0.0.1:9", 8080, 9090, own)
    assert file.parent == own
    assert yaml.safe_load(file.read_text())["audit"]["folder"] == str(own)


@pytest.mark.thorough
def test_a_folder_that_a_process_has_taken_is_not_free_for_another(tmp_path):
    folder = Folder(tmp_path)
    assert folder.take(tmp_path / "x")
    other = (
        "import pathlib, sys; from sidecar.local import Folder; "
        "path = pathlib.Path(sys.argv[1]); sys.exit(Folder(path).take(path / 'x'))"
    )
    done = subprocess.run([sys.executable, "-c", other, str(tmp_path)], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("ca_file", [None, Path("/etc/ca.pem")])
def test_whose_gladly_it_is_is_remembered_and_forgotten(tmp_path, ca_file):
    folder = Folder(tmp_path)
    assert folder.gladly() is None
    gladly = Gladly("https://a.gladly.com", "a@b.example", tmp_path / "token", ca_file)
    folder.keep_gladly(gladly)
    assert Folder(tmp_path).gladly() == gladly
    folder.keep_gladly(None)
    assert Folder.made(tmp_path).gladly() is None


def test_a_token_that_was_typed_in_is_kept_for_this_person_alone(tmp_path):
    folder = Folder(tmp_path)
    kept = folder.keep_token("secret-token")
    assert (kept.read_text(), mode(kept)) == ("secret-token\n", 0o600)
    folder.keep_token("another")
    assert kept.read_text() == "another\n"


def test_a_folder_that_cannot_be_made_is_a_problem_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as refused:
        Folder(tmp_path / "file" / "x")
    assert refused.value.problems[0].remedy == "name another --folder"


def test_a_folder_that_up_did_not_make_is_refused_and_not_made(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError) as refused:
            Folder.made(path)
        assert "no folder of `sidecar up`" in str(refused.value)
    Folder(tmp_path / "begun")
    with pytest.raises(ConfigError, match="run `sidecar up`"):
        Folder.made(tmp_path / "begun")
    assert [path.name for path in tmp_path.iterdir()] == ["begun"]


@pytest.mark.thorough
def test_a_folder_that_is_taken_whole_is_refused_to_another_process_that_writes_nothing(tmp_path):
    secret = Folder(tmp_path, is_taken=True).backend_token
    secret.unlink()
    other = "import pathlib, sys; from sidecar.local import Folder; "
    other += "Folder(pathlib.Path(sys.argv[1]), is_taken=True)"
    done = subprocess.run(
        [sys.executable, "-c", other, str(tmp_path)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert not secret.exists()
