"""A consortium in one process: the coordinator's real apps, and members that talk to them over ASGI.

No TLS, no threads, a clock that a test turns. Members use the contributor's real functions, so what
passes here is what the protocol accepts. ``restart`` throws the coordinator's objects away and builds
new ones on the same database and folders, which is all that a killed daemon leaves behind.
"""

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import numpy as np
from fastapi import FastAPI
from fastapi.testclient import TestClient

from coordinator.app import build_apps
from coordinator.home import initialise
from coordinator.rounds.overview import RoundView, overview
from coordinator.rounds.planning import Asked
from coordinator.services import Services, build
from coordinator.settings import load
from coordinator.store.rounds import Rounds
from protocols.identity import COORDINATOR, IdentityKey
from protocols.messages import CLASSICAL
from protocols.service.clock import ManualClock
from protocols.service.jobs import Jobs
from protocols.service.unit_of_work import reading
from tests.simulation.member import SimulatedMember

NOW = 1_700_000_000
CONCEPTS = ["BREAD", "MILK", "WINE"]
NAMES = ("Ceres", "Dione", "Elara", "Fornax", "Galene")
PHASE_SECONDS = (10, 10, 30, 10, 10)


class Rig:
    """One coordinator and its members. ``vectors[i]`` is member i's answer, int64 with 24 fractional bits."""

    def __init__(
        self,
        home: Path,
        names: Sequence[str] = NAMES,
        *,
        database: str = "",
        concepts: Sequence[str] = CONCEPTS,
        founded: bool = False,
        approve: bool = True,
        kind: type[SimulatedMember] = SimulatedMember,
    ):
        """``founded``: ``home`` already holds this consortium (see :func:`founded`)."""
        self.clock = ManualClock(NOW)
        self.settings = load(home, database=database or None, courier="off")
        self.members = [kind(name, IdentityKey(seed(i))) for i, name in enumerate(names)]
        self.services: Services
        if founded:
            self._open()
            self._connect()
            return
        initialise(self.settings, "Simulated", self.clock)
        self._open()
        for member in self.members:
            member.join(self.enrolment, self.services.enrolment.invite(member.name))
        self.services.governance.found()
        self._connect()
        for member in self.members if approve else ():
            member.approve()
        self.services.library.publish_vocabulary("test", list(concepts))

    def _open(self) -> None:
        self.services = build(self.settings, self.clock)
        apps = build_apps(self.services, Jobs(self.clock))
        self.stack = ExitStack()
        self.enrolment = self._client(apps.enrolment, "https://coordinator.test")
        self.partner = self._client(apps.partner, "https://coordinator.test")
        self.dock = self._client(apps.dock, "http://dock")
        self.admin = self._client(apps.admin, "http://127.0.0.1:7400")

    def _client(self, app: FastAPI, url: str) -> TestClient:
        """One event loop for all requests of a client, as in a daemon."""
        return self.stack.enter_context(TestClient(app, base_url=url))

    def _connect(self) -> None:
        for member in self.members:
            member.connect(self.partner, self.clock)
            member.roll = {COORDINATOR: self.services.consortium.coordinator_key} | {
                each.id: each.key.public for each in self.members
            }

    def close(self) -> None:
        self.stack.close()
        self.services.close()

    def restart(self) -> None:
        """Kill the coordinator and start it again: nothing in memory survives."""
        self.close()
        self._open()
        self._connect()

    def ask(
        self,
        *,
        epoch: str = "1",
        retries: int = 1,
        cohort: Sequence[str] = (),
        cap: int = 100,
        suite: int = CLASSICAL,
    ) -> int:
        """Ask `taste` of ``cohort`` (everybody)."""
        parameters = {"until": 1_500_000_000, "customers_cap": cap, "row_scheme": "binary"}
        return self.services.planner.ask(
            Asked(
                question="taste",
                parameters=parameters,
                cohort=tuple(cohort),
                phase_seconds=PHASE_SECONDS,
                epoch=epoch,
                retries=retries,
                suite=suite,
            )
        )

    def drive(self) -> None:
        """Let the driver do all it can at this instant."""
        while self.services.driver.step() == 0:
            pass

    def turn(self) -> None:
        """Every member acts on what it is handed; then the driver looks."""
        for member in self.members:
            member.poll()
        self.drive()

    def pass_deadline(self) -> None:
        """Let the open phase's deadline pass."""
        newest = self.view(self.newest()).newest
        deadline = newest.attempt.config.deadlines[len(newest.phases) - 1]
        self.clock.advance(max(0, deadline - self.clock.now()))
        self.drive()

    def play(self, number: int, *, restart_each_turn: bool = False) -> RoundView:
        """Go on until the round is over, letting deadlines pass where nobody moves."""
        for _ in range(40):
            before = self.view(number).sequence
            self.turn()
            if restart_each_turn:
                self.restart()
            view = self.view(number)
            if view.round.state != "open":
                return view
            if view.sequence == before:
                self.pass_deadline()
        raise AssertionError(f"round {number} does not end: {self.view(number).newest.attempt.phase}")

    def newest(self) -> int:
        with reading(self.services.db) as connection:
            return Rounds(connection).all()[0].round

    def view(self, number: int) -> RoundView:
        with reading(self.services.db) as connection:
            return overview(connection, number)

    def total(self, number: int) -> np.ndarray:
        """The released sum of a round in units of the answer."""
        release = self.view(number).release
        (taste,) = self.services.library.readings_of(release)
        return taste.gram

    def by_name(self, name: str) -> SimulatedMember:
        return next(member for member in self.members if member.name == name)


def seed(number: int) -> bytes:
    """Of the identity key of the member with this number."""
    return bytes([number + 1]) * 32


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="altrove-rig-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Rig(folder / "home").close()
    return folder / "home"


def founded(home: Path, kind: type[SimulatedMember] = SimulatedMember) -> Rig:
    """Five members, founded, with a vocabulary: copied, since founding takes a second."""
    shutil.copytree(_template(), home)
    return Rig(home, founded=True, kind=kind)


def expected_gram(members: Sequence[SimulatedMember], concepts: int = len(CONCEPTS)) -> np.ndarray:
    """The plain sum of the members' answers as a symmetric matrix."""
    upper = np.zeros((concepts, concepts))
    upper[np.triu_indices(concepts)] = sum(member.answer for member in members) / 2**24
    return upper + np.triu(upper, 1).T
