"""`evaluation`: how well a release foretells purchases that no company shows to anybody.

Each company ranks for its own customers with every *setting*, a ridge lambda and a mixture of released models
(EASE alone, unless others are named), and answers, for the metrics explore and surprise, with the number of
customers that have a target and the sum of their nDCG at ``top`` for each setting: 2 (1 + S) numbers. The
consortium learns the pooled mean per setting, so that a setting is chosen without anybody's holdout being
seen. An `encoder` release is measured in the same way, beside the `taste` release that it started from.

With ``beside=own`` each company adds what its *own* model does for the same customers, one number more a metric:
what a setting brings to all of them together is then known to each, also to one with too few customers to see it.
That model is the same whatever is evaluated, so it is measured where no encoder is, unless said otherwise.

Layout: for explore and then surprise, the count and then one sum per setting: lambdas in the given order, and
for each all mixtures in theirs; last the sum of the own models, if they are measured.

Sensitivity: one customer changes each cell by at most 1, so sqrt(2 + 2 S) in L2, but only if nobody
else's gains depend on it. With ``obvious=own`` they do: surprise leaves out what most customers of the
company bought, and one customer more can change that list and with it everybody's gains. So noise is
refused there; with ``obvious=pooled`` the list is that of the release, the same for all. An own model depends on
every customer as well: noise wants ``beside=nothing``, the default with ``obvious=pooled``.

>>> values = {"release": "00" * 32, "history_until": 100, "target_until": 200, "lambdas": "300,1000,3000"}
>>> values["beside"] = "nothing"
>>> asked = parse(values)
>>> total = np.array([4.0, 1.0, 2.0, 1.0, 2.0, 0.5, 0.5, 0.25])
>>> reading = EVALUATION.read(total, asked, 2221)
>>> reading.explore.means, reading.explore.best_lambda
((0.25, 0.5, 0.25), 1000)
>>> reading.surprise.best_lambda  # a tie: the first one listed
300
>>> both = parse({**values, "encoder": "11" * 32, "mixes": "0:100:0,100:30:0"})
>>> EVALUATION.read(np.array([4.0, 1, 2, 1, 2, 1, 1] * 2), both, 2221).explore.best_mix.words
'1 x encoder + 0.3 x EASE'
>>> floor = parse({**values, "beside": "own"})
>>> EVALUATION.read(
...     np.array([4.0, 1, 2, 1, 0.5, 2, 0.5, 0.5, 0.25, 1]), floor, 2221
... ).surprise.own  # 1 of 2, not of 4
0.5
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput, OutOfBounds, UnboundedSensitivity
from protocols.limits import FRACTION_BITS, HASH_BYTES, VECTOR_BYTES
from protocols.questions.mixture import PLAIN, Mixture
from protocols.questions.parameters import (
    INSTANT_MAX,
    Given,
    choice,
    hex_bytes,
    instant,
    refuse_unknown,
    require,
    say_instant,
    whole,
    whole_list,
)
from protocols.questions.question import Question
from protocols.questions.ranking import TOP
from protocols.questions.taste import CAP_MAX, CUSTOMERS_CAP

METRICS: Final = ("explore", "surprise")
"""First purchases among all concepts, and among those outside the company's own obvious list."""

LAMBDAS: Final = (15, 60, 100, 300, 1000, 3000, 10_000)
"""Ridges to choose among, unless the admin says otherwise: 15 to 300 for unit rows, 100 to 10,000 for binary
ones. Under noise each costs two more cells, so that an admin who knows the rows names three."""

LAMBDAS_MAX: Final = 16
"""More ridges than this tell nothing new and cost a matrix inverse each."""

WEIGHTS_MAX: Final = 2**31
"""Weights of all ridges together, which a node holds at once: 17 GB. Of a released sum no model has more weights than
two numbers for each of the cells of the longest vector, so that eight ridges always fit."""

RELEASED_MAX: Final = 2 * VECTOR_BYTES // 4

SETTINGS_MAX: Final = 256
"""Ridges times mixtures: each costs a ranking of all customers."""

OBVIOUS: Final = ("own", "pooled")
"""Whose obvious list surprise leaves out."""

BESIDE: Final = ("own", "nothing")
"""What is measured beside the settings: each company's own model, or nothing."""

TOP_MAX: Final = 100
"""The longest list that a node serves; a longer one is no recommendation, and takes longer to rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Which release, which ridges, which windows. Times are unix seconds in UTC.

    Attributes:
        release: id of the released `taste` or `landmarks` sum that is evaluated.
        encoder: id of the released `encoder` sum that is evaluated beside it; empty for none.
        lambdas: distinct ridges.
        mixes: distinct mixtures of encoder, EASE and popularity.
        history_until, target_until: history is before the first, targets between the two.
        customers_until: a customer counts if first seen at this company before.
        top: length of the list.
        obvious: what surprise leaves out: each company's "own" obvious list, or the release's, "pooled".
        beside: whether each company's "own" model is measured as well, or "nothing".
        customers_cap: the most customers one company may answer for; bounds every cell.
    """

    TAG: ClassVar[str] = "question-evaluation"
    release: bytes
    encoder: bytes
    lambdas: tuple[int, ...]
    mixes: tuple[Mixture, ...]
    history_until: int
    target_until: int
    customers_until: int
    top: int
    obvious: str
    beside: str
    customers_cap: int

    def __post_init__(self) -> None:
        require(len(self.release) == HASH_BYTES, "a release id", self.release.hex()[:80])
        used = any(mix.encoder for mix in self.mixes)
        require(
            len(self.encoder) == (HASH_BYTES if used else 0),
            "an encoder release id where a mixture uses one, and only there",
            self.encoder.hex()[:80],
        )
        require(
            0 < len(self.mixes) == len(set(self.mixes))
            and len(self.lambdas) * len(self.mixes) <= SETTINGS_MAX,
            f"distinct mixtures, and at most {SETTINGS_MAX} settings",
            len(self.mixes),
        )
        distinct = len(set(self.lambdas)) == len(self.lambdas) and all(lam > 0 for lam in self.lambdas)
        require(distinct and 0 < len(self.lambdas) <= LAMBDAS_MAX, "distinct positive lambdas", self.lambdas)
        require(
            0 < self.history_until < self.target_until <= INSTANT_MAX,
            "history_until before target_until",
            self.target_until,
        )
        require(
            0 < self.customers_until <= INSTANT_MAX, "customers_until as an instant", self.customers_until
        )
        require(0 < self.top <= TOP_MAX, f"a list of 1 to {TOP_MAX}", self.top)
        require(self.obvious in OBVIOUS, f"obvious as one of {', '.join(OBVIOUS)}", self.obvious[:40])
        require(self.beside in BESIDE, f"beside as one of {', '.join(BESIDE)}", self.beside[:40])
        require(0 < self.customers_cap <= CAP_MAX, f"a customers_cap of 1 to {CAP_MAX}", self.customers_cap)

    @property
    def settings(self) -> tuple[tuple[int, Mixture], ...]:
        """Ridge and mixture of each sum, in order."""
        return tuple((lam, mix) for lam in self.lambdas for mix in self.mixes)

    @property
    def rows(self) -> int:
        """Sums of nDCG for each metric: the settings, and the own model if it is measured."""
        return len(self.settings) + (self.beside == "own")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReading:
    """One metric: customers with a target (over all companies) and the mean nDCG of each setting.

    With no customer (``count`` 0) the means are 0 and say nothing. Where settings tie, the first one is best.
    ``own``: the mean of the companies' own models for the same customers; None where it was not measured.
    """

    count: float
    settings: tuple[tuple[int, Mixture], ...]
    means: tuple[float, ...]
    own: float | None = None

    @property
    def best(self) -> float:
        """The highest mean."""
        return max(self.means)

    @property
    def best_lambda(self) -> int:
        """The ridge of the setting with the highest mean."""
        return self.settings[self.means.index(self.best)][0]

    @property
    def best_mix(self) -> Mixture:
        """The mixture of the setting with the highest mean."""
        return self.settings[self.means.index(self.best)][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReading:
    """The reading of an evaluation: both metrics."""

    explore: MetricReading
    surprise: MetricReading


def parse(values: Mapping[str, Given]) -> Parameters:
    """Parameters from what an admin typed; ``release`` and the two windows are required.

    Raises:
        BadInput: an unknown, missing or wrong parameter.
    """
    refuse_unknown(values, Parameters.__slots__)
    history_until = instant(values, "history_until")
    obvious = choice(values, "obvious", OBVIOUS, default="own")
    alone = obvious == "own" and not values.get("encoder", "")
    return Parameters(
        release=hex_bytes(values, "release", HASH_BYTES),
        encoder=hex_bytes(values, "encoder", HASH_BYTES) if values.get("encoder", "") else b"",
        mixes=_mixes(values),
        lambdas=whole_list(values, "lambdas", low=1, default=LAMBDAS),
        history_until=history_until,
        target_until=instant(values, "target_until"),
        customers_until=instant(values, "customers_until", default=history_until),
        top=whole(values, "top", low=1, high=TOP_MAX, default=TOP),
        obvious=obvious,
        beside=choice(values, "beside", BESIDE, default="own" if alone else "nothing"),
        customers_cap=whole(values, "customers_cap", low=1, high=CAP_MAX, default=CUSTOMERS_CAP),
    )


def length(parameters: Parameters, n_concepts: int) -> int:
    """For both metrics a count, a sum per setting, and perhaps one of the own models.

    Raises:
        MalformedMessage: more ridges than a node can hold models of so many concepts.
    """
    most = WEIGHTS_MAX // min(n_concepts**2, RELEASED_MAX)
    require(
        len(parameters.lambdas) <= most,
        f"at most {most} lambdas at {n_concepts} concepts",
        len(parameters.lambdas),
    )
    return len(METRICS) * (1 + parameters.rows)


def ranked_rows(parameters: Parameters) -> int:
    """The most customers' rows that are ranked in one company's answer: every customer once for each sum.

    >>> asked = parse(
    ...     {"release": "00" * 32, "history_until": 1, "target_until": 2, "mixes": "0:100:0,0:100:30"}
    ... )
    >>> ranked_rows(asked)  # 7 ridges, 2 mixtures and the own model, 100,000 customers
    1500000
    """
    return parameters.rows * parameters.customers_cap


def bound(parameters: Parameters) -> int:
    """C_inf: every customer adds at most 1 to a cell."""
    return parameters.customers_cap


def sensitivity2(parameters: Parameters, n_concepts: int) -> int:
    """Every cell changes by at most 1: the number of cells.

    Raises:
        UnboundedSensitivity: one customer can change which concepts are obvious, or the own model, and with it
            everybody's gains.
    """
    came = [
        *["surprise beside each company's own obvious list"] * (parameters.obvious == "own"),
        *["each company's own model"] * (parameters.beside == "own"),
    ]
    if came:
        raise UnboundedSensitivity(
            expected="gains of one customer that depend on no other",
            came=" and ".join(came),
            do="ask with obvious=pooled and beside=nothing, or without noise",
        )
    return length(parameters, n_concepts) << (2 * FRACTION_BITS)


def describe(parameters: Parameters) -> str:
    """One sentence for the data-protection officer."""
    beside = "the release's own" if parameters.obvious == "pooled" else "each company's own"
    encoder = f" with encoder {parameters.encoder.hex()[:12]}" if parameters.encoder else ""
    own = ", and your own model (of all your customers) beside it," if parameters.beside == "own" else ""
    return (
        f"How often release {parameters.release.hex()[:12]}{encoder} at {len(parameters.settings)} settings{own} puts "
        f"what customers bought for the first time from {say_instant(parameters.history_until)} until "
        f"{say_instant(parameters.target_until)} among its first {parameters.top}, with and without {beside} "
        f"best-known concepts: a count of customers and sums of scores, for up to {parameters.customers_cap} customers first seen before "
        f"{say_instant(parameters.customers_until)}."
    )


def pack(parameters: Parameters, gains: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.int64]:
    """A company's answer from the nDCG of its customers.

    Args:
        parameters: what was asked.
        gains: for each of :data:`METRICS` shape (n_settings, n_customers_with_a_target), in [0, 1]; the own model,
            if it is measured, as one row more. Each is rounded to fixed point before it is summed, so that the
            order does not matter.

    Raises:
        OutOfBounds: another shape, or a gain outside [0, 1].

    >>> typed = {"release": "00" * 32, "history_until": 1, "target_until": 2, "lambdas": "300"}
    >>> one = parse({**typed, "beside": "nothing"})
    >>> half = np.array([[0.5, 1.0]])
    >>> pack(one, {"explore": half, "surprise": half[:, :1]}) / 2**24
    array([2. , 1.5, 1. , 0.5])
    """
    cells: list[int] = []
    for metric in METRICS:
        values = gains[metric]
        if values.ndim != 2 or len(values) != parameters.rows or not _in_unit_interval(values):
            raise OutOfBounds(
                expected=f"gains in [0, 1] of shape ({parameters.rows}, customers) for {metric}",
                came=f"shape {values.shape}",
                do="evaluate again",
            )
        cells.append(values.shape[1] << FRACTION_BITS)
        cells.extend(np.rint(np.ldexp(values, FRACTION_BITS)).astype(np.int64).sum(axis=1).tolist())
    return np.array(cells, dtype=np.int64)


def _interpret(total: npt.NDArray[np.float64], parameters: Parameters, _n_concepts: int) -> EvaluationReading:
    explore, surprise = total.reshape(len(METRICS), 1 + parameters.rows)
    return EvaluationReading(explore=_metric(explore, parameters), surprise=_metric(surprise, parameters))


def _metric(cells: npt.NDArray[np.float64], parameters: Parameters) -> MetricReading:
    count = float(cells[0])
    means = cells[1:] / count if count > 0 else np.zeros(len(cells) - 1)
    settings = len(parameters.settings)
    return MetricReading(
        count=count,
        settings=parameters.settings,
        means=tuple(float(mean) for mean in means[:settings]),
        own=float(means[settings]) if parameters.beside == "own" else None,
    )


def _mixes(values: Mapping[str, Given]) -> tuple[Mixture, ...]:
    typed = values.get("mixes", "")
    if not isinstance(typed, str):
        raise BadInput(
            expected="mixes as text, such as 0:100:0,100:30:0", came=repr(typed)[:80], do="correct mixes"
        )
    return tuple(Mixture.typed(each) for each in typed.split(",")) if typed else (PLAIN,)


def _in_unit_interval(values: npt.NDArray[np.float64]) -> bool:
    return bool(((values >= 0.0) & (values <= 1.0)).all())


EVALUATION: Final = Question(
    name="evaluation",
    parameters=Parameters,
    parse=parse,
    length=length,
    bound=bound,
    window=lambda asked: (asked.history_until, asked.target_until),
    describe=describe,
    interpret=_interpret,
    sensitivity2=sensitivity2,
)
