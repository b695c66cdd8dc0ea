"""Sections of the report about ways to read a noisy release, made from ``privacy_choice.json``."""

from collections.abc import Iterator, Sequence
from typing import Any

from protocols.questions.planner import CATEGORIES, CELLS, NODES
from tests.benchmarks.markdown import table
from tests.benchmarks.privacy_choice_verdicts import BESIDE, WHOLE, mean
from tests.benchmarks.privacy_readers import READERS
from tests.benchmarks.privacy_verdicts import EXPLORE, SURPRISE, find

Json = dict[str, Any]
NOT = "-"


def sections(report: Json) -> str:
    """All of them."""
    points = report["points"]
    return (
        table(
            "Which way to read, chosen on validation weeks",
            "The release as a whole, every reader with plain EASE and the same draws of the noise. nDCG@10 on "
            "validation weeks, which chose, then on test weeks. *Hierarchical* and *projected* release other sums "
            "with the same epsilon; the rest is post-processing. - : not measured, or a level without categories.",
            ("level", "epsilon, customers", "metric", *READERS),
            _rows(points, WHOLE, tuple(READERS)),
        )
        + table(
            "The same beside the own exact statistics",
            "What a node makes of the others' noisy sum, the weight of the others by its own validation weeks, before "
            "the gate; *alone* is the own model.",
            ("level", "epsilon, customers", "metric", "alone", CELLS, NODES, CATEGORIES),
            _rows(points, BESIDE, (CELLS, NODES, CATEGORIES)),
        )
        + table(
            "What nodes read, against each other way",
            "Cases of one level, epsilon and number of customers in which it is ahead, and by how much on the mean "
            "(least to most).",
            ("against", "used", "validation: explore", "surprise", "test: explore", "surprise"),
            _duels(report["duels"]),
        )
        + table(
            "The planner's word about what nodes read",
            "Its thresholds were set with the cell-by-cell reading. Would the release beat popularity and the "
            "companies' own models on *surprise*?",
            ("level", "epsilon, customers", "one row in", "it says", "measured"),
            (
                (
                    hit["level"],
                    _noise(hit),
                    f"{1 / hit['limit']:,.0f}",
                    "yes" if hit["predicted"] else "no",
                    f"{hit['against_best_baseline']:+.1%}",
                )
                for hit in report["planner"]
            ),
        )
        + f"Command `{report['command']}`, commit {report['commit']}.\n"
    )


def _rows(points: Sequence[Json], use: str, readers: Sequence[str]) -> Iterator[tuple[str, ...]]:
    places = dict.fromkeys((p["level"], p["epsilon"], p["population"]) for p in points if p["use"] == use)
    for level, epsilon, population in places:
        where = {"level": level, "epsilon": epsilon, "population": population, "use": use}
        found = [find(points, reader=reader, **where) for reader in readers]
        for metric in (EXPLORE, SURPRISE):
            alone = next((each["alone"] for each in found if each and "alone" in each), None)
            own = (f"{alone['valid'][metric]:.4f} / {alone['test'][metric]:.4f}",) if alone else ()
            cells = (
                f"{mean(p, 'valid', metric):.4f} / {mean(p, 'test', metric):.4f}" if p else NOT for p in found
            )
            yield (level, _noise(where), metric, *own, *cells)


def _noise(where: Json) -> str:
    return f"{where['epsilon']:g}, x{where['population']}"


def _duels(duels: Sequence[Json]) -> Iterator[tuple[str, ...]]:
    for duel in duels:
        cells = [
            f"{at['ahead']} of {duel['cases']}, {at['mean']:+.1%} ({at['least']:+.1%} to {at['most']:+.1%})"
            for weeks in ("valid", "test")
            for metric in (EXPLORE, SURPRISE)
            for at in [duel[f"{weeks} {metric}"]]
        ]
        yield (duel["other"], duel["use"], *cells)
