"""What came of the attacks, as files: outcomes in JSON, and the report made from them.

    python -m tests.attacks.report

writes ``tests/attacks/REPORT.md`` from ``tests/benchmarks/results/attacks.json``.
"""

import ast
import json
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.attacks.attack import Outcome
from tests.attacks.catalogue import FAMILIES
from tests.benchmarks.provenance import ROOT, commit

HERE = Path(__file__).resolve().parent
JSON = ROOT / "tests" / "benchmarks" / "results" / "attacks.json"
PAGE = HERE / "REPORT.md"
MORE = ("test_coordinator.py", "test_door.py", "test_boundary.py", "test_recorded.py")
"""Attacks that are tests of their own: on the coordinator's real apps, on the door in one process, beyond the boundary,
on recordings of suite 1 and 2."""

FlowerRow = tuple[str, str, str, tuple[str, ...]]


@dataclass(slots=True)
class Found:
    """Everything of one run: the words that it was called with, outcomes and whether they were as expected, Flower's rows, further tests.

    What is not the whole takes the place of what was written of the same attacks and stands before.
    """

    words: tuple[str, ...] = ()
    is_whole: bool = True
    outcomes: list[tuple[Outcome, bool]] = field(default_factory=list)
    flower: list[FlowerRow] = field(default_factory=list)
    tests: list[tuple[str, bool]] = field(default_factory=list)


def played_tests() -> list[tuple[str, bool]]:
    """Run the further tests; each one's sentence and whether it passed."""
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "tests.xml"
        files = [str(HERE / name) for name in MORE]
        words = (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junit-xml={junit}",
            *files,
        )
        subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        cases = list(ET.parse(junit).iter("testcase"))
    passed: dict[str, bool] = {}
    for case in cases:
        name = case.attrib["name"].split("[")[0]
        failed = case.find("failure") is not None or case.find("error") is not None
        passed[name] = passed.get(name, True) and not failed
    return [(f"{file}: {_sentence(name)}", passed.get(name, False)) for file, name in _names()]


def write(found: Found, wall_s: float) -> None:
    """Write the results, then the report."""
    played = {
        "command": f"make attack ARGS={shlex.quote(shlex.join(found.words))}"
        if found.words
        else "make attack",
        "commit": commit(),
        "versions": {name: version(name) for name in ("flwr", "cryptography", "numpy")},
        "wall_s": round(wall_s, 1),
        "outcomes": [{**asdict(outcome), "as_expected": well} for outcome, well in found.outcomes],
        "flower": [
            {"name": name, "there": there, "ours": ours, "attacks": list(attacks)}
            for name, there, ours, attacks in found.flower
        ],
        "tests": [{"name": name, "passed": passed} for name, passed in found.tests],
    }
    whole = played if found.is_whole else merged(json.loads(JSON.read_text(encoding="utf-8")), played)
    JSON.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    main()


def merged(before: Mapping[str, Any], played: Mapping[str, Any]) -> dict[str, Any]:
    """What was written before, with what was played since in its place, and said to be later.

    >>> old = {"attack": "a", "stand": "live", "result": "won"}
    >>> new, other = old | {"result": "refused"}, old | {"stand": "pure"}
    >>> then = {"command": "all", "commit": "1", "outcomes": [old, other], "flower": [1], "tests": []}
    >>> now = {"command": "some", "commit": "2", "wall_s": 1, "outcomes": [new], "flower": [], "tests": []}
    >>> whole = merged(then, now)
    >>> whole["outcomes"] == [other, new], whole["flower"], whole["later"]
    (True, [1], [{'command': 'some', 'commit': '2', 'wall_s': 1}])
    """
    fresh = {(each["attack"], each["stand"]) for each in played["outcomes"]}
    kept = [each for each in before["outcomes"] if (each["attack"], each["stand"]) not in fresh]
    later = {name: played[name] for name in ("command", "commit", "wall_s")}
    earlier = [each for each in before.get("later", []) if each["command"] != later["command"]]
    return {
        **before,
        "outcomes": [*kept, *played["outcomes"]],
        "flower": played["flower"] or before["flower"],
        "tests": played["tests"] or before["tests"],
        "later": [*earlier, later],
    }


def page(found: Mapping[str, Any]) -> str:
    """The whole report."""
    outcomes = found["outcomes"]
    held = [each for each in outcomes if each["stand"] in ("pure", "live")]
    broken = [each for each in outcomes if "broken" in each["stand"]]
    weak = [each for each in outcomes if each["stand"] == "weak live"]
    guarded = [attack for attacks in FAMILIES.values() for attack in attacks if attack.guard]
    won = {each["attack"] for each in broken if each["stand"] == "broken live" and each["result"] == "won"}
    names = {each["attack"] for each in held}
    families = "\n\n".join(
        f"## {title}\n\n{_table(attacks, outcomes)}" for title, attacks in FAMILIES.items()
    )
    return f"""# What was attacked, and what came of it

{len(names)} attacks, {len(held)} tries on nodes as they are: the node refused {sum(e["result"] == "refused" for e in held)} times, went on unharmed
{sum(e["result"] == "survived" for e in held)} times, and lost {sum(e["result"] == "won" for e in held)} times. {sum(not e["as_expected"] for e in held)} outcomes were not those that the catalogue names. With the rules that
stand in its way taken out, the attack won {sum(e["result"] == "won" for e in broken)} times of {len(broken)}: a try that cannot win proves nothing. Of the
{len(guarded)} attacks of which these rules are known, {len(won)} won against a daemon without them{_only_pure(guarded, won)}. Where several
rules stand one behind the other, a daemon that had but one of them refused {sum(e["result"] == "refused" for e in weak)} times of {len(weak)}.

`live`: a node's daemon as a process of its own, over TLS, led by a hostile coordinator that holds the consortium's
key and one member's; one daemon lives through all attacks of its policy. This is the product.
`pure`: the machines and policies of `protocols`, without storage or network. What the product's door and roster desk
add to them is written once more in `tests/attacks/pure.py`, with a memory of its own: the same question has the same
answer, a state that was left is gone, a newer round closes older ones, the roster shown contains the one seen before.
Of these four rules the pure column says only that they would be enough; that the product keeps them, only `live` says.

Four companies, threshold three, one liar: within the boundary of `protocols/README.md`. In a cell:
the code of the refusal, or what the node did instead. "Without its guards": the rules in the order in which they are reached, each with the code by which a daemon refused that
had it as the only one of them (`two-of-a-kind`: the database keeps one record of a kind), and what the attack took when
all were gone.

{families}

## Why not Flower's own SecAgg+

Flower's client code (flwr {found["versions"]["flwr"]}), stepped through `secaggplus_mod`; the same attempt here.

{_flower(found["flower"])}

## Further attacks, one test each

The coordinator's real apps under attack by members (`test_coordinator.py`), the door in one process
(`test_door.py`), and one colluder too many, where the attack must succeed (`test_boundary.py`).

{_tests(found["tests"])}

{_later(found)}Command `{found["command"]}` ({found["wall_s"]:.0f} s), commit {found["commit"]}; {", ".join(f"{name} {number}" for name, number in found["versions"].items())}.
"""


def _table(attacks: Sequence[Any], outcomes: Sequence[Mapping[str, Any]]) -> str:
    by_place = {(each["attack"], each["stand"]): each for each in outcomes}
    lines = [
        "| attack | who | wants | pure | live | the attacker learns | without its guards | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for attack in attacks:
        cells = [_cell(attack, by_place.get((attack.name, stand)), stand) for stand in ("pure", "live")]
        lines.append(
            f"| {attack.name} | {attack.who.value} | {attack.wants} | {' | '.join(cells)} | {attack.leaks} "
            f"| {_without(attack, outcomes)} | {attack.source} |"
        )
    return "\n".join(lines)


def _cell(attack: Any, outcome: Mapping[str, Any] | None, stand: str) -> str:
    if outcome is None:
        return "not played" if stand in attack.stands else "-"
    if not outcome["as_expected"]:
        return f"**{outcome['result']}**: {outcome['code']} {outcome['words'][:80]}"
    return f"`{outcome['code']}`" if outcome["result"] == "refused" else outcome["words"]


def _without(attack: Any, outcomes: Sequence[Mapping[str, Any]]) -> str:
    if not attack.guard:
        return "-"
    tried = [
        each for each in outcomes if each["attack"] == attack.name and each["stand"] not in ("pure", "live")
    ]
    weak = [each for each in tried if each["stand"] == "weak live" and each["result"] == "refused"]
    alone = {name: each["code"] for each in weak for name in set(attack.guard) - set(each["without"])}
    rules = [f"{name} (`{alone[name]}`)" if name in alone else name for name in attack.guard]
    stands = [stand for stand in ("pure", "live") if stand in attack.stands]
    won = {each["stand"].split()[-1]: each["words"] for each in tried if each["result"] == "won"}
    said = [stand if stand in won else f"**not {stand}**" for stand in stands]
    return f"{'; behind it '.join(rules)}: {next(iter(won.values()), 'not won')} ({', '.join(said)})"


def _only_pure(guarded: Sequence[Any], won: Collection[str]) -> str:
    rest = [attack for attack in guarded if attack.name not in won]
    if not rest:
        return ""
    pure = sum("live" not in attack.stands for attack in rest)
    return f", {pure} are played on the pure machines only" + (
        f" and **{len(rest) - pure} did not**" if len(rest) > pure else ""
    )


def _flower(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| | taken on Flower's code | here |", "|---|---|---|"]
    for row in rows:
        tried = "; ".join(f"*{name}*" for name in row["attacks"])
        ours = f"{row['ours']} ({tried})" if tried else row["ours"]
        lines.append(f"| {row['name']} | {row['there']} | {ours} |")
    return "\n".join(lines)


def _tests(rows: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(f"- {'' if row['passed'] else '**failed** '}{row['name']}" for row in rows)


def _later(found: Mapping[str, Any]) -> str:
    return "".join(
        f"Played again later: `{each['command']}` ({each['wall_s']:.0f} s), commit {each['commit']}.\n\n"
        for each in found.get("later", ())
    )


def _names() -> list[tuple[str, str]]:
    return [
        (file, node.name)
        for file in MORE
        for node in ast.parse((HERE / file).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def _sentence(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(json.loads(JSON.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
