"""One coordinator and its companies on this machine, run through their public commands only.

>>> with Consortium(plan, processes, data) as consortium:  # doctest: +SKIP
...     consortium.found()
...     number = consortium.ask("taste", {"until": "2017-08-14T04:00:00Z"})
"""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from deploy.local.admin import Admin
from deploy.local.commands import Commands, coordinator_words, node_words
from deploy.local.companies import Company
from deploy.local.data import DemoData
from deploy.local.faults import CommandFailed
from deploy.local.ports import answers
from deploy.local.preflight import Plan
from deploy.local.processes import Processes, wait_until
from protocols.service import durable

T = TypeVar("T")

AT_ONCE: Final = 2
"""Commands that run at the same time: as many as the smallest machine has cores."""

START_WITHIN_S: Final = 120
COORDINATOR: Final = "coordinator"


def policy(members: int) -> dict[str, str]:
    """What the demo's companies accept by name, as environment of their nodes.

    Small consortia need two exceptions from the shipped policy: sums that differ by one company (any
    dropout among five is one), and, with three companies, that two together expose the third.
    """
    accepted = {
        "ALTROVE_NODE_POLICY__ACCEPT_COMPANY_DIFFERENCING": "true",
        # The demo runs its own bundle only, also on a machine where no sandbox works.
        "ALTROVE_NODE_COURIER__REQUIRE_SANDBOX": "false",
    }
    if members < 4:
        accepted |= {
            "ALTROVE_NODE_POLICY__MINIMUM_COHORT": "3",
            "ALTROVE_NODE_POLICY__ACCEPT_TWO_EXPOSE_THE_THIRD": "true",
        }
    return accepted


@dataclass(slots=True, kw_only=True)
class Consortium:
    """Everything by name; a daemon is started once and stopped by :class:`Processes`."""

    plan: Plan
    processes: Processes
    data: DemoData
    commands: Commands = field(init=False)
    admin: Admin = field(init=False)

    def __post_init__(self) -> None:
        logs = self.plan.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.commands = Commands(log=logs / "commands.log", environment=self.processes.environment)
        self.admin = Admin(
            port=self.plan.ports[COORDINATOR], token_file=self.coordinator_home / "keys" / "admin.token"
        )

    @property
    def members(self) -> tuple[Company, ...]:
        """The companies in order."""
        return self.plan.members

    @property
    def coordinator_home(self) -> Path:
        """Home of the coordinator."""
        return self.plan.home / COORDINATOR

    def node_home(self, company: Company) -> Path:
        """Home of a company's node."""
        return self.plan.home / "nodes" / company.slug

    @property
    def release_key(self) -> Path:
        """The release officer's key: in a folder that neither the coordinator nor a node uses."""
        return self.plan.home / "release-officer" / "release"

    def sign_bundle(self) -> None:
        """The release officer makes a key and signs the app bundle; the coordinator gets the signature."""
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        self.release_key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write(self.release_key, [private])
        durable.write(self.release_key.with_suffix(".pub"), [public])
        signature = self.release_key.parent / "bundle.signature"
        words = ("bundle", "sign", f"--key={self.release_key}", f"--to={signature}")
        self.commands.release_officer(*words)
        self.commands.coordinator(
            self.coordinator_home, "bundle", "accept", str(signature), f"--key={self.release_key}.pub"
        )

    def start_coordinator(self, name: str) -> None:
        """``init``, the signed app bundle, and ``serve``, until its console answers."""
        ports = self.plan.ports
        self.commands.coordinator(
            self.coordinator_home,
            "init",
            f"--name={name}",
            f"--admin-port={ports[COORDINATOR]}",
            f"--partner-port={ports['partners']}",
            f"--enrol-port={ports['enrolment']}",
            f"--fleet-port={ports['fleet']}",
        )
        self.sign_bundle()
        daemon = self.processes.start(COORDINATOR, coordinator_words(self.coordinator_home, "serve"))
        wait_until(
            lambda: answers(ports[COORDINATOR]),
            [daemon],
            within_s=START_WITHIN_S,
            what="the coordinator's console",
        )

    def publish_vocabulary(self) -> None:
        """Publish the list of shared concepts."""
        self.commands.coordinator(
            self.coordinator_home, "vocabulary", str(self.data.vocabulary), "--name=product types"
        )

    def join(self, company: Company) -> None:
        """Invite the company and let it join: its keys are made in its own home."""
        invitation = self.commands.coordinator(
            self.coordinator_home, "invite", company.name, secret=True
        ).strip()
        self.commands.node(
            self.node_home(company),
            "join",
            f"--invite={invitation}",
            f"--port={self.plan.ports[company.slug]}",
            f"--trust={self.release_key.with_suffix('.pub')}",
        )

    def connect(self, company: Company) -> None:
        """Read the company's files in."""
        self.commands.node(
            self.node_home(company),
            "connect",
            str(self.data.sales(company)),
            f"--catalogue={self.data.catalogue(company)}",
            within_s=300,
        )

    def for_each(self, work: Callable[[Company], T], members: Iterable[Company] | None = None) -> list[T]:
        """Do the same for every company, a few at a time, in their order."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(work, members if members is not None else self.members))

    def found(self) -> str:
        """Propose the first roster; every officer accepts its hash. Returns the hash."""
        proposal = json.loads(self.commands.coordinator(self.coordinator_home, "found", "--json"))["proposal"]
        roster_hash = str(proposal["hash"])
        self.for_each(lambda company: self.accept(company, roster_hash))
        return roster_hash

    def accept(self, company: Company, roster_hash: str) -> None:
        """The officer compared the hash and accepts the roster."""
        self.commands.node(self.node_home(company), "roster", f"--accept={roster_hash}")

    def start_node(self, company: Company) -> None:
        """``serve``; does not wait."""
        home = self.node_home(company)
        log = self.plan.home / "logs" / f"{company.slug}.jsonl"
        self.processes.start(company.slug, node_words(home, "serve", f"--log={log}"))

    def start_nodes(self) -> None:
        """Start every node and wait until their consoles answer."""
        for company in self.members:
            self.start_node(company)
        wait_until(
            lambda: all(answers(self.plan.ports[company.slug]) for company in self.members),
            self.processes.daemons.values(),
            within_s=START_WITHIN_S,
            what="every node's console",
        )

    def ask(self, question: str, parameters: Mapping[str, str], *options: str) -> int:
        """Put a question; returns the number of the open round."""
        words = [f"{name}={value}" for name, value in parameters.items()]
        said = self.commands.coordinator(self.coordinator_home, "ask", question, *words, "--json", *options)
        return int(json.loads(said)["round"])

    def token(self, company: Company) -> str:
        """A token for the company's own shop."""
        for line in self.commands.node(
            self.node_home(company), "token", "new", "demo", secret=True
        ).splitlines():
            if line.strip().startswith("alt_"):
                return line.strip()
        raise CommandFailed(
            expected="a token that starts with alt_", came="none", do=f"read {self.commands.log}"
        )
