"""Home folder and settings: private files, precedence, one clear message for each mistake."""

import stat

import pytest
from typer.testing import CliRunner

from coordinator.cli import cli
from coordinator.errors import AlreadyInitialised, NotInitialised
from coordinator.home import Home, initialise
from coordinator.services import build
from coordinator.settings import load
from protocols.errors import BadInput
from protocols.service import tls
from protocols.service.clock import ManualClock, iso

CLOCK = ManualClock(1_700_000_000)


def test_private_files_are_readable_by_their_owner_only(tmp_path):
    initialise(load(tmp_path / "home"), "C", CLOCK)
    home = Home(folder=tmp_path / "home")
    for path in (home.identity, home.authority[1], home.server[1], home.admin_token):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700


def test_a_home_is_initialised_once_and_keeps_its_keys(tmp_path):
    initialise(load(tmp_path / "home"), "C", CLOCK)
    before = Home(folder=tmp_path / "home").identity.read_bytes()
    with pytest.raises(AlreadyInitialised):
        initialise(load(tmp_path / "home"), "D", CLOCK)
    assert Home(folder=tmp_path / "home").identity.read_bytes() == before


@pytest.mark.parametrize("name", ["not a host!!", "host:7402", "https://host", "-a", "a..b", "a" * 64])
def test_a_host_that_is_none_makes_no_consortium(tmp_path, name):
    with pytest.raises(BadInput, match="DNS name or an IP address"):
        load(tmp_path, public_host=name)


@pytest.mark.parametrize("name", ["altrove.example", "coordinator", "192.0.2.1", "2001:db8::1"])
def test_a_name_or_an_address_is_a_host(tmp_path, name):
    assert load(tmp_path, public_host=name).reached_at == name


@pytest.mark.parametrize("words", [["token", "a"], ["audit", "verify"]])
def test_verbs_that_need_no_daemon_need_a_home(tmp_path, words):
    done = CliRunner().invoke(cli, [*words, "--home", str(tmp_path / "nowhere")])
    assert isinstance(done.exception, NotInitialised)
    assert not (tmp_path / "nowhere").exists()


def test_an_empty_home_says_to_run_init(tmp_path):
    with pytest.raises(NotInitialised, match="altrove-coordinator init"):
        build(load(tmp_path / "home"), CLOCK)


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path, monkeypatch):
    initialise(load(tmp_path, partner_port=1111, admin_port=2222, fleet_port=3333), "C", CLOCK)
    monkeypatch.setenv("ALTROVE_COORDINATOR_ADMIN_PORT", "4444")
    monkeypatch.setenv("ALTROVE_COORDINATOR_FLEET_PORT", "5555")
    settings = load(tmp_path, fleet_port=6666)
    assert (settings.partner_port, settings.admin_port, settings.fleet_port) == (1111, 4444, 6666)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_no_company_can_reach_is_refused_before_anything_is_made(tmp_path, host):
    with pytest.raises(BadInput, match="--public-host"):
        initialise(load(tmp_path / "home", host=host), "C", CLOCK)
    assert not (tmp_path / "home").exists()
    initialise(load(tmp_path / "home", host=host, public_host="c.example"), "C", CLOCK)


def test_init_says_when_the_certificate_ends_and_what_comes_next(tmp_path):
    said = CliRunner().invoke(cli, ["init", "--name", "C", "--home", str(tmp_path / "home")]).output
    assert f"ends on {iso(tls.ends_at(tmp_path / 'home' / 'keys' / 'server.pem'))}" in said
    assert (
        said.index("bundle sign") < said.index("bundle accept") < said.index("serve") < said.index("invite")
    )


def test_an_admin_listener_beyond_this_machine_refuses_to_start(tmp_path):
    with pytest.raises(BadInput, match="loopback"):
        load(tmp_path, admin_host="0.0.0.0")


def test_an_admin_listener_may_stand_on_one_address_of_its_own_network_by_name(tmp_path):
    with pytest.raises(BadInput, match="accept_admin_beyond_loopback"):
        load(tmp_path, admin_host="10.177.0.2")
    accepted = load(tmp_path, admin_host="10.177.0.2", accept_admin_beyond_loopback=True)
    assert accepted.admin_host == "10.177.0.2"
    with pytest.raises(BadInput, match="loopback"):
        load(tmp_path, admin_host="0.0.0.0", accept_admin_beyond_loopback=True)


def test_a_settings_file_that_says_all_of_it_already_is_left_as_it_is(tmp_path):
    written = '# ours\npublic_host = "coordinator"\naccept_admin_beyond_loopback = true\n'
    (tmp_path / "coordinator.toml").write_text(written)
    initialise(load(tmp_path), "C", CLOCK)
    assert (tmp_path / "coordinator.toml").read_text() == written


def test_what_init_is_told_is_in_force_when_it_is_not_told_again(tmp_path):
    told = load(tmp_path, public_host="c.example", accept_admin_beyond_loopback=True)
    initialise(told, "C", CLOCK)
    assert load(tmp_path) == told


def test_a_misspelt_setting_is_named(tmp_path):
    (tmp_path / "coordinator.toml").write_text("partner_prot = 1\n")
    with pytest.raises(BadInput, match="partner_prot"):
        load(tmp_path)


def test_a_file_that_is_not_toml_is_named(tmp_path):
    (tmp_path / "coordinator.toml").write_text("partner_port = = 1\n")
    with pytest.raises(BadInput, match="TOML"):
        load(tmp_path)
