"""All attacks on all stands: the pure machines, a node's daemon, and both without the guards.

python -m tests.attacks                     everything (make attack); writes the results and the report
python -m tests.attacks --only '*roster*'   attacks by name, with * and ?; writes nothing
python -m tests.attacks --family 'After*'   the attacks of a family; writes nothing
python -m tests.attacks --stand pure        one stand only; writes nothing without --write
python -m tests.attacks ... --renew         what was played takes its place in the results that are there
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from tests.attacks import pure, report
from tests.attacks.attack import Attack, Outcome, as_expected, attempt
from tests.attacks.catalogue import FAMILIES
from tests.attacks.flower import ROWS
from tests.attacks.guards import in_the_daemon, without
from tests.attacks.live import PROGRAM, live

KEPT_EVERY = 10
"""Outcomes after which the results are written, so that an interrupted run keeps what it has."""

STANDS = ("pure", "broken pure", "live", "broken live", "flower", "tests")


def main(words: Sequence[str]) -> int:
    """Run the wanted attacks; 0 when the nodes held and every guard was seen to matter."""
    said = argparse.ArgumentParser(prog="python -m tests.attacks")
    said.add_argument("--only", default="*", metavar="NAME")
    said.add_argument("--family", default="*", metavar="NAME")
    said.add_argument("--stand", action="append", default=[], choices=STANDS)
    said.add_argument("--write", action="store_true", help="write a report of what was played")
    said.add_argument("--renew", action="store_true", help="the same, and what was not played stays")
    given = said.parse_args(words)
    attacks = [
        attack
        for name, family in FAMILIES.items()
        if fnmatch(name, given.family)
        for attack in family
        if fnmatch(attack.name, given.only)
    ]
    stands = given.stand or STANDS
    began = time.monotonic()
    found = report.Found(words=tuple(words), before=report.read() if given.renew else {})
    everything = given.only == given.family == "*" and not given.stand
    writes = given.write or given.renew or everything
    if "flower" in stands:
        logging.getLogger("flwr").setLevel(logging.ERROR)  # its warnings are part of the row
        found.flower = [(row.name, row.there(), row.ours(), row.attacks) for row in ROWS]
    if "tests" in stands:
        found.tests = report.played_tests()
    with tempfile.TemporaryDirectory(prefix="altrove-attacks-") as folder:
        for attack, outcome in _outcomes(attacks, stands, Path(folder)):
            well = as_expected(attack, outcome) if "broken" not in outcome.stand else outcome.won
            found.outcomes.append((outcome, well))
            if writes and len(found.outcomes) % KEPT_EVERY == 0:
                report.write(found, time.monotonic() - began)
            mark = "" if well else f"  <- NOT AS EXPECTED {outcome.words}"
            print(f"{outcome.stand:12} {attack.name:55} {outcome.result:9} {outcome.code}{mark}", flush=True)
    if writes:
        report.write(found, time.monotonic() - began)
    bad = [outcome for outcome, well in found.outcomes if not well]
    bad_tests = [name for name, passed in found.tests if not passed]
    print(
        f"{len(found.outcomes) - len(bad)} as expected, {len(bad)} not; tests that failed: {bad_tests or 'none'}"
    )
    return 1 if bad or bad_tests else 0


def _outcomes(
    attacks: Sequence[Attack], stands: Sequence[str], folder: Path
) -> Iterator[tuple[Attack, Outcome]]:
    for attack in attacks:
        if "pure" in attack.stands and "pure" in stands:
            yield attack, attempt(attack, pure.scene(attack.policy), "pure", time.monotonic)
        if attack.guard and "broken pure" in stands:
            with without(attack.guard):
                yield attack, attempt(attack, pure.scene(attack.policy), "broken pure", time.monotonic)
    alive = [attack for attack in attacks if "live" in attack.stands]
    if "live" in stands:
        for policy in sorted({attack.policy for attack in alive}):
            led = [attack for attack in alive if attack.policy == policy]
            yield from _led(led, folder / policy, policy, "live", PROGRAM)
    if "broken live" in stands:
        # One daemon for all attacks that lack the same rule, but for those whose victory leaves it useless.
        groups: dict[tuple[object, ...], list[Attack]] = {}
        for attack in alive:
            if attack.guard and in_the_daemon(attack.guard):
                alone = attack.name if attack.spoils else ""
                groups.setdefault((attack.guard, attack.policy, alone), []).append(attack)
        for number, led in enumerate(groups.values()):
            guards, policy = led[0].guard, led[0].policy
            program = (sys.executable, "-m", "tests.attacks.daemon", "; ".join(guards))
            with without(guards):
                yield from _led(led, folder / str(number), policy, "broken live", program)


def _led(
    attacks: Sequence[Attack], folder: Path, policy: str, stand: str, program: Sequence[str]
) -> Iterator[tuple[Attack, Outcome]]:
    with live(folder, policy, program) as scene:
        for attack in attacks:
            yield attack, attempt(attack, scene, stand, time.monotonic)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
