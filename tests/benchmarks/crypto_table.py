"""The report of ``make bench-crypto``: Markdown from ``crypto.json``.

python -m tests.benchmarks.crypto_table
"""

import json
import math
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).parent / "results"
PHASES: Final = ("advertise-keys", "share-keys", "masked-input", "consistency-check", "unmasking")

BESIDE: Final = ("handing-on", "released")
"""What the coordinator does besides taking messages: giving each member what it acts on, and the sum."""

Row = dict[str, Any]

CLIENT_BAR, SHAMIR_BAR, BYTES_BAR, MASK_BAR, MEMORY_BAR, SAMPLER_BAR = 6.0, 100.0, 4.1, 1.0e9, 3.0, 1.0e7


def milliseconds(seen: Row) -> str:
    """Median with the lowest and the highest.

    >>> milliseconds({"median_s": 0.0123, "lowest_s": 0.01, "highest_s": 0.02})
    '12.3 (10 to 20)'
    """
    return "{:.3g} ({:.3g} to {:.3g})".format(
        *(1000 * seen[f"{name}_s"] for name in ("median", "lowest", "highest"))
    )


def ratio(seen: Row) -> str:
    """How many times as long Flower takes, over the repeats.

    >>> ratio({"ratio": 7.04, "ratio_lowest": 6.5, "ratio_highest": 8.0})
    '7.0 (6.5 to 8.0)'
    """
    return f"{seen['ratio']:.1f} ({seen['ratio_lowest']:.1f} to {seen['ratio_highest']:.1f})"


def verdict(holds: bool) -> str:
    """A bar is met or it is not."""
    return "met" if holds else "**missed**"


def client(rows: list[Row]) -> str:
    """Bound, round, mask and serialise: ours an answer in fixed point, Flower's its floats."""
    lines = [
        (
            "| members | parameters | Altrove, CPU ms | Flower SecAgg+, CPU ms | Flower / Altrove "
            "| bytes up a parameter: Altrove, all phases | Flower, this one |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['members']} | {row['parameters']:,} | {milliseconds(row['altrove'])} "
        f"| {milliseconds(row['flower'])} | {ratio(row)} | {row['altrove_bytes_per_parameter']:.3f} "
        f"| {row['flower_bytes_per_parameter']:.3f} |"
        for row in rows
    ]
    return "\n".join(lines)


def shamir(rows: list[Row]) -> str:
    """Split and combine one secret."""
    lines = [
        "| members | step | Altrove, CPU ms | Flower, CPU ms | Flower / Altrove |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['members']} | {step} | {milliseconds(row[step]['altrove'])} "
        f"| {milliseconds(row[step]['flower'])} | {ratio(row[step])} |"
        for row in rows
        for step in ("split", "combine", "both")
    ]
    return "\n".join(lines)


def memory(rows: list[Row]) -> str:
    """The aggregator's peak."""
    lines = [
        "| members | vector, MB | Altrove's peak, in vectors | Flower's peak, in vectors |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['members']} | {row['vector_mb']} | {row['altrove_vectors']:.2f} | {row['flower_vectors']:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)


def sampler(found: Row) -> str:
    """Noise, beside the stream that it reads and beside numpy's own normal numbers."""
    kinds = ("sampler", "keystream_alone", "numpy_not_secret")
    lines = [
        (
            "| deviation | tables | made in, s | cells a CPU second, millions: sampler "
            "| keystream of as many bytes | numpy, not secret, double precision |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for row in found["deviations"]:
        cells = (
            "{:.1f} ({:.1f} to {:.1f})".format(
                *(row[kind][name] / 1e6 for name in ("elements_per_s", "lowest", "highest"))
            )
            for kind in kinds
        )
        lines.append(f"| {row['sigma']} | {row['tables']} | {row['tables_made_s']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def growth(rows: list[Row], value: str, part: str = "") -> str:
    """The exponent between the two largest sizes: 1 grows with n, 2 with its square.

    >>> sizes = [{"members": 10, "x": 1.0}, {"members": 100, "x": 100.0}]
    >>> growth(sizes, "x")
    '2.0'
    """
    (few, many) = rows[-2:]
    low, high = ((row[value][part] if part else row[value]) for row in (few, many))
    return f"{math.log(high / low) / math.log(many['members'] / few['members']):.1f}"


def graph(rows: list[Row]) -> str:
    """What a complete graph costs a node and the coordinator."""
    lines = [
        (
            "| members | lost | node, CPU s | up, MB | down, MB | coordinator, CPU s: messages | sum | process peak, MB "
            "| steps taken by | sum right |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        spent = row["coordinator_cpu_s"]
        lines.append(
            f"| {row['members']:,} | {row['lost']} | {row['node_cpu_s']['whole']:.3f} "
            f"| {row['node_up_bytes'] / 1e6:.3f} | {row['node_down_bytes'] / 1e6:.3f} "
            f"| {spent['whole'] - spent['released']:.2f} | {spent['released']:.2f} | {row['process_peak_mb']} "
            f"| {'all' if row['exact'] else row['members_that_took_every_step']} "
            f"| {row['sum_is_right'] if row['exact'] else 'not asked'} |"
        )
    if len(rows) > 1:
        lines.append(
            f"| growth, n to the | | {growth(rows, 'node_cpu_s', 'whole')} | {growth(rows, 'node_up_bytes')} "
            f"| {growth(rows, 'node_down_bytes')} | {growth(rows, 'coordinator_cpu_s', 'share-keys')} (ShareKeys) "
            f"| {growth(rows, 'coordinator_cpu_s', 'released')} | {growth(rows, 'process_peak_mb')} | | |"
        )
    return "\n".join(lines)


def what_counts(_rows: list[Row]) -> str:
    """What stands behind a row of the graph."""
    return (
        "The coordinator is its own services in one process: database, admission, driver, deliveries, unmasking and "
        "sum. TLS, HTTP and the arrival of masked bytes are not in it. Where three members take their steps, the "
        "others' messages are made without the work of a node. A node's masked input opens and checks the shares of "
        "all others, masks, hashes and signs."
    )


def by_phase(rows: list[Row]) -> str:
    """CPU seconds of one node and of the coordinator in each phase."""
    lines = [
        f"| members | who | {' | '.join(PHASES)} | handing on | sum |",
        f"|---|---|{'---|' * (len(PHASES) + 2)}",
    ]
    for row in rows:
        for who, spent in (("node", row["node_cpu_s"]), ("coordinator", row["coordinator_cpu_s"])):
            cells = [f"{spent[phase]:.4g}" if phase in spent else "" for phase in (*PHASES, *BESIDE)]
            lines.append(f"| {row['members']:,} | {who} | {' | '.join(cells)} |")
    return "\n".join(lines)


def linear_check(rows: list[Row]) -> str:
    """What a member and the coordinator do after the release of a sum that nobody recomputes."""
    lines = [
        (
            "| survivors | node, CPU ms: arm | open | answer | judge | whole | up, bytes | down, bytes | kept, bytes "
            "| coordinator, CPU s: openings | answers | handing on |"
        ),
        f"|{'---|' * 12}",
    ]
    for row in rows:
        node, served = row["node_cpu_s"], row["coordinator_cpu_s"]
        cells = (milliseconds(node[step]) for step in ("arm", "open", "answer", "judge", "whole"))
        sizes = (f"{row[f'node_{what}_bytes']:,}" for what in ("up", "down", "state"))
        said = (f"{served[what]:.3g}" for what in ("openings", "answers", "handing-on"))
        lines.append(
            f"| {row['survivors']:,} | {' | '.join(cells)} | {' | '.join(sizes)} | {' | '.join(said)} |"
        )
    return "\n".join(lines)


def what_is_checked(_rows: list[Row]) -> str:
    """What stands behind a row of the check."""
    return (
        "Arm: what is kept at the unmasking. Then the two messages, and the verdict over everybody's. Five members step "
        "as nodes do; the others' rho and signatures are real, their answers numbers. The coordinator verifies, keeps and "
        "hands out every message; TLS and HTTP are not in it, nor are polls before a board is complete."
    )


def bars(found: Row) -> str:
    """Every target of a measured part, what was measured, and whether it holds."""
    rows = []
    if "client" in found:
        slowest = min(row["ratio"] for row in found["client"])
        up = max(row["altrove_bytes_per_parameter"] for row in found["client"])
        what = "client step, times faster than Flower's, smallest of the sizes below"
        rows += [(what, ">= 6", f"{slowest:.1f}", slowest >= CLIENT_BAR)]
        rows += [("bytes up a parameter, all phases, largest", "<= 4.1", f"{up:.3f}", up <= BYTES_BAR)]
    if "masks" in found:
        rate = found["masks"]["elements_per_s"]
        rows += [("mask elements a second and core", ">= 1.0e9", f"{rate:.2e}", rate >= MASK_BAR)]
    if "shamir" in found:
        times = found["shamir"][-1]["both"]["ratio"]
        rows += [("Shamir, n = 100, times faster", ">= 100", f"{times:.0f}", times >= SHAMIR_BAR)]
    if "memory" in found:
        most = max(row["altrove_vectors"] for row in found["memory"])
        rows += [("aggregator's memory, in vectors", "<= 3", f"{most:.2f}", most <= MEMORY_BAR)]
    if "sampler" in found:
        noise = found["sampler"]["elements_per_s"]
        what = "noise sampler, numbers a second and core, slowest"
        rows += [(what, ">= 1.0e7", f"{noise:.2e}", noise >= SAMPLER_BAR)]
    lines = ["| what | target | measured | |", "|---|---|---|---|"]
    lines += [f"| {what} | {target} | {came} | {verdict(holds)} |" for what, target, came, holds in rows]
    return "\n".join(lines)


def where_from(found: Row) -> str:
    """Commands, commits, processor, versions: one line for each part."""
    lines = []
    for name, part in found.items():
        said = part["provenance"]
        versions = ", ".join(f"{package} {number}" for package, number in said["versions"].items())
        lines.append(
            f"- {name}: `{said['command']}` at {said['commit']}, load {said['load_1min']} on {said['cores']} cores of "
            f"{said['processor']}; {versions}"
        )
    return "\n".join(lines)


def write(source: Path) -> None:
    """Write the report beside its figures; parts that were never measured are left out."""
    found = json.loads(source.read_text(encoding="utf-8"))
    names = ("client", "masks", "shamir", "memory", "sampler", "graph", "check")
    parts = {name: found[name]["measured"] for name in names if name in found}
    text = ["# What the secure sum costs", TOLD, "## Targets", bars(parts)]
    for name, title, tables in SECTIONS:
        if name in parts:
            text += [f"## {title}", *(table(parts[name]) for table in tables)]
    text += ["## Where these figures are from", where_from(found)]
    source.with_suffix(".md").write_text("\n\n".join(text) + "\n", encoding="utf-8")


TOLD: Final = (
    "CPU seconds of one process; median, with the lowest and the highest of five or more repeats. Flower is the "
    "installed package's own code, called in turns with ours. Made from `crypto.json`."
)
SECTIONS: Final = (
    (
        "client",
        "A node's masked input, beside Flower's SecAgg+ client: bound, round, mask, serialise",
        (client,),
    ),
    ("shamir", "Shamir's sharing of one mask secret: split, and combine from the threshold", (shamir,)),
    ("memory", "Peak memory of the aggregator", (memory,)),
    ("sampler", "Noise from a secret stream, on one core", (sampler,)),
    (
        "graph",
        "The complete graph, a tenth lost after ShareKeys, 1,000,000 parameters",
        (what_counts, graph, by_phase),
    ),
    (
        "check",
        "The linear check of a sum of 1,000,000 parameters, after its release",
        (what_is_checked, linear_check),
    ),
)


if __name__ == "__main__":
    write(RESULTS / "crypto.json")
