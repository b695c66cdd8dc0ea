"""What a round does to the model: one step of a server optimiser, cell by cell, from a released sum.

Every node takes this step by itself; nobody downloads a model or has to trust one. Sums, products,
divisions and roots of single cells are rounded the same way on every machine (IEEE 754), so two nodes with the
same start and the same releases have the same weights to the bit.

FedAvg (McMahan et al. 2017) adds the mean change, momentum a running sum of it (Hsu et al. 2019), FedAdam
divides by its running size (Reddi et al. 2021, algorithm 2, with their tau of 1e-3 and with Adam's
correction of the first rounds).

>>> state = begin(np.zeros(1, np.float32))
>>> change = np.array([0.5])
>>> two = [step(step(state, change, server, 1.0), change, server, 1.0).weights[0] for server in SERVERS]
>>> [round(float(each), 3) for each in two]  # 2 x 0.5; 0.5 + 1.9 x 0.5; two whole steps of the rate
[1.0, 1.45, 1.996]
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadRelease
from protocols.questions.network import Weights

Floats = npt.NDArray[np.float64]

FEDAVG, MOMENTUM, FEDADAM = "fedavg", "momentum", "fedadam"
SERVERS: Final = (FEDAVG, MOMENTUM, FEDADAM)

KEEP: Final = 0.9
"""What is kept of the running mean of changes (beta_1)."""

KEEP_SQUARE: Final = 0.99
"""What is kept of the running mean of their squares (beta_2)."""

TAU: Final = 1e-3
"""A cell that hardly changes takes no whole step: Reddi et al.'s degree of adaptivity."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """After ``rounds`` releases: the ``weights``, and the running means of FedAdam or momentum, all float32."""

    weights: Weights
    mean: Weights
    square: Weights
    rounds: int


def begin(weights: Weights) -> State:
    """Before the first release."""
    return State(weights=weights, mean=np.zeros_like(weights), square=np.zeros_like(weights), rounds=0)


def step(state: State, change: Floats, server: str, rate: float) -> State:
    """The state after one more release.

    Args:
        state: before it.
        change: what the release says the weights should move by, (size,).
        server: one of :data:`SERVERS`.
        rate: times how much of it.

    Raises:
        BadRelease: another size, or weights that leave what float32 holds.
    """
    if change.shape != state.weights.shape:
        raise BadRelease(
            expected=f"{len(state.weights)} changes", came=f"shape {change.shape}", do="refuse the release"
        )
    rounds = state.rounds + 1
    with np.errstate(over="ignore", invalid="ignore"):  # looked at below
        mean, square, move = _moved(state, change, server)
        weights = (state.weights + rate * move).astype(np.float32)
    if not np.isfinite(weights).all():
        raise BadRelease(
            expected="weights that are finite after this step",
            came="others",
            do="go on from an earlier release, with a smaller rate",
        )
    return State(weights=weights, mean=mean, square=square, rounds=rounds)


def _moved(state: State, change: Floats, server: str) -> tuple[Weights, Weights, Floats]:
    """The running means after ``change``, and where the server goes at a rate of 1."""
    if server == MOMENTUM:
        running = KEEP * state.mean.astype(np.float64) + change
        return running.astype(np.float32), state.square, running
    if server == FEDADAM:
        mean = KEEP * state.mean.astype(np.float64) + (1 - KEEP) * change
        square = KEEP_SQUARE * state.square.astype(np.float64) + (1 - KEEP_SQUARE) * change * change
        rounds = state.rounds + 1
        first, second = mean / (1 - KEEP**rounds), square / (1 - KEEP_SQUARE**rounds)
        return mean.astype(np.float32), square.astype(np.float32), first / (np.sqrt(second) + TAU)
    return state.mean, state.square, change
