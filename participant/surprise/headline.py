"""The headline a retailer understands, on weeks that the node's own choices never used.

*Of 100 customers who next bought something new that the shop would not have shown, in how many was it
among our 10 suggestions*: the own model alone against the lists as they are served with the exchange,
with bootstrap intervals over customers. As served but for what a single request adds: the moment, bold places by
appetite, and the place for what is new.
"""

from dataclasses import dataclass

import numpy as np

from participant.models.holdout import HoldOut, Mask, hold_out
from participant.models.node_model import NodeModel
from participant.models.resampling import Interval, interval
from participant.models.windows import SCENARIOS
from participant.store.records import Records
from participant.surprise.lists import Setting, list_gains, served_lists
from protocols.errors import BadInput
from protocols.questions.ranking import TOP, top_indices
from protocols.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioHeadline:
    """One scenario on the test window. Shares are of customers with something new to find, in [0, 1]."""

    scenario: str
    deployed: bool
    hits_local: Interval
    hits_exchange: Interval
    hits_gained: Interval
    ndcg_local: Interval
    ndcg_exchange: Interval
    ndcg_gained: Interval

    @property
    def sentence(self) -> str:
        """The figure in words."""
        what = (
            "something new that the shop would not have shown"
            if self.scenario == "surprise"
            else "something new"
        )
        return (
            f"Of 100 customers who next bought {what}, {100 * self.hits_exchange.mean:.0f} found it among our "
            f"{TOP} suggestions with the exchange, {100 * self.hits_local.mean:.0f} without"
        )


def headline(
    model: NodeModel, records: Records, vocabulary: Vocabulary, *, denied: Mask | None = None
) -> tuple[ScenarioHeadline, ...]:
    """Measure ``model`` on its test window, both scenarios; ``denied`` concepts are on no list and no target.

    Raises:
        BadInput: the model's windows keep no test window aside.
        WrongVocabulary: the model is for another vocabulary.
    """
    model.check(vocabulary)
    if not model.windows.test_until:
        raise BadInput(expected="a test window", came="none", do="train with windows.test_until")
    held = hold_out(
        records,
        vocabulary,
        history_until=model.windows.validation_until,
        target_until=model.windows.test_until,
        customers_until=model.windows.customers_until,
    )
    return tuple(_scenario(model, held, scenario, denied) for scenario in SCENARIOS)


def _scenario(model: NodeModel, held: HoldOut, scenario: str, denied: Mask | None) -> ScenarioHeadline:
    part, candidates = model.scenarios[scenario], held.candidates(scenario)
    if denied is not None:
        candidates = candidates & ~denied
    customers = np.flatnonzero((held.future & candidates).any(1))
    history, candidates = held.history[customers], candidates[customers]
    target = held.future[customers] & candidates
    bold = part.boldness
    setting: Setting = (bold.tau, bold.beta, bold.diversity, bold.places)
    local = top_indices(np.where(candidates, model.local_matrix_scores(scenario, history), -np.inf), TOP)
    lists = (local, served_lists(model, history, scenario, (setting,), denied, cap=bold.cap)[0])
    gains = [list_gains(shown, target) for shown in lists]
    hits = [np.asarray(gain > 0, np.float64) for gain in gains]
    return ScenarioHeadline(
        scenario=scenario,
        deployed=part.deployed,
        hits_local=interval(hits[0]),
        hits_exchange=interval(hits[1]),
        hits_gained=interval(hits[1] - hits[0]),
        ndcg_local=interval(gains[0]),
        ndcg_exchange=interval(gains[1]),
        ndcg_gained=interval(gains[1] - gains[0]),
    )
