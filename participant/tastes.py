"""What a training reads of a plan's sums: the pair of `taste` or `landmarks`, with its noise, and the networks beside it."""

import structlog

from participant.errors import AnswerMissing, AnswerVoided
from participant.models import Exchange
from participant.models.gram import GramColumns, GramMatrix, WholeGram
from participant.plan import TASTE, Plan
from participant.release_shelf import ReleaseShelf
from protocols.questions.network import Network

_log = structlog.get_logger(__name__)


def exchange_for(shelf: ReleaseShelf, plan: Plan) -> Exchange:
    """The sums of ``plan`` as models are made of them.

    Raises:
        BadRelease: a release that this node does not hold any more.
    """
    pair = (plan.fitted, plan.refitted)
    sums, of_others = _tastes(shelf, pair) if plan.question == TASTE else (_columns(shelf, pair), False)
    (fitted, early), (refitted, late) = sums
    return Exchange(
        fitted=fitted,
        refitted=refitted,
        lambdas=plan.lambdas,
        sigmas=(early, late),
        of_others=of_others,
        release=plan.refitted.hex(),
        row_scheme=plan.row_scheme,
        items_cap=plan.items_cap,
        mixes=plan.mixes,
        encoders=_networks(shelf, plan, len(fitted.diagonal)),
        gains=plan.gains,
    )


def _tastes(shelf: ReleaseShelf, pair: tuple[bytes, bytes]) -> tuple[list[tuple[GramMatrix, float]], bool]:
    """`taste` sums with their noise; of noisy ones this company's own parts are taken out, if both are here."""
    sums, of_others = [shelf.taste(each) for each in pair], False
    if any(found.sigma for found in sums):
        try:
            sums, of_others = [shelf.others(each) for each in pair], True
        except (AnswerMissing, AnswerVoided) as error:
            _log.warning("own part unknown, the noisy sum is read as a whole", code=error.code)
    return [(WholeGram(matrix=found.taste.gram), found.sigma) for found in sums], of_others


def _columns(shelf: ReleaseShelf, pair: tuple[bytes, bytes]) -> list[tuple[GramMatrix, float]]:
    """`landmarks` sums with their noise."""
    sums = [shelf.landmarks(each) for each in pair]
    return [(GramColumns.of(found), sigma) for found, sigma in sums]


def _networks(shelf: ReleaseShelf, plan: Plan, n_concepts: int) -> dict[str, tuple[Network, Network]]:
    """The networks of both windows, each made once where scenarios share it."""
    made: dict[bytes, Network] = {}
    for release in {each for pair in plan.encoders.values() for each in pair}:
        made[release] = shelf.encoders.network(release, n_concepts)
    return {name: (made[early], made[late]) for name, (early, late) in plan.encoders.items()}
