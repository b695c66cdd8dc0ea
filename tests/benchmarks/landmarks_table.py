"""The tables of ``results/landmarks.md``, from ``results/landmarks.json``."""

from typing import Final

from participant.models.windows import SCENARIOS
from tests.benchmarks.landmarks_wide import LEAST_BUYERS, MIB
from tests.benchmarks.markdown import table
from tests.benchmarks.newcomers_report import Json

FOUND: Final = tuple(word for name in SCENARIOS for word in (f"{name} nDCG@10", "difference [95%]"))


def _beside(found: Json) -> list[str]:
    """What a model's lists find, and the difference from the whole square: two cells."""
    gap = found["difference"]
    return [f"{found['ndcg']['value']:.4f}", f"{gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]"]


def _found(line: Json) -> list[str]:
    """The cells under :data:`FOUND`."""
    return [cell for name in SCENARIOS for cell in _beside(line[name])]


def types(lines: list[Json]) -> str:
    """The table of product types."""
    rows = [
        (
            line["model"],
            f"{line['cells']:,}",
            f"{line['model_bytes'] / MIB:.1f}",
            f"{line['read_cpu_seconds']:.2f}",
            *_found(line),
        )
        for line in lines
    ]
    return table(
        "Landmarks beside the whole square",
        "2,221 concepts, K = 5 pooled, weeks 41-53, unit rows at ridge 60. Differences from the whole square.",
        ("model", "cells", "model, MiB", "reading, CPU s", *FOUND),
        rows,
    )


def served(lines: list[Json]) -> str:
    """The table of what is served."""
    rows = [
        (line["model"], line["deployed"], f"{line['learn_cpu_seconds']:.1f}", *_found(line)) for line in lines
    ]
    return table(
        "As it is served",
        "2,221 concepts, K = 5, weeks 41-53: a node's blended scores, its own model, mixture and gate in them. "
        "Differences from the whole square. In the last row the own model is read from columns as well, as beyond "
        "`training.square_max` concepts.",
        ("release", "deployed of 10", "training a company, CPU s", *FOUND),
        rows,
    )


def wide(lines: list[Json]) -> str:
    """The table of products."""
    rows = [
        (
            f"{w['concepts']:,}",
            w["landmarks"] or "the whole square",
            f"{w['cells']:,}",
            f"{w['model_bytes'] / MIB:,.0f}",
            f"{w['peak_bytes'] / MIB:,.0f}",
            f"{w['cpu_seconds']:.1f}",
            f"{w['request_ms']:.1f}",
            *_beside(w),
        )
        for w in lines
    ]
    return table(
        "Single products for concepts",
        f"Products with at least {LEAST_BUYERS} buyers, the most bought first; households of all stores together. CPU: "
        "summing and reading. A request (median of 20) ranks all products for one customer. Differences from the whole square.",
        (
            "concepts",
            "landmarks",
            "cells",
            "model, MiB",
            "peak of the process, MiB",
            "CPU, s",
            "request, ms",
            *FOUND[:2],
        ),
        rows,
    )


def markdown(report: Json) -> str:
    """Everything measured so far."""
    text = "# Landmarks\n\nA taste from some columns of the Gram matrix, on dunnhumby's *The Complete Journey*.\n\n"
    if "types" in report:
        text += types(report["types"]["lines"])
    if "served" in report:
        text += served(report["served"]["lines"])
    products = sorted((report[part] for part in report if part.isdigit()), key=_concepts)
    if products:
        text += wide([line for part in products for line in part["lines"]])
    for part in report.values():
        versions = ", ".join(f"{name} {number}" for name, number in part["versions"].items())
        text += f"Command `{part['command']}`, commit {part['commit']}; {versions}.\n\n"
    return text.rstrip() + "\n"


def _concepts(part: Json) -> int:
    return int(part["lines"][0]["concepts"])
