"""Real nodes beside simulated members, all against the coordinator's real apps, in one process.

A node here is everything but its sockets and threads: its own home, database, door and desks, and calls that
go to the coordinator's app instead of over TLS. A turn is what its daemon's loop does over and over.
"""

import copy
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from coordinator.rounds.planning import Asked
from participant.home import Home
from participant.node import Node, open_node
from participant.store.membership import Member, Membership
from participant.store.schema import open_database
from protocols.messages import PHASES, Phase
from protocols.service.problems import raise_for_problem
from protocols.service.unit_of_work import transaction
from tests.participant import nodes
from tests.simulation.checking_member import CheckingMember
from tests.simulation.rig import NAMES, NOW, PHASE_SECONDS, Rig, founded, seed

REAL = NAMES[:2]
"""The companies that are real nodes; the other three are simulated."""

POLICY = nodes.PERMISSIVE.model_copy(update={"recomputed_members": 2})
"""Sums of more than two companies are not recomputed unasked, so five members have to check theirs."""


Lie = Callable[[str, str, bytes], bytes | None]
"""Given method, path and body: what this member is told instead of the truth, or None for the truth."""


class Caller:
    """The coordinator's partner app as a node calls it; never waits, since nothing happens while it would.

    ``lies`` are what a hostile coordinator tells this one member.
    """

    def __init__(self, member: CheckingMember) -> None:
        self.member = member
        self.sent: list[tuple[str, bytes]] = []
        self.lies: list[Lie] = []

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        answer_bytes: int | None = None,
    ) -> httpx.Response:
        where, _, query = path.partition("&wait_s=")
        body = b"".join(content) if content is not None and not isinstance(content, bytes) else content
        if method == "POST":
            self.sent.append((path, body or b""))
        for lie in self.lies:
            told = lie(method, path, body or b"")
            if told is not None:
                return httpx.Response(200, content=told)
        response = self.member.client.request(
            method,
            f"{where}&wait_s=0" if query else path,
            content=body,
            headers=dict(headers or {}),
            auth=self.member.auth,
        )
        return raise_for_problem(response)

    def close(self) -> None:
        """Nothing to close."""


class World:
    """Two real nodes and three simulated members of one consortium, and a round to check."""

    def __init__(self, folder: Path, homes: Path, saved: "Saved | None" = None) -> None:
        self.homes = folder / "nodes"
        if saved is None:
            self.rig = founded(folder / "coordinator", CheckingMember)
        else:
            shutil.copytree(saved.coordinator, folder / "coordinator")
            self.rig = Rig(folder / "coordinator", founded=True, kind=CheckingMember)
            for member in self.rig.members:
                vars(member).update(copy.deepcopy(saved.memory[member.name]))
        if homes.exists():
            shutil.copytree(homes, self.homes)
        self.callers = {name: Caller(self.rig.by_name(name)) for name in REAL}
        self.nodes = {name: self.start(name) for name in REAL}
        self.others = [member for member in self.rig.members if member.name not in REAL]

    def start(self, name: str) -> Node:
        """Open (or open again, as after a kill) the node of a company."""
        home = Home(root=self.homes / name)
        if not home.root.exists():
            self._join(home, name)
        settings = nodes.settings(policy=POLICY)
        node = open_node(home, settings, caller=self.callers[name], clock=self.rig.clock)
        node.door.recover()
        if node.rosters.in_force() is None:
            node.rosters.accept(node.rosters.offer().hash.hex())
            node.rosters.refresh()
            node.standing.renew_vocabulary()
        return node

    def restart(self, name: str) -> Node:
        """Kill a node and start it again: nothing in memory survives."""
        self.nodes[name].db.dispose()
        self.nodes[name] = self.start(name)
        return self.nodes[name]

    def _join(self, home: Home, name: str) -> None:
        home.make()
        home.keep_identity(seed(NAMES.index(name)))
        home.switch.write_bytes(b"open")
        db = open_database(home.database)
        with transaction(db) as connection:
            Membership(connection).join(
                Member(
                    partner=self.rig.by_name(name).id,
                    name=name,
                    consortium=self.rig.services.consortium.consortium,
                    coordinator_url="https://coordinator.test",
                    joined_at=NOW,
                )
            )
        db.dispose()

    def close(self) -> None:
        for node in self.nodes.values():
            node.db.dispose()
        self.rig.close()

    def act(self) -> None:
        """Everybody acts on what it is handed."""
        self.nodes_turn()
        for member in self.others:
            member.poll()

    def release(self, *, publish: bool = True, deadlines: bool = False) -> bytes:
        """Play a round of `taste` to its release, which no node has seen yet; or to its unmasking only.

        ``deadlines``: somebody is silent, so that phases end when their time is over.
        """
        parameters = {"until": 1_695_000_000, "customers_cap": 1000, "row_scheme": "binary"}
        number = self.rig.services.planner.ask(
            Asked(question="taste", parameters=parameters, phase_seconds=PHASE_SECONDS, retries=0)
        )
        for phase in PHASES:
            if self.rig.view(number).newest.attempt.phase is not phase:
                raise AssertionError(f"{phase} is not open")
            self.act()
            if publish or phase is not Phase.UNMASK:
                self.rig.drive()
            if deadlines and self.rig.view(number).newest.attempt.phase is phase:
                self.rig.pass_deadline()
        return self.rig.view(number).release

    def nodes_turn(self, times: int = 1) -> None:
        """Every node polls once and does what follows from it, so many times."""
        for _ in range(times):
            for node in self.nodes.values():
                node.exchange.turn()


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A world after a round whose release no node has seen yet: folders, and what simulated members remember."""

    coordinator: Path
    homes: Path
    memory: dict[str, dict[str, object]]
    release: bytes

    def again(self, folder: Path) -> World:
        """That world once more."""
        return World(folder, self.homes, self)


def after_a_round(folder: Path, homes: Path) -> Saved:
    """Play a round once, so that not every test has to."""
    world = World(folder, homes)
    release = world.release()
    world.close()
    of_a_process = {"client", "auth", "key"}
    memory = {
        member.name: {name: value for name, value in vars(member).items() if name not in of_a_process}
        for member in world.rig.members
    }
    return Saved(coordinator=folder / "coordinator", homes=world.homes, memory=memory, release=release)


def template(folder: Path) -> Path:
    """Homes of the real nodes that have joined, accepted the roster and read their sales; to be copied."""
    world = World(folder / "world", folder / "absent")
    for number, node in enumerate(world.nodes.values()):
        nodes.sell(node, folder / f"sales-{number}", nodes.shop(number))
    world.close()
    return world.homes
