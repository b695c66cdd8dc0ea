import json

import httpx
import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.testclient import TestClient

from protocols.errors import BadInput, BelowMinimumCohort
from protocols.service.app import create_app
from protocols.service.problems import MEDIA_TYPE, Refused, problem_of, raise_for_problem


class Order(BaseModel):
    customer: str
    count: int


@pytest.fixture
def http():
    router = APIRouter()

    @router.get("/refuses")
    async def refuses() -> None:
        raise BelowMinimumCohort(expected="at least 4 companies", came="3", do="invite one more company")

    @router.get("/breaks")
    async def breaks() -> None:
        raise ZeroDivisionError("customer 4711081542")

    @router.post("/orders")
    async def orders(order: Order) -> int:
        return order.count

    @router.post("/bytes")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @router.put("/x/vector")
    async def vector(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    app = create_app(
        "test",
        routers=[router],
        body_bytes=1000,
        large_bodies={"/vector": 5000},
        error_page=lambda _request, problem: f"<h1>{problem.title}</h1>",
    )
    return TestClient(app, raise_server_exceptions=False)


def test_an_error_travels_as_a_problem_with_its_three_parts_and_comes_back_as_an_error(http):
    answer = http.get("/refuses")
    assert answer.status_code == 403
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json() == {
        "type": "urn:altrove:problem:below-minimum-cohort",
        "title": "Below minimum cohort",
        "status": 403,
        "detail": "expected at least 4 companies; came 3; invite one more company",
        "expected": "at least 4 companies",
        "came": "3",
        "do": "invite one more company",
        "fault": "policy",
    }
    with pytest.raises(Refused) as caught:
        raise_for_problem(answer)
    assert caught.value.problem.code == "below-minimum-cohort"
    assert str(caught.value) == answer.json()["detail"]


def test_a_defect_tells_nothing_but_where_to_look(http):
    answer = http.get("/breaks")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:altrove:problem:internal"
    assert "4711081542" not in answer.text
    assert "ZeroDivisionError" not in answer.text


def test_a_body_that_does_not_fit_names_the_fields_and_not_their_values(http):
    answer = http.post("/orders", json={"customer": "household 4711081542", "count": "many"})
    assert answer.status_code == 422
    assert "body.count" in answer.json()["detail"]
    assert "many" not in answer.text
    assert "4711081542" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/refuses", 405), ("GET", "/docs", 404)],
)
def test_unknown_paths_and_methods_are_problems_too(http, method, path, status):
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:altrove:problem:http-{status}"


def test_a_browser_gets_the_problem_as_a_page(http):
    answer = http.get("/refuses", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 403
    assert answer.text == "<h1>Below minimum cohort</h1>"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("path", "limit"), [("/bytes", 1000), ("/x/vector", 5000)])
def test_a_body_passes_up_to_the_limit_of_its_path_and_not_a_byte_more(http, path, limit, announced):
    def send(size):
        body = bytes(size) if announced else iter([bytes(size - 1), bytes(1)])
        return http.request("PUT" if "vector" in path else "POST", path, content=body)

    assert send(limit).json() == limit
    refused = send(limit + 1)
    assert refused.status_code == 413
    assert refused.json()["type"] == "urn:altrove:problem:too-large"


def test_an_answer_that_is_no_problem_document_is_refused_in_words():
    answer = httpx.Response(502, text="<html>", request=httpx.Request("GET", "https://elsewhere/"))
    with pytest.raises(Refused, match="502 without a problem document from elsewhere"):
        raise_for_problem(answer)


def test_the_api_description_loads_nothing_from_elsewhere(http):
    assert "openapi" in http.get("/openapi.json").json()


def test_half_a_character_in_what_came_is_a_problem_like_any_other():
    problem = problem_of(BadInput(expected="a name", came="\ud800", do="correct it"))
    assert json.loads(problem.model_dump_json())["came"] == "?"
