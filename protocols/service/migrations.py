"""Bring a database to the newest schema by Alembic, from inside the daemon.

The scripts of a side lie in its own ``store/migrations`` folder (``env.py``, ``versions/``). A
database that is newer than the program is refused: an old program must not write to it.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from protocols.errors import BadInput
from protocols.service.unit_of_work import transaction


def upgrade(db: Engine, script_location: Path) -> str:
    """Run the missing migrations in one transaction and return the revision reached.

    ``env.py`` finds the open connection in ``context.config.attributes["connection"]``; it must not
    open another one, or SQLite would wait for itself. :func:`run_env` is all that it needs to call.

    Raises:
        BadInput: the database carries a revision that this program does not know.
        StorageFull, StorageUnavailable: nothing was changed.
    """
    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with transaction(db) as connection:
        current = MigrationContext.configure(connection).get_current_heads()
        unknown = sorted(set(current) - known)
        if unknown:
            raise BadInput(
                expected="a database of this version or an older one",
                came=f"schema revision {', '.join(unknown)}",
                do="start the newer version of Altrove that wrote it, or restore a backup",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return str(scripts.get_current_head())
