"""Which suites a node takes part in: its policy decides, its library permits, and suite 2 is a round like any other."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.backends.openssl.backend import backend
from pydantic import ValidationError

from participant.home import Home
from participant.node import Node
from participant.settings import PolicySettings, load, write_default
from participant.store.attempts import Attempts
from participant.verdicts import Outcome
from protocols.codec import decode
from protocols.errors import SuiteNotAllowed, SuiteUnavailable
from protocols.messages import CLASSICAL, HYBRID, PHASES, Phase
from protocols.release import ReleaseManifest, unpack
from protocols.service.unit_of_work import reading
from tests.participant import asked, nodes
from tests.participant.door_play import POLICY, Play
from tests.participant.fake_coordinator import FakeCoordinator

WITHOUT_ML_KEM = (type(backend), "mlkem_supported", lambda _: False)


def ask(play: Play, suite: int) -> object:
    return play.coordinator.ask(asked.taste(len(play.companies)), suite=suite)


def stored(play: Play) -> object:
    """What the door has committed of the newest attempt."""
    config = play.coordinator.attempts[-1].config
    with reading(play.door._db) as connection:
        return Attempts(connection).find(config.round, config.attempt)


def test_the_door_plays_a_whole_attempt_of_suite_2(tmp_path: Path) -> None:
    play = Play(tmp_path / "home")
    attempt = ask(play, HYBRID)
    play.finish(attempt)
    assert attempt.phase is Phase.RELEASED
    ((signed, payload),) = play.coordinator.releases.values()
    assert np.array_equal(unpack(payload, decode(ReleaseManifest, signed.body)), play.expected())


def test_a_door_opened_again_after_every_phase_goes_on_in_suite_2(tmp_path: Path) -> None:
    play = Play(tmp_path / "home")
    attempt = ask(play, HYBRID)
    for _ in PHASES:
        play.peers_act(attempt)
        play.door_acts(attempt)
        play.reopen()
    assert attempt.phase is Phase.RELEASED


@pytest.mark.parametrize(("listed", "came"), [(HYBRID, CLASSICAL), (CLASSICAL, HYBRID)])
def test_a_round_in_a_suite_that_the_node_does_not_list_is_refused_before_anything_leaves(
    tmp_path: Path, listed: int, came: int
) -> None:
    play = Play(tmp_path / "home", policy=replace(POLICY, suites=(listed,)))
    attempt = ask(play, came)
    with pytest.raises(SuiteNotAllowed):
        play.door_acts(attempt)
    assert stored(play) is None
    play.coordinator.abort(attempt, "refused")
    play.finish(ask(play, listed))


def test_without_ml_kem_suite_2_is_refused_and_suite_1_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = Play(tmp_path / "home")
    attempt = ask(play, HYBRID)
    play.peers_act(attempt)
    with monkeypatch.context() as patched:
        patched.setattr(*WITHOUT_ML_KEM)
        with pytest.raises(SuiteUnavailable, match="OpenSSL"):
            play.door_acts(attempt)
        assert stored(play) is None
        play.coordinator.abort(attempt, "refused")
        play.finish(ask(play, CLASSICAL))


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nodes.template(tmp_path_factory.mktemp("homes"), 4)


@pytest.fixture
def four(homes: Path, tmp_path: Path) -> Iterator[tuple[FakeCoordinator, list[Node]]]:
    coordinator, members, clock = asked.consortium(4)
    shutil.copytree(homes, tmp_path / "homes")
    made = [nodes.start(tmp_path / "homes" / m.name, m, coordinator, clock) for m in members]
    yield coordinator, made
    for node in made:
        node.db.dispose()


def test_nodes_sum_and_recompute_in_suite_2_though_one_is_lost(
    four: tuple[FakeCoordinator, list[Node]],
) -> None:
    coordinator, made = four
    attempt = coordinator.ask(asked.taste(4), suite=HYBRID)
    while attempt.phase is not Phase.MASK:
        for node in made:
            node.exchange.turn()
    left = made[1:]
    for node in left:
        node.exchange.turn()
    coordinator.close(attempt)
    for _ in range(6):
        for node in left:
            node.exchange.turn()
    assert len(coordinator.releases) == 1
    assert [node.verification.verdicts.all()[0].outcome for node in left] == [Outcome.VERIFIED] * 3


def test_a_node_says_why_it_did_not_answer(
    four: tuple[FakeCoordinator, list[Node]], monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator, (node, *_) = four
    monkeypatch.setattr(*WITHOUT_ML_KEM)
    coordinator.ask(asked.taste(4), suite=HYBRID)
    node.exchange.turn()
    (refusal,) = node.exchange.refusals()
    assert refusal.code == "suite-unavailable"
    assert "stay with suite 1" in refusal.reason


def test_the_suites_stand_in_node_toml_and_the_environment_may_narrow_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(root=tmp_path / "home")
    home.make()
    write_default(home, port=0)
    assert load(home).policy.policy().suites == (1, 2)
    monkeypatch.setenv("ALTROVE_NODE_POLICY__SUITES", "[2]")
    assert load(home).policy.policy().suites == (2,)
    for wrong in ((), (3,), (1, 0)):
        with pytest.raises(ValidationError):
            PolicySettings(suites=wrong)  # type: ignore[arg-type]
