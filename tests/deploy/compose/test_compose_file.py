"""The samples of deploy/compose are read by the programs' own settings, and promise what they say."""

import re
import shutil
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

from coordinator.settings import load as load_coordinator
from participant import settings as node_settings
from participant.errors import BadSettings
from participant.settings import home_at

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "compose"
FILE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES = FILE["services"]
COMPANY = yaml.safe_load((FOLDER / "company.yaml").read_text())
SHUT_IN = {**SERVICES, **COMPANY["services"]}
COMPANIES = "abc"
HOME = "/var/lib/altrove"


def mounts(service: str) -> dict[str, tuple[str, str]]:
    """Target -> (source, mode) of a service's volumes."""
    parts = [entry.split(":") for entry in SERVICES[service]["volumes"]]
    return {target: (source, rest[0] if rest else "rw") for source, target, *rest in parts}


def test_the_coordinators_sample_is_read_by_the_coordinator(tmp_path):
    shutil.copy(FOLDER / "coordinator.toml", tmp_path)
    settings = load_coordinator(tmp_path)
    assert settings.reached_at == "coordinator"
    assert settings.reached_at in SERVICES
    desk = SERVICES["coordinator"]["networks"]["desk-coordinator"]["ipv4_address"]
    assert settings.admin_host == desk


def test_the_nodes_sample_is_read_by_a_node_with_the_variables_of_every_company(tmp_path, monkeypatch):
    shutil.copy(FOLDER / "node.toml", tmp_path)
    nodes = {f"desk-{letter}": SERVICES[f"node-{letter}"] for letter in COMPANIES}
    for network, node in {**nodes, "company": COMPANY["services"]["node"]}.items():
        for name, value in node["environment"].items():
            monkeypatch.setenv(name, "" if value.startswith("${") else value)
        for name, value in (("COURIER__MODE", "apart"), ("COURIER__USER", "10002")):  # the image's
            monkeypatch.setenv(f"ALTROVE_NODE_{name}", value)
        settings = node_settings.load(home_at(tmp_path))
        assert settings.policy.policy().minimum_cohort == len(COMPANIES)
        assert settings.listen.host == node["networks"][network]["ipv4_address"]
        assert (settings.courier.mode, settings.courier.user) == ("apart", "10002")


def test_a_sample_with_a_misspelt_setting_would_be_found_out(tmp_path):
    written = (FOLDER / "node.toml").read_text().replace("minimum_cohort", "minimum_kohort")
    (tmp_path / "node.toml").write_text(written)
    with pytest.raises(BadSettings, match="minimum_kohort"):
        node_settings.load(home_at(tmp_path))


@pytest.mark.parametrize("service", SHUT_IN)
def test_every_service_is_shut_in_and_keeps_no_secret(service):
    found = SHUT_IN[service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "user", "devices", "pid", "ipc", "build"} & set(found)
    for name, value in found.get("environment", {}).items():
        assert value.startswith("${") or not re.search("INVITE|TOKEN|SECRET|KEY", name)


@pytest.mark.parametrize("courier", [name for name in SHUT_IN if name.startswith("courier")])
def test_a_courier_has_bounds_of_its_container_for_memory_and_processes(courier):
    found = SHUT_IN[courier]
    assert (found["mem_limit"], found["pids_limit"]) == ("1g", 256)
    assert found["tmpfs"] == ["/tmp:size=512m,mode=1777"]  # counts as memory


@pytest.mark.parametrize("letter", COMPANIES)
def test_a_courier_has_no_network_and_two_folders_to_read(letter):
    courier = SERVICES[f"courier-{letter}"]
    assert courier["network_mode"] == "none"
    assert not {"networks", "ports", "environment", "env_file", "secrets"} & set(courier)
    assert mounts(f"courier-{letter}") == {
        f"{HOME}/run": (f"run-{letter}", "ro"),
        f"{HOME}/courier": (f"courier-{letter}", "ro"),
    }
    node = mounts(f"node-{letter}")
    assert node[f"{HOME}/run"] == (f"run-{letter}", "rw")
    assert node["/data"][1] == "ro"


@pytest.mark.parametrize("kind", ["node", "courier"])
def test_a_company_that_joins_runs_what_a_company_of_the_rehearsal_runs(kind):
    alone, rehearsed = COMPANY["services"][kind], SERVICES[f"{kind}-a"]
    own = {"depends_on", "environment", "networks", "ports", "volumes"}
    assert {name: value for name, value in alone.items() if name not in own} == {
        name: value for name, value in rehearsed.items() if name not in own
    }
    without_letter = [
        volume.replace("-a:", ":").replace("data/a:", "data:") for volume in rehearsed["volumes"]
    ]
    assert alone["volumes"] == without_letter
    assert set(alone.get("environment", {})) == set(rehearsed.get("environment", {}))
    assert alone.get("networks", {}).keys() == ({"company"} if kind == "node" else set())


def test_a_company_alone_has_one_network_with_a_way_out_and_its_console_on_the_loopback():
    node = COMPANY["services"]["node"]
    ((name, network),) = COMPANY["networks"].items()
    assert not network.get("internal")
    (subnet,) = network["ipam"]["config"]
    assert ip_address(node["networks"][name]["ipv4_address"]) in ip_network(subnet["subnet"])
    assert all(port.startswith("127.0.0.1:") for port in node["ports"])
    assert set(COMPANY["volumes"]) == {"node", "run", "courier"}


def test_no_two_companies_share_a_network_or_a_volume():
    for kind in ("networks", "volumes"):
        used = {
            letter: {
                entry if kind == "networks" else entry.split(":")[0]
                for entry in SERVICES[f"node-{letter}"][kind]
            }
            for letter in COMPANIES
        }
        named = {letter: {name for name in names if name in FILE[kind]} for letter, names in used.items()}
        assert all(named.values())
        assert not named["a"] & named["b"] | named["b"] & named["c"] | named["a"] & named["c"]
        if kind == "networks":
            theirs = set(SERVICES["coordinator"]["networks"])
            assert all(names & theirs == {letter} for letter, names in named.items())
            assert all(FILE["networks"][letter]["internal"] for letter in COMPANIES)


def test_consoles_are_published_on_the_loopback_from_networks_of_their_own():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 1 + len(COMPANIES)
    assert all(port.startswith("127.0.0.1:") for port in published)
    for service in SERVICES.values():
        for name, network in service.get("networks", {}).items():
            if "ipv4_address" in network:
                (subnet,) = FILE["networks"][name]["ipam"]["config"]
                assert ip_address(network["ipv4_address"]) in ip_network(subnet["subnet"])
                assert FILE["networks"][name]["driver_opts"] == {"isolate": "true"}
