"""The courier is started with what it needs, and its key is made once and kept private."""

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from participant.courier import Courier, CourierSettings, courier_key_pair
from protocols.service.flower import environment


def settings(tmp_path, **more):
    return CourierSettings(
        home=tmp_path / "courier",
        fleet="fleet.example:9443",
        ca=tmp_path / "ca.pem",
        key=tmp_path / "courier.key",
        door=tmp_path / "door.sock",
        **more,
    )


def test_the_key_is_made_once_on_p384_and_is_readable_by_its_owner_alone(tmp_path):
    public = courier_key_pair(tmp_path / "courier.key")
    assert isinstance(load_ssh_public_key(public).curve, SECP384R1)
    assert courier_key_pair(tmp_path / "courier.key") == public
    assert (tmp_path / "courier.key").stat().st_mode & 0o777 == 0o600


def test_the_supernode_reaches_the_fleet_with_tls_and_its_own_key(tmp_path):
    supernode, superexec = Courier(settings(tmp_path))._programs()
    assert "--insecure" not in supernode.argv
    for flag, value in (
        ("--superlink", "fleet.example:9443"),
        ("--root-certificates", str(tmp_path / "ca.pem")),
        ("--auth-supernode-private-key", str(tmp_path / "courier.key")),
        ("--isolation", "process"),
        ("--host", "127.0.0.1"),
    ):
        assert supernode.argv[supernode.argv.index(flag) + 1] == value
    assert superexec.argv[superexec.argv.index("--runtime-api-address") + 1].startswith("127.0.0.1:")


def test_trusted_entities_are_passed_on_when_there_are_any(tmp_path):
    supernode, _ = Courier(settings(tmp_path, trusted_entities=tmp_path / "trusted.yaml"))._programs()
    assert supernode.argv[supernode.argv.index("--trusted-entities") + 1] == str(tmp_path / "trusted.yaml")


def test_flower_phones_nobody_and_installs_nothing(tmp_path):
    seen = environment(tmp_path)
    assert seen["FLWR_TELEMETRY_ENABLED"] == "0"
    assert seen["FLWR_DISABLE_UPDATE_CHECK"] == "1"
    assert seen["FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION"] == "1"
    assert seen["FLWR_HOME"].startswith(str(tmp_path))


def test_both_processes_have_a_folder_of_their_own(tmp_path):
    supernode, superexec = Courier(settings(tmp_path))._programs()
    assert supernode.environment["FLWR_HOME"] != superexec.environment["FLWR_HOME"]
    assert supernode.log != superexec.log


def test_a_courier_that_was_not_started_is_not_well(tmp_path):
    assert not Courier(settings(tmp_path)).health().well
