"""A PostgreSQL server for tests: started on a free port, ended by its pid, gone afterwards."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psycopg
import pytest

SERVER_USER = "nobody"
"""PostgreSQL refuses to run as root; root lends it to this user."""


@dataclass(slots=True, kw_only=True)
class Postgres:
    """A running server."""

    port: int
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_database(self) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        name = f"test_{next(self.numbers)}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return f"postgresql+psycopg://altrove@127.0.0.1:{self.port}/{name}"

    def _dsn(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=altrove dbname={database}"

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self._dsn("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Self]:
        """Run a server as long as the block; skips the test when PostgreSQL is not installed."""
        initdb = program("initdb")
        if initdb is None:
            pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        folder = Path(tempfile.mkdtemp(prefix="altrove-pg-"))
        user = SERVER_USER if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        subprocess.run(
            [
                initdb,
                "-D",
                data,
                "-U",
                "altrove",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ],
            check=True,
            user=user,
            cwd="/",
            stdout=subprocess.DEVNULL,
        )
        port = free_port()
        settings = ("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [initdb.parent / "postgres", "-D", data, "-p", str(port), "-k", folder, *settings],
                user=user,
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            running = cls(port=port)
            until = time.monotonic() + 30
            while not running._accepts():
                if server.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()[-800:]}")
                time.sleep(0.1)
            yield running
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: does not wait for pooled connections
            server.wait(timeout=20)
            shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> Path | None:
    """Where a program of PostgreSQL is: on PATH, or where Debian puts it."""
    found = shutil.which(name)
    if found is not None:
        return Path(found).resolve()
    return next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
