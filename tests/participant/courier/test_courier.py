"""The courier is started with what it needs, and its key is made once and kept private."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from cryptography.x509 import load_pem_x509_certificate

from participant.courier import (
    Courier,
    CourierFiles,
    CourierSettings,
    Isolation,
    courier_key_pair,
    courier_user,
    trust,
    trusted,
)
from participant.courier.cell import showing
from participant.courier.courier import CELL_BYTES
from participant.errors import NotJoined
from protocols.bundle import ReleaseKey
from protocols.service.flower import environment


def courier(tmp_path, isolation=Isolation.SANDBOX):
    files = CourierFiles(root=tmp_path)
    return Courier(CourierSettings(files=files, work=files.work, user=courier_user(""), isolation=isolation))


def after(argv, flag):
    return argv[argv.index(flag) + 1]


def test_the_key_is_made_once_on_p384_and_is_readable_by_its_owner_alone(tmp_path):
    public = courier_key_pair(tmp_path / "courier.key")
    assert isinstance(load_ssh_public_key(public).curve, SECP384R1)
    assert courier_key_pair(tmp_path / "courier.key") == public
    assert (tmp_path / "courier.key").stat().st_mode & 0o777 == 0o600


def test_the_supernode_reaches_the_fleet_through_its_pipe_with_tls_and_its_own_key(tmp_path):
    files, (supernode, superexec) = CourierFiles(root=tmp_path), courier(tmp_path)._programs()
    flower = supernode.argv[supernode.argv.index("--", supernode.argv.index("--folder")) :]
    assert "--insecure" not in flower
    port = supernode.argv[supernode.argv.index("--enter") + 1]
    assert after(supernode.argv, str(port)) == str(files.pipe)
    for flag, value in (
        ("--superlink", f"127.0.0.1:{port}"),
        ("--root-certificates", str(files.work / "loopback.pem")),
        ("--auth-supernode-private-key", str(files.key)),
        ("--isolation", "process"),
        ("--host", "127.0.0.1"),
    ):
        assert after(flower, flag) == value
    assert after(superexec.argv, "--runtime-api-address").startswith("127.0.0.1:")


def test_no_bundle_runs_that_a_trusted_release_key_has_not_signed(tmp_path):
    supernode, _ = courier(tmp_path)._programs()
    copy = after(supernode.argv, "--trusted-entities")
    assert copy != str(CourierFiles(root=tmp_path).trusted)  # SuperNode takes an emptied file for any bundle
    assert str(CourierFiles(root=tmp_path).trusted) not in supernode.argv


def test_without_a_trusted_key_nothing_is_started(tmp_path):
    with pytest.raises(NotJoined, match="altrove-node trust"):
        courier(tmp_path).start()
    assert not CourierFiles(root=tmp_path).work.exists()


def test_what_earlier_bundles_left_is_gone_at_the_start(tmp_path):
    files = CourierFiles(root=tmp_path)
    for path in (files.key, files.trusted):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    trust(files.trusted, (ReleaseKey.of(Ed25519PrivateKey.from_private_bytes(bytes(32))),))
    left = files.work / "superexec" / "flwr" / "apps" / "client_app.py"
    left.parent.mkdir(parents=True)
    left.touch()
    made = courier(tmp_path, Isolation.APART)
    made._supervision.start = lambda: None
    made.start()
    assert not left.exists()
    assert trusted(files.work / "trusted.json") == trusted(files.trusted)


def test_what_runs_bundles_is_given_the_door_and_neither_key_nor_pipe(tmp_path):
    files, (supernode, superexec) = CourierFiles(root=tmp_path), courier(tmp_path)._programs()
    assert str(files.door) in superexec.argv
    for secret in (files.key, files.pipe, files.work / "trusted.json", files.work / "loopback.key"):
        assert str(secret) not in superexec.argv
        assert str(secret) in supernode.argv
    assert str(files.door) not in supernode.argv


def test_apart_both_programs_share_the_containers_network(tmp_path):
    supernode, superexec = courier(tmp_path, Isolation.APART)._programs()
    for program in (supernode, superexec):
        assert not any(word.endswith("bwrap") for word in program.argv)
        assert "--offer" not in program.argv
    assert "--enter" in supernode.argv
    assert "--enter" not in superexec.argv


def test_supernode_begins_its_pipe_under_a_certificate_of_this_start(tmp_path):
    files, made = CourierFiles(root=tmp_path), courier(tmp_path, Isolation.APART)
    supernode, _ = made._programs()
    files.key.parent.mkdir(parents=True)
    trust(files.trusted, (ReleaseKey.of(Ed25519PrivateKey.from_private_bytes(bytes(32))),))
    made._supervision.start = lambda: None
    made.start()
    shown = after(supernode.argv, "--shows")
    given = Path(shown).read_bytes()
    certificate = load_pem_x509_certificate(given)
    authority = load_pem_x509_certificate(Path(after(supernode.argv, "--root-certificates")).read_bytes())
    certificate.verify_directly_issued_by(authority)
    assert Path(shown).stat().st_mode & 0o077 == 0
    assert showing(shown) is not None
    made.start()
    assert Path(shown).read_bytes() != given


def test_all_that_runs_in_a_cell_has_a_bound_on_its_memory(tmp_path):
    assert [program.memory_bytes for program in courier(tmp_path)._programs()] == [CELL_BYTES] * 2


def test_flower_phones_nobody_and_installs_nothing(tmp_path):
    seen = environment(tmp_path)
    assert seen["FLWR_TELEMETRY_ENABLED"] == "0"
    assert seen["FLWR_DISABLE_UPDATE_CHECK"] == "1"
    assert seen["FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION"] == "1"
    assert seen["FLWR_HOME"].startswith(str(tmp_path))


def test_both_processes_have_a_folder_of_their_own(tmp_path):
    supernode, superexec = courier(tmp_path, Isolation.APART)._programs()
    assert supernode.environment["FLWR_HOME"] != superexec.environment["FLWR_HOME"]
    assert supernode.log != superexec.log
