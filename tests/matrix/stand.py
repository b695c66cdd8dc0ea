"""The consortium of the matrix: real coordinator with its fleet, one real node with its courier, two members.

Node and courier reach the coordinator at 127.0.0.2, where two wires stand in front of its listeners at
127.0.0.1 (what companies know is the public address, as behind a translating router). The two members
are stepped by the matrix, so that a phase stays open until it says so.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from coordinator.admin_client import Admin
from coordinator.api import shapes
from coordinator.courier import bundle
from coordinator.home import Home as CoordinatorHome
from coordinator.home import initialise
from coordinator.settings import load
from participant.answers import AnswerContext
from participant.cli import app as cli
from participant.home import Home
from participant.preparation import fill_all
from participant.store.membership import Membership
from participant.store.records import Records
from participant.store.schema import open_database
from protocols.bundle import BundleSignature
from protocols.errors import AltroveError
from protocols.identity import IdentityKey
from protocols.questions import ask
from protocols.service.clock import SystemClock
from protocols.service.flower import free_port
from protocols.service.unit_of_work import reading
from tests.matrix.faults import AT_THE_NODE, Mark, Process, family, find, send
from tests.matrix.member import Member
from tests.participant.purchases import write_purchases
from tests.simulation.real_daemons import NODE_PROGRAM, PROGRAM, learn_keys
from tests.simulation.wire import Wire

CONCEPTS = ["BREAD", "MILK", "WINE"]
UNTIL = 1_690_000_000
INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
PHASE_SECONDS = (30, 30, 40, 30, 30)
FALLBACK_AFTER_S = 6
"""Longer than Flower needs at its slowest on a busy machine (3 s until the SuperNode asks, then 1.5 s)."""

ENVIRONMENT = {
    "ALTROVE_NODE_EXCHANGE__BACKOFF_MAX_S": "1",
    "ALTROVE_NODE_EXCHANGE__FALLBACK_AFTER_S": str(FALLBACK_AFTER_S),
    "ALTROVE_NODE_POLICY__MINIMUM_COHORT": "3",
    "ALTROVE_NODE_POLICY__CUSTOMERS_FLOOR": "2",
    "ALTROVE_NODE_POLICY__ACCEPT_TWO_EXPOSE_THE_THIRD": "true",
    "OMP_NUM_THREADS": "1",
}
SETUP_S = 120.0
ORPHAN_S = 30.0
"""How long a process may outlive the tree it belonged to: Flower's own apps look after their parent."""


class Stand:
    """Everything of one run, under ``folder``. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, **ENVIRONMENT}
        self.home, self.node_home = folder / "coordinator", folder / "node"
        ports = {name: free_port() for name in ("partner_port", "enrol_port", "admin_port", "fleet_port")}
        self.settings = load(self.home, host=INSIDE, public_host=OUTSIDE, **ports)
        self.seen: set[Mark] = set()
        self._stack = ExitStack()
        self._daemons: dict[Process, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            self._stack = stack
            initialise(self.settings, "Matrix", SystemClock())
            self._sign_bundle()
            self.admin = Admin(self.home)
            self.wires = tuple(
                stack.enter_context(Wire((INSIDE, port), listen=(OUTSIDE, port)))
                for port in (self.settings.partner_port, self.settings.fleet_port, self.settings.enrol_port)
            )
            stack.callback(self._end_all)
            self.start(Process.COORDINATOR)
            until(lambda: self.ask_admin(self.admin.members) is not None, "the coordinator", SETUP_S)
            self._found()
            self.start(Process.NODE)
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_all()
        for wire in self.wires:
            wire.__exit__()

    def start(self, daemon: Process) -> None:
        """Start a daemon on its home, as an operator's service manager does."""
        words = {
            Process.COORDINATOR: (*PROGRAM, "serve", "--home", str(self.home)),
            Process.NODE: (*NODE_PROGRAM, "serve", "--home", str(self.node_home)),
        }[daemon]
        with (self.folder / f"{daemon.name.lower()}.log").open("ab") as log:
            self._daemons[daemon] = subprocess.Popen(words, stdout=log, stderr=log, env=self.environment)

    def restart(self, daemon: Process, environment: dict[str, str] | None = None) -> None:
        """End a daemon politely and start it again, with more in its environment."""
        self._daemons[daemon].send_signal(signal.SIGTERM)
        self._daemons[daemon].wait(30)
        self.environment |= environment or {}
        self.start(daemon)

    def leader(self, process: Process) -> int:
        """The pid of the daemon that runs ``process``, or is it."""
        return self._daemons[Process.NODE if process in AT_THE_NODE else Process.COORDINATOR].pid

    def pid(self, process: Process) -> int:
        """The pid of ``process``, 0 when it does not run now."""
        leader = self.leader(process)
        return leader if process in self._daemons else find(leader, process)

    def after_kill(self, daemon: Process) -> None:
        """Reap a killed daemon and start it again a second later."""
        self._daemons[daemon].wait()
        time.sleep(1)
        self.start(daemon)

    def remember(self) -> set[Mark]:
        """The processes of the run that belong to a daemon now; all ever seen are remembered."""
        now = {mark for daemon in self._daemons.values() for mark in family(daemon.pid)}
        self.seen |= now
        return now

    def orphans(self, *, within_s: float = ORPHAN_S) -> list[str]:
        """Processes of the run outside the daemons' trees, once they had time to notice."""
        end = time.monotonic() + within_s
        while left := self._strangers():
            if time.monotonic() > end:
                return sorted(mark.words() for mark in left)
            time.sleep(0.2)
        return []

    def _strangers(self) -> set[Mark]:
        mine = self.remember()
        known = {mark for mark in self.seen if mark.alive()} - mine
        me, here = psutil.Process().pid, str(self.folder).encode()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                mark = Mark(process.pid, process.create_time())
                if mark not in mine and process.pid != me and mark.alive():
                    environment = Path(f"/proc/{process.pid}/environ").read_bytes()
                    if b"FLWR_HOME=" + here in environment:
                        known.add(mark)
        return known

    def ask_admin(self, question: Callable[[], object]) -> object:
        """What the coordinator says, or None while nobody answers."""
        try:
            return question()
        except AltroveError:
            return None

    def view(self, number: int) -> shapes.RoundReply | None:
        """A round as the coordinator shows it, or None while it is down."""
        found = self.ask_admin(lambda: self.admin.round(number))
        return found if isinstance(found, shapes.RoundReply) else None

    def open_round(self, epoch: str, phase_seconds: Sequence[int] = PHASE_SECONDS) -> int:
        """Ask everybody; waits while the coordinator is away or another round runs."""
        asked = shapes.AskRequest(
            question="taste",
            parameters={"until": UNTIL, "customers_cap": 100},
            epoch=epoch,
            phase_seconds=list(phase_seconds),
            retries=2,
        )
        found: list[int] = []

        def put() -> bool:
            number = self.ask_admin(lambda: self.admin.ask(asked))
            found.extend([number] if isinstance(number, int) else [])
            return bool(found)

        until(put, "a round to open", 60.0)
        return found[0]

    def _sign_bundle(self) -> None:
        """As the release officer does it, on a machine of its own."""
        key = Ed25519PrivateKey.generate()
        signed = BundleSignature.make(key, bundle.of_this_installation(), now=int(time.time()))
        CoordinatorHome(folder=self.home).bundle_signature.write_text(signed.json())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        (self.folder / "release.pub").write_bytes(public)

    def _found(self) -> None:
        folder = self.folder
        self.members = [Member(f"m{i}", IdentityKey(bytes([i + 1]) * 32)) for i in range(2)]
        for member in self.members:
            member.enrol(self.admin, folder)
            member.url = f"https://{INSIDE}:{self.settings.partner_port}"
            member.reconnect()
        home = ("--home", str(self.node_home))
        invitation = self.admin.invite("Node", 1).invitation
        self.verb(
            "join",
            "--invite",
            invitation,
            "--port",
            str(free_port()),
            "--trust",
            str(self.folder / "release.pub"),
            *home,
        )
        self.admin.change_roster("found")
        for member in self.members:
            member.approve()
        self.verb("roster", "--accept", self.admin.roster().proposal.hash, *home)  # type: ignore[union-attr]
        place = Home(root=self.node_home)
        db = open_database(place.database)
        with reading(db) as connection:
            self.me = Membership(connection).get().partner
        learn_keys(self.members, {self.me: place.identity_key().public})
        self.admin.publish("words", CONCEPTS)
        sales, catalogue = write_purchases(folder, CONCEPTS, until=UNTIL)
        self.verb("connect", str(sales), "--catalogue", str(catalogue), *home)
        with reading(db) as connection:
            vocabulary = Membership(connection).vocabulary()
        spec = ask([("taste", {"until": UNTIL, "customers_cap": 100})], vocabulary, members=3, epoch="any")
        context = AnswerContext(
            records=Records(place.root, db), vocabulary=vocabulary, released=lambda _: None
        )
        self.own_answer = fill_all(spec, context)

    def verb(self, *words: str) -> None:
        """One command of the node, in this process."""
        said = CliRunner().invoke(cli, [*words], env=self.environment)
        if said.exit_code != 0:
            raise RuntimeError(f"altrove-node {words[0]}: {said.output}")

    def _end_all(self) -> None:
        for daemon in self._daemons.values():
            send(daemon.pid, signal.SIGCONT)
            send(daemon.pid, signal.SIGTERM)
        for daemon in self._daemons.values():
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(20)
        for mark in self.seen:
            if mark.alive():
                send(mark.pid, signal.SIGKILL)


def until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)
