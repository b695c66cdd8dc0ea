"""Unpleasant ways between company and coordinator: a proxy, connections with short lives, a cut line."""

import time
from collections.abc import Callable

from protocols.messages import Phase
from tests.matrix import evidence
from tests.matrix.cells import Outcome
from tests.matrix.faults import Process
from tests.matrix.play import carried_again, finish, step_until
from tests.matrix.stand import OUTSIDE, Stand
from tests.simulation.connect_proxy import ConnectProxy

DROP_AFTER_S = 30.0
DROPS = 2
SHORT_PHASES = (8, 8, 10, 8, 8)


def through_a_proxy(stand: Stand) -> Outcome:
    """The node starts anew behind a proxy that lets it reach the coordinator's two ports and nothing else."""
    began = time.monotonic()
    targets = {f"{OUTSIDE}:{port}" for port in (stand.settings.partner_port, stand.settings.fleet_port)}
    with ConnectProxy(targets) as proxy:
        stand.restart(Process.NODE, {"ALTROVE_NODE_EXCHANGE__PROXY": proxy.url})
        over_api, seconds, right = carried_again(stand, "proxy", began)
        used = {target for target, status in proxy.seen if status == 200}
        refused = [status for _, status in proxy.seen if status != 200]
        stand.restart(Process.NODE, {"ALTROVE_NODE_EXCHANGE__PROXY": ""})
    well = right and used == targets and not refused
    return Outcome(
        cell="network: corporate HTTP proxy (CONNECT)",
        outcome="released" if well else "failed",
        why=f"API and Flower through the proxy after {seconds:.0f} s ({over_api} rounds over the API before)"
        if well
        else f"used {used}, refused {refused}",
        route="dock",
        carried_s=round(seconds, 1),
        rounds_over_api=over_api,
        exact=right,
        audit=tuple(evidence.audit(stand)),
        orphans=tuple(stand.orphans()),
        wall_s=round(time.monotonic() - began, 1),
    )


def dropping(stand: Stand, *, every_s: float = DROP_AFTER_S) -> Outcome:
    """Round after round while every connection is reset so long after it was opened."""
    began = time.monotonic()
    before = sum(wire.dropped for wire in stand.wires)
    routes: list[str] = []
    right = True
    try:
        for wire in stand.wires:
            wire.life_s = every_s
        while time.monotonic() - began < every_s * DROPS + 5:
            view = finish(stand, stand.open_round(f"drops@{time.time():.3f}"))
            assert view.state == "released", view.attempts[-1].reason
            right = right and evidence.exact(stand, view)
            routes.append(view.attempts[-1].routes.get("Node", ""))
    finally:
        for wire in stand.wires:
            wire.life_s = None
    dropped = sum(wire.dropped for wire in stand.wires) - before
    well = right and dropped >= DROPS and bool(routes)
    return Outcome(
        cell=f"network: every connection reset {every_s:.0f} s after it was opened",
        outcome="released" if well else "failed",
        why=f"{len(routes)} rounds in {time.monotonic() - began:.0f} s, all released at the first asking, "
        f"{routes.count('dock')} carried by Flower; {dropped} connections reset",
        exact=right,
        audit=tuple(evidence.audit(stand)),
        orphans=tuple(stand.orphans()),
        wall_s=round(time.monotonic() - began, 1),
    )


def cut_off(stand: Stand) -> Outcome:
    """The company's line is cut in the masking phase and mended when the attempt was aborted for want of it."""
    began = time.monotonic()
    number = stand.open_round(f"cut off@{time.time():.3f}", SHORT_PHASES)
    for phase in (Phase.ADVERTISE, Phase.SHARE):
        step_until(stand, number, phase)
    for wire in stand.wires:
        wire.cut()
    try:
        finish(stand, number, until_attempt=2)
    finally:
        for wire in stand.wires:
            wire.mend()
    view = finish(stand, number)
    causes = tuple(attempt.cause for attempt in view.attempts if attempt.cause)
    over_s = time.monotonic() - began
    over_api, _, right = carried_again(stand, "cut off", began)
    released = view.state == "released" and evidence.exact(stand, view)
    return Outcome(
        cell="network: the line cut in the masking phase, for longer than a phase lasts",
        outcome="retried" if released and causes else "failed",
        why=f"attempt {', '.join(str(n + 1) for n in range(len(causes)))} aborted ({', '.join(causes)}), attempt "
        f"{len(view.attempts)} {view.state} {over_s:.0f} s after the question",
        attempts=len(view.attempts),
        causes=causes,
        rounds_over_api=over_api,
        unmaskings=evidence.unmaskings(stand, number, len(view.attempts)),
        exact=released and right,
        audit=tuple(evidence.audit(stand)),
        orphans=tuple(stand.orphans()),
        wall_s=round(time.monotonic() - began, 1),
    )


WAYS: dict[str, Callable[[Stand], Outcome]] = {
    "network/proxy": through_a_proxy,
    "network/drops": dropping,
    "network/cut": cut_off,
}
