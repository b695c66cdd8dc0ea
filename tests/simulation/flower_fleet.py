"""A fleet and its couriers on this machine, with TLS, for tests and measurements with real Flower."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from coordinator.courier import Fleet, FleetSettings
from participant.courier import Courier, CourierSettings, courier_key_pair
from protocols.service.flower import free_port
from protocols.service.tls import make_authority, make_server


@dataclass
class LocalFleet:
    """One fleet and ``n`` registered couriers under ``home``; node ``i`` uses the door ``doors[i]``."""

    home: Path
    dock: Path
    doors: tuple[Path, ...]
    fab: bytes | None = None
    run_config: Mapping[str, str] | None = None
    first_poll_s: float = 60.0
    runs: list[str] = field(default_factory=list)
    nodes: tuple[str, ...] = ()
    couriers: tuple[Courier, ...] = ()

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
            first_poll_s=self.first_poll_s,
        )
        self.fleet = Fleet(self.settings, on_run=self.runs.append, fab=self.fab, run_config=self.run_config)

    def courier(self, name: str, door: Path) -> Courier:
        """A courier with a key of its own, not registered and not started."""
        home = self.home / name
        home.mkdir(parents=True, exist_ok=True)
        courier_key_pair(home / "courier.key")
        return Courier(
            CourierSettings(
                home=home / "courier",
                fleet=self.settings.address,
                ca=self.home / "ca.pem",
                key=home / "courier.key",
                door=door,
            )
        )

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.fleet.start()
            stack.callback(self.fleet.stop)
            couriers, nodes = [], []
            for index, door in enumerate(self.doors):
                courier = self.courier(f"node{index}", door)
                public = courier_key_pair(courier.settings.key)
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
        healths = [self.fleet.health(), *(courier.health() for courier in self.couriers)]
        return [process.pid for health in healths for process in health.processes if process.running]

    def wait_online(self, timeout_s: float) -> bool:
        """Wait until every registered node is online."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if set(self.nodes) <= set(self.fleet.health().online):
                return True
            time.sleep(0.2)
        return False
