"""Explore every claim, print the attacks, and write down states and seconds.

python -m tests.model                 all claims; writes tests/benchmarks/results/symbolic_model.{json,md}
python -m tests.model --more          those that the last run did not get to
python -m tests.model --only "n = 4"  those whose names contain it; writes nothing
"""

import argparse
import json
import platform
import sys
import time

from protocols.errors import AltroveError
from tests.benchmarks.provenance import ROOT, commit
from tests.model import table
from tests.model.claims import CLAIMS, Claim
from tests.model.replay import members, replay
from tests.model.rounds import Exploration, Step, explore

RESULT = ROOT / "tests/benchmarks/results/symbolic_model.json"


def told(step: Step, number: int) -> str:
    """One attempt of an attack in words."""
    lines = [f"  attempt {number}, t = {step.cohort.threshold}:"]
    for at, local in enumerate(step.state):
        if local.u2:
            u3 = f", U3 = {members(local.u3)}, opens its shares" if local.opened else ""
            lines.append(f"    machine {at}: U1 = {members(local.u1)}, U2 = {members(local.u2)}{u3}")
    return "\n".join(lines)


def on_the_machines(claim: Claim, found: Exploration) -> str:
    """What comes of the attack on the real machines: the sums, or the name of the refusal."""
    if not claim.replayable:
        return "no such request exists"
    try:
        sums = list(replay(claim.world, found.attack))
    except AltroveError as refused:
        return f"refused: {type(refused).__name__}"
    return "sums of " + " and ".join(str(list(answer)) for answer, right in sums if right)


def record(claim: Claim) -> dict[str, object]:
    """Explore one claim."""
    print(f"{claim.name} ...", flush=True)
    began = time.process_time()
    found = explore(claim.world, claim.cohorts, one_sum=claim.one_sum)
    seconds = time.process_time() - began
    for number, step in enumerate(found.attack, start=1):
        print(told(step, number))
    after = on_the_machines(claim, found) if found.attack else ""
    ok = bool(found.attack) == claim.attack
    print(
        f"  {found.states} states, {found.sums} sum(s), at least {found.least} honest answers, "
        f"{seconds:.1f} s; {'attack' if found.attack else 'no attack'}{'' if ok else ' <- UNEXPECTED'} {after}",
        flush=True,
    )
    return {
        "claim": claim.name,
        "colluders": claim.world.colluders,
        "configurations": len(claim.cohorts),
        "states": found.states,
        "summaries": found.summaries,
        "sums": found.sums,
        "least_honest_answers": found.least,
        "promised_honest_answers": found.promised,
        "attack_attempts": len(found.attack),
        "attack_expected": claim.attack,
        "on_the_machines": after,
        "cpu_seconds": round(seconds, 2),
    }


def write(records: list[dict[str, object]]) -> None:
    """Write down what was explored so far, and what is still to be."""
    result = {
        "command": "make model",
        "commit": commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "not_explored": [claim.name for claim in CLAIMS[len(records) :]],
        "claims": records,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    table.write()


def main() -> int:
    """Explore; 1 if a claim came out otherwise than it says."""
    words = argparse.ArgumentParser(prog="python -m tests.model")
    words.add_argument("--only", default="")
    words.add_argument("--more", action="store_true")
    asked = words.parse_args()
    explored = json.loads(RESULT.read_text())["claims"] if asked.more else []
    records: list[dict[str, object]] = []
    for claim in CLAIMS:
        if asked.only in claim.name:
            before = [one for one in explored if one["claim"] == claim.name]
            records.append(before[0] if before else record(claim))
            if not asked.only:
                write(records)
    return int(any((each["attack_attempts"] != 0) != each["attack_expected"] for each in records))


if __name__ == "__main__":
    sys.exit(main())
