"""Networks from chains of releases: computed here from signed sums, and kept as checkpoints.

A chain is a `taste` release and the `encoder` releases that name one another (``after``). The node steps
through it with `protocols.questions.server_step`; after each release the state is kept beside it, so that a
restart, a new round or an evaluation goes on where the last one ended. A checkpoint is a cache: one that is
damaged or gone is computed again from the releases, which were verified when they were kept. So only the newest few
stay, and chains that nobody asks for any more do not fill the disk.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from protocols.errors import BadRelease
from protocols.questions.encoder import EncoderStep, Parameters
from protocols.questions.network import Network, Weights
from protocols.questions.server_step import FEDAVG, State, begin, step
from protocols.questions.spectral import start
from protocols.service import durable

ROUNDS_MAX: Final = 1_000
"""No chain is longer."""

KEPT: Final = 8
"""Checkpoints that stay, those used last: a training has two starts, two newest rounds, and the chosen rounds of two
scenarios in two windows. Each is as large as one release (10 MB at 2,221 concepts), or three by FedAdam."""

SUFFIX: Final = ".checkpoint"

Round = tuple[Parameters, EncoderStep]


class EncoderChain:
    """The networks that this node's releases stand for."""

    def __init__(
        self,
        *,
        gram: Callable[[bytes], NDArray[np.float64]],
        opened: Callable[[bytes], Round],
        folder: Path,
    ) -> None:
        """``gram`` gives a taste release's matrix, ``opened`` an encoder release; ``folder`` is for checkpoints."""
        self._gram = gram
        self._opened = opened
        self._folder = folder
        self._one_at_a_time = threading.Lock()  # answers and training are made in threads of their own

    def before(self, asked: Parameters, n_concepts: int) -> Weights:
        """The weights that a round of ``asked`` starts from.

        Raises:
            BadRelease: a release that is not here, or of a chain with another start, widths or server.
        """
        with self._one_at_a_time:
            if asked.after:
                return self._state(asked.after, asked, n_concepts).weights
            return self._begin(asked, n_concepts).weights

    def network(self, release: bytes, n_concepts: int) -> Network:
        """The network after ``release``.

        Raises:
            BadRelease: as :meth:`before`.
        """
        asked, _ = self._opened(release)
        with self._one_at_a_time:
            state = self._state(release, asked, n_concepts)
        return Network(shape=asked.shape(n_concepts), weights=state.weights)

    def _state(self, release: bytes, asked: Parameters, n_concepts: int) -> State:
        missing, kept = self._rounds(release, asked)
        state = kept or self._begin(asked, n_concepts)
        for name in reversed(missing):
            parameters, reading = self._opened(name)
            state = step(state, reading.change, parameters.server, parameters.server_rate / 1e6)
        if missing:  # of a long walk only where it ended: from there the next one goes on
            self._keep(release.hex(), state, asked.server)
        return state

    def _rounds(self, release: bytes, asked: Parameters) -> tuple[list[bytes], State | None]:
        """The rounds up to ``release``, newest first: back to the start, or to one with a checkpoint.

        Names only: the sums of a long chain are not all held at once.
        """
        found: list[bytes] = []
        while release:
            made, _ = self._opened(release)
            if made.chain != asked.chain or len(found) >= ROUNDS_MAX:
                raise BadRelease(
                    expected="rounds of one chain: the same taste release, widths and server",
                    came=f"another in {release.hex()[:16]}",
                    do="ask for rounds that go on from one another",
                )
            kept = self._load(release.hex())
            if kept is not None:
                return found, kept
            found.append(release)
            release = made.after
        return found, None

    def _begin(self, asked: Parameters, n_concepts: int) -> State:
        name = f"{asked.taste.hex()}-{asked.hidden}-{asked.latent}"
        kept = self._load(name)
        if kept is not None:
            return kept
        state = begin(start(self._gram(asked.taste), asked.shape(n_concepts)))
        self._keep(name, state, FEDAVG)
        return state

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"

    def _keep(self, name: str, state: State, server: str) -> None:
        tensors = {"weights": state.weights}
        if server != FEDAVG:  # which needs no memory
            tensors |= {"mean": state.mean, "square": state.square}
        said = {"rounds": str(state.rounds), "sha256": _digest(tensors)}
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        durable.write(self._path(name), [save(tensors, said)])
        self._prune()

    def _prune(self) -> None:
        """Delete all but the checkpoints that were used last."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}"), key=_used_at)[:-KEPT]:
            path.unlink(missing_ok=True)

    def _load(self, name: str) -> State | None:
        try:
            with safe_open(self._path(name), framework="numpy") as file:
                said = file.metadata() or {}
                tensors: dict[str, Weights] = {each: file.get_tensor(each) for each in file.keys()}  # noqa: SIM118
            os.utime(self._path(name))
        except (OSError, SafetensorError):
            return None
        if said.get("sha256") != _digest(tensors) or "weights" not in tensors:
            return None
        zeros = np.zeros_like(tensors["weights"])
        return State(
            weights=tensors["weights"],
            mean=tensors.get("mean", zeros),
            square=tensors.get("square", zeros),
            rounds=int(said["rounds"]),
        )


def _used_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # another command of this node was quicker
        return 0


def _digest(tensors: dict[str, Weights]) -> str:
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(np.ascontiguousarray(tensors[name]).data)
    return found.hexdigest()
