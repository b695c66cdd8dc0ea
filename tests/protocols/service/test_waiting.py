import asyncio
import threading
import time

from protocols.service.waiting import Bell

SOON_S = 10.0
"""Half of what a wait that nothing wakes would take."""


def timed(coroutine):
    began = time.monotonic()
    return asyncio.run(coroutine), time.monotonic() - began


def test_news_that_is_there_is_returned_at_once():
    found, took_s = timed(Bell().wait(lambda: "news", seconds=20))
    assert found == "news"
    assert took_s < SOON_S


def test_without_news_the_wait_ends_empty_after_its_time():
    found, took_s = timed(Bell().wait(lambda: None, seconds=0.2))
    assert found is None
    assert 0.2 <= took_s < SOON_S


def test_a_ring_from_another_thread_wakes_everybody_who_waits():
    bell, news = Bell(), []
    threading.Timer(0.1, lambda: (news.append("news"), bell.ring())).start()

    async def three():
        return await asyncio.gather(
            *(bell.wait(lambda: news[0] if news else None, seconds=20) for _ in range(3))
        )

    found, took_s = timed(three())
    assert found == ["news"] * 3
    assert took_s < SOON_S


def test_a_closed_bell_lets_everybody_go_now_and_from_now_on():
    bell = Bell()
    threading.Timer(0.1, bell.close).start()
    found, took_s = timed(bell.wait(lambda: None, seconds=20))
    assert found is None
    assert took_s < SOON_S
    assert timed(bell.wait(lambda: None, seconds=20))[1] < SOON_S


def test_news_that_nobody_rang_for_is_found_all_the_same(monkeypatch):
    monkeypatch.setattr("protocols.service.waiting.RELOOK_S", 0.05)
    news = []
    threading.Timer(0.1, lambda: news.append("written by another process")).start()
    found, _ = timed(Bell().wait(lambda: news[0] if news else None, seconds=20))
    assert found == "written by another process"
