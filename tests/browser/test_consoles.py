from contextlib import contextmanager

import pytest

from coordinator.console import routes as coordinator_routes
from participant.console import routes as node_routes
from protocols.service.app import create_app
from protocols.service.listeners import Tcp
from protocols.service.pages import api_page, static_router
from tests.coordinator.console import demo_view as consortium
from tests.participant.console import demo_view as node
from tests.protocols.service.daemon import running

WIDTHS = (320, 768, 1440)


@contextmanager
def console(routes, view):
    """Serve one console over ``view``; yields its address."""
    pages = routes.console_pages()
    app = create_app(
        "console", routers=[static_router(), routes.console_router(view, pages)], error_page=pages.problem
    )
    app.include_router(api_page(app, pages))
    with running(Tcp(app=app, host="127.0.0.1", port=0, flag="--port")) as (port,):
        yield f"http://127.0.0.1:{port}"


PAGES = {
    "coordinator-running": (coordinator_routes, consortium.running_view, "/"),
    "coordinator-released": (coordinator_routes, consortium.released_view, "/"),
    "coordinator-empty": (coordinator_routes, consortium.empty_view, "/"),
    "coordinator-aborted": (coordinator_routes, consortium.running_view, "/rounds/2"),
    "coordinator-unknown": (coordinator_routes, consortium.running_view, "/rounds/77"),
    "node-today": (node_routes, node.busy_view, "/"),
    "node-empty": (node_routes, node.DemoView, "/"),
    "node-outbox": (node_routes, node.busy_view, "/outbox"),
    "node-budget": (node_routes, node.busy_view, "/budget"),
    "node-recommendations": (node_routes, node.busy_view, "/recommendations?customer=2391"),
    "node-stop": (node_routes, node.busy_view, "/stop"),
    "node-stopped": (node_routes, lambda: node.DemoView(shown_status=node.a_status(stopped=True, stopped_at=node.NOW)), "/"),
    "node-api": (node_routes, node.DemoView, "/docs"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_every_width_without_script_network_or_complaint(browser, pictures, name):
    routes, view, path = PAGES[name]
    with console(routes, view()) as address:
        page = browser.new_page(java_script_enabled=False)
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: complaints.append(said.text))
        page.goto(address + path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)
        page.close()
    assert asked
    assert all(url.startswith(address) for url in asked)
    assert [text for text in complaints if "404" not in text] == []


def test_an_officer_stops_the_node_by_typing_the_word(browser):
    view = node.busy_view()
    with console(node_routes, view) as address:
        page = browser.new_page(java_script_enabled=False)
        page.goto(address)
        page.get_by_role("link", name="Stop everything that leaves").click()
        page.get_by_label("Type STOP to confirm").fill("stop")
        page.get_by_role("button", name="Stop everything that leaves").click()
        assert "Nothing was stopped" in page.inner_text("main")
        assert view.stops == 0
        page.get_by_label("Type STOP to confirm").fill("STOP")
        page.get_by_role("button", name="Stop everything that leaves").click()
        assert page.inner_text("h1").startswith("The door is closed")
        page.close()
    assert view.stops == 1


def test_a_page_of_another_origin_cannot_press_stop(browser):
    view = node.busy_view()
    with console(node_routes, view) as address:
        page = browser.new_page()
        other = address.replace("127.0.0.1", "localhost")  # another origin that reaches the same port
        page.route("**/evil", lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{address}/stop"><input name="word" value="STOP"></form>'
            "<script>document.forms[0].submit()</script>",
        ))  # fmt: skip
        with page.expect_navigation(url="**/stop"):
            page.goto(f"{other}/evil")
        page.wait_for_load_state()
        assert "Cross site" in page.inner_text("main")
        page.close()
    assert view.stops == 0


def test_a_marketer_looks_up_a_customer_and_reads_the_reasons(browser):
    with console(node_routes, node.busy_view()) as address:
        page = browser.new_page(java_script_enabled=False)
        page.goto(f"{address}/recommendations")
        page.get_by_label("Customer id").fill("2391")
        page.get_by_role("button", name="Show").click()
        assert "3 suggestions never bought here before" in page.inner_text("h1")
        assert "fresh herbs and pasta" in page.inner_text("main")
        page.close()


def test_the_page_of_a_running_round_renews_itself_and_a_closed_one_stands_still(browser):
    view = consortium.running_view()
    with console(coordinator_routes, view) as address:
        page = browser.new_page(java_script_enabled=False)
        page.goto(address)
        assert "waits for masked answers: 3 of 5" in page.inner_text("h1")
        view.shown_rounds = consortium.released_view().shown_rounds
        page.wait_for_selector("h1:has-text('closed with 4 of 5')", timeout=8000)
        assert page.locator("meta[http-equiv=refresh]").count() == 0
        page.close()
