import threading
import time

import pytest
from starlette.testclient import TestClient

from protocols.errors import BadInput
from protocols.service import jobs as module
from protocols.service.app import create_app
from protocols.service.health import database_check, health_router, jobs_check
from protocols.service.jobs import Jobs, JobState
from protocols.service.metrics import Metrics, metrics_router
from protocols.service.unit_of_work import engine


@pytest.fixture
def jobs(monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    supervised = Jobs()
    yield supervised
    assert supervised.stop(timeout_s=30)


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)


def test_a_job_that_fails_is_started_again(jobs):
    runs = []

    def work(stop):
        runs.append(1)
        if len(runs) < 3:
            raise BadInput(expected="a", came="b", do="c")
        stop.wait(30)

    jobs.start("flaky", work)
    until(lambda: len(runs) == 3)
    (health,) = jobs.health()
    assert (health.name, health.state, health.restarts) == ("flaky", JobState.RUNNING, 2)
    assert health.trouble == "expected a; came b; c"


def test_a_defect_does_not_end_its_supervision_and_its_text_stays_in_the_log(jobs):
    ran = threading.Event()

    def work(_stop):
        if not ran.is_set():
            ran.set()
            raise ZeroDivisionError("customer 4711081542")

    jobs.start("broken", work)
    until(lambda: jobs.health()[0].state is JobState.ENDED)
    assert "ZeroDivisionError" in jobs.health()[0].trouble
    assert "4711081542" not in jobs.health()[0].trouble


def test_stopping_wakes_a_sleeping_job_at_once(jobs):
    jobs.start("sleeper", lambda stop: stop.wait(600))
    assert jobs.stop(timeout_s=30)


def test_stop_tells_when_a_job_does_not_listen():
    release, deaf = threading.Event(), Jobs()
    deaf.start("deaf", lambda stop: release.wait(60) and None)
    assert not deaf.stop(timeout_s=0.05)
    release.set()
    assert deaf.stop(timeout_s=30)


def test_health_names_the_part_that_is_not_well(jobs, monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 30.0)

    def work(_stop):
        raise BadInput(expected="a", came="b", do="c")

    checks = {"database": database_check(engine("sqlite://")), "jobs": jobs_check(jobs)}
    http = TestClient(create_app("test", routers=[health_router(checks)]))
    assert http.get("/healthz").json() == {"alive": True}
    assert http.get("/readyz").json()["ready"] is True
    jobs.start("flaky", work)
    until(lambda: jobs.health()[0].state is JobState.PAUSING)
    answer = http.get("/readyz")
    assert answer.status_code == 503
    assert [(part["name"], part["well"]) for part in answer.json()["parts"]] == [
        ("database", True),
        ("jobs", False),
    ]
    assert "flaky: expected a; came b; c" in answer.json()["parts"][1]["detail"]


def test_requests_are_measured_by_route_and_never_by_path():
    metrics = Metrics()
    app = create_app("test", routers=[metrics_router(metrics)])

    @app.get("/customers/{name}")
    async def customer(name: str) -> str:
        return name

    metrics.watch(app)
    metrics.counter("altrove_rounds_total", "Rounds", ("outcome",)).labels("released").inc()
    http = TestClient(app)
    http.get("/customers/4711081542")
    http.get("/nowhere/4711081542")
    text = http.get("/metrics").text
    assert 'route="/customers/{name}",status="200"} 1.0' in text
    assert 'altrove_rounds_total{outcome="released"} 1.0' in text
    assert "4711081542" not in text


def test_a_metric_without_our_name_is_refused():
    with pytest.raises(ValueError, match="altrove_"):
        Metrics().counter("rounds", "Rounds")
