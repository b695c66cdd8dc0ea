"""The courier beside the daemon: what the node decides about it, and the job that keeps it.

The pipe to the fleet and the courier's processes live exactly as long as the job. Whatever is wrong with a
courier costs time, never a round: the node sends the same masked bytes over the coordinator's API.
"""

import os
import re
import time
from contextlib import suppress
from functools import cached_property
from urllib.parse import urlsplit

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
    why_no_sandbox,
)
from participant.errors import BadSettings
from participant.exchange import Exchange
from participant.home import Home
from participant.settings import Settings
from protocols.service.errors import Unreachable
from protocols.service.jobs import Jobs, Stop
from protocols.service.tls import client_context

RETRY_S = 2.0
PATIENCE_S = 60.0
"""A courier that was just started gets so long to connect before its silence counts."""
OFF = "off"
APART = "apart"
ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(?P<port>[0-9]{1,5})")

_log = structlog.get_logger(__name__)


class CourierDesk:
    """One node's courier, by its settings."""

    def __init__(
        self, *, home: Home, settings: Settings, link: Consortium, exchange: Exchange, coordinator: str
    ) -> None:
        """``coordinator`` is the address of its API, whose host the fleet must have."""
        self._coordinator = coordinator
        self._home = home
        self._settings = settings
        self._link = link
        self._exchange = exchange
        self.user = courier_user(settings.courier.user)
        if settings.courier.mode == APART:
            if not self.user.is_another:
                raise BadSettings(
                    expected="courier.user to name the user of the courier's container",
                    came="none, or this node's own user",
                    do="set it to that user's number: its files would not be kept from it otherwise",
                )
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

    @cached_property
    def _trouble(self) -> str:
        return why_no_sandbox(self.user) or "one works now: start the node again"

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
            return (
                f"No courier: no sandbox works here ({self._trouble}), {over_api}. Install bubblewrap (Debian: "
                "apt-get install bubblewrap) and permit user namespaces, run the courier apart in a container, "
                "or accept a courier with this user's rights by name: courier.require_sandbox = false."
            )
        return ""

    def sentence(self) -> str:
        """How the courier stands, for whoever looks after this node."""
        return self.refusal() or self.isolation.sentence

    def run(self, stop: Stop) -> None:
        """Keep the courier until ``stop``: the daemon's job. Other release keys start it anew."""
        fleet = "" if self.refusal() else self._fleet(stop)
        if self.refusal() or not fleet:
            if not stop:
                _log.warning(
                    "no courier", detail=self.refusal() or "the coordinator names no fleet of its own"
                )
                self._exchange.without_courier()
            return
        say = _log.warning if self.isolation is Isolation.NONE else _log.info
        say("courier isolation", detail=self.isolation.sentence)
        pipe = FleetPipe(
            self._home.courier.pipe,
            Route(
                fleet=fleet,
                tls=client_context(self._home.authority.read_text(encoding="ascii")),
                proxy=self._settings.exchange.through,
            ),
            uids=frozenset({self.user.uid, os.getuid()}),
            mode=self.socket_mode,
        )
        jobs = Jobs()
        jobs.start("fleet pipe", pipe.run)
        try:
            while not stop and not self.refusal():
                self._keep(stop)
        finally:
            jobs.stop(timeout_s=RETRY_S)
        if not stop:
            _log.warning("no courier any more", detail=self.refusal())
            self._exchange.without_courier()

    def _keep(self, stop: Stop) -> None:
        """Run the courier until ``stop``, or until other release keys are trusted."""
        files = self._home.courier
        keys = trusted(files.trusted)
        courier = None
        if self._settings.courier.mode != APART:
            courier = Courier(
                CourierSettings(files=files, work=files.work, user=self.user, isolation=self.isolation)
            )
            courier.start()
            _log.info("courier started")
        patient_until = time.monotonic() + PATIENCE_S
        try:
            while not stop.wait(RETRY_S) and trusted(files.trusted) == keys:
                if courier is not None and self._was_silent(patient_until):
                    courier.restart("it did not come for a vector")
                    patient_until = time.monotonic() + PATIENCE_S
        finally:
            if courier is not None:
                courier.stop()

    def _was_silent(self, patient_until: float) -> bool:
        """Whether no courier came for a vector lately, though it had time to connect."""
        noted = self._exchange.courier_was_silent
        silent = noted.is_set()
        noted.clear()
        return silent and time.monotonic() >= patient_until

    def _fleet(self, stop: Stop) -> str:
        """Where the coordinator's fleet is: its own host, at the port that it names; empty when it has none.

        The host is the one of joining, and the pipe has it prove itself at every connection.
        """
        while not stop:
            with suppress(Unreachable):
                address = (self._link.card().fleet or {}).get("address", "")
                found = ADDRESS.fullmatch(address)
                if found is None or found["host"].strip("[]") != urlsplit(self._coordinator).hostname:
                    return ""
                return address
            stop.wait(RETRY_S)
        return ""
