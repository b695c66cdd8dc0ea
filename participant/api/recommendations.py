"""``POST /v1/recommendations``: suggestions for one customer, for bearers of a ``recommend`` token."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from participant import entropy
from participant.moment import Moment
from participant.serving import Recommender, Served, Wish
from participant.store.tokens import Tokens
from protocols.questions.parameters import instant
from protocols.service.clock import Clock
from protocols.service.tokens import require

SCOPE = "recommend"
REC_ID_BYTES = 12

Share = Annotated[float, Field(ge=0, le=1)]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SurpriseRange(_Shape):
    """The dial: how surprising suggestions may be, between the least (0) and the most (1) attainable for this customer.

    ``places``: how many of ten are kept for bold ones; without it what the node chose.
    """

    min: Share = 0.0
    max: Share = 1.0
    places: Annotated[int, Field(ge=0, le=10)] | None = None


class Filter(_Shape):
    """What the shop does not want to show now."""

    exclude_items: tuple[str, ...] = ()
    exclude_concepts: tuple[str, ...] = ()


class Context(_Shape):
    """When and where the suggestions are shown; what is left out the node fills in from its clock and its files.

    ``time``: unix seconds, or ISO 8601 with a zone. It moves the order as far as the node found that this helps.
    """

    time: Annotated[str, Field(max_length=40)] | int | None = None
    store: Annotated[str, Field(max_length=255)] = ""
    weather: str = ""
    location: str = ""
    event: str = ""

    def moment(self) -> Moment:
        """The same, checked.

        Raises:
            BadInput: no instant, or a word that names no band.
        """
        return Moment(
            time=None if self.time is None else instant({"time": self.time}, "time"),
            store=self.store,
            weather=self.weather,
            location=self.location,
            event=self.event,
        )


class Asked(_Shape):
    """One request; ``calibration`` above 0 draws the list towards the categories of what the customer buys."""

    user_id: Annotated[str, Field(min_length=1, max_length=255)]
    scenario: str = "surprise"
    n: Annotated[int, Field(ge=1, le=100)] = 10
    language: str = "en"
    context: Context = Context()
    filter: Filter = Filter()
    surprise: SurpriseRange = SurpriseRange()
    calibration: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Why(_Shape):
    """A reason: never a count and never another company's name."""

    code: str
    text: str
    support_band: str


class Item(_Shape):
    """One suggestion."""

    item_id: str
    name: str
    concept: str
    score: float
    surprise: float
    relevance: float
    reasons: tuple[Why, ...]


class Answer(_Shape):
    """The suggestions, best first. ``rec_id`` comes back with events; never an empty list.

    ``moved_by``: which bands of the context moved the order, by factor; empty where none did.
    """

    rec_id: str
    model_version: str
    experiment: str | None
    degraded: bool
    filtered: dict[str, int]
    moved_by: dict[str, str]
    items: tuple[Item, ...]


def recommendations_router(recommender: Recommender, tokens: Tokens, clock: Clock) -> APIRouter:
    """The router; every path in it needs a token of scope ``recommend``."""
    router = APIRouter(prefix="/v1", tags=["recommendations"])
    bearer = Depends(require(SCOPE, tokens, clock))

    @router.post("/recommendations", summary="Suggestions for one customer", dependencies=[bearer])
    async def recommendations(asked: Asked) -> Answer:
        wish = Wish(
            customer=asked.user_id,
            scenario=asked.scenario,
            n=asked.n,
            minimum=asked.surprise.min,
            maximum=asked.surprise.max,
            places=asked.surprise.places,
            calibration=asked.calibration,
            language=asked.language,
            without_items=frozenset(asked.filter.exclude_items),
            without_concepts=frozenset(asked.filter.exclude_concepts),
            moment=asked.context.moment(),
        )
        return answer_of(await run_in_threadpool(recommender.serve, wish))

    return router


def answer_of(served: Served) -> Answer:
    """What the API says for ``served``."""
    return Answer(
        rec_id=entropy.random_bytes(REC_ID_BYTES).hex(),
        model_version=served.model_version,
        experiment=None,
        degraded=served.degraded,
        filtered=dict(served.filtered),
        moved_by=dict(served.moved_by),
        items=tuple(
            Item(
                item_id=item.item_id,
                name=item.item_name,
                concept=item.concept,
                score=item.score,
                surprise=item.surprise,
                relevance=item.relevance,
                reasons=tuple(
                    Why(code=why.code, text=why.text, support_band=why.support_band) for why in item.reasons
                ),
            )
            for item in served.items
        ),
    )
