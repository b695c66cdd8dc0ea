import pytest
from sqlalchemy import Engine, inspect

from protocols.errors import BadInput
from protocols.service.migrations import upgrade

ENV = """
from sqlalchemy import MetaData
from protocols.service.migrations import run_env

run_env(MetaData())
"""
FIRST = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

def upgrade() -> None:
    op.create_table("first", sa.Column("id", sa.Integer, primary_key=True))
"""
SECOND = FIRST.replace('"0001", None', '"0002", "0001"').replace('"first"', '"second"')
BROKEN = (
    SECOND.replace('"0002", "0001"', '"0003", "0002"').replace('"second"', '"third"')
    + "    raise ValueError\n"
)


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENV)
    (folder / "versions" / "0001.py").write_text(FIRST)
    return folder


def tables(database: Engine) -> set[str]:
    return set(inspect(database).get_table_names()) - {"alembic_version"}


def test_an_empty_database_gets_every_migration_and_a_second_call_does_nothing(database, scripts):
    assert upgrade(database, scripts) == "0001"
    assert upgrade(database, scripts) == "0001"
    assert tables(database) == {"first"}


def test_an_older_database_gets_the_missing_ones(database, scripts):
    upgrade(database, scripts)
    (scripts / "versions" / "0002.py").write_text(SECOND)
    assert upgrade(database, scripts) == "0002"
    assert tables(database) == {"first", "second"}


def test_a_migration_that_fails_leaves_nothing_half_done(database, scripts):
    upgrade(database, scripts)
    (scripts / "versions" / "0002.py").write_text(SECOND)
    (scripts / "versions" / "0003.py").write_text(BROKEN)
    with pytest.raises(ValueError):
        upgrade(database, scripts)
    assert tables(database) == {"first"}


def test_a_database_of_a_newer_program_is_refused_and_not_touched(database, scripts):
    (scripts / "versions" / "0002.py").write_text(SECOND)
    upgrade(database, scripts)
    (scripts / "versions" / "0002.py").unlink()
    with pytest.raises(BadInput, match="schema revision 0002") as caught:
        upgrade(database, scripts)
    assert "newer version" in caught.value.do
    assert tables(database) == {"first", "second"}
