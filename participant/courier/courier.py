"""The node's courier: SuperNode and SuperExec, kept alive beside the daemon.

They reach the coordinator's fleet listener and the node's door, nothing else. They hold the courier key,
which only says to Flower who is calling; what the bytes are worth is said by the node's identity key,
which they never see.

>>> courier = Courier(settings)  # doctest: +SKIP
>>> courier.start()  # doctest: +SKIP
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from participant import entropy
from protocols.service import durable
from protocols.service.flower import (
    SECRET_BYTES,
    collecting,
    entry_point,
    environment,
    free_port,
    write_secret,
)
from protocols.service.processes import ProcessHealth, Program, Supervision


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierSettings:
    """What a courier needs to know.

    ``fleet`` is host:port of the coordinator's fleet listener, ``ca`` the PEM file that its certificate
    is checked against, ``key`` the courier key, ``door`` the unix socket of the daemon.
    ``trusted_entities`` names who may sign app bundles; None accepts any bundle.
    """

    home: Path
    fleet: str
    ca: Path
    key: Path
    door: Path
    trusted_entities: Path | None = None
    private_port: int = 0
    """Of SuperNode's loopback listener; 0: a free one, chosen at construction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierHealth:
    """How the courier's processes are."""

    processes: tuple[ProcessHealth, ...]

    @property
    def well(self) -> bool:
        """Everything runs."""
        return all(process.running for process in self.processes)


class Courier:
    """Flower on the company's side. All methods may be called from any thread."""

    def __init__(self, settings: CourierSettings) -> None:
        self.settings = settings
        self._private = f"127.0.0.1:{settings.private_port or free_port()}"
        self._supervision = Supervision(self._programs())

    def start(self) -> None:
        """Start both processes and return; they connect, and reconnect, by themselves."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self.settings.home.chmod(0o700)
        write_secret(self.settings.home / "superexec.secret", entropy.random_bytes(SECRET_BYTES))
        self._supervision.start()

    def stop(self) -> None:
        """End every process that the courier started, and wait until they are gone."""
        self._supervision.stop()

    def health(self) -> CourierHealth:
        """How the processes are; never blocks."""
        return CourierHealth(processes=self._supervision.health())

    def _programs(self) -> tuple[Program, ...]:
        settings, home = self.settings, self.settings.home
        host, port = self._private.rsplit(":", 1)
        secret = ("--superexec-auth-secret-file", str(home / "superexec.secret"))
        trusted = settings.trusted_entities
        supernode = (
            *(*collecting("flower-supernode"), "--superlink", settings.fleet),
            *("--root-certificates", str(settings.ca), "--auth-supernode-private-key", str(settings.key)),
            *("--host", host, "--port", port, "--isolation", "process", *secret),
            *(() if trusted is None else ("--trusted-entities", str(trusted))),
            *("--node-config", f'door="{settings.door}"'),
        )
        superexec = (
            *(entry_point("flower-superexec"), "--runtime-api-address", self._private, "--insecure"),
            *secret,
        )
        return (self._program("supernode", supernode), self._program("superexec", superexec))

    def _program(self, name: str, argv: tuple[str, ...]) -> Program:
        home = self.settings.home
        return Program(
            name=name,
            argv=argv,
            environment=environment(home / name),
            folder=home / name,
            log=home / "logs" / f"{name}.log",
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
