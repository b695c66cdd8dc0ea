"""The secure round beside Flower's own plain FedAvg, and the node's latency: Markdown from the JSON files.

    python -m tests.benchmarks.round_table

writes ``results/round.md`` from ``demo.json``, ``fedavg.json`` and ``latency.json``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
MIB = 1 << 20
PHASES = {
    "advertise-keys": "keys",
    "share-keys": "shares",
    "masked-input": "masked answer",
    "consistency-check": "check",
    "unmasking": "unmask, sum, release",
}


def read(name: str) -> Mapping[str, Any]:
    """One result file."""
    found: Mapping[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def rounds(demo: Mapping[str, Any]) -> str:
    """Every round of the demo's real run, by phase."""
    lines = [
        f"| round | question | in the sum | {' | '.join(f'{name}, s' for name in PHASES.values())} | whole round, s | up from each |",
        f"|---|---|---|{'---|' * (len(PHASES) + 2)}",
    ]
    for one in demo["rounds"]:
        seconds = " | ".join(f"{one['seconds_by_phase'][phase]:.1f}" for phase in PHASES)
        up = max(one["bytes_up_each"].values())
        lines.append(
            f"| {one['round']} | {one['question']} | {one['survivors']} of 5 | {seconds} | {one['wall_s']:.1f} | {up:,} B |"
        )
    return "\n".join(lines)


def beside_fedavg(plain: Mapping[str, Any], demo: Mapping[str, Any]) -> str:
    """Transport alone: the same bytes by plain FedAvg and by the courier; then the whole secure rounds."""
    lines = ["| what | seconds by round | up from each |", "|---|---|---|"]
    for one in plain["measurements"]:
        seconds = " / ".join(f"{each['round_s']:.1f}" for each in one["rounds"])
        lines.append(f"| {one['what']}, {one['nodes']} nodes | {seconds} | {one['bytes_up_per_node']:,} B |")
    whole = [one for one in demo["rounds"] if one["question"] == "taste" and one["survivors"] == 5]
    seconds = " / ".join(f"{one['wall_s']:.1f}" for one in whole)
    lines.append(
        f"| whole secure round `taste` of the demo, answers filled in by five nodes included | {seconds} "
        f"| {whole[0]['vector_bytes']:,} B |"
    )
    return "\n".join(lines)


def memory(demo: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    """The largest of each kind of process."""
    largest: dict[str, int] = {}
    for process, size in demo["peak_pss_bytes_by_process"].items():
        kind = process.split(": ")[-1]
        largest[kind] = max(largest.get(kind, 0), size)
    lines = ["| process | demo, peak PSS, MiB |", "|---|---|"]
    lines += [f"| {kind} | {size / MIB:.0f} |" for kind, size in sorted(largest.items()) if size]
    lines.append(f"| all of the demo together | {demo['peak_pss_bytes'] / MIB:.0f} |")
    lines += ["", "| Flower process | plain FedAvg, peak RSS, MB | courier, peak RSS, MB |", "|---|---|---|"]
    fedavg, carry = (one["peak_mb"] for one in plain["measurements"])
    lines += [f"| {kind} | {fedavg[kind]:.0f} | {carry.get(kind, 0):.0f} |" for kind in sorted(fedavg)]
    return "\n".join(lines)


def latency(found: Mapping[str, Any]) -> str:
    """Percentiles beside the popularity fallback's."""
    lines = ["| metric | deployed model [95%] | popularity fallback |", "|---|---|---|"]
    for row in found["rows"]:
        low, high = row["spread"]
        lines.append(
            f"| {row['metric']} | {row['value']:.1f} ms [{low:.1f}, {high:.1f}] | {row['baseline']['value']:.1f} ms |"
        )
    return "\n".join(lines)


def source(found: Mapping[str, Any], command: str) -> str:
    """The line below a table that says where its figures come from."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"Command `{found.get('command', command)}`, commit {found['commit'][:20]}; {versions}."


def main() -> None:
    """Write the page."""
    demo, plain, fast = read("demo"), read("fedavg"), read("latency")
    text = f"""# The secure round, measured

Seconds depend on the machine ({demo["machine"]["cores"]} cores here, for all processes of five companies and the
coordinator); what is compared was measured on the same machine, one after the other.

## The demo's rounds

{rounds(demo)}

The whole demo took {demo["wall_s"]:.0f} s. {source(demo, "make demo ARGS=--yes")}

## Beside Flower's plain FedAvg with the same payload

{beside_fedavg(plain, demo)}

FedAvg carries the vector in both directions and has nothing to compute; a secure round waits for five answers
to be filled in on the same cores. {source(plain, "make bench ARGS=fedavg")}

## Memory

{memory(demo, plain)}

## Recommendations

{latency(fast)}

{fast["requests"]:,} requests over a loopback socket, {fast["concepts"]:,} concepts. {source(fast, "make bench ARGS=latency")}
"""
    (RESULTS / "round.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
