"""What a restored node has forgotten: asked of the coordinator, believed only under this node's own signature.

Peers prove how far this node had come: its newest advertisement. The coordinator hands over the attempts up to
there. Each is checked against the node's own signature, so none can be invented; advertisements are counted
without a gap, so whatever is hidden is missing by its number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from participant.consortium import Consortium
from participant.door.admission import open_roster
from participant.door.booking import SENT, UNSURE, Owed
from participant.preparation import is_at_cap
from participant.store.attempts import Attempts
from participant.store.membership import Membership
from participant.store.records import Records
from participant.store.rosters import Rosters
from protocols import ledger as ledgers
from protocols.errors import AltroveError
from protocols.identity import IdentityPublic, PartnerId
from protocols.messages import PHASES, Phase
from protocols.participation import Took, open_participation
from protocols.policy import Policy
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary

MASKED_BY: Final = PHASES.index(Phase.MASK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """Proven attempts since the backup, and ``missing``: how many more this node signed, by their numbers.

    ``trouble`` is why the coordinator showed no more, in its own words or ours; empty where it said nothing.
    """

    took: tuple[Took, ...]
    missing: int
    trouble: str

    @property
    def answers(self) -> tuple[bytes, ...]:
        """Every answer that was begun in them."""
        return tuple(dict.fromkeys(each.config.answer_id for each in self.took))

    @property
    def counter(self) -> int:
        """The highest counter that they prove."""
        return max((each.counter for each in self.took), default=0)


class Recollection:
    """Finds out what this node answered after its backup was made, and what that cost."""

    def __init__(
        self,
        *,
        db: Engine,
        link: Consortium,
        records: Records,
        policy: Policy,
        me: PartnerId,
        own: IdentityPublic,
        consortium: bytes,
    ) -> None:
        self._db = db
        self._link = link
        self._records = records
        self._policy = policy
        self._me = me
        self._own = own
        self._consortium = consortium

    def keys(self) -> tuple[IdentityPublic, ...]:
        """This node's key, and every one that a roster ever had for it."""
        with reading(self._db) as connection:
            versions = [open_roster(stored) for stored in Rosters(connection).all_in_force()]
        pinned = [e.identity_key for version in versions for e in version.entries if e.partner == self._me]
        return tuple(dict.fromkeys((self._own, *pinned)))

    def since(self, counter: int, *, proven: int) -> Forgotten:
        """Attempts with a higher counter than the backup's; peers have proven that it came to ``proven``."""
        took, trouble = self._took(counter)
        highest = max((proven, *(each.counter for each in took)))
        numbers = {each.counter for each in took}
        return Forgotten(took=took, missing=max(0, highest - counter - len(numbers)), trouble=trouble)

    def owed(self, took: Iterable[Took], now: int) -> tuple[tuple[Owed, ...], int]:
        """What these attempts cost, each answer once, and of how many answers nobody can tell."""
        masked = {each.config.answer_id for each in took if each.masked}
        owed, untold = [], 0
        for each in {each.config.answer_id: each for each in took}.values():
            config = each.config
            try:
                quote = ledgers.quote_for(
                    config.answer,
                    len(self._vocabulary(config.answer.vocabulary)),
                    delta=self._policy.delta,
                    at_cap=is_at_cap(config.answer, self._records),
                )
            except AltroveError:  # a policy that was changed since, or a vocabulary that nobody shows
                untold += 1
                continue
            owed.append(
                Owed(
                    answer_id=config.answer_id,
                    questions=tuple(block.question for block in config.answer.blocks),
                    round=config.round,
                    attempt=config.attempt,
                    at=min(now, config.deadlines[MASKED_BY]),
                    quote=quote,
                    note=SENT if config.answer_id in masked else UNSURE,
                )
            )
        return tuple(owed), untold

    def _took(self, counter: int) -> tuple[tuple[Took, ...], str]:
        with reading(self._db) as connection:
            after = (Attempts(connection).highest_round(), 0)
        took: dict[tuple[int, int], Took] = {}
        keys, refused = self.keys(), 0
        try:
            while page := self._link.participations(*after).attempts:
                before = len(took)
                for said in page:
                    try:
                        found = open_participation(said, me=self._me, keys=keys, consortium=self._consortium)
                    except AltroveError:
                        refused += 1
                        continue
                    took[found.config.round, found.config.attempt] = found
                if len(took) == before:  # nothing new that we signed: whatever follows need not end
                    break
                after = max(took)
        except AltroveError as error:
            trouble = f"{error.code}: {error}"
        else:
            trouble = f"{refused} attempts that this node did not sign" if refused else ""
        kept = sorted(
            (each for each in took.values() if each.counter > counter), key=lambda each: each.counter
        )
        return tuple(kept), trouble

    def _vocabulary(self, digest: bytes) -> Vocabulary:
        with reading(self._db) as connection:
            known = Membership(connection).vocabulary_named(digest)
        return self._link.vocabulary(digest) if known is None else known
