"""The node's courier: SuperNode and SuperExec, kept alive, each in a cell of its own.

SuperNode holds the courier key, which only says to Flower who is calling, and has one pipe to the
coordinator's fleet. It signs under TLS only, so the pipe begins with TLS that ends in its own cell, under a
certificate made for this start; the TLS that counts begins in the daemon (:mod:`participant.courier.pipe`).
SuperExec and the ClientApps that it starts run whatever a signed bundle holds; they
have the door and SuperNode's loopback port, nothing else. What the bytes are worth is said by the node's
identity key, which neither ever sees.

>>> courier = Courier(settings)  # doctest: +SKIP
>>> courier.start()  # doctest: +SKIP
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from participant import entropy
from participant.courier.files import CourierFiles
from participant.courier.sandbox import Cell, Isolation, User
from participant.courier.trust import trust, trusted
from participant.errors import NotJoined
from protocols.service import durable, tls
from protocols.service.clock import SystemClock
from protocols.service.flower import (
    SECRET_BYTES,
    collecting,
    entry_point,
    environment,
    free_port,
    write_secret,
)
from protocols.service.processes import ProcessHealth, Program, Supervision

CELL_BYTES: Final = 2**30
"""Memory of all that runs in one cell; 250 MiB were seen, while a vector of 128 MiB went by in pieces of 32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierSettings:
    """What a courier needs to know: its files, where its processes write, and how it is shut in."""

    files: CourierFiles
    work: Path
    user: User
    isolation: Isolation


class Courier:
    """Flower on the company's side. All methods may be called from any thread."""

    def __init__(self, settings: CourierSettings) -> None:
        self.settings = settings
        self._runtime_port, self._fleet_port = free_port(), free_port()
        # SuperNode waits a minute for a ClientApp that died with its SuperExec, and a ClientApp is of no use
        # to another SuperNode than its own: they live and die together.
        self._supervision = Supervision(self._programs(), together=True)

    def start(self) -> None:
        """Start both processes and return; they connect, and reconnect, by themselves.

        The release keys that are trusted now count until :meth:`stop`: SuperNode is given a copy, because it
        takes an emptied file for leave to run anything.

        Raises:
            NotJoined: no release key is trusted.
        """
        settings = self.settings
        keys = trusted(settings.files.trusted)
        if not keys:
            raise NotJoined(
                expected=f"a trusted release key in {settings.files.trusted}",
                came="none",
                do="run `altrove-node trust FILE.pub`",
            )
        settings.user.folder(settings.work)
        for name in ("run", "supernode", "superexec"):
            # What an earlier bundle left must not be found by a later one.
            shutil.rmtree(settings.work / name, ignore_errors=True)
            settings.user.folder(settings.work / name)
        trust(self._trusted, keys)
        write_secret(self._secret, entropy.random_bytes(SECRET_BYTES))
        self._make_loopback()
        if settings.isolation is Isolation.SANDBOX:
            for path in (*self._credentials, self._shown, self._secret):
                settings.user.owns(path)
        self._supervision.start()

    def stop(self) -> None:
        """End every process that the courier started, and wait until they are gone."""
        self._supervision.stop()

    def restart(self, reason: str) -> None:
        """Start both processes anew: they run and yet carry nothing."""
        self._supervision.restart("supernode", reason)

    def health(self) -> tuple[ProcessHealth, ...]:
        """How SuperNode and SuperExec are; never blocks."""
        return self._supervision.health()

    @property
    def _credentials(self) -> tuple[Path, ...]:
        return self.settings.files.key, self._trusted, self._loopback

    @property
    def _trusted(self) -> Path:
        return self.settings.work / "trusted.json"

    @property
    def _loopback(self) -> Path:
        """The authority that SuperNode trusts: it vouches for the beginning of the pipe and for nothing else."""
        return self.settings.work / "loopback.pem"

    @property
    def _shown(self) -> Path:
        """Certificate and key with which the pipe begins in SuperNode's cell."""
        return self.settings.work / "loopback.key"

    def _make_loopback(self) -> None:
        now = SystemClock().now()
        authority = tls.make_authority("the courier's loopback", now)
        pair = tls.make_server(authority, ["127.0.0.1"], now, days=tls.AUTHORITY_DAYS)
        durable.write(self._loopback, [authority.certificate])
        durable.write(self._shown, [pair.certificate, pair.key])

    @property
    def _secret(self) -> Path:
        return self.settings.work / "superexec.secret"

    @property
    def _meeting(self) -> Path:
        """The folder in which SuperNode's cell offers its runtime port to SuperExec's."""
        return self.settings.work / "run"

    def _programs(self) -> tuple[Program, ...]:
        return self._supernode(), self._superexec()

    def _supernode(self) -> Program:
        settings, files = self.settings, self.settings.files
        argv = (
            *(*collecting("flower-supernode"), "--superlink", f"127.0.0.1:{self._fleet_port}"),
            *("--root-certificates", str(self._loopback), "--auth-supernode-private-key", str(files.key)),
            *("--host", "127.0.0.1", "--port", str(self._runtime_port), "--isolation", "process"),
            *("--superexec-auth-secret-file", str(self._secret), "--trusted-entities", str(self._trusted)),
            *("--node-config", f'door="{files.door}"'),
        )
        runtime = ((self._meeting / "runtime.sock", self._runtime_port),)
        cell = Cell(
            folder=settings.work / "supernode",
            hides=settings.files.root,
            reads=(*self._credentials, self._shown, self._secret),
            writes=(files.pipe, self._meeting),
            enters=((self._fleet_port, files.pipe),),
            shows=self._shown,
            offers=runtime if settings.isolation is Isolation.SANDBOX else (),
        )
        return self._program("supernode", argv, cell)

    def _superexec(self) -> Program:
        settings = self.settings
        argv = (
            *(entry_point("flower-superexec"), "--runtime-api-address", f"127.0.0.1:{self._runtime_port}"),
            *("--insecure", "--superexec-auth-secret-file", str(self._secret)),
        )
        runtime = ((self._runtime_port, self._meeting / "runtime.sock"),)
        cell = Cell(
            folder=settings.work / "superexec",
            hides=settings.files.root,
            reads=(self._secret, self._meeting),
            writes=(settings.files.door,),
            enters=runtime if settings.isolation is Isolation.SANDBOX else (),
        )
        return self._program("superexec", argv, cell)

    def _program(self, name: str, argv: tuple[str, ...], cell: Cell) -> Program:
        return Program(
            name=name,
            argv=cell.argv(argv, self.settings.isolation, self.settings.user),
            environment=environment(cell.home(self.settings.isolation)),
            folder=self.settings.work,
            log=self.settings.work / "logs" / f"{name}.log",
            memory_bytes=CELL_BYTES,
        )


def courier_key_pair(path: Path) -> bytes:
    """The public half (OpenSSH bytes) of the courier key at ``path``, made there when it is missing.

    An EC P-384 key in OpenSSH form without a passphrase, readable by this user alone: what SuperNode
    takes (it refuses Ed25519).
    """
    if not path.exists():
        key = generate_private_key(SECP384R1())
        durable.write(path, [key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())])
    private = load_ssh_private_key(path.read_bytes(), None)
    return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
