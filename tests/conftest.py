"""What every test may ask for, and what no test may do.

Only the loopback interface can be reached. A test that asks for ``postgres_url`` is marked
``postgres``; everything in tests/browser is marked ``browser``, everything in tests/e2e ``e2e``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket

from tests.postgres import Postgres

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by where they are and by what they ask for."""
    for item in items:
        if "postgres_url" in getattr(item, "fixturenames", ()):
            item.add_marker("postgres")
        for folder in ("browser", "e2e"):
            if item.path.is_relative_to(TESTS / folder):
                item.add_marker(folder)


def pytest_runtest_setup() -> None:
    """Sockets reach this machine and nothing else."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL server for the whole run, in a folder of its own; skipped when there is none."""
    with Postgres.started() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> str:
    """SQLAlchemy URL of a fresh, empty database."""
    return postgres_server.new_database()
