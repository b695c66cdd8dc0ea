"""One customer's appetite: what is known, what the customer said about it, and how to have it removed."""

from dataclasses import dataclass

from sqlalchemy import Engine

from participant.appetite.appetites import Appetite
from participant.appetite.words import HOW_TO_REMOVE, described
from participant.store.appetites import Said, SaidAppetites
from participant.training import Trainer
from protocols.service.clock import Clock, iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What one customer may see: ``sentences``, the level's number (-1: none), and whether lists depend on it."""

    sentences: tuple[str, ...]
    level: int
    used: bool
    consented_at: int
    removed: bool
    how_to_remove: str


class AppetiteDesk:
    """Looks appetites up; the trainer's model holds them, and nothing of them leaves the node."""

    def __init__(self, *, db: Engine, trainer: Trainer, clock: Clock) -> None:
        self._said = SaidAppetites(db)
        self._trainer = trainer
        self._clock = clock

    def of(self, customer: str) -> tuple[Appetite | None, Said]:
        """The appetite in force and what the customer said; None where removed, opted out, or unknown.

        Raises:
            UnknownCustomer: nobody with this id bought here.
        """
        said, in_use = self._said.find(customer), self._trainer.in_use()
        held = None if in_use is None else in_use[1].appetites
        if held is None or said.removed or said.opted_out:
            return None, said
        return held.of(said.customer_key, said.answers), said

    def known(self, customer: str, language: str) -> Known:
        """What is known of a customer, in words.

        Raises:
            UnknownCustomer, BadInput: nobody with this id, or an unknown language.
        """
        appetite, said = self.of(customer)
        consented = iso(said.consented_at)[:10] if said.consented_at else ""
        in_use = self._trainer.in_use()
        moved = in_use is not None and any(part.boldness.by_appetite for part in in_use[1].scenarios.values())
        return Known(
            sentences=described(appetite, language, consented=consented),
            level=-1 if appetite is None else appetite.level,
            used=moved and appetite is not None,
            consented_at=said.consented_at,
            removed=said.removed,
            how_to_remove=HOW_TO_REMOVE[language],
        )

    def remove(self, customer: str) -> None:
        """Forget the answers and assume nothing from now on.

        Raises:
            UnknownCustomer: nobody with this id bought here.
        """
        self._said.remove(customer, at=self._clock.now())
