"""The node daemon: its apps, its listeners, its jobs, and the order in which they start and stop."""

from dataclasses import dataclass

import structlog
from fastapi import FastAPI

from participant.api.appetite import appetite_router
from participant.api.door import door_router
from participant.api.nonbuyers import nonbuyers_router
from participant.api.recommendations import recommendations_router
from participant.appetites import AppetiteDesk
from participant.console.routes import console_pages, console_router
from participant.node import Node
from participant.overview import Overview
from participant.serving import Recommender
from participant.store.tokens import Tokens
from participant.threads import hold_to
from protocols.errors import WrongVocabulary
from protocols.service.app import create_app
from protocols.service.errors import Unreachable
from protocols.service.health import database_check, health_router, jobs_check
from protocols.service.jobs import Jobs, Stop
from protocols.service.listeners import Listeners, Tcp, Unix
from protocols.service.metrics import Metrics, metrics_router
from protocols.service.origin import LOOPBACK
from protocols.service.pages import api_page, static_router

STOP_WITHIN_S = 5.0
RETRY_S = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apps:
    """The public app (API and console, on loopback) and the door's app (unix socket)."""

    public: FastAPI
    door: FastAPI


def make_apps(node: Node, recommender: Recommender, jobs: Jobs) -> Apps:
    """Build both apps of ``node``."""
    metrics, pages = Metrics(), console_pages()
    _gauges(metrics, node)
    checks = {
        "database": database_check(node.db),
        "jobs": jobs_check(jobs),
        "door": node.door.switch.require_open,
        "coordinator": lambda: _coordinator_check(node),
    }
    hosts = LOOPBACK | {node.settings.listen.host}
    public = create_app(
        f"Altrove node of {node.member.name}",
        routers=[
            recommendations_router(recommender, Tokens(node.db), node.clock),
            appetite_router(
                AppetiteDesk(db=node.db, trainer=node.trainer, clock=node.clock), Tokens(node.db), node.clock
            ),
            nonbuyers_router(node.nonbuyers, Tokens(node.db), node.clock),
            health_router(checks),
            metrics_router(metrics),
            static_router(),
            console_router(Overview(node, recommender), pages, hosts=frozenset(hosts)),
        ],
        error_page=pages.problem,
    )
    public.include_router(api_page(public, pages))
    metrics.watch(public)
    door = create_app(
        "Altrove door",
        routers=[door_router(node.door, node.exchange, node.bell)],
        describes_itself=False,
    )
    return Apps(public=public, door=door)


class Daemon:
    """One running node. Ports and the socket are opened at construction, before anything starts.

    Raises:
        PortTaken, CannotListen: nothing was started.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.jobs = Jobs(node.clock)
        self.recommender = Recommender(
            db=node.db, records=node.records, trainer=node.trainer, clock=node.clock
        )
        apps = make_apps(node, self.recommender, self.jobs)
        listen = node.settings.listen
        self.listeners = Listeners(
            [
                Tcp(app=apps.public, host=listen.host, port=listen.port, flag="--port"),
                Unix(
                    app=apps.door,
                    path=node.home.courier.door,
                    others=frozenset({node.courier.user.uid}),
                    mode=node.courier.socket_mode,
                ),
            ],
            on_stop=node.bell.close,
        )

    @property
    def address(self) -> str:
        """Where API and console answer."""
        return f"http://{self.node.settings.listen.host}:{self.listeners.ports[0]}"

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then end everything that was started."""
        if not self.node.restoring.begin():
            _log.error("restored from a backup: nothing is answered; run `altrove-node restored`")
        self.node.door.recover()
        hold_to(self.node.settings.training.threads)
        self.jobs.start("exchange", self.node.exchange.run)
        self.jobs.start("training", self.node.trainer.run)
        self.jobs.start("vocabulary", self._look_at_vocabulary)
        self.jobs.start("warm-up", lambda _stop: self.recommender.warm())
        self.jobs.start("courier", self.node.courier.run)
        try:
            self.listeners.run()
        finally:
            self.jobs.stop(timeout_s=STOP_WITHIN_S)
            self.node.link.close()
            self.node.db.dispose()

    def _look_at_vocabulary(self, stop: Stop) -> None:
        """Say once, at the start, if the consortium's vocabulary is not the one that this node maps to."""
        while not stop:
            try:
                self.node.standing.check_vocabulary()
            except Unreachable:
                stop.wait(RETRY_S)
                continue
            except WrongVocabulary as outdated:
                _log.warning("the vocabulary has changed", code=outdated.code, detail=str(outdated))
            return


def _coordinator_check(node: Node) -> None:
    if node.exchange.trouble:
        raise Unreachable(
            expected="an exchange without trouble",
            came=node.exchange.trouble,
            do="the node keeps trying with the same bytes",
        )


def _gauges(metrics: Metrics, node: Node) -> None:
    metrics.gauge("altrove_door_open", "1 while the officer keeps the door open").set_function(
        lambda: 1.0 if node.door.switch.is_open() else 0.0
    )
    metrics.gauge("altrove_coordinator_last_contact_seconds", "Unix time of the last answer").set_function(
        lambda: float(node.exchange.last_contact)
    )
    metrics.gauge("altrove_training", "1 while a model is being trained").set_function(
        lambda: 1.0 if node.trainer.training else 0.0
    )
