"""Playing one cell: open a round, hold the phase, inject the fault, go on, and look at everything."""

import signal
import threading
import time

from coordinator.api import shapes
from protocols.messages import PHASES, Phase
from tests.matrix import evidence
from tests.matrix.cells import Cell, Outcome
from tests.matrix.faults import STOPPED_S, Kind, Process, disconnect, send
from tests.matrix.stand import Stand, until

ROUND_S = 200.0
APPEARS_S = 20.0
CARRIED_S = 120.0
DAEMONS = (Process.NODE, Process.COORDINATOR)


def play(stand: Stand, cell: Cell, *, until_carried: bool = True) -> Outcome:
    """Play one cell on a consortium that is well; whatever happens is an outcome.

    ``until_carried``: ask again until Flower carries the node's vector, so that the next cell finds all well.
    """
    began = time.monotonic()
    if cell.void:
        return Outcome(cell=str(cell), outcome="void", why=cell.void)
    try:
        return _play(stand, cell, began, until_carried=until_carried)
    except (TimeoutError, AssertionError) as error:
        return Outcome(
            cell=str(cell),
            outcome="failed",
            why=str(error)[:300],
            orphans=tuple(stand.orphans()),
            wall_s=round(time.monotonic() - began, 1),
        )


def _play(stand: Stand, cell: Cell, began: float, *, until_carried: bool) -> Outcome:
    number = stand.open_round(f"{cell}@{time.time():.3f}")
    for phase in PHASES[: PHASES.index(cell.phase)]:
        step_until(stand, number, phase)
    until(lambda: newest(stand, number).phase == cell.phase.value, f"{cell.phase} to open", ROUND_S)
    if cell.process not in DAEMONS:
        until(lambda: stand.pid(cell.process) != 0, f"a {cell.process}", APPEARS_S)
    stand.remember()
    struck = time.monotonic()
    mending = strike(stand, cell)
    view = finish(stand, number)
    over_s = time.monotonic() - struck
    if mending is not None:
        mending.join()
    right = view.state != "released" or evidence.exact(stand, view)
    over_api, waited, next_right = (
        carried_again(stand, str(cell), struck) if until_carried else (0, 0.0, True)
    )
    causes = tuple(attempt.cause for attempt in view.attempts if attempt.cause)
    return Outcome(
        cell=str(cell),
        outcome=_word(view, causes),
        why=""
        if len(causes) == len(view.attempts) - (view.state == "released")
        else "an abort without a cause",
        attempts=len(view.attempts),
        causes=causes,
        route=view.attempts[-1].routes.get("Node", ""),
        over_s=round(over_s, 1),
        carried_s=round(waited, 1),
        rounds_over_api=over_api,
        unmaskings=evidence.unmaskings(stand, number, len(view.attempts)),
        exact=right and next_right,
        audit=tuple(evidence.audit(stand)),
        orphans=tuple(stand.orphans()),
        wall_s=round(time.monotonic() - began, 1),
    )


def _word(view: shapes.RoundReply, causes: tuple[str, ...]) -> str:
    if any(attempt.equivocations for attempt in view.attempts):
        return "failed"
    if view.state == "released":
        return "retried" if causes else "released"
    return "asked again" if causes else "failed"


def newest(stand: Stand, number: int) -> shapes.AttemptReply:
    """The newest attempt of a round; waits while the coordinator is down."""
    found: list[shapes.RoundReply] = []

    def look() -> bool:
        view = stand.view(number)
        found.extend([view] if view is not None else [])
        return bool(found)

    until(look, "the coordinator to answer", ROUND_S)
    return found[0].attempts[-1]


def step_until(stand: Stand, number: int, phase: Phase) -> None:
    """Let the members act in ``phase`` until it is over."""
    until(lambda: newest(stand, number).phase == phase.value, f"{phase} to open", ROUND_S)

    def over() -> bool:
        for member in stand.members:
            member.poll(phase)
        return newest(stand, number).phase != phase.value

    until(over, f"{phase} to end", ROUND_S)


def finish(stand: Stand, number: int, *, until_attempt: int = 0) -> shapes.RoundReply:
    """Let the members act until the round is over, or that attempt has begun."""
    found: list[shapes.RoundReply] = []

    def over() -> bool:
        for member in stand.members:
            member.poll()
        stand.remember()
        view = stand.view(number)
        found[:] = [view] if view is not None else []
        begun = view is not None and 0 < until_attempt <= len(view.attempts)
        return begun or (view is not None and view.state != "open")

    until(over, f"round {number} to end", ROUND_S)
    return found[0]


def strike(stand: Stand, cell: Cell) -> threading.Thread | None:
    """Inject the fault. The thread that comes back mends it, as an operator would; None: nobody does."""
    pid = stand.pid(cell.process)
    assert pid, f"there is no {cell.process} to {cell.kind}"
    match cell.kind:
        case Kind.KILL:
            send(pid, signal.SIGKILL)
            if cell.process not in DAEMONS:
                return None
            mending = threading.Thread(target=stand.after_kill, args=(cell.process,))
        case Kind.STOP:
            send(pid, signal.SIGSTOP)
            if cell.process not in DAEMONS:
                return None
            mending = threading.Timer(STOPPED_S, send, (pid, signal.SIGCONT))
        case Kind.DISCONNECT:
            return disconnect(pid)
    mending.start()
    return mending


def carried_again(stand: Stand, what: str, since: float) -> tuple[int, float, bool]:
    """Rounds until Flower carries the node's vector again: how many before that one, seconds, all exact."""
    over_api, right = 0, True
    while True:
        number = stand.open_round(f"after {what}@{time.time():.3f}")
        view = finish(stand, number)
        assert view.state == "released", f"the next round ended as {view.attempts[-1].reason}"
        right = right and evidence.exact(stand, view)
        if view.attempts[-1].routes.get("Node") == "dock":
            return over_api, time.monotonic() - since, right
        over_api += 1
        assert time.monotonic() - since < CARRIED_S, f"Flower carries nothing after {CARRIED_S:.0f} s"
