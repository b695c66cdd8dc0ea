"""Opens a node's database and brings it to the newest schema."""

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from protocols.service.migrations import upgrade
from protocols.service.unit_of_work import engine

MIGRATIONS: Final = Path(__file__).with_name("migrations")


def open_database(url: str) -> Engine:
    """The database at ``url``, migrated.

    Raises:
        BadInput: not a database URL, or a schema newer than this program.
        StorageFull, StorageUnavailable: nothing was changed.
    """
    db = engine(url)
    upgrade(db, MIGRATIONS)
    return db
