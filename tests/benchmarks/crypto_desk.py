"""The coordinator's own services in this process, without its web server: database, reception, driver, delivery.

What is timed is what the daemon computes for one attempt; TLS, HTTP and the arrival of the masked bytes are not in
it. The driver looks after every arrival, as the daemon's does at most.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from coordinator.home import initialise
from coordinator.rounds.planning import deadlines_from
from coordinator.services import build
from coordinator.settings import load
from coordinator.store.releases import Releases
from coordinator.store.rosters import Rosters
from coordinator.store.rounds import OPEN, Attempt, Round, Rounds
from coordinator.store.submissions import Submissions, Vector
from protocols.codec import digest, encode
from protocols.identity import COORDINATOR, Signed
from protocols.messages import PHASES, Phase, RoundConfig, Submission
from protocols.roster import RosterEntry, RosterVersion
from protocols.secure_sum.play import Player
from protocols.service.clock import ManualClock
from protocols.service.unit_of_work import reading, transaction

NOW: Final = 1_700_000_000
PHASE_SECONDS: Final = (3600,) * 5
HANDING: Final = "handing-on"


class Desk:
    """One attempt at round 1 as the coordinator's daemon takes it."""

    def __init__(self, folder: Path, config: RoundConfig, players: Sequence[Player]) -> None:
        self.clock = ManualClock(NOW)
        settings = load(folder, courier="off")
        initialise(settings, "Benchmark", self.clock)
        self.services = build(settings, self.clock)
        self.config = replace(config, deadlines=deadlines_from(NOW, PHASE_SECONDS))
        self.cpu_s: dict[str, float] = {}
        self._vector: Path | None = None
        key = self.services.home.identity_key()
        with transaction(self.services.db) as connection:
            roster = key.sign(COORDINATOR, _roster(config, players, self.services.consortium.coordinator_key))
            Rosters(connection).propose(config.roster_hash, config.roster_height, roster, NOW)
            Rosters(connection).put_in_force(config.roster_hash, NOW)
            attempt = Attempt(
                signed=key.sign(COORDINATOR, self.config),
                config=self.config,
                config_hash=digest(self.config),
                phase=Phase.ADVERTISE,
                expected=self.config.cohort,
            )
            Rounds(connection).add(_ROUND)
            Rounds(connection).add_attempt(attempt)
            Rounds(connection).move(attempt, self.clock.now_ms(), self.config.cohort)

    @property
    def attempt(self) -> Attempt:
        """Where the attempt stands."""
        with reading(self.services.db) as connection:
            return Rounds(connection).attempt(1, 1)

    def take(self, player: Player, phase: Phase, items: Sequence[Signed]) -> int:
        """Take what ``player`` submits; returns its bytes."""
        body = encode(Submission(round=1, attempt=1, phase=phase.value, items=tuple(items)))
        with self.timed(phase.value):
            self.services.reception.accept(player.id, 1, 1, phase, body)
            if phase is not Phase.UNMASK:  # there the step after the last answer is the sum
                self.services.driver.step()
        return len(body)

    def put(self, player: Player, chunks: Sequence[bytes | memoryview], *, alike: bool) -> None:
        """Lay a vector into the spool, as the dock leaves it; one file stands for all that are ``alike``."""
        path = self.services.spool.path(1, 1, player.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        if alike and self._vector is not None:
            os.link(self._vector, path)
        else:
            path.write_bytes(b"".join(chunks))
        self._vector = path if alike else self._vector
        with transaction(self.services.db) as connection:
            size = self.config.answer.vector_bytes
            Submissions(connection, 1, 1).add_vector(
                Vector(partner=player.id, route="dock", size_bytes=size, at=self.clock.now())
            )

    def close(self, phase: Phase) -> None:
        """Go on with who is in: everybody who is left, or else at the deadline."""
        label = Phase.RELEASED if phase is Phase.UNMASK else phase
        for now in (self.clock.now(), self.config.deadlines[PHASES.index(phase)]):
            if self.attempt.phase is phase:
                self.clock.advance(now - self.clock.now())
                with self.timed(label.value):
                    self.services.driver.step()
        if self.attempt.phase in (phase, Phase.ABORTED):
            raise RuntimeError(f"{phase} did not close: {self.attempt.reason}")

    def hand(self, player: Player) -> bytes:
        """What ``player`` is handed next."""
        with self.timed(HANDING):
            parcel = self.services.delivery.next(player.id, 0)
        if parcel is None:
            raise RuntimeError("nothing to hand on")
        return parcel.body

    def released(self) -> bytes:
        """The payload of the release."""
        with reading(self.services.db) as connection:
            release = Releases(connection).of_round(1)
        if release is None:
            raise RuntimeError("nothing was released")
        return self.services.payloads.read(release.manifest)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the CPU seconds of the block to ``name``."""
        began = time.process_time()
        yield
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.process_time() - began


def _roster(config: RoundConfig, players: Sequence[Player], coordinator_key: bytes) -> RosterVersion:
    entries = (
        RosterEntry(
            partner=player.id,
            name=f"Company {player.index}",
            identity_key=player.key.public,
            courier_key=f"ecdsa-sha2-nistp384 {player.index}".encode(),
            certificate=player.index.to_bytes(32, "big"),
        )
        for player in players
    )
    return RosterVersion(
        consortium=config.consortium,
        height=config.roster_height,
        previous=bytes(32),
        coordinator_key=coordinator_key,
        entries=tuple(sorted(entries, key=lambda entry: entry.partner)),
        change="genesis",
        subject=COORDINATOR,
    )


_ROUND: Final = Round(
    round=1,
    question="delta",
    description="a benchmark",
    retries_left=0,
    phase_seconds=PHASE_SECONDS,
    state=OPEN,
    asked_at=NOW,
    ended_at=0,
)
