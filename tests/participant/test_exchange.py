"""The loop against a coordinator in one object: whole rounds, dropouts, restarts, refusals."""

from pathlib import Path

import numpy as np
import pytest

from participant.node import Node
from protocols.messages import Phase
from protocols.release import unpack
from protocols.service.clock import ManualClock
from tests.participant import nodes
from tests.participant.fake_coordinator import Attempt, FakeCoordinator


@pytest.fixture
def five(tmp_path: Path) -> tuple[FakeCoordinator, list[Node], ManualClock]:
    coordinator, members, clock = nodes.consortium(5)
    made = [nodes.start(tmp_path / m.name, m, coordinator, clock) for m in members]
    for number, node in enumerate(made):
        nodes.sell(node, tmp_path / f"sales-{number}", nodes.shop(number))
    return coordinator, made, clock


def turn_all(made: list[Node], turns: int = 12) -> None:
    for _ in range(turns):
        for node in made:
            node.exchange.turn()


def total(coordinator: FakeCoordinator) -> np.ndarray:
    signed, payload = next(reversed(coordinator.releases.values()))
    from protocols.codec import decode
    from protocols.release import ReleaseManifest

    return unpack(payload, decode(ReleaseManifest, signed.body))


def test_five_nodes_answer_and_every_one_votes_for_the_release(five):
    coordinator, made, _ = five
    attempt = coordinator.ask(nodes.taste(5))
    turn_all(made)
    assert attempt.phase is Phase.RELEASED
    assert len(coordinator.votes) == 5
    assert [node.releases.catch_up() for node in made] == [0] * 5
