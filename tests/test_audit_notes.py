"""Signed notes: their form, their signatures, and everything that is none."""

import json
import stat
import subprocess
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from sealed import KEY, STRANGERS_KEY, public
from test_audit_event import NOON

from sidecar import redaction
from sidecar.audit import keys, notes
from sidecar.audit.chain import Tip
from sidecar.errors import ConfigError

TIP = Tip(41822, "ab" * 32)
NOTE = notes.make("pod-3:8080", TIP, NOON, KEY)
RING = notes.Keyring([KEY.public_key()])

TIPS = st.builds(
    Tip, st.integers(0, 10**18 - 1), st.binary(min_size=32, max_size=32).map(bytes.hex)
)


def test_a_note_has_the_form_of_a_c2sp_checkpoint():
    name = "gladly-mcp-sidecar/audit/pod-3:8080"
    text, signature = NOTE.split("\n\n")
    digest = b64encode(bytes.fromhex(TIP.hash)).decode()
    assert text == f"{name}\n41822\n{digest}\nat 2026-11-22T12:00:00.000000Z"
    assert signature.startswith(f"— {name} ")
    assert signature.endswith("\n")


def test_the_key_id_and_signature_are_those_that_c2sp_says():
    note = notes.parse(NOTE)
    assert note
    (signature,) = note.signatures
    raw = KEY.public_key().public_bytes_raw()
    assert signature.key_id == sha256(note.origin.encode() + b"\n\x01" + raw).digest()[:4]
    public_key = Ed25519PublicKey.from_public_bytes(raw)
    public_key.verify(signature.signed, NOTE.split("\n\n")[0].encode() + b"\n")


@given(instance=st.text(), tip=TIPS)
def test_whatever_is_made_is_read_again(instance, tip):
    made = notes.make(instance, tip, NOON, KEY)
    note = notes.parse(made)
    assert note
    assert (note.tip, note.origin) == (tip, notes.origin(instance))
    assert RING.signer(note) == notes.fingerprint(KEY.public_key())
    assert " " not in note.origin
    assert "+" not in note.origin


@given(text=st.text())
def test_no_text_makes_the_parser_fail(text):
    assert notes.parse(text) is None
    assert notes.parse(NOTE + text) is None or not text or text.startswith("—")


@given(data=st.data())
def test_no_changed_character_leaves_a_note_that_a_key_signed(data):
    place = data.draw(st.integers(0, len(NOTE) - 1))
    char = data.draw(st.characters(exclude_characters=NOTE[place]))
    changed = NOTE[:place] + char + NOTE[place + 1 :]
    note = notes.parse(changed)
    assert note is None or not RING.signer(note)


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "\n",
        NOTE.removesuffix("\n"),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("41822", "041822"),
        NOTE.replace("41822", "-1"),
        NOTE.replace("41822", "4 1"),
        NOTE.replace("41822", "9" * 19),
        NOTE.replace("41822", "٤١"),
        NOTE.replace("gladly-mcp-sidecar/audit", "example.com/log"),
        NOTE.replace("at ", "\tat "),
        NOTE.replace("\n", "\r\n"),
        NOTE + "no signature\n",
        NOTE + "x" * notes.MAX_NOTE,
        NOTE.replace("q6urq6ur", "q6ur"),
    ],
)
def test_what_is_no_note_of_ours_is_none(broken):
    assert notes.parse(broken) is None


def test_a_second_signature_by_somebody_else_takes_nothing_from_the_first():
    """A witness cosigns the same text below ours."""
    cosigned = NOTE + "— witness.example " + b64encode(b"idid" + b"s" * 64).decode() + "\n"
    note = notes.parse(cosigned)
    assert note
    assert RING.signer(note)


def test_only_the_keys_of_the_ring_count():
    note = notes.parse(NOTE)
    assert note
    strangers = notes.Keyring([STRANGERS_KEY.public_key()])
    both = notes.Keyring([STRANGERS_KEY.public_key(), KEY.public_key()])
    assert strangers.signer(note) == ""
    assert both.signer(note) == notes.fingerprint(KEY.public_key())
    assert not notes.Keyring()


def test_a_signature_in_another_name_than_the_origins_does_not_count():
    other = notes.make("pod-4:8080", TIP, NOON, KEY)
    mixed = NOTE.split("\n\n")[0] + "\n\n" + other.split("\n\n")[1]
    note = notes.parse(mixed)
    assert note
    assert RING.signer(note) == ""


def test_nearly_every_note_passes_the_scrubbing_of_the_operational_log_unharmed():
    """(known gap) A digest may look like a number that is masked; the next anchor covers it."""
    made = [
        notes.make("pod-3:8080", Tip(n, sha256(b"%d" % n).hexdigest()), NOON, KEY)
        for n in range(300)
    ]
    harmed = [note for note in made if redaction.scrub(note) != note]
    assert len(harmed) < len(made) / 50


def test_a_key_is_made_at_the_first_start_for_the_owner_alone_and_kept(tmp_path):
    folder = tmp_path / "audit"
    first, second = keys.Signer(folder, "p"), keys.Signer(folder, "p")
    assert stat.S_IMODE((folder / "audit.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} == {"audit.key", "audit.pub"}
    assert first(TIP, NOON) == second(TIP, NOON)
    note = notes.parse(first(TIP, NOON))
    assert note
    assert keys.keyring([folder / "audit.pub"]).signer(note)


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_named_key_signs_and_none_is_made_beside_the_log(tmp_path):
    file = tmp_path / "signing.pem"
    file.write_bytes(pem(KEY))
    signer = keys.Signer(tmp_path / "audit", "pod-3:8080", file)
    assert signer(TIP, NOON) == NOTE
    assert [path.name for path in (tmp_path / "audit").iterdir()] == ["audit.pub"]


def test_after_a_rotation_both_public_keys_are_kept_and_each_once(tmp_path):
    folder = tmp_path / "audit"
    for key in (KEY, STRANGERS_KEY, KEY):
        file = tmp_path / "signing.pem"
        file.write_bytes(pem(key))
        keys.Signer(folder, "p", file)
    found = [notes.fingerprint(key) for key in keys.public_keys(folder / "audit.pub")]
    assert found == [notes.fingerprint(key.public_key()) for key in (KEY, STRANGERS_KEY)]


@pytest.mark.parametrize(
    "content",
    [b"", b"secret-canary", pem(KEY)[:-40],
     generate_private_key(SECP256R1()).private_bytes(
         Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())],
    ids=["empty", "junk", "cut", "another kind"],
)  # fmt: skip
def test_a_file_that_is_no_signing_key_is_refused_without_its_content(tmp_path, content):
    file = tmp_path / "signing.pem"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"signing\.pem: is no Ed25519 private key") as caught:
        keys.Signer(tmp_path / "audit", "p", file)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"x", pem(KEY)])
def test_a_file_without_a_public_key_is_refused(tmp_path, content):
    file = tmp_path / "audit.pub"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="no Ed25519 public key"):
        keys.keyring([file])
    with pytest.raises(ConfigError, match=r"nowhere\.pub: cannot be read"):
        keys.keyring([tmp_path / "nowhere.pub"])


def test_another_kind_of_public_key_is_refused(tmp_path):
    file = tmp_path / "audit.pub"
    key = generate_private_key(SECP256R1()).public_key()
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigError, match="no Ed25519 public key"):
        keys.keyring([file])


def test_a_key_is_not_written_through_a_link(tmp_path):
    folder, target = tmp_path / "audit", tmp_path / "victim"
    folder.mkdir()
    (folder / "audit.pub").symlink_to(target)
    with pytest.raises(ConfigError, match="cannot hold the key"):
        keys.Signer(folder, "p")
    assert not target.exists()


@pytest.mark.sockets
def test_the_fingerprint_is_what_openssl_and_sha256sum_say(tmp_path):
    file = public(tmp_path, KEY)
    command = f"openssl pkey -pubin -in {file} -outform DER | sha256sum"
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert said.stdout.split()[0] == notes.fingerprint(KEY.public_key())


def test_a_note_is_a_string_of_json_that_comes_back_as_it_was(tmp_path: Path):
    assert json.loads(json.dumps({"note": NOTE}))["note"] == NOTE
