"""Signing happens where the key is, over what is installed there; the coordinator takes only its own version."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from typer.testing import CliRunner

from coordinator.cli import cli
from coordinator.courier import bundle
from coordinator.home import Home
from protocols.bundle import BundleSignature, ReleaseKey

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in range(2))


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption or NoEncryption())


def run(*words, **more):
    return CliRunner().invoke(cli, ["bundle", *map(str, words)], **more)


def home_at(folder):
    """A coordinator's home as far as `bundle accept` looks at it."""
    place = Home(folder=folder)
    place.identity.parent.mkdir(parents=True)
    place.identity.write_bytes(bytes(32))
    return folder


@pytest.fixture(scope="module")
def fab():
    return bundle.of_this_installation()


def test_the_same_installation_gives_the_same_bundle(fab):
    assert bundle.of_this_installation() == fab
    assert run("show").output.strip() == bundle.digest(fab).hex()


@pytest.mark.parametrize("passphrase", ["", "a long one"])
def test_what_is_signed_here_is_accepted_there(tmp_path, fab, passphrase):
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else None
    (tmp_path / "release").write_bytes(pem(KEY, encryption))
    words = ("--key", tmp_path / "release", "--to", tmp_path / "s")
    assert run("sign", *words, input=passphrase + "\n").exit_code == 0
    home = home_at(tmp_path / "home")
    (tmp_path / "release.pub").write_text(ReleaseKey.of(KEY).line)
    (tmp_path / "other.pub").write_text(ReleaseKey.of(OTHER).line)
    refused = run("accept", tmp_path / "s", "--home", home, "--key", tmp_path / "other.pub")
    assert refused.exception.code == "bad-signature"
    assert not (home / "bundle.signature").exists()
    assert run("accept", tmp_path / "s", "--home", home, "--key", tmp_path / "release.pub").exit_code == 0
    ReleaseKey.of(KEY).verify(BundleSignature.parse((home / "bundle.signature").read_bytes()), fab)


def test_a_signature_of_another_version_is_refused_and_nothing_kept(tmp_path):
    (tmp_path / "s").write_text(BundleSignature.make(KEY, b"another", now=1).json())
    home = home_at(tmp_path / "home")
    refused = run("accept", tmp_path / "s", "--home", home, "--key", tmp_path / "release.pub")
    assert "sign with the version of Altrove that runs here" in str(refused.exception.do)
    assert not (home / "bundle.signature").exists()


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_that_is_no_coordinators_home_is_named_and_nothing_written(tmp_path, fab, made):
    if made:
        (tmp_path / "wrong").mkdir()
    (tmp_path / "s").write_text(BundleSignature.make(KEY, fab, now=1).json())
    (tmp_path / "release.pub").write_text(ReleaseKey.of(KEY).line)
    refused = run("accept", tmp_path / "s", "--home", tmp_path / "wrong", "--key", tmp_path / "release.pub")
    assert refused.exception.code == "not-initialised"
    assert str(tmp_path / "wrong") in refused.exception.expected
    assert not (tmp_path / "wrong" / "bundle.signature").exists()


@pytest.mark.parametrize("content", [b"", b"nothing", pem(generate_private_key(SECP256R1()))])
def test_another_kind_of_key_is_refused(tmp_path, content):
    (tmp_path / "release").write_bytes(content)
    refused = run("sign", "--key", tmp_path / "release", "--to", tmp_path / "s")
    assert refused.exception.code == "bad-input"
    assert not (tmp_path / "s").exists()


def test_a_key_that_is_not_there_is_named(tmp_path):
    assert str(tmp_path / "release") in run("sign", "--key", tmp_path / "release").exception.expected


def test_a_signature_is_a_small_readable_file(tmp_path):
    (tmp_path / "release").write_bytes(pem(KEY))
    run("sign", "--key", tmp_path / "release", "--to", tmp_path / "s")
    assert set(json.loads((tmp_path / "s").read_text())) == {"bundle", "key", "signed_at", "signature"}
