"""What every test may ask for, and what no test may do.

Only the loopback interface can be reached. A test that asks for ``postgres_url`` is marked
``postgres``; everything in tests/browser is marked ``browser``, everything in tests/e2e ``e2e``, everything in
tests/images ``images``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

from protocols.service.unit_of_work import engine
from tests.postgres import Postgres

TESTS = Path(__file__).parent

# No example fails for being slow: how long one takes says how busy the machine is. What Hypothesis has chosen
# here or in CI stays as it is otherwise.
settings.register_profile(
    "unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by where they are and by what they ask for."""
    for item in items:
        if "postgres_url" in getattr(item, "fixturenames", ()):
            item.add_marker("postgres")
        for folder in ("browser", "e2e", "images"):
            if item.path.is_relative_to(TESTS / folder):
                item.add_marker(folder)


def pytest_runtest_setup() -> None:
    """Sockets reach this machine and nothing else."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "127.0.0.2", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL server for the whole run, in a folder of its own; skipped when there is none."""
    with Postgres.started() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> str:
    """SQLAlchemy URL of a fresh, empty database."""
    return postgres_server.new_database()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A contract test that asks for this runs twice: on a new SQLite file, on a new PostgreSQL database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'contract.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An open, empty database of each kind."""
    opened = engine(database_url)
    yield opened
    opened.dispose()
