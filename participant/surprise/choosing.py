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

from participant.models.blend import LOCAL, wins
from participant.models.boldness import PLAIN, Boldness, Trial
from participant.models.exchange import Exchange
from participant.models.gate import holds_up
from participant.models.holdout import HoldOut, Mask
from participant.models.newcomer_trial import Contents, learn_newcomers
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.resampling import interval
from participant.models.scoring import standardise
from participant.models.sway import Rhythms
from participant.models.swaying import learn_sway
from participant.models.train import as_judged, learn
from participant.models.windows import SCENARIOS, Windows
from participant.store.records import Records
from participant.surprise.judging import affordable, bold_orders, served_gains
from participant.surprise.lists import Setting
from participant.surprise.personal import appetites, personal
from protocols.limits import SQUARE_MAX
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float64]

TAUS: Final = {"surprise": (0.4, 0.25, 0.1, 0.0), "explore": (0.1, 0.05, 0.0)}
"""From what best explains reported surprise (0.4) over what best explains reported satisfaction (0.25)
to none. Under *explore*, where all is new, it only parts near-equals."""
PLACES: Final = {"surprise": (2, 1, 0), "explore": (1, 0)}
"""Of ten places, how many are kept for bold suggestions: the last ones, where a miss costs least."""
NEAR_EQUALS: Final = (0.1, 0.1)
"""Appeal elsewhere (beta) and diversity decide between near-equals: a tenth each, so that the widest
appeal is worth a factor of 1.23 and a perfect twin costs a tenth."""
TOLERANCE: Final = 0.03
"""Share of nDCG@10 that boldness may cost. A share and not a standard error: that would let the smallest
companies, which know least, lose most."""


def settings(scenario: str) -> tuple[Setting, ...]:
    """(tau, beta, diversity, bold places), boldest first, the order of likelihood last.

    >>> settings("explore")[:2], settings("explore")[-1], len(settings("explore"))
    (((0.1, 0.1, 0.1, 1), (0.1, 0.0, 0.0, 1)), (0.0, 0.0, 0.0, 0), 12)
    """
    return tuple(
        (tau, *extra, places)
        for places in PLACES[scenario]
        for tau in TAUS[scenario]
        for extra in (NEAR_EQUALS, (0.0, 0.0))
    )


def train(
    records: Records,
    vocabulary: Vocabulary,
    *,
    windows: Windows,
    exchange: Exchange | None = None,
    contents: Contents | None = None,
    denied: Mask | None = None,
    rhythms: Rhythms | None = None,
    square_max: int = SQUARE_MAX,
) -> NodeModel:
    """Train a node's model and choose how bold its lists are, and what the moment of a request may move.

    See :func:`participant.models.learn` and :mod:`participant.models.swaying`; ``rhythms`` are the consortium's.
    ``denied`` concepts, (n_concepts,), are on none of the lists that are judged, as on none that is served.
    """
    learned = learn(
        records, vocabulary, windows=windows, exchange=exchange, square_max=square_max, denied=denied
    )
    if exchange is not None and learned.model.risen is None:
        learned = as_judged(learned, bold_orders(learned, denied))
    found_appetites, levels = appetites(records, vocabulary, learned)
    model, rehearsal = replace(learned.model, appetites=found_appetites), learned.rehearsal
    for scenario in SCENARIOS:
        part, tried = model.scenarios[scenario], rehearsal.scenarios[scenario]
        found, plain = choose(rehearsal, learned.held, scenario, denied)
        if tried.deployed and not holds_up(plain, tried.verdict.prior):
            tried = _alone(rehearsal, learned.held, scenario, plain)
            found, _ = choose(_with(rehearsal, scenario, tried), learned.held, scenario, denied)
            part = replace(part, mix=tried.mix, verdict=tried.verdict, acceptance=tried.acceptance)
        if levels is not None:
            found = personal(_with(rehearsal, scenario, tried), learned.held, scenario, found, levels, denied)
        model = _with(model, scenario, replace(part, boldness=found))
        rehearsal = _with(rehearsal, scenario, tried)
    sway = learn_sway(
        records,
        vocabulary,
        rehearsal=rehearsal,
        held=learned.held,
        rhythms=rhythms or Rhythms(),
        denied=denied,
    )
    return replace(model, sway=sway, newcomers=learn_newcomers(records, vocabulary, learned, contents))


def choose(
    rehearsal: NodeModel, held: HoldOut, scenario: str, denied: Mask | None = None
) -> tuple[Boldness, Floats]:
    """The boldest setting that holds up, and what the list in order of likelihood gains on the own model.

    Args:
        rehearsal: a model of the fit window.
        held: its validation customers.
        scenario: "surprise" or "explore".
        denied: concepts that are not suggested, (n_concepts,).

    Returns:
        The choice, and paired differences of nDCG@10 by customer.
    """
    tried = settings(scenario)
    cap = affordable(rehearsal, held, scenario, denied)
    table, local = served_gains(rehearsal, held, scenario, tried, denied, cap)
    if not len(local):
        return PLAIN, local
    plain = table[-1]
    floor = (1.0 - TOLERANCE) * float(plain.mean())
    trials = tuple(
        Trial(
            tau=setting[0],
            beta=setting[1],
            diversity=setting[2],
            places=setting[3],
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
        tau=taken.tau,
        beta=taken.beta,
        diversity=taken.diversity,
        places=taken.places,
        cap=cap,
        customers=len(local),
        trials=trials,
    )
    return boldness, plain - local


def _alone(rehearsal: NodeModel, held: HoldOut, scenario: str, plain: Floats) -> ScenarioModel:
    """A scenario without the release: its list, as this shop can serve it, is not above the own model's."""
    part, candidates = rehearsal.scenarios[scenario], held.candidates(scenario)
    own = standardise(rehearsal.local_matrix_scores(scenario, held.history), candidates)
    return replace(
        part,
        mix=LOCAL,
        verdict=replace(part.verdict, deployed=False, difference=interval(plain)),
        acceptance=held.acceptance(own, candidates),
    )


def _with(model: NodeModel, scenario: str, part: ScenarioModel) -> NodeModel:
    return replace(model, scenarios={**model.scenarios, scenario: part})
