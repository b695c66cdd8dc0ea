"""Bring a database to the newest schema by Alembic, from inside the daemon.

The scripts of a side lie in its own ``store/migrations`` folder (``env.py``, ``versions/``). A
database that is newer than the program is refused: an old program must not write to it.

Constraint names follow one convention, so that a migration written on SQLite names the same
constraints on PostgreSQL.
"""

from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData

from protocols.errors import BadInput
from protocols.service.unit_of_work import transaction

NAMING_CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_metadata() -> MetaData:
    """The one MetaData on which a side declares all its tables."""
    return MetaData(naming_convention=NAMING_CONVENTION)


def upgrade(db: Engine, script_location: Path) -> str:
    """Run the missing migrations in one transaction and return the revision reached.

    ``env.py`` need only call :func:`run_env`: it must not open another connection, or SQLite would
    wait for itself.

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


def run_env(metadata: MetaData) -> None:
    """What a side's ``env.py`` does: run the scripts on the connection that :func:`upgrade` has opened."""
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()
