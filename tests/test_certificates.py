"""A certificate and its key: what is wrong with them is told at start, and the TLS they make."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from settings_parts import GOOD, told, written
from structlog.testing import capture_logs
from wire import Papers

from sidecar import settings
from sidecar.settings import server_tls


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path).make()


def served(papers: Papers) -> ssl.SSLContext:
    return server_tls(papers.folder / "server.pem", papers.folder / "server.key")


PAIR = "listen: {certificate_file: FOLDER/CERTIFICATE, key_file: FOLDER/KEY}\n"


@pytest.mark.parametrize(
    ("certificate", "key", "expected"),
    [
        ("server.pem", "server.key", {}),
        ("server.pem", "client.key", {"listen.key_file": "is not the key of the certificate"}),
        ("server.pem", "server-locked.key", {"listen.key_file": "is locked with a passphrase"}),
        (
            "server.key",
            "server.pem",
            {
                "listen.certificate_file": "holds no certificate in PEM form",
                "listen.key_file": "holds no private key in PEM form",
            },
        ),
        (
            "none.pem",
            "none.key",
            {"listen.certificate_file": "is no file", "listen.key_file": "is no file"},
        ),
    ],
)
def test_all_that_is_wrong_with_a_pair_is_told_at_start(papers, certificate, key, expected):
    papers.locked("server")
    (papers.folder / "secret").write_text("s" * 40)
    text = GOOD + PAIR.replace("CERTIFICATE", certificate).replace("KEY", key)
    file = written(papers.folder, text)
    if not expected:
        loaded = settings.load(file)
        assert (loaded.listen.certificate_file, loaded.admin.key_file) == (
            papers.folder / "server.pem",
            None,
        )
        return
    found = {where.partition(" ")[2]: what for where, what in told(file).items()}
    assert found == expected


@pytest.mark.parametrize("section", ["listen", "admin"])
@pytest.mark.parametrize(
    "lone", ["certificate_file: FOLDER/server.pem", "key_file: FOLDER/server.key"]
)
def test_a_certificate_without_its_key_is_a_problem(papers, section, lone):
    (papers.folder / "secret").write_text("s" * 40)
    found = told(written(papers.folder, f"{GOOD}{section}: {{{lone}}}\n"))
    assert list(found.values()) == ["and key_file belong together"]


def test_a_client_certificate_with_another_key_is_a_problem_at_start(papers):
    (papers.folder / "secret").write_text("s" * 40)
    lines = "client_certificate_file: FOLDER/client.pem\n  client_key_file: FOLDER/server.key"
    found = told(written(papers.folder, GOOD.replace("backend:\n", f"backend:\n  {lines}\n")))
    assert list(found) == ["sidecar.yaml:3 backend.client_key_file"]


def test_a_certificate_that_has_expired_is_served_and_warned_of(papers):
    papers.renew("server", days=-1)
    with capture_logs() as lines:
        served(papers)
    (line,) = lines
    assert (line["log_level"], line["file"]) == ("warning", papers.file("server.pem"))


def client_hello(version: str) -> bytes:
    """A ClientHello (RFC 5246 section 7.4.1.2) as clients sent it before TLS 1.3."""
    return bytes.fromhex(
        f"16 0301 0031  01 00002d  {version}" + "5a" * 32 + "00  0006 c02b c02c 002f  01 00"
    )


@pytest.mark.parametrize(("version", "is_refused"), [("0302", True), ("0303", False)])
def test_the_version_1_1_is_refused_and_1_2_is_not(papers, version, is_refused):
    """By hand, since clients of today do not speak 1.1; the greeting of 1.2 fails later on."""
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = served(papers).wrap_bio(heard, said, server_side=True)
    heard.write(client_hello(version))
    with pytest.raises(ssl.SSLError) as caught:
        connection.do_handshake()
    assert (caught.value.reason == "UNSUPPORTED_PROTOCOL") is is_refused
