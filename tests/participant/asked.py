"""What the daemon's tests ask, of whom and when: four words, some companies, a manual clock."""

import numpy as np
import numpy.typing as npt

from protocols.messages import AnswerSpec
from protocols.questions import ask
from protocols.service.clock import ManualClock
from protocols.vocabulary import Vocabulary
from tests.participant.fake_coordinator import Company, FakeCoordinator, companies

NOW = 1_700_000_000
WORDS = Vocabulary.of("test words", ["BREAD", "CHEESE", "MILK", "TEA"])
SPRING, SUMMER, AUTUMN = 1_680_000_000, 1_690_000_000, 1_695_000_000


def taste(members: int, *, epoch: str = "2023-q3", until: int = AUTUMN) -> AnswerSpec:
    """The specification of a taste question over four words."""
    return ask([("taste", {"until": until, "customers_cap": 1000})], WORDS, members=members, epoch=epoch)


def noised(members: int, *, epoch: str = "2023-q3", noise: str = "2.45", cap: int = 1000) -> AnswerSpec:
    """The same with noise: by default what epsilon 2 costs at delta 1e-7, the whole of a quarter."""
    values = {"until": AUTUMN, "customers_cap": cap, "row_scheme": "unit", "noise": noise}
    return ask([("taste", values)], WORDS, members=members, epoch=epoch)


def consortium(count: int) -> tuple[FakeCoordinator, tuple[Company, ...], ManualClock]:
    """A founded consortium of ``count`` companies."""
    members = companies(count)
    return FakeCoordinator(members, WORDS, now=NOW), members, ManualClock(NOW)


def answer(seed: int, cells: int = 10) -> npt.NDArray[np.int64]:
    """Some whole numbers in fixed point."""
    return np.random.default_rng(seed).integers(0, 900, cells).astype(np.int64) << 24
