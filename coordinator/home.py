"""The home folder: where keys, certificates, spool and sockets lie, and how ``init`` makes them.

Private files are readable by their owner only. The identity key is the consortium's root of trust:
back it up; without it no roster, round or release can be signed again.
"""

from dataclasses import dataclass
from pathlib import Path

from coordinator import entropy
from coordinator.errors import AlreadyInitialised, NotInitialised
from coordinator.settings import FILE, Settings, load
from coordinator.store.consortia import Consortia, Consortium
from coordinator.store.tokens import Tokens
from protocols.errors import BadInput
from protocols.identity import IdentityKey
from protocols.limits import ID_BYTES, KEY_BYTES
from protocols.service import durable
from protocols.service.clock import Clock
from protocols.service.migrations import upgrade
from protocols.service.tls import KeyPair, make_authority, make_server
from protocols.service.tokens import Token, TokenRecord, mint
from protocols.service.unit_of_work import engine, transaction

MIGRATIONS = Path(__file__).parent / "store" / "migrations"
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  # bound, but never a name that anybody reaches
ADMIN = "admin"
"""Scope of the token that the command line and the console's actions use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Paths below one home folder."""

    folder: Path

    @property
    def identity(self) -> Path:
        """The coordinator's identity seed, 32 bytes."""
        return self.folder / "keys" / "identity.seed"

    @property
    def authority(self) -> tuple[Path, Path]:
        """Certificate and key of the consortium's authority."""
        return self.folder / "keys" / "ca.pem", self.folder / "keys" / "ca.key"

    @property
    def server(self) -> tuple[Path, Path]:
        """Certificate and key of the listeners."""
        return self.folder / "keys" / "server.pem", self.folder / "keys" / "server.key"

    @property
    def spool(self) -> Path:
        """Masked vectors."""
        return self.folder / "spool"

    @property
    def releases(self) -> Path:
        """Released sums."""
        return self.folder / "releases"

    @property
    def dock(self) -> Path:
        """The unix socket that the courier reaches."""
        return self.folder / "run" / "dock.sock"

    @property
    def fleet(self) -> Path:
        """Flower's own files."""
        return self.folder / "fleet"

    @property
    def bundle_signature(self) -> Path:
        """The release key's signature over the app bundle."""
        return self.folder / "bundle.signature"

    @property
    def log(self) -> Path:
        """The daemon's log."""
        return self.folder / "logs" / "coordinator.log"

    @property
    def admin_token(self) -> Path:
        """The local command line's token."""
        return self.folder / "keys" / "admin.token"

    def check(self) -> None:
        """Check that ``init`` was run on this folder.

        Raises:
            NotInitialised: it was not.
        """
        if not self.identity.exists():
            raise NotInitialised(
                expected=f"the home of a coordinator at {self.folder}",
                came="none" if self.folder.is_dir() else "no such folder",
                do="run `altrove-coordinator init`, or give the right --home",
            )

    def identity_key(self) -> IdentityKey:
        """The coordinator's identity key.

        Raises:
            NotInitialised: the file is missing.
        """
        return IdentityKey(_read(self.identity))

    def authority_pair(self) -> KeyPair:
        """The consortium's authority.

        Raises:
            NotInitialised: a file is missing.
        """
        certificate, key = self.authority
        return KeyPair(certificate=_read(certificate), key=_read(key))


def initialise(settings: Settings, name: str, clock: Clock) -> Consortium:
    """Make keys, certificates, settings file, database and admin token of a new consortium.

    Raises:
        BadInput: no company could reach the address in the settings; nothing is made.
        AlreadyInitialised: the database holds a consortium; nothing is changed.
    """
    if settings.reached_at in EVERY_ADDRESS:
        raise BadInput(
            expected="the name that companies connect to",
            came=f"{settings.reached_at}, every address of this machine, and no name",
            do="add --public-host altrove.example.org: certificate and invitations carry it",
        )
    home, now = Home(folder=settings.home), clock.now()
    for folder in (
        home.folder,
        home.folder / "keys",
        home.spool,
        home.releases,
        home.folder / "run",
        home.folder / "logs",
    ):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    db = engine(settings.database_url)
    try:
        upgrade(db, MIGRATIONS)
        with transaction(db) as connection:
            if Consortia(connection).exists():
                raise AlreadyInitialised(
                    expected="an empty database",
                    came=f"the consortium {Consortia(connection).get().name!r}",
                    do="choose another --home, or go on with `altrove-coordinator serve`",
                )
            key = IdentityKey(_once(home.identity, entropy.random_bytes(KEY_BYTES)))
            _certificates(home, settings, name, now)
            consortium = Consortium(
                consortium=entropy.random_bytes(ID_BYTES),
                name=name,
                coordinator_key=key.public,
                created_at=now,
            )
            Consortia(connection).create(consortium)
            token = mint(ADMIN, entropy.random_bytes(KEY_BYTES))
            Tokens(connection).add(token, record_of(token, "local command line", 0), now)
            durable.write(home.admin_token, [token.text.encode()])
            # A file that says all of it already stays: in a container it may be mounted, and read-only.
            if not (home.folder / FILE).exists() or load(home.folder) != settings:
                durable.write(home.folder / FILE, [_toml(settings).encode()])
    finally:
        db.dispose()
    return consortium


def record_of(token: Token, label: str, expires_at: int) -> TokenRecord:
    """What is stored of a new token; its id is the start of its hash."""
    return TokenRecord(
        token_id=token.sha256.hex()[:12], label=label, scope=token.scope, expires_at=expires_at, revoked=False
    )


def _certificates(home: Home, settings: Settings, name: str, now: int) -> None:
    authority = make_authority(f"{name} consortium", now)
    # 127.0.0.1 and localhost are always named: Flower's private listener stands there.
    hosts = list(dict.fromkeys([settings.reached_at, settings.host, "127.0.0.1", "localhost"]))
    server = make_server(authority, [host for host in hosts if host not in EVERY_ADDRESS], now)
    for pair, (certificate, key) in ((authority, home.authority), (server, home.server)):
        durable.write(certificate, [pair.certificate])
        durable.write(key, [pair.key])


def _once(path: Path, fresh: bytes) -> bytes:
    """Keep a key that an interrupted ``init`` has made; else write a fresh one."""
    if not path.exists():
        durable.write(path, [fresh])
    return path.read_bytes()


def _toml(settings: Settings) -> str:
    chosen = settings.model_dump(mode="json", exclude={"home"}, exclude_defaults=True)
    lines = [f"{name} = {_value(value)}" for name, value in chosen.items()]
    return "\n".join(
        ["# Settings of this coordinator; flags and ALTROVE_COORDINATOR_* win over them.", *lines, ""]
    )


def _value(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotInitialised(
            expected=f"the file {path}",
            came="none",
            do="run `altrove-coordinator init`, or restore the backup",
        ) from None
