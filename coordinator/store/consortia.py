"""The one row that says which consortium this coordinator serves."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from coordinator.errors import NotInitialised
from coordinator.store.member_tables import consortium
from protocols.identity import IdentityPublic


@dataclass(frozen=True, slots=True, kw_only=True)
class Consortium:
    """Id (16 bytes), name and the coordinator's public key, fixed at ``init``."""

    consortium: bytes
    name: str
    coordinator_key: IdentityPublic
    created_at: int


class Consortia:
    """Reads and writes the row."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, value: Consortium) -> None:
        """Write the row; a second one breaks its check constraint."""
        self._connection.execute(
            insert(consortium).values(
                id=1,
                consortium=value.consortium,
                name=value.name,
                coordinator_key=value.coordinator_key,
                created_at=value.created_at,
            )
        )

    def exists(self) -> bool:
        """Whether ``init`` has been run on this database."""
        return self._connection.execute(select(consortium.c.id)).first() is not None

    def get(self) -> Consortium:
        """The row.

        Raises:
            NotInitialised: there is none.
        """
        row = self._connection.execute(select(consortium)).first()
        if row is None:
            raise NotInitialised(
                expected="a consortium in the database",
                came="an empty one",
                do="run `altrove-coordinator init`",
            )
        return Consortium(
            consortium=row.consortium,
            name=row.name,
            coordinator_key=IdentityPublic(row.coordinator_key),
            created_at=row.created_at,
        )
