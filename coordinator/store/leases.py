"""Repository of the dock's leases: which courier run carries which attempt."""

from sqlalchemy import Connection, insert, select, update

from coordinator.store.round_tables import leases


class Leases:
    """Reads and writes leases. Work is leased once a run, until one run acknowledges it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def is_free(self, number: int, attempt: int, run_id: str) -> bool:
        """Whether the attempt still has to be carried, and this run does not have it yet."""
        query = select(leases.c.run_id, leases.c.done).where(
            leases.c.round == number, leases.c.attempt == attempt
        )
        rows = self._connection.execute(query).all()
        return not any(row.done or row.run_id == run_id for row in rows)

    def take(self, lease: str, number: int, attempt: int, run_id: str, now: int) -> None:
        """Give the attempt to a run; a second lease for the same run breaks the unique key."""
        self._connection.execute(
            insert(leases).values(
                lease=lease, round=number, attempt=attempt, run_id=run_id, done=False, at=now
            )
        )

    def finish(self, lease: str, run_id: str) -> bool:
        """Acknowledge; False where this run holds no such lease."""
        done = self._connection.execute(
            update(leases).where(leases.c.lease == lease, leases.c.run_id == run_id).values(done=True)
        )
        return done.rowcount == 1
