"""What a restored node answered since its backup is booked: nothing for nothing, nothing invented, nothing twice."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from participant import restoring
from participant.cli import app as cli
from participant.door.booking import SENT, UNKNOWN, UNSURE
from participant.node import Node
from participant.store.ledger import LedgerBook, Line
from participant.store.sealed_answers import SealedAnswers
from protocols.codec import decode
from protocols.errors import MustAbandon
from protocols.identity import Signed
from protocols.ledger import begin_of, quarter_of
from protocols.messages import Phase
from protocols.participation import Participation
from protocols.questions import price
from protocols.restoring import Attestation
from protocols.service.unit_of_work import reading
from tests.participant import asked, nodes
from tests.participant.door_play import Crash, Steps
from tests.participant.fake_coordinator import Attempt
from tests.participant.nodes import Four
from tests.participant.test_exchange import turn_all
from tests.participant.test_restoring import again, lines, saved

HALF = "5"
"""Noise at which one release costs epsilon 0.93."""


@pytest.fixture
def four(start_four: Callable[..., Four]) -> Four:
    started = start_four()
    for node in started[1]:
        assert node.restoring.begin()
    return started


def play(four: Four, epoch: str, noise: str = HALF, until: Phase = Phase.RELEASED) -> Attempt:
    coordinator, made, _ = four
    spec = asked.noised(4, epoch=epoch, noise=noise) if noise else asked.taste(4, epoch=epoch)
    attempt = coordinator.ask(spec)
    for _ in range(12):
        if attempt.phase is until:
            return attempt
        turn_all(made, 1)
    raise AssertionError(attempt.phase)


def abort(four: Four, attempt: Attempt) -> None:
    four[0].abort(attempt, "a pity")
    turn_all(four[1], 1)


def ledger(node: Node) -> tuple[Line, ...]:
    with reading(node.db) as connection:
        return LedgerBook(connection).lines()


def booked(node: Node) -> list[tuple[int, str]]:
    return [(line.debit.round, line.debit.note) for line in ledger(node) if not line.returned_at]


def refused(node: Node) -> str:
    """The next refusal of a node that has to look at everything older first."""
    before = len(node.exchange.refusals())
    for _ in range(12):
        node.exchange.turn()
        if len(node.exchange.refusals()) > before:
            return node.exchange.refusals()[0].code
    raise AssertionError("nothing was refused")


def attested(four: Four, node: Node) -> list[Signed]:
    lock = node.restoring.lock()
    assert lock is not None
    return lines(four[1], node, lock.challenge)


def restore(four: Four, backup: Path) -> Node:
    return again(four, backup, begins=False)


def test_every_answer_since_the_backup_is_booked_at_its_own_price_and_marked(
    four: Four, tmp_path: Path
) -> None:
    backup = saved(four[1][0], tmp_path / "backup.db")
    released, lost = play(four, "e1"), play(four, "e2", noise="20", until=Phase.CHECK)
    abort(four, lost)
    play(four, "e3", noise="")
    paid = [line.debit.quote for line in ledger(four[1][0])]
    node = restore(four, backup)
    assert ledger(node) == ()
    with pytest.raises(MustAbandon, match="3 answers would be booked"):
        node.restoring.settle(attested(four, node), abandon=False)
    assert ledger(node) == ()
    done = node.restoring.settle(attested(four, node), abandon=True)
    assert (done.missing, [debit.round for debit in done.booked]) == (0, [1, 2, 3])
    assert [debit.quote for debit in done.booked] == paid
    assert booked(node) == [(1, SENT), (2, SENT), (3, SENT)]
    assert done.booked[0].quote.price == replace(
        price(released.config.answer, len(asked.WORDS)), customers=100_000
    )
    for attempt in (released, lost):
        with reading(node.db) as connection:
            found = SealedAnswers(connection).find(attempt.config.answer_id)
        assert found is not None
        assert found.voided
    assert play(four, "e4").phase is Phase.RELEASED
    said = CliRunner().invoke(cli, ["budget", "--home", str(node.home.root)]).output
    assert f"3 of them {SENT}" in " ".join(said.split())


def test_what_was_booked_counts_against_the_budget_and_not_as_lost(four: Four, tmp_path: Path) -> None:
    backup = saved(four[1][0], tmp_path / "backup.db")
    for epoch in ("e1", "e2"):
        abort(four, play(four, epoch, until=Phase.CHECK))
    node = restore(four, backup)
    node.restoring.settle(attested(four, node), abandon=True)
    four[0].ask(asked.noised(4, epoch="e3", noise="2.45"))
    assert refused(node) == "budget-spent"
    cheap = four[0].ask(asked.noised(4, epoch="e4", noise="20"))
    for _ in range(12):
        node.exchange.turn()
    assert (Phase.ADVERTISE, node.member.partner) in cheap.messages  # to the others they are lost answers


def test_an_attempt_that_was_only_begun_is_booked_as_one_that_may_have_been_sent(
    four: Four, tmp_path: Path
) -> None:
    """The coordinator could keep the header back; then it must gain nothing."""
    backup = saved(four[1][0], tmp_path / "backup.db")
    abort(four, play(four, "e1", until=Phase.SHARE))
    hiding = play(four, "e2")
    four[0].hides_headers.add((2, 1))
    node = restore(four, backup)
    done = node.restoring.settle(attested(four, node), abandon=True)
    assert booked(node) == [(1, UNSURE), (2, UNSURE)]
    assert done.missing == 0
    assert done.booked[1].quote.price is not None
    assert done.booked[1].quote.price.loss == price(hiding.config.answer, len(asked.WORDS)).loss


def test_an_attempt_that_the_coordinator_hides_is_missing_by_its_number_and_costs_all_that_was_left(
    four: Four, tmp_path: Path
) -> None:
    backup = saved(four[1][0], tmp_path / "backup.db")
    play(four, "e1", noise="20")
    play(four, "e2")
    four[0].hidden.add((2, 1))
    node = restore(four, backup)
    with pytest.raises(MustAbandon, match="of 1 advertisements it shows nothing"):
        node.restoring.settle(attested(four, node), abandon=False)
    done = node.restoring.settle(attested(four, node), abandon=True)
    assert done.missing == 1
    assert booked(node) == [(1, SENT), (0, UNKNOWN)]
    together = [debit.quote.price for debit in done.booked]
    assert together[0] is not None
    assert together[1] is not None
    assert (together[0] + together[1]).epsilon == pytest.approx(2.0, abs=1e-6)
    four[0].ask(asked.noised(4, epoch="e3", noise="20"))
    assert refused(node) == "budget-spent"


def test_a_silent_coordinator_is_no_way_to_forget(four: Four, tmp_path: Path) -> None:
    backup = saved(four[1][0], tmp_path / "backup.db")
    play(four, "e1")
    node = restore(four, backup)
    four[0].down = True
    done = node.restoring.settle(attested(four, node), abandon=True)
    assert (done.missing, booked(node)) == (1, [(0, UNKNOWN)])
    assert "unreachable" in done.trouble
    assert len(done.forgotten) == 1  # its peers still name the answer: it is closed


def test_of_every_quarter_since_the_backup_all_that_was_left_is_taken_as_spent(
    four: Four, tmp_path: Path
) -> None:
    backup = saved(four[1][0], tmp_path / "backup.db")
    play(four, "e1")
    four[0].hidden.add((1, 1))
    later = begin_of(quarter_of(asked.NOW) + 2) + 86_400
    four[2].jump(later - asked.NOW)
    four[0].now = later
    node = restore(four, backup)
    done = node.restoring.settle(attested(four, node), abandon=True)
    first = quarter_of(asked.NOW)
    assert [debit.quarter for debit in done.booked] == [first, first + 1, first + 2]
    for debit in done.booked:
        assert debit.quote.price is not None
        assert debit.quote.price.epsilon == pytest.approx(2.0, abs=1e-6)


def test_neither_the_coordinator_nor_a_peer_can_invent_a_debit(four: Four, tmp_path: Path) -> None:
    coordinator, made, _ = four
    backup = saved(made[0], tmp_path / "backup.db")
    attempt = play(four, "e1", noise="20")
    me, other = made[0].member.partner, made[1]
    own_ad = next(s for s in attempt.items(Phase.ADVERTISE) if s.signer == me)
    others_ad = next(s for s in attempt.items(Phase.ADVERTISE) if s.signer != me)
    dearer = replace(attempt.config, round=7, answer=asked.noised(4, epoch="never asked", noise="2.45"))
    coordinator.invented = tuple(
        Participation(config=dearer, messages=(ad,))
        for ad in (own_ad, others_ad, replace(others_ad, signer=me))
    )
    node = restore(four, backup)
    lock = node.restoring.lock()
    assert lock is not None
    said = lines([made[2], made[3]], node, lock.challenge)
    honest = decode(Attestation, lines([other], node, lock.challenge)[0].body)
    lie = replace(honest, answers=(*honest.answers, bytes([9]) * 32))
    said.append(other.home.identity_key().sign(other.member.partner, lie))
    done = node.restoring.settle(said, abandon=True)
    assert (done.missing, booked(node)) == (0, [(1, SENT)])


def test_an_attempt_that_the_backup_holds_open_may_have_gone_on_and_is_booked(
    four: Four, tmp_path: Path
) -> None:
    coordinator, made, _ = four
    attempt = coordinator.ask(asked.noised(4, noise=HALF))
    made[0].exchange.turn()
    made[0].exchange._preparation._pool.shutdown(wait=True)
    backup = saved(made[0], tmp_path / "backup.db")
    again(four, begins=True)
    turn_all(made, 7)
    assert attempt.phase is Phase.RELEASED
    node = restore(four, backup)
    done = node.restoring.settle(attested(four, node), abandon=True)
    assert [line.debit.quote.price for line in ledger(node)] == [done_price(attempt)]
    assert done.missing == 0


def test_an_answer_that_was_paid_for_before_the_backup_costs_nothing_again(
    four: Four, tmp_path: Path
) -> None:
    abort(four, play(four, "e1", noise="20", until=Phase.CHECK))
    backup = saved(four[1][0], tmp_path / "backup.db")
    play(four, "e1", noise="20")  # the same answer in another round: free
    node = restore(four, backup)
    done = node.restoring.settle(attested(four, node), abandon=True)
    assert (done.booked, done.missing) == ((), 0)
    assert booked(node) == [(1, "")]


def done_price(attempt: Attempt) -> object:
    return replace(price(attempt.config.answer, len(asked.WORDS)), customers=100_000)


@pytest.mark.timeout(300)
def test_killed_at_any_durable_step_a_settlement_books_once_and_unlocks_at_last(
    four: Four, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = saved(four[1][0], tmp_path / "backup.db")
    play(four, "e1", noise="20")
    play(four, "e2", noise="20")
    four[0].hidden.add((2, 1))
    home = four[1][0].home.root
    four[1][0].db.dispose()
    shutil.copytree(home, tmp_path / "as-it-was")

    def settle(die_at: int) -> tuple[Node, Steps]:
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "as-it-was", home)
        node = restore(four, backup)
        steps = Steps(die_at, crash)
        with steps.watching(), monkeypatch.context() as patched:
            patched.setattr(restoring, "transaction", steps.transaction)
            try:
                node.restoring.settle(attested(four, node), abandon=True)
            except Crash:
                node.db.dispose()
                node = four[1][0] = nodes.start(node.home.root, four[0].members[0], four[0], four[2])
                if not node.restoring.begin():  # else it died after the door was unlocked
                    assert not node.door.switch.is_open()
                    node.restoring.settle(attested(four, node), abandon=True)
        return node, steps

    def crash() -> None:
        raise Crash

    _, whole = settle(-1)
    assert whole.seen >= 4
    for die_at in range(1, whole.seen + 1):
        node, _ = settle(die_at)
        assert booked(node) == [(1, SENT), (0, UNKNOWN)]
        assert node.door.switch.is_open()
