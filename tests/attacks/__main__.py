"""All attacks on all stands: the pure machines, a node's daemon, and both without the guards.

python -m tests.attacks                     everything (make attack); writes the results and the report
python -m tests.attacks --only '*roster*'   attacks by name, with * and ?, as often as needed; writes nothing
python -m tests.attacks --stand pure        one stand only, or some
        ... --write                         puts what was played in the place of what was written of it before

`weak live` is a daemon with one of an attack's several guards left: each has to refuse it alone.
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
from tests.attacks.catalogue import ATTACKS
from tests.attacks.flower import ROWS
from tests.attacks.guards import without
from tests.attacks.live import PROGRAM, live

KEPT_EVERY = 10
"""Outcomes after which the results are written, so that an interrupted run keeps what it has."""

STANDS = ("pure", "broken pure", "live", "broken live", "weak live", "flower", "tests")


def main(words: Sequence[str]) -> int:
    """Run the wanted attacks; 0 when the nodes held and every guard was seen to matter."""
    said = argparse.ArgumentParser(prog="python -m tests.attacks")
    said.add_argument("--only", action="append", default=[], metavar="NAME")
    said.add_argument("--stand", action="append", default=[], choices=STANDS)
    said.add_argument("--write", action="store_true", help="write down what was played, and leave the rest")
    given = said.parse_args(words)
    only = given.only or ["*"]
    attacks = [attack for attack in ATTACKS if any(fnmatch(attack.name, name) for name in only)]
    whole = not given.only and not given.stand
    stands = given.stand or (STANDS if whole else STANDS[:5])
    began = time.monotonic()
    found = report.Found(words=tuple(words), is_whole=whole)
    writes = given.write or whole
    if "flower" in stands:
        logging.getLogger("flwr").setLevel(logging.ERROR)  # its warnings are part of the row
        found.flower = [(row.name, row.there(), row.ours(), row.attacks) for row in ROWS]
    if "tests" in stands:
        found.tests = report.played_tests()
    with tempfile.TemporaryDirectory(prefix="altrove-attacks-") as folder:
        for attack, outcome in _outcomes(attacks, stands, Path(folder)):
            well = as_expected(attack, outcome)
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
            out = attack.guard
            with without(out):
                scene = pure.scene(attack.policy)
                yield attack, attempt(attack, scene, "broken pure", time.monotonic, without=out)
    alive = [attack for attack in attacks if "live" in attack.stands]
    if "live" in stands:
        for policy in sorted({attack.policy for attack in alive}):
            led = [attack for attack in alive if attack.policy == policy]
            yield from _led(led, folder / policy, policy, "live")
    if "broken live" in stands:
        every = [(attack, attack.guard) for attack in alive if attack.guard]
        yield from _without_some(every, folder / "broken", "broken live")
    if "weak live" in stands:
        but_one = [(attack, out) for attack in alive for out in attack.all_but_one]
        yield from _without_some(but_one, folder / "weak", "weak live")


def _without_some(
    tries: Sequence[tuple[Attack, tuple[str, ...]]], folder: Path, stand: str
) -> Iterator[tuple[Attack, Outcome]]:
    """One daemon for all attacks that lack the same rules, but for those whose victory leaves it useless."""
    groups: dict[tuple[tuple[str, ...], str, str], list[Attack]] = {}
    for attack, out in tries:
        alone = attack.name if attack.spoils else ""
        groups.setdefault((out, attack.policy, alone), []).append(attack)
    for number, ((out, policy, _), led) in enumerate(groups.items()):
        with without(out):
            yield from _led(led, folder / str(number), policy, stand, out)


def _led(
    attacks: Sequence[Attack], folder: Path, policy: str, stand: str, out: tuple[str, ...] = ()
) -> Iterator[tuple[Attack, Outcome]]:
    program = (sys.executable, "-m", "tests.attacks.daemon", "; ".join(out)) if out else PROGRAM
    with live(folder, policy, program) as scene:
        for attack in attacks:
            yield attack, attempt(attack, scene, stand, time.monotonic, without=out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
