"""The courier beside the daemon: what the node decides about it, and the job that keeps it.

The pipe to the fleet and the courier's processes live exactly as long as the job. Whatever is wrong with a
courier costs time, never a round: the node sends the same masked bytes over the coordinator's API.
"""

import os
from contextlib import suppress

import structlog

from participant.consortium import Consortium
from participant.courier import (
    Courier,
    CourierSettings,
    FleetPipe,
    Isolation,
    Route,
    courier_user,
    find_isolation,
    trusted,
)
from participant.exchange import Exchange
from participant.home import Home
from participant.settings import Settings
from protocols.service.errors import Unreachable
from protocols.service.jobs import Jobs, Stop

RETRY_S = 2.0
OFF = "off"
APART = "apart"

_log = structlog.get_logger(__name__)


class CourierDesk:
    """One node's courier, by its settings."""

    def __init__(self, *, home: Home, settings: Settings, link: Consortium, exchange: Exchange) -> None:
        self._home = home
        self._settings = settings
        self._link = link
        self._exchange = exchange
        self.user = courier_user(settings.courier.user)
        if settings.courier.mode == APART:
            home.courier.share()

    @property
    def socket_mode(self) -> int:
        """Of door and pipe: who may connect is asked of the kernel, the folder keeps others out."""
        if self._settings.courier.mode == APART:
            return 0o660
        return 0o666 if self.user.is_another else 0o600

    @property
    def isolation(self) -> Isolation:
        """How the courier is shut in on this machine."""
        return Isolation.APART if self._settings.courier.mode == APART else find_isolation(self.user)

    def refusal(self) -> str:
        """Why there is no courier, in words; empty when there is one."""
        courier, over_api = self._settings.courier, "vectors go over the coordinator's API"
        if courier.mode == OFF:
            return f"No courier, by the settings: {over_api}."
        if not trusted(self._home.courier.trusted):
            return (
                f"No courier: no release key is trusted, {over_api}. Compare the consortium's release key "
                "with another member, then run `altrove-node trust FILE.pub` and start the node again."
            )
        if courier.require_sandbox and self.isolation is Isolation.NONE:
            return f"No courier: courier.require_sandbox is set and no sandbox works here, {over_api}."
        return ""

    def sentence(self) -> str:
        """How the courier stands, for whoever looks after this node."""
        return self.refusal() or self.isolation.sentence

    def run(self, stop: Stop) -> None:
        """Keep the courier until ``stop``: the daemon's job."""
        said = self.refusal()
        if said:
            _log.warning("no courier", detail=said)
            self._exchange.without_courier()
            return
        fleet = self._fleet(stop)
        if not fleet:
            return
        say = _log.warning if self.isolation is Isolation.NONE else _log.info
        say("courier isolation", detail=self.isolation.sentence)
        pipe = FleetPipe(
            self._home.courier.pipe,
            Route(fleet=fleet, proxy=self._settings.exchange.proxy),
            uids=frozenset({self.user.uid, os.getuid()}),
            mode=self.socket_mode,
        )
        jobs = Jobs()
        jobs.start("fleet pipe", pipe.run)
        try:
            if self._settings.courier.mode == APART:
                _wait(stop)
            else:
                self._beside(stop, fleet)
        finally:
            jobs.stop(timeout_s=RETRY_S)

    def _beside(self, stop: Stop, fleet: str) -> None:
        files = self._home.courier
        courier = Courier(
            CourierSettings(files=files, work=files.work, user=self.user, isolation=self.isolation)
        )
        courier.start()
        _log.info("courier started", fleet=fleet)
        try:
            _wait(stop)
        finally:
            courier.stop()

    def _fleet(self, stop: Stop) -> str:
        """Where the coordinator says that its fleet is; empty when it has none, or at ``stop``."""
        while not stop:
            with suppress(Unreachable):
                address = (self._link.card().fleet or {}).get("address", "")
                if not address:
                    _log.info("the coordinator runs no fleet; vectors go over the API")
                    self._exchange.without_courier()
                return address
            stop.wait(RETRY_S)
        return ""


def _wait(stop: Stop) -> None:
    while not stop.wait(RETRY_S):
        pass
