"""What the officer allowed and denied by name: an append-only record, of which the newest line of a name counts."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from participant.store.exchange_tables import rulings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One line. ``subject`` is the name as it is compared, ``named`` as it was typed."""

    at: int
    subject: str
    named: str
    allowed: bool


class Rulings:
    """The officer's rulings within one transaction; there is no way to change or remove one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, ruling: Ruling) -> None:
        """Write a further line."""
        self._connection.execute(
            insert(rulings).values(
                at=ruling.at, subject=ruling.subject, named=ruling.named, allowed=ruling.allowed
            )
        )

    def last(self) -> int:
        """A number that grows with every line."""
        return int(self._connection.execute(select(func.max(rulings.c.id))).scalar_one_or_none() or 0)

    def all(self) -> tuple[Ruling, ...]:
        """Every line, oldest first."""
        return tuple(
            Ruling(at=row.at, subject=row.subject, named=row.named, allowed=row.allowed)
            for row in self._connection.execute(select(rulings).order_by(rulings.c.id))
        )
