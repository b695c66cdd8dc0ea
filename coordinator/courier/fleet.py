"""The fleet: SuperLink, SuperExec and the one run that carries every round, kept alive.

The fleet starts and watches Flower's processes, registers the members' courier keys and replaces the
run when it ends or falls silent. What work there is, and what the bytes mean, is the dock's business.

>>> fleet = Fleet(settings, on_run=dock.serve_run)  # doctest: +SKIP
>>> fleet.start()  # doctest: +SKIP
>>> fleet.register("Ceres Market", courier_key)  # doctest: +SKIP
'13400837290842307219'
"""

import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coordinator import entropy
from coordinator.courier import bundle, flower_database, vouching
from coordinator.courier.errors import CourierUnreachable
from protocols.bundle import BundleSignature
from protocols.service.errors import PortTaken
from protocols.service.flower import SECRET_BYTES, entry_point, environment, free_port, write_secret
from protocols.service.processes import ProcessHealth, Program, Supervision

if TYPE_CHECKING:
    from coordinator.courier.control import Control, FleetNode

SILENCE_S: Final = 25.0
"""No dock poll for so long: the run is replaced."""

READY_S: Final = 60.0
"""How long registering waits for a SuperLink that is starting; one that is silent for so long is replaced."""

LOOK_EVERY_S: Final = 2.0
"""How often the run and the nodes are asked after."""

SERVER_APP: Final = "flwr-serverapp"
"""How SuperExec names the process of a run."""

AFTER_KILL_S: Final = 0.5
"""Longer than the supervision's tick, in which a killed process is really ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSettings:
    """Where the fleet lives and listens.

    ``host`` and ``port`` are the public listener that SuperNodes reach. ``certificate``, ``key`` and
    ``ca`` are PEM files; the certificate must also name 127.0.0.1, where the private listener stands.
    ``dock`` is the unix socket of the coordinator's daemon.
    """

    home: Path
    host: str
    port: int
    certificate: Path
    key: Path
    ca: Path
    dock: Path
    signature: Path | None = None
    """A release key's signature over the app bundle; without it no courier runs the bundle."""
    first_poll_s: float = 60.0
    """No dock poll for so long after its start: the run is replaced. It has to be installed and imported first."""
    private_port: int = 0
    """0: a free one, chosen at construction."""

    @property
    def address(self) -> str:
        """What a node's courier connects to."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetHealth:
    """How the fleet is: its processes, the current run ("" when none) and the nodes now online."""

    processes: tuple[ProcessHealth, ...]
    run_id: str
    online: tuple[str, ...]


class Fleet:
    """Flower on the coordinator's side. All methods may be called from any thread."""

    def __init__(
        self,
        settings: FleetSettings,
        *,
        on_run: Callable[[str], None],
        fab: bytes = b"",
        run_config: Mapping[str, str] | None = None,
    ) -> None:
        """``fab`` and ``run_config`` replace the app bundle, for measurements only."""
        self.settings = settings
        self.on_run = on_run
        self._fab = fab
        self._run_config = dict(run_config) if run_config is not None else {"dock": str(settings.dock)}
        self._private = f"127.0.0.1:{settings.private_port or free_port()}"
        self._supervision = Supervision(self._programs(), tick=self._tick)
        self._lock = threading.Lock()
        self._control: Control | None = None
        self._signature: BundleSignature | None = None
        self._run = ""
        self._online: tuple[str, ...] = ()
        self._polled_at = 0.0
        self._polled = False
        self._next_look = 0.0
        self._answered_at = time.monotonic()

    def start(self) -> None:
        """Start everything and return; :meth:`register` and :meth:`wait_run` wait by themselves.

        Raises:
            PortTaken: something else listens on the public port.
            CourierBroken: this installation lacks a file, or has another Flower.
        """
        _check_free(self.settings.host, self.settings.port)
        home = self.settings.home
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        write_secret(home / "superexec.secret", entropy.random_bytes(SECRET_BYTES))
        self._fab = self._fab or bundle.of_this_installation()
        self._signature = vouching.signature_of(self._fab, self.settings.signature)
        flower_database.compact(self._database)
        self._supervision.start()

    def stop(self) -> None:
        """End every process that the fleet started, and wait until they are gone."""
        self._supervision.stop()
        with self._lock:
            control, self._control = self._control, None
            self._run, self._online = "", ()
        if control is not None:
            control.close()

    def register(self, name: str, courier_key: bytes) -> str:
        """Register a member's courier key (OpenSSH public bytes) and return its Flower node id.

        Idempotent by ``name``: the same key again returns the same id; another key replaces the old one,
        which cannot connect any more, under a new id.

        Raises:
            CourierRefused: no usable key, or one that another member registered.
            CourierUnreachable: the SuperLink did not answer within :data:`READY_S`.
        """
        from coordinator.courier.control import pem_of

        pem = pem_of(courier_key)
        control, nodes = self._nodes_when_ready()
        known = [node for node in nodes if node.name == name]
        for node in known:
            if node.key == pem:
                return node.node
        registered = control.register(name, pem)
        for node in known:
            control.unregister(node.node)
        return registered

    def unregister(self, name: str) -> None:
        """Forget every key of ``name``; a name without one is no error.

        Raises:
            CourierUnreachable: the SuperLink did not answer within :data:`READY_S`.
        """
        control, nodes = self._nodes_when_ready()
        for node in nodes:
            if node.name == name:
                control.unregister(node.node)

    def note_dock_poll(self, run_id: str = "") -> None:
        """The dock was called, by ``run_id`` when the caller knows it; a stale run's calls do not count."""
        if run_id in {"", self._run}:
            self._polled_at, self._polled = time.monotonic(), True

    def health(self) -> FleetHealth:
        """How the fleet is, as seen within the last seconds; never blocks."""
        return FleetHealth(processes=self._supervision.health(), run_id=self._run, online=self._online)

    def wait_run(self, timeout_s: float) -> str:
        """Wait until a run polls the dock and return its id.

        Raises:
            CourierUnreachable: none did within ``timeout_s``.
        """
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self._run and self._polled:
                return self._run
            time.sleep(0.1)
        raise CourierUnreachable(
            expected="a run that polls the dock", came="none", do="read the logs in the courier's folder"
        )

    def _nodes_when_ready(self) -> "tuple[Control, tuple[FleetNode, ...]]":
        until = time.monotonic() + READY_S
        while True:
            try:
                control = self._connect()
                return control, control.nodes()
            except CourierUnreachable:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.25)

    def _connect(self) -> "Control":
        with self._lock:
            if self._control is None:
                from coordinator.courier.control import Control

                self._control = Control(self._private, self.settings.ca.read_bytes())
            return self._control

    def _tick(self) -> None:
        """Every two seconds, in the supervising thread: is there a run, does it live, who is online?"""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_S
        try:
            control = self._connect()
            self._online = tuple(node.node for node in control.nodes() if node.online)
            if self._run and control.run_ended(self._run):
                self._run = ""
            trouble = self._run and self._trouble(now)
            if trouble:
                control.stop_run(self._run)
                self._run = ""
                self._supervision.restart("superexec", trouble)
                # The next run starts once the old SuperExec is gone; it would take the task with it.
                self._next_look = now + AFTER_KILL_S
                return
            if not self._run:
                self._start_run(control)
            self._answered_at = time.monotonic()
        except CourierUnreachable:
            self._online = ()
            if now - self._answered_at > READY_S:
                self._answered_at = now
                self._supervision.restart("superlink", f"no answer for {READY_S:.0f} s")

    def _trouble(self, now: float) -> str:
        """Why the run has to be replaced, "" when it does its work."""
        patience_s = SILENCE_S if self._polled else self.settings.first_poll_s
        if now - self._polled_at > patience_s:
            return f"the run did not ask for work for {patience_s:.0f} s"
        # A ServerApp that was killed: Flower itself would notice after a minute.
        if self._polled and self._supervision.lacks("superexec", SERVER_APP):
            return "the run's ServerApp is gone"
        return ""

    def _start_run(self, control: "Control") -> None:
        run = control.start_run(self._fab, self._run_config)
        # SuperLink forgets a signature that comes with a bundle: it is put beside it before the first
        # message can go out, for the dock serves the run only after this.
        flower_database.attach(self._database, self._fab, self._signature)
        self._polled_at, self._polled = time.monotonic(), False
        self._run = run
        self.on_run(run)

    @property
    def _database(self) -> Path:
        return self.settings.home / "flower.db"

    def _programs(self) -> tuple[Program, ...]:
        settings, home = self.settings, self.settings.home
        host, port = self._private.rsplit(":", 1)
        secret = ("--superexec-auth-secret-file", str(home / "superexec.secret"))
        superlink = (
            *(sys.executable, "-P", str(Path(__file__).with_name("superlink.py"))),
            *(settings.host, str(settings.port), "--host", host, "--port", port),
            *("--ssl-certfile", str(settings.certificate), "--ssl-keyfile", str(settings.key)),
            *("--ssl-ca-certfile", str(settings.ca), "--enable-supernode-auth", "--isolation", "process"),
            *("--database", str(self._database), "--disable-runtime-dependency-installation", *secret),
        )
        superexec = (
            *(sys.executable, "-I", "-S", str(Path(__file__).with_name("bounded.py"))),
            *(entry_point("flower-superexec"), "--runtime-api-address", self._private),
            *("--root-certificates", str(settings.ca), *secret),
        )
        return (
            self._program("superlink", superlink),
            self._program("superexec", superexec),
        )

    def _program(self, name: str, argv: tuple[str, ...]) -> Program:
        home = self.settings.home
        return Program(
            name=name,
            argv=argv,
            environment=environment(home / name),
            folder=home / name,
            log=home / "logs" / f"{name}.log",
        )


def _check_free(host: str, port: int) -> None:
    """Say now, in one sentence, what SuperLink would say in its log at every restart."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as reason:
            raise PortTaken(
                expected=f"port {port} of {host} to be free for the fleet",
                came=reason.strerror or "an error",
                do=f"end the process that `ss -ltnp 'sport = :{port}'` names, or choose another fleet port",
            ) from reason
