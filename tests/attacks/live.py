"""The live stand: a node's daemon as a process of its own, led by the hostile coordinator over TLS.

The coordinator is this process. All it has of the node is what goes over the wire; why the daemon refused is
read in its log afterwards, for the report. The daemon keeps its home, its round numbers and its memory from
one attack to the next, as a company's would.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from participant.answers import AnswerContext
from participant.home import Home
from participant.node import open_node
from participant.preparation import fill_all
from protocols.codec import encode
from protocols.identity import PartnerId, Signed
from protocols.messages import AnswerSpec, PhaseInput, Submission
from protocols.policy import Policy
from protocols.ring import Words, encode_vector
from protocols.service.flower import free_port
from protocols.service.listeners import Tcp
from protocols.service.tls import server_context
from tests.attacks.attack import Refused
from tests.attacks.hostile import Hostile
from tests.attacks.live_check import LiveChecks
from tests.attacks.member import Key
from tests.attacks.partner_api import Post, partner_api
from tests.attacks.published import Published
from tests.attacks.scene import POLICIES, Scene
from tests.participant import asked, nodes
from tests.participant.fake_coordinator import Company
from tests.protocols.service.daemon import Certificates, running

SOON_S = 300.0
"""How long a daemon may take for anything on a busy machine; nothing is measured here."""

LATER_S = 86_400
"""Deadlines lie a day ahead: nothing here may depend on how busy the machine is."""

TWO_OF_A_KIND = "UNIQUE constraint failed: outbox."
"""How the database says that a payload of this kind was committed before. Nothing names this code as the one that
should refuse an attack: a node as it is refuses earlier, and in better words."""

PROGRAM = (sys.executable, "-m", "participant.cli")


class LiveNode:
    """One daemon on ``home``; ``program`` starts it. A :class:`tests.attacks.scene.Victim`."""

    def __init__(
        self,
        company: Company,
        home: Home,
        post: Post,
        answer: npt.NDArray[np.int64],
        *,
        program: Sequence[str],
        policy: Policy,
    ) -> None:
        self.id: PartnerId = company.id
        self.home = home
        self._post = post
        self._answer = answer
        self._program = program
        self._log = home.root.with_suffix(".log")
        self._read = 0
        self._environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "ALTROVE_NODE_EXCHANGE__BACKOFF_MAX_S": "0.2",
            "ALTROVE_NODE_COURIER__MODE": "off",
            "ALTROVE_NODE_LISTEN__PORT": str(free_port()),
            "ALTROVE_NODE_POLICY__MINIMUM_COHORT": str(policy.minimum_cohort),
            "ALTROVE_NODE_POLICY__RECOMPUTED_MEMBERS": str(policy.recomputed_members),
            "ALTROVE_NODE_POLICY__SUITES": json.dumps(policy.suites),
            "ALTROVE_NODE_POLICY__CUSTOMERS_FLOOR": str(policy.customers_floor),
            "ALTROVE_NODE_POLICY__ACCEPT_COMPANY_DIFFERENCING": str(policy.accept_company_differencing),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._checks = LiveChecks(post, mark=self._mark, lines=self._new_lines, until=self._until)

    @property
    def vectors(self) -> dict[tuple[int, int], bytes]:
        """What it uploaded, once it is here."""
        return _Waiting(self._post, self._log)

    def start(self) -> None:
        """Start the daemon and wait for its first poll."""
        words = (*self._program, "serve", "--home", str(self.home.root), "--log", str(self._log))
        with self._log.with_suffix(".out").open("ab") as out:
            self._process = subprocess.Popen(words, stdout=out, stderr=out, env=self._environment)
        self._settle()

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """End it politely."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(SOON_S)

    def restart(self) -> None:
        self._post.withdraw()
        self._post.boards.clear()
        self.kill()
        self.start()

    def hand(self, given: PhaseInput) -> Submission:
        place = (given.round, given.attempt, given.phase)
        self._post.submitted.pop(place, None)
        self._deliver(encode(given), {})
        return self._wait(lambda: self._post.submitted.get(place), place[:2])

    def hand_bytes(self, body: bytes, **headers: str) -> None:
        self._deliver(body, headers)
        self._wait(lambda: next(iter(self._post.submitted.values()), None), None)

    def open_check(self, _key: Key, release: Published) -> Signed:
        return self._checks.open(release)

    def answer_check(self, _key: Key, release: Published, openings: Sequence[Signed]) -> Signed:
        return self._checks.answer(release, openings)

    def judge(
        self, _key: Key, release: Published, openings: Sequence[Signed], answers: Sequence[Signed]
    ) -> None:
        self._checks.judge(release, openings, answers)

    def truth(self, spec: AnswerSpec) -> Words:
        return encode_vector(self._answer, spec)

    def _mark(self) -> None:
        """From here on its log is news."""
        self._read = self._log.stat().st_size

    def _deliver(self, body: bytes, headers: dict[str, str]) -> None:
        self._post.submitted.clear()
        self._mark()
        self._post.deliver(body, headers)

    def _settle(self) -> None:
        """Wait for a poll with nothing to do: no trouble of before is left."""
        self._post.withdraw()
        before = self._post.quiet
        self._until(lambda: self._post.quiet > before + 1)

    def _wait(self, came: Callable[[], Submission | None], key: tuple[int, int] | None) -> Submission:
        """What the node submits; raises Refused with what its log says instead."""
        found: list[Submission] = []

        def ended() -> bool:
            found.extend(each for each in [came()] if each is not None)
            if found:
                return True
            for line in self._new_lines():
                if line.get("event") == "not taking part" and key in (None, (line["round"], line["attempt"])):
                    raise Refused(line["code"], line["detail"])
                if line.get("event") == "trying again" and line["code"] != "unreachable":
                    self._settle()
                    raise Refused(line["code"], line["detail"])
                if line.get("event") == "job failed" and TWO_OF_A_KIND in json.dumps(line):
                    self._settle()
                    raise Refused("two-of-a-kind", "the database keeps one record of a kind")
                if line.get("event") == "job failed":
                    raise AssertionError(f"the daemon fell over: {line}")
            return False

        self._until(ended)
        return found[0]

    def _new_lines(self) -> Iterator[dict[str, Any]]:
        with self._log.open("rb") as log:
            log.seek(self._read)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                yield json.loads(line)

    def _until(self, ended: Callable[[], bool]) -> None:
        until = time.monotonic() + SOON_S
        while not ended():
            if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the daemon is silent; its log is {self._log}")
            with self._post.changed:
                self._post.changed.wait(0.02)


class _Waiting(dict[tuple[int, int], bytes]):
    """Vectors that are waited for when they are looked at: they come after their header."""

    def __init__(self, post: Post, log: Path) -> None:
        super().__init__()
        self._post, self._log = post, log

    def __missing__(self, key: tuple[int, int]) -> bytes:
        with self._post.changed:
            if not self._post.changed.wait_for(lambda: key in self._post.vectors, SOON_S):
                raise AssertionError(f"no vector came; the daemon's log is {self._log}")
            return self._post.vectors[key]


@contextmanager
def live(folder: Path, policy: str = "permissive", program: Sequence[str] = PROGRAM) -> Iterator[Scene]:
    """A hostile coordinator on a free port, and one daemon that joined its consortium; ended afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    now = int(time.time())
    coordinator, post = Hostile(asked.WORDS, now=now + LATER_S), Post()
    certificates = Certificates(folder=folder, now=now)
    context = server_context(
        *certificates.server(), authority=certificates.write_authority(), require_client=True
    )
    app = partner_api(coordinator, post)
    with ExitStack() as stack:
        (port,) = stack.enter_context(
            running(Tcp(app=app, host="127.0.0.1", port=0, flag="--port", tls=context))
        )
        company = coordinator.companies[1]
        home = _joined(folder / "node", company, certificates, f"https://127.0.0.1:{port}")
        answer = _prepared(home, folder / "sales")
        node = LiveNode(company, home, post, answer, program=program, policy=POLICIES[policy])
        stack.callback(node.stop)
        node.start()
        numbers = count(1)
        yield Scene(coordinator, node, names=lambda: f"epoch {next(numbers)}")


def _joined(root: Path, company: Company, certificates: Certificates, url: str) -> Home:
    home = nodes.found_home(root, company, coordinator_url=url)
    certificate, key = certificates.client(company.id)
    home.certificate.write_bytes(certificate.read_bytes())
    home.tls_key.write_bytes(key.read_bytes())
    home.authority.write_bytes(certificates.authority.certificate)
    return home


def _prepared(home: Home, sales: Path) -> npt.NDArray[np.int64]:
    """The officer accepts the roster, purchases are read in; the shop's true answer to `taste`."""
    node = open_node(home, nodes.settings())
    node.rosters.accept(node.rosters.offer().hash.hex())
    node.rosters.refresh()
    node.standing.renew_vocabulary()
    nodes.sell(node, sales, nodes.shop(1))
    context = AnswerContext(records=node.records, vocabulary=asked.WORDS, released=node.releases.read_as_sum)
    answer = fill_all(asked.taste(4), context)
    node.link.close()
    node.db.dispose()
    return answer
