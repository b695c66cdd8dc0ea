"""What the courier carries: attempts leased to its current run, and which member a Flower node is."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from coordinator import entropy
from coordinator.errors import StaleRun, UnknownMember
from coordinator.rounds.spool import Spool
from coordinator.store.leases import Leases
from coordinator.store.members import Members
from coordinator.store.rounds import Rounds
from coordinator.store.submissions import Submissions
from protocols.identity import PartnerId
from protocols.messages import PHASES, Phase, RoundConfig
from protocols.printable import printable
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One attempt to carry, for ``ttl_s``: the rest of ``size_bytes`` from each of ``nodes``.

    ``nodes`` says how many bytes of a node's vector have arrived; those whose vector is whole are left out.
    """

    lease: str
    round: int
    attempt: int
    nodes: dict[str, int]
    size_bytes: int
    ttl_s: int


class Dock:
    """Leases work to one run at a time. A lease that its run never acknowledged goes to the next run."""

    def __init__(self, db: Engine, clock: Clock, *, spool: Spool) -> None:
        self._db = db
        self._clock = clock
        self._spool = spool
        self._on_poll: Callable[[str], None] = lambda _run: None
        self._run_id = ""

    def tell_polls(self, listener: Callable[[str], None]) -> None:
        """Let the courier's supervisor hear of every call, with its run id: silence means a dead run."""
        self._on_poll = listener

    def serve_run(self, run_id: str) -> None:
        """From now on only this run gets work; calls of any other are answered "stale"."""
        self._run_id = run_id

    def check_run(self, run_id: str) -> None:
        """Let the current run pass.

        Raises:
            StaleRun: another run is current.
        """
        self._on_poll(run_id)
        if not run_id or run_id != self._run_id:
            raise StaleRun(expected="the current run", came=run_id[:40] or "no run id", do="end this run")

    def lease(self, run_id: str) -> Lease | None:
        """The next attempt that ``run_id`` has to carry, or None.

        Envelope first: an attempt is leased as soon as it is configured.

        Raises:
            StaleRun: another run is current.
        """
        self.check_run(run_id)
        with reading(self._db) as connection:
            if self._next(Rounds(connection), Leases(connection), run_id) is None:
                return None
        with transaction(self._db) as connection:
            found = self._next(Rounds(connection), Leases(connection), run_id)
            if found is None:
                return None
            config, deadline = found
            number, attempt = config.round, config.attempt
            lease = entropy.random_bytes(16).hex()
            Leases(connection).take(lease, number, attempt, run_id, self._clock.now())
            nodes = {member.partner: member.flower_node for member in Members(connection).all()}
            whole = Submissions(connection, number, attempt).vectors()
        return Lease(
            lease=lease,
            round=number,
            attempt=attempt,
            nodes={
                nodes[partner]: self._spool.said_bytes(number, attempt, partner)
                for partner in config.cohort
                if nodes.get(partner) and partner not in whole
            },
            size_bytes=config.answer.vector_bytes,
            ttl_s=max(1, deadline - self._clock.now()),
        )

    def done(self, lease: str, run_id: str) -> None:
        """The run has handed in everything of this lease; a lease it does not hold is ignored.

        Raises:
            StaleRun: another run is current.
        """
        self.check_run(run_id)
        with transaction(self._db) as connection:
            Leases(connection).finish(lease, run_id)

    def member_of(self, node: str) -> PartnerId:
        """The member whose courier has this Flower node id.

        Raises:
            UnknownMember: none has.
        """
        with reading(self._db) as connection:
            member = Members(connection).by_flower_node(node)
        if member is None:
            raise UnknownMember(expected="the Flower node of a member", came=node[:20], do="drop the bytes")
        return member.partner

    def note_error(self, node: str, number: int, attempt: int, code: str, reason: str) -> None:
        """Keep what Flower said about a node: it decides nothing, the member may still upload.

        Raises:
            UnknownMember, UnknownRound: nobody's error.
        """
        partner = self.member_of(node)
        with transaction(self._db) as connection:
            Rounds(connection).attempt(number, attempt)
            sent = Submissions(connection, number, attempt)
            sent.add_courier_error(partner, printable(code[:40]), printable(reason[:500]), self._clock.now())

    @staticmethod
    def _next(rounds: Rounds, leases: Leases, run_id: str) -> tuple[RoundConfig, int] | None:
        mask = PHASES.index(Phase.MASK)
        for each in rounds.open():
            here = rounds.attempts(each.round)[-1]
            config = here.config
            if here.takes_vectors and leases.is_free(config.round, config.attempt, run_id):
                return config, config.deadlines[mask]
        return None
