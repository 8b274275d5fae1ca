"""What decides, as the settings say: where it is read from, and where a newer one comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_parts import put
from settings_parts import GOOD, written

from sidecar import renewal, ruling, settings
from sidecar.errors import ConfigError
from sidecar.policy import BundleSource, Folder
from sidecar.settings import Settings


def loaded(folder: Path, policy: str) -> Settings:
    (folder / "secret").write_text("s" * 40)
    (folder / "secret").chmod(0o600)
    put(folder, {"site/data.yaml": "site: {config: {bulk_roles: [lead]}}\n"})
    return settings.load(written(folder, f"{GOOD}policy: {policy}\n"))


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        ("{}", type(None)),
        ("{site_folder: FOLDER/site}", Folder),
        ("{engine: both, opa_url: 'http://127.0.0.1:1', site_folder: FOLDER/site}", Folder),
        ("{engine: opa, opa_url: 'http://127.0.0.1:1', site_folder: FOLDER/site}", type(None)),
        ("{bundle_url: 'http://127.0.0.1:1/bundle.tar.gz'}", BundleSource),
    ],
)
def test_a_newer_policy_comes_from_where_the_settings_say(tmp_path, policy, kind):
    config = loaded(tmp_path, policy)
    assert isinstance(ruling.source(config), kind)
    assert (renewal.window(config) is None) == (kind is type(None))


def test_a_server_that_gives_nothing_is_a_problem_of_the_start(tmp_path):
    config = loaded(tmp_path, "{bundle_url: 'http://127.0.0.1:1/bundle.tar.gz'}")
    with pytest.raises(ConfigError, match="cannot be had"):
        ruling.read(config)
