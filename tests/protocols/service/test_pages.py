import re
import xml.etree.ElementTree as ET

import pytest
from fastapi import APIRouter, Depends
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from protocols.service.app import create_app
from protocols.service.origin import same_origin
from protocols.service.pages import STATIC, Link, Pages, api_page, short, size, static_router, when
from protocols.service.plots import Bar, Line, Mark, bar_plot, interval_plot, nice_ticks


@pytest.fixture
def http(tmp_path):
    pages = Pages(tmp_path, product="Test", navigation=[Link(href="/", text="Start")])
    (tmp_path / "page.html").write_text(
        '{% extends "frame.html" %}{% block content %}{{ word }}{% endblock %}'
    )
    router = APIRouter(dependencies=[Depends(same_origin())])

    @router.get("/", summary="The start")
    async def start():
        return pages.render(
            "page.html",
            path="/",
            title="T",
            sentence="All is well.",
            values={"word": "<script>alert(1)</script>"},
        )

    @router.post("/press")
    async def press() -> str:
        return "pressed"

    app = create_app("test", routers=[static_router(), router], error_page=pages.problem)
    app.include_router(api_page(app, pages))
    return TestClient(app, base_url="http://127.0.0.1:8000")


def test_a_page_escapes_what_it_shows_and_allows_no_script(http):
    page = http.get("/")
    assert "<script>" not in page.text
    assert "<h1>All is well.</h1>" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy


def test_pages_and_style_sheet_refer_to_nothing_outside(http):
    style = http.get("/static/altrove.css").text
    for text in (http.get("/").text, http.get("/docs").text, style):
        assert not re.search(r"(href|src)=\"(https?:)?//|@import|url\(", text)


def test_static_serves_its_folder_and_nothing_else(http):
    assert http.get("/static/mark.svg").headers["content-type"].startswith("image/svg+xml")
    for name in ("..%2fpages.py", "%2e%2e/pages.py", "pages.py", "none.css"):
        assert http.get(f"/static/{name}").status_code == 404, name
    assert {path.name for path in STATIC.iterdir()} == {"altrove.css", "mark.svg"}


def test_the_api_page_lists_the_operations(http):
    text = http.get("/docs").text
    assert "The start" in text
    assert "/press" in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://127.0.0.1:9000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_only_the_consoles_own_pages_may_press_a_button(http, headers, status):
    assert http.post("/press", headers=headers).status_code == status


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "", "localhost.evil"])
def test_a_foreign_name_for_this_machine_is_refused_even_for_reading(http, host):
    answer = http.get("/", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:altrove:problem:cross-site"


def test_a_problem_is_a_page_with_its_three_parts_for_a_browser(http):
    answer = http.get("/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert answer.status_code == 403
    assert all(words in answer.text for words in ("Expected", "Came", "What to do", "evil.example"))


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_ticks_are_few_begin_at_zero_and_reach_the_highest_value(highest):
    ticks = nice_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest * (1 - 1e-6)
    assert 2 <= len(ticks) <= 7
    assert ticks[-2] < highest * (1 + 1e-6)


def positions(svg: str, tag: str, attribute: str, kind: str) -> list[float]:
    found = []
    for parent in ET.fromstring(svg).iter():
        found += [
            float(child.get(attribute).rstrip("%"))
            for child in parent
            if child.tag == tag and parent.get("class") == kind
        ]
    return found


def test_an_interval_is_drawn_where_its_figures_say():
    marks = (
        Mark(name="local", kind="base", value=20, low=10, high=30),
        Mark(name="exchange", kind="main", value=50, low=40, high=100),
    )
    svg = interval_plot([Line(label="Surprise <1>", marks=marks)], unit="of 100", description="A & B")
    assert positions(svg, "circle", "cx", "base") == pytest.approx([20.0])
    assert positions(svg, "line", "x1", "main") == pytest.approx([40.0])
    assert positions(svg, "line", "x2", "main") == pytest.approx([100.0])
    assert "exchange: 50 (95% interval 40 to 100)" in svg
    assert "of 100" in svg


def test_bars_are_as_long_as_their_figures_and_nothing_breaks_at_zero():
    bars = [
        Bar(label="a", value=4.0, text="4 s", kind="main"),
        Bar(label="b", value=0.0, text="–", kind="main"),
    ]
    svg = ET.fromstring(bar_plot(bars, unit="s", description="d"))
    widths = [float(bar.get("width").rstrip("%")) for bar in svg.iter("rect") if bar.get("class") == "main"]
    assert widths == pytest.approx([100.0, 0.0])
    ET.fromstring(bar_plot([], unit="s", description="nothing"))


def test_figures_read_as_people_write_them():
    assert [size(n) for n in (0, 999, 1000, 9_870_124, 123_456_789, 5_000_000_000)] == [
        "0 B", "999 B", "1.0 kB", "9.9 MB", "123 MB", "5.0 GB"
    ]  # fmt: skip
    assert when(0) == "–"
    assert re.fullmatch(r"\d{1,2} \w{3} \d{4}, \d\d:\d\d \S+", when(1_760_000_000))
    assert short("") == "–"
