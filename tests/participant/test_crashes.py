"""A door killed at every durable step: nothing leaves twice with different bytes, nothing unmasks or pays twice."""

import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from participant.store.attempts import Attempts
from participant.store.ledger import LedgerBook, Line
from protocols.codec import decode
from protocols.messages import Phase
from protocols.release import ReleaseManifest, unpack
from protocols.service.unit_of_work import reading
from tests.participant.door_play import Crash, Play, Steps

ROOT = Path(__file__).resolve().parents[2]


def crash() -> None:
    raise Crash


def total(play: Play) -> np.ndarray:
    (signed, payload) = next(iter(play.coordinator.releases.values()))
    return unpack(payload, decode(ReleaseManifest, signed.body))


def durable_steps(tmp_path: Path) -> int:
    play = Play(tmp_path / "count")
    steps = Steps(-1, crash)
    with steps.watching():
        play.finish(play.ask())
    return steps.seen


def test_a_crash_at_any_durable_step_sends_no_other_bytes_and_the_sum_is_exact(tmp_path):
    count = durable_steps(tmp_path)
    assert count > 20
    for die_at in range(1, count + 1):
        play = Play(tmp_path / f"home-{die_at}")
        attempt = play.ask()
        expected = play.expected()
        sent: dict[str, set[bytes]] = defaultdict(set)
        steps = Steps(die_at, crash)
        with steps.watching():
            while attempt.phase is not Phase.RELEASED:
                play.peers_act(attempt)
                try:
                    play.door_acts(attempt, lambda kind, body, to=sent: to[kind].add(body))
                except Crash:
                    play.reopen()
                    if not play.door.needs_answer(attempt.config.answer_id):
                        play.own = play.own[::-1].copy()  # a recomputation would differ
        assert {kind: len(bodies) for kind, bodies in sent.items()} == dict.fromkeys(sent, 1), die_at
        np.testing.assert_array_equal(total(play), expected)
        play.reopen()
        assert list((play.root / "secrets").iterdir()) == []


def test_a_crash_after_sealing_never_uses_a_recomputed_answer(tmp_path):
    play = Play(tmp_path / "home")
    attempt = play.ask()
    for _ in range(2):
        play.peers_act(attempt)
        play.door_acts(attempt)
    expected = play.expected()
    play.door.seal(1, 1, play.own, at_cap=play.at_cap)
    play.reopen()
    play.own = play.own + 2**24  # a recomputation that differs
    play.finish(attempt)
    np.testing.assert_array_equal(total(play), expected)


def play_on(play: Play, send: Callable[[str, bytes], None]) -> None:
    """One answer with noise: its first attempt ends unused, its second comes to a sum. Goes on where it stands."""
    attempts = play.coordinator.attempts
    first = attempts[0] if attempts else play.ask(noise="2.45")
    if len(attempts) == 1:
        while first.phase is not Phase.MASK:
            play.peers_act(first)
            play.door_acts(first, send)
        play.door.seal(1, 1, play.own, at_cap=play.at_cap)
        play.door.close(1, 1, "aborted")
        play.coordinator.retry(first)
    play.finish(attempts[1], send)


def steps_with_noise(tmp_path: Path) -> int:
    play = Play(tmp_path / "count")
    steps = Steps(-1, crash)
    with steps.watching():
        play_on(play, lambda *_: None)
    return steps.seen


def lines(play: Play) -> tuple[Line, ...]:
    with reading(play.door._db) as connection:
        return LedgerBook(connection).lines()


def test_a_crash_at_any_durable_step_never_pays_twice_and_nothing_leaves_unpaid(tmp_path):
    count = steps_with_noise(tmp_path)
    assert count > 40
    for die_at in range(1, count + 1):
        play = Play(tmp_path / f"home-{die_at}")
        sent: dict[str, set[bytes]] = defaultdict(set)

        def send(kind, body, play=play, to=sent):
            if kind in (Phase.MASK.value, "masked-vector"):
                assert len(play.ledger().debits) == 1  # before the first byte
            to[kind].add(body)

        steps = Steps(die_at, crash)
        with steps.watching():
            try:
                play_on(play, send)
            except Crash:
                play.reopen()
                standing = len(play.ledger().debits)
                assert standing <= 1
                assert standing == 1 or not sent["masked-vector"]
                play.own = play.own[::-1].copy()  # a recomputation would differ
                play_on(play, send)
        assert len(sent["masked-vector"]) == 1, die_at
        assert [(line.debit.attempt, bool(line.returned_at)) for line in lines(play)] == [
            (1, True),
            (2, False),
        ]
        answer_id = play.coordinator.attempts[1].config.answer_id
        own = (play.root / "vectors" / f"{answer_id.hex()}.sealed").read_bytes()
        np.testing.assert_array_equal(total(play), play.expected(np.frombuffer(own, "<i4")))


@pytest.mark.timeout(300)
def test_a_process_killed_again_and_again_still_ends_with_one_payload_a_phase(tmp_path):
    home, kills = tmp_path / "home", 0
    for _ in range(20):
        child = subprocess.run(
            [sys.executable, "-m", "tests.participant.door_play", str(home), str(5 + 6 * kills)],
            cwd=ROOT,
            check=False,
        )
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGKILL
        kills += 1
    assert child.returncode == 0
    assert kills >= 3
    sent: dict[str, set[str]] = defaultdict(set)
    for line in home.with_suffix(".sent").read_text().splitlines():
        kind, digest = line.split()
        sent[kind].add(digest)
    assert len(sent) == 6
    assert all(len(digests) == 1 for digests in sent.values())
    play = Play(home)
    with reading(play.door._db) as connection:
        (attempt,) = Attempts(connection).of_round(1)
    assert attempt.state == "Unmasked"
    assert [line.returned_at for line in lines(play)] == [0]
