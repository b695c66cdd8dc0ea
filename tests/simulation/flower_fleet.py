"""A fleet and its couriers on this machine, with TLS, for tests and measurements with real Flower."""

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.courier import Fleet, FleetSettings, bundle
from participant.courier import (
    Courier,
    CourierFiles,
    CourierSettings,
    FleetPipe,
    Route,
    courier_key_pair,
    courier_user,
    find_isolation,
    trust,
)
from protocols.bundle import BundleSignature, ReleaseKey
from protocols.service.flower import free_port
from protocols.service.jobs import Jobs
from protocols.service.tls import client_context, make_authority, make_server


class LocalCourier:
    """A courier with the pipe that its daemon would hold for it."""

    def __init__(self, files: CourierFiles, fleet: str, authority: str) -> None:
        user = courier_user("")
        isolation = find_isolation(user)
        self.files = files
        self.courier = Courier(CourierSettings(files=files, work=files.work, user=user, isolation=isolation))
        self._pipe = FleetPipe(
            files.pipe,
            Route(fleet=fleet, tls=client_context(authority)),
            uids=frozenset({user.uid, os.getuid()}),
            mode=0o666,
        )
        self._jobs = Jobs()

    def start(self) -> None:
        self._jobs.start("fleet pipe", self._pipe.run)
        self.courier.start()

    def stop(self) -> None:
        self.courier.stop()
        self._jobs.stop(timeout_s=30)


@dataclass
class LocalFleet:
    """One fleet and ``n`` registered couriers under ``home``; node ``i`` uses the door ``doors[i]``."""

    home: Path
    dock: Path
    doors: tuple[Path, ...]
    fab: bytes = b""
    run_config: Mapping[str, str] | None = None
    first_poll_s: float = 60.0
    unfiltered: bool = False
    """Couriers connect to the private listener, which takes objects of any size: Flower's SecAgg+ sends such."""
    release_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    signed_by: Ed25519PrivateKey | None = None
    """Another key than the one that the couriers trust."""
    runs: list[str] = field(default_factory=list)
    nodes: tuple[str, ...] = ()
    couriers: tuple[LocalCourier, ...] = ()

    def __post_init__(self) -> None:
        now = int(time.time())
        authority = make_authority("Test authority", now)
        server = make_server(authority, ["localhost", "127.0.0.1"], now)
        self.home.mkdir(parents=True, exist_ok=True)
        for name, pem in (
            ("ca.pem", authority.certificate),
            ("server.pem", server.certificate),
            ("server.key", server.key),
        ):
            (self.home / name).write_bytes(pem)
        self.settings = FleetSettings(
            home=self.home / "fleet",
            host="127.0.0.1",
            port=free_port(),
            certificate=self.home / "server.pem",
            key=self.home / "server.key",
            ca=self.home / "ca.pem",
            dock=self.dock,
            signature=self.home / "bundle.signature",
            first_poll_s=self.first_poll_s,
            private_port=free_port(),
        )
        self.fab = self.fab or bundle.of_this_installation()
        signed = BundleSignature.make(self.signed_by or self.release_key, self.fab, now=now)
        (self.home / "bundle.signature").write_text(signed.json())
        self.fleet = Fleet(self.settings, on_run=self.runs.append, fab=self.fab, run_config=self.run_config)

    def courier(self, name: str, door: Path) -> "LocalCourier":
        """A courier with a key of its own, not registered and not started."""
        files = CourierFiles(root=self.home / name)
        for path in (files.key, files.pipe):
            path.parent.mkdir(parents=True, exist_ok=True)
        files.door.unlink(missing_ok=True)
        files.door.symlink_to(door)
        courier_key_pair(files.key)
        trust(files.trusted, (ReleaseKey.of(self.release_key),))
        port = self.settings.private_port if self.unfiltered else self.settings.port
        return LocalCourier(files, f"{self.settings.host}:{port}", (self.home / "ca.pem").read_text())

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.fleet.start()
            stack.callback(self.fleet.stop)
            couriers, nodes = [], []
            for index, door in enumerate(self.doors):
                courier = self.courier(f"node{index}", door)
                public = courier_key_pair(courier.files.key)
                nodes.append(self.fleet.register(f"node{index}", public))
                courier.start()
                stack.callback(courier.stop)
                couriers.append(courier)
            self.nodes, self.couriers = tuple(nodes), tuple(couriers)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pids(self) -> list[int]:
        """The pids of all processes that the fleet and its couriers run now."""
        healths = [self.fleet.health().processes, *(each.courier.health() for each in self.couriers)]
        return [process.pid for health in healths for process in health if process.running]

    def wait_online(self, timeout_s: float) -> None:
        """Wait until every registered node is online."""
        until = time.monotonic() + timeout_s
        while not set(self.nodes) <= set(self.fleet.health().online):
            if time.monotonic() > until:
                raise TimeoutError(f"not every node was online within {timeout_s:.0f} s")
            time.sleep(0.2)
