"""How bold a node's lists are: chosen for each scenario on the node's own validation weeks.

The list as it would be served (candidates, pool, utility, diversity) is made for validation customers
by a model of the fit window, with every setting of :data:`SETTINGS`, boldest first. The first that
holds up is taken. A setting holds up if its mean nDCG@10

- is at most :data:`TOLERANCE` below that of the list in order of likelihood: the price of boldness,
- and beats the own tuned local model by at least one standard error of the paired difference. The
  gate asks the release itself for more than zero; more is asked here because taking the boldest of
  several that pass is a choice in the direction of loss.

If none holds up, the list in order of likelihood is served. If even that one, with what this shop
does not sell left out, is below the own model, the release is not deployed and the own model serves.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models import acceptance
from participant.models.blend import LOCAL, gains, wins
from participant.models.boldness import PLAIN, Boldness, Trial
from participant.models.exchange import Exchange
from participant.models.gate import holds_up
from participant.models.holdout import HoldOut
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.resampling import interval
from participant.models.scoring import standardise
from participant.models.train import learn
from participant.models.windows import SCENARIOS, Windows
from participant.store.records import Records
from participant.surprise.lists import Setting, list_gains, served_lists
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float64]

TAUS: Final = (0.4, 0.25, 0.1, 0.0)
"""From what best explains reported surprise (0.4) over what best explains reported satisfaction (0.25)
to none."""
NEAR_EQUALS: Final = (0.1, 0.1)
"""Appeal elsewhere (beta) and diversity decide between near-equals: a tenth each, so that the widest
appeal is worth a factor of 1.23 and a perfect twin costs a tenth."""
TOLERANCE: Final = 0.03
"""Share of nDCG@10 that boldness may cost. A share and not a standard error: that would let the smallest
companies, which know least, lose most."""
CUSTOMERS: Final = 2_000
"""Validation customers whose lists are made, drawn at random where there are more."""


def settings(scenario: str) -> tuple[Setting, ...]:
    """(tau, beta, diversity), boldest first; surprise counts under *surprise* only.

    >>> settings("explore")
    ((0.0, 0.1, 0.1), (0.0, 0.0, 0.0))
    """
    taus = TAUS if scenario == "surprise" else (0.0,)
    return tuple((tau, *extra) for tau in taus for extra in (NEAR_EQUALS, (0.0, 0.0)))


def train(
    records: Records, vocabulary: Vocabulary, *, windows: Windows, exchange: Exchange | None = None
) -> NodeModel:
    """Train a node's model and choose how bold its lists are; see :func:`participant.models.learn`."""
    learned = learn(records, vocabulary, windows=windows, exchange=exchange)
    model, rehearsal = learned.model, learned.rehearsal
    for scenario in SCENARIOS:
        part, tried = model.scenarios[scenario], rehearsal.scenarios[scenario]
        found, plain = choose(rehearsal, learned.held, scenario)
        if tried.deployed and not holds_up(plain):
            tried = _alone(rehearsal, learned.held, scenario, plain)
            found, _ = choose(_with(rehearsal, scenario, tried), learned.held, scenario)
            part = replace(part, mix=tried.mix, verdict=tried.verdict, acceptance=tried.acceptance)
        model = _with(model, scenario, replace(part, boldness=found))
    return model


def choose(rehearsal: NodeModel, held: HoldOut, scenario: str) -> tuple[Boldness, Floats]:
    """The boldest setting that holds up, and what the list in order of likelihood gains on the own model.

    Args:
        rehearsal: a model of the fit window.
        held: its validation customers.
        scenario: "surprise" or "explore".

    Returns:
        The choice, and paired differences of nDCG@10 by customer.
    """
    tried = settings(scenario)
    table, local = served_gains(rehearsal, held, scenario, tried)
    if not len(local):
        return PLAIN, local
    plain = table[-1]
    floor = (1.0 - TOLERANCE) * float(plain.mean())
    trials = tuple(
        Trial(
            tau=setting[0],
            beta=setting[1],
            diversity=setting[2],
            ndcg=float(row.mean()),
            against_plain=float((row - plain).mean()),
            against_local=float((row - local).mean()),
            error=float((row - local).std(ddof=1)) / len(row) ** 0.5 if len(row) > 1 else 0.0,
            accepted=setting == tried[-1] or (float(row.mean()) >= floor and wins(row - local)),
        )
        for setting, row in zip(tried, table, strict=True)
    )
    taken = next(trial for trial in trials if trial.accepted)
    boldness = Boldness(
        tau=taken.tau, beta=taken.beta, diversity=taken.diversity, customers=len(local), trials=trials
    )
    return boldness, plain - local


def served_gains(
    model: NodeModel, held: HoldOut, scenario: str, tried: tuple[Setting, ...]
) -> tuple[Floats, Floats]:
    """nDCG@10 of the lists as served, (settings, customers), and of the own local model, (customers,).

    Targets are those of :func:`participant.models.blend.gains`; a target that the shop does not sell
    counts and cannot be found.
    """
    customers = held.seekers(scenario)
    local = gains(held, scenario, model.local_matrix_scores(scenario, held.history))
    if len(customers) > CUSTOMERS:
        kept = np.sort(np.random.default_rng(0).permutation(len(customers))[:CUSTOMERS])
        customers, local = customers[kept], local[kept]
    lists = served_lists(model, held.history[customers], scenario, tried)
    target = (held.future & held.candidates(scenario))[customers]
    return np.stack([list_gains(shown, target) for shown in lists]), local


def _alone(rehearsal: NodeModel, held: HoldOut, scenario: str, plain: Floats) -> ScenarioModel:
    """A scenario without the release: its list, as this shop can serve it, is not above the own model's."""
    part, candidates = rehearsal.scenarios[scenario], held.candidates(scenario)
    own = standardise(rehearsal.local_matrix_scores(scenario, held.history), candidates)
    return replace(
        part,
        mix=LOCAL,
        verdict=replace(part.verdict, deployed=False, difference=interval(plain)),
        acceptance=acceptance.fit(own, candidates, held.future),
    )


def _with(model: NodeModel, scenario: str, part: ScenarioModel) -> NodeModel:
    return replace(model, scenarios={**model.scenarios, scenario: part})
