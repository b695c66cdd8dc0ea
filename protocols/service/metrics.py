"""Figures for Prometheus, in a registry of the daemon's own, served at ``/metrics``.

Labels are closed sets (route, phase, outcome): never a customer, an item, or a free text.
"""

import re
from time import perf_counter

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Histogram bounds: fine around the 30 ms bar of a recommendation, coarse up to a long poll."""

_NAME = re.compile(r"altrove_[a-z_]+")


class Metrics:
    """The registry of one daemon and the three kinds of figure."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self.histogram(
            "altrove_http_request_seconds", "Seconds per request", ("method", "route", "status")
        )

    def counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        """A figure that only grows."""
        return Counter(_checked(name), text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        """A figure that goes up and down."""
        return Gauge(_checked(name), text, labels, registry=self.registry)

    def histogram(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
        """Durations in seconds."""
        return Histogram(_checked(name), text, labels, registry=self.registry, buckets=SECONDS)

    def watch(self, app: FastAPI) -> None:
        """Measure every request of ``app`` by its route template (never by its path: paths hold ids)."""
        app.add_middleware(_Timed, metrics=self)


def metrics_router(metrics: Metrics) -> APIRouter:
    """A router that serves ``/metrics`` (public: figures only; keep the listener private)."""
    router = APIRouter(tags=["health"])

    @router.get("/metrics", summary="Prometheus figures (public)", include_in_schema=False)
    async def show() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


class _Timed:
    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, str(status)).observe(perf_counter() - began)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a metric is called altrove_ and lower-case words")
    return name
