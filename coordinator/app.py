"""The coordinator as a process: four apps on four listeners, the driver, and the courier.

partner (TLS, client certificate required) | enrolment (TLS) | admin and console (loopback) | dock (unix)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from fastapi import FastAPI

from coordinator.api.admin import admin_router
from coordinator.api.dock import dock_router
from coordinator.api.enrolment import REQUEST_BYTES, enrolment_router
from coordinator.api.partner import partner_router
from coordinator.console.routes import console_pages, console_router
from coordinator.console.stored_view import StoredView
from coordinator.courier.errors import CourierRefused
from coordinator.services import Services
from coordinator.store.members import Member, Members
from protocols.limits import VECTOR_BYTES
from protocols.service.app import create_app
from protocols.service.health import database_check, health_router, jobs_check
from protocols.service.jobs import Jobs, Stop
from protocols.service.listeners import Listeners, Tcp, Unix
from protocols.service.metrics import Metrics, metrics_router
from protocols.service.pages import api_page, static_router
from protocols.service.tls import server_context
from protocols.service.unit_of_work import reading, transaction

HOUR_S = 3_600.0
MATCH_EVERY_S = 60.0
"""How soon a removed member's courier is forgotten at the latest."""

DAY_S = 86_400

_log = structlog.get_logger(__name__)


class Carrier(Protocol):
    """What the daemon asks of a fleet: ``coordinator.courier.Fleet``, or a test's."""

    def start(self) -> None:
        """Start carrying."""

    def stop(self) -> None:
        """End every process."""

    def register(self, name: str, courier_key: bytes) -> str:
        """The Flower node id of a member's courier key; the same key again gives the same id."""

    def unregister(self, name: str) -> None:
        """Forget a member's courier."""

    def note_dock_poll(self, run_id: str = "") -> None:
        """The dock was called by this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apps:
    """The four apps of one coordinator."""

    partner: FastAPI
    enrolment: FastAPI
    admin: FastAPI
    dock: FastAPI


def build_apps(
    services: Services, jobs: Jobs, *, on_joined: Callable[[Member], None] = lambda _: None
) -> Apps:
    """The apps over ``services``; ``on_joined`` hears of every new member."""
    pages, metrics = console_pages(), Metrics()
    checks = {"database": database_check(services.db), "jobs": jobs_check(jobs)}
    admin = create_app(
        "Altrove coordinator: administration",
        routers=(
            admin_router(services),
            health_router(checks),
            metrics_router(metrics),
            static_router(),
            console_router(StoredView(services), pages),
        ),
        error_page=pages.problem,
    )
    apps = Apps(
        partner=create_app(
            "Altrove coordinator: members",
            routers=(partner_router(services),),
            large_bodies={"/vector": VECTOR_BYTES},
        ),
        enrolment=create_app(
            "Altrove coordinator: enrolment",
            routers=(enrolment_router(services, on_joined),),
            body_bytes=REQUEST_BYTES,
        ),
        admin=admin,
        dock=create_app(
            "Altrove coordinator: dock", routers=(dock_router(services),), body_bytes=VECTOR_BYTES
        ),
    )
    admin.include_router(api_page(admin, pages))
    for app in (apps.partner, apps.enrolment, apps.admin, apps.dock):
        metrics.watch(app)
    return apps


class Daemon:
    """One running coordinator. ``carrier`` None means ``--courier off``: members upload by themselves."""

    def __init__(self, services: Services, carrier: Carrier | None) -> None:
        self._services = services
        self._carrier = carrier
        self.jobs = Jobs(services.clock)
        apps = build_apps(services, self.jobs, on_joined=lambda _member: self._register_soon())
        settings, home = services.settings, services.home
        certificate, key = home.server
        mutual = server_context(certificate, key, authority=home.authority[0], require_client=True)
        public = server_context(certificate, key, authority=None, require_client=False)
        self.listeners = Listeners(
            [
                Tcp(
                    app=apps.partner,
                    host=settings.host,
                    port=settings.partner_port,
                    flag="--partner-port",
                    tls=mutual,
                ),
                Tcp(
                    app=apps.enrolment,
                    host=settings.host,
                    port=settings.enrol_port,
                    flag="--enrol-port",
                    tls=public,
                ),
                Tcp(app=apps.admin, host=settings.admin_host, port=settings.admin_port, flag="--admin-port"),
                Unix(app=apps.dock, path=home.dock),
            ],
            on_stop=services.news.close,
        )
        self._unregistered = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; returns when every listener, job and process has ended."""
        self.start_jobs()
        try:
            self.listeners.run()
        finally:
            self.stop_jobs()

    def start_jobs(self) -> None:
        """Start the driver, the housekeeping and the courier."""
        self.jobs.start("driver", self._services.driver.run)
        self.jobs.start("housekeeping", self._keep_house)
        if self._carrier is not None:
            self._services.dock.tell_polls(self._carrier.note_dock_poll)
            self._carrier.start()
            self.jobs.start("registration", self._register)

    def stop_jobs(self) -> None:
        """End them, the courier's processes included."""
        self._services.news.close()
        self.jobs.stop(timeout_s=10.0)
        if self._carrier is not None:
            self._carrier.stop()
        self._services.close()

    def _register_soon(self) -> None:
        self._unregistered = True

    def _register(self, stop: Stop) -> None:
        """Keep the fleet's registrations those of the members: at once when somebody joins, else now and then."""
        due, forgotten = self._services.clock.monotonic_s(), False
        while not stop:
            if self._unregistered or self._services.clock.monotonic_s() >= due:
                self._unregistered = False
                self._match_registrations(forgotten=forgotten)
                forgotten = True
                due = self._services.clock.monotonic_s() + MATCH_EVERY_S
            stop.wait(0.5)

    def _match_registrations(self, *, forgotten: bool) -> None:
        """``forgotten``: removed members without a known node have been unregistered since the start.

        A daemon that was killed between the fleet's registration and its own note does not know the node.
        """
        carrier = self._carrier
        if carrier is None:
            return
        with reading(self._services.db) as connection:
            members = Members(connection).all()
        present = {member.name for member in members if not member.removed_at}
        for member in members:
            if member.removed_at and (member.name in present or (forgotten and not member.flower_node)):
                continue
            try:
                if member.removed_at:
                    carrier.unregister(member.name)
                    node = ""
                else:
                    node = carrier.register(member.name, member.courier_key)
            except CourierRefused as refused:  # one member's bad key keeps nobody else out
                _log.warning("courier refused", member=member.name, detail=str(refused))
                continue
            if node != member.flower_node:
                with transaction(self._services.db) as connection:
                    Members(connection).set_flower_node(member.partner, node)
                _log.info(
                    "courier registered" if node else "courier forgotten", member=member.name, node=node
                )

    def _keep_house(self, stop: Stop) -> None:
        """Drop masked vectors that no dispute can need any more."""
        while not stop:
            old = self._services.clock.now() - DAY_S * self._services.settings.spool_days
            if count := self._services.spool.expire(old):
                _log.info("old masked vectors removed", files=count)
            stop.wait(HOUR_S)
