"""One company of the surprise benchmark, in a process of its own: trained on weeks 1-40, judged by 41-53."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from participant.models import SCENARIOS, Exchange, NodeModel
from participant.models.boldness import Boldness
from participant.models.gram import WholeGram
from participant.store.records import Records
from participant.surprise import train
from participant.surprise.sensitive import Sensitive
from protocols.questions.ease import ease
from protocols.vocabulary import Vocabulary
from tests.benchmarks import arms, surprise_appetite, surprise_chance, surprise_dial
from tests.benchmarks.arms import Lists
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL, reopened
from tests.benchmarks.quality import WINDOWS
from tests.benchmarks.surprise_appetite import People
from tests.benchmarks.surprise_chance import Promises

FITTED, REFITTED = "fitted.npy", "refitted.npy"
CHOSEN = ("tau", "beta", "diversity", "places", "by_appetite", "appetite_gain")
Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """What one company says, by scenario; ``people`` are its customers by appetite."""

    ladder: dict[str, dict[str, tuple[Lists, float]]]
    promises: dict[str, Promises]
    rates: dict[str, float]
    denial: dict[str, dict[str, float]]
    people: People
    choices: Json


def measure(
    folder: Path, vocabulary: Vocabulary, companies: int, lambdas: dict[str, int], member: int
) -> Part:
    """Train company ``member`` of the consortium in ``folder`` with its sums, and measure it."""
    torch.set_num_threads(1)
    consortium = reopened(folder, vocabulary, companies)
    fitted, refitted = (WholeGram(matrix=np.load(folder / name)) for name in (FITTED, REFITTED))
    exchange = Exchange(fitted=fitted, refitted=refitted, lambdas=lambdas)
    records = consortium.members[member]
    model = train(records, vocabulary, windows=WINDOWS, exchange=exchange)
    held = arms.test_weeks(consortium, member)
    before = arms.held_out(consortium, member, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL)
    denied = Sensitive().concepts(vocabulary, records.catalogue.lines())
    denied |= Sensitive().products(model.concepts, model.starters)
    levels = _levels(records, model)
    made = {name: surprise_dial.shown(model, held, name, levels) for name in SCENARIOS}
    free = {name: each.lists[surprise_dial.CHOSEN] for name, each in made.items()}
    return Part(
        ladder={name: surprise_dial.steps(model, held, name, made[name]) for name in SCENARIOS},
        promises={name: surprise_chance.promises(held, free[name], made[name].chance) for name in SCENARIOS},
        rates={
            name: surprise_chance.base_rate(ease(fitted.matrix, float(lambdas[name])), before, name)
            for name in SCENARIOS
        },
        denial={name: surprise_dial.denial(model, held, name, denied, free[name]) for name in SCENARIOS},
        people=surprise_appetite.people(consortium, member, model),
        choices={name: _choice(part.boldness) for name, part in model.scenarios.items()},
    )


def _levels(records: Records, model: NodeModel) -> NDArray[np.int64]:
    """The appetite of each customer of the test weeks, middling where nothing is known."""
    found = [
        None if model.appetites is None else model.appetites.of(int(key))
        for key in records.counted(FIT_UNTIL, 0)
    ]
    return np.array([1 if each is None else each.level for each in found], np.int64)


def _choice(boldness: Boldness) -> Json:
    found = asdict(boldness)
    return {name: found[name] for name in CHOSEN}
