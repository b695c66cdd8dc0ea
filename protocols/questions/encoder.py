"""`encoder`: one federated round of training a customer autoencoder; the sum becomes a step of its weights.

The model is never sent. It is what `protocols.questions.spectral` makes of a released `taste` sum, and one
step of `protocols.questions.server_step` for every `encoder` release since: each names the one ``after``
which it comes, so that a release stands for a chain of signed sums and every node computes the same weights.

Two ways to ask (``mode``):

* ``change``: a company trains on its own customers for some epochs and answers, for every weight, with its number
  of customers times what the weight moved by, at most ``limit``; last comes that number (times ``limit``, so that
  all cells have one bound). Sum by sum this is the customer-weighted mean of FedAvg. One customer can bend
  a whole training: no noise hides it.
* ``gradient``: a company answers with the sum over its customers (or a secret Poisson ``sample`` of them, in
  millionths) of each one's own gradient, clipped to an L2 norm of ``limit``: that is what one customer
  changes. The step divides by ``expected``, a public number.

Rates and limits are in millionths, ``beta`` and ``dropout`` in hundredths: there are no floats in a parameter.

>>> asked = parse({"taste": "ab" * 32, "until": "2017-08-14"})
>>> length(asked, 2221), bound(asked), asked.after
(2474414, 25000, b'')
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from protocols.errors import OutOfBounds, UnboundedSensitivity
from protocols.limits import FRACTION_BITS, HASH_BYTES
from protocols.questions.network import Shape
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
)
from protocols.questions.question import Question
from protocols.questions.server_step import SERVERS
from protocols.questions.taste import CAP_MAX, CUSTOMERS_CAP

CHANGE, GRADIENT = "change", "gradient"
MODES: Final = (CHANGE, GRADIENT)

MILLION: Final = 1_000_000
"""Parts of a rate, a limit or a sample that are written as whole numbers."""

LIMIT_MAX: Final = 100 * MILLION
"""The squares of a row of this length still add up in 64 bits."""

EPOCHS_MAX: Final = 100
STEPS_MAX: Final = 100_000
BATCH_MAX: Final = 65_536
BATCH_CELLS_MAX: Final = 2**26
"""Customers of a batch times concepts: its rows are dense, 256 MiB here, and a step holds some ten arrays as large."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """One round: what it starts from, how a company trains, what the sum does. Times are unix seconds in UTC.

    Attributes:
        taste: id of the `taste` release that the chain starts from.
        after: id of the `encoder` release before this one; empty for the first round.
        mode: "change" or "gradient".
        hidden, latent: widths of the layers.
        epochs, steps: of local training, whichever ends first; ``batch`` customers a step.
        rate: of the local optimiser (Adam), in millionths.
        beta: weight of the divergence in the loss; ``dropout``: of concepts of a row; both in hundredths.
        server, server_rate: the optimiser of the sum, and its rate in millionths.
        limit: the most by which one weight moves, or the L2 norm of a customer's gradient; in millionths.
        sample: the chance with which a customer counts in a round, in millionths; below one only by gradient.
        expected: by gradient, what the sum of everybody's is divided by: as many customers as one expects.
        since, until, customers_until, customers_cap: as in `taste`.
    """

    TAG: ClassVar[str] = "question-encoder"
    taste: bytes
    after: bytes
    mode: str
    hidden: int
    latent: int
    epochs: int
    steps: int
    batch: int
    rate: int
    beta: int
    dropout: int
    server: str
    server_rate: int
    limit: int
    sample: int
    expected: int
    since: int
    until: int
    customers_until: int
    customers_cap: int

    def __post_init__(self) -> None:
        require(len(self.taste) == HASH_BYTES, "a taste release id", self.taste.hex()[:80])
        require(
            len(self.after) in (0, HASH_BYTES), "an encoder release id, or nothing", self.after.hex()[:80]
        )
        require(self.mode in MODES, f"mode as one of {', '.join(MODES)}", self.mode[:40])
        require(self.server in SERVERS, f"server as one of {', '.join(SERVERS)}", self.server[:40])
        Shape(concepts=1, hidden=self.hidden, latent=self.latent)
        _within("epochs", self.epochs, 1, EPOCHS_MAX)
        _within("steps", self.steps, 1, STEPS_MAX)
        _within("batch", self.batch, 1, BATCH_MAX)
        _within("rate", self.rate, 1, MILLION)
        _within("beta", self.beta, 0, 1000)
        _within("dropout", self.dropout, 0, 99)
        _within("server_rate", self.server_rate, 1, 1000 * MILLION)
        _within("limit", self.limit, 1, LIMIT_MAX)
        _within("sample", self.sample, 1, MILLION)
        _within("expected", self.expected, 1, CAP_MAX)
        require(
            self.sample == MILLION or self.mode == GRADIENT,
            "everybody in the sample, or mode=gradient",
            self.sample,
        )
        require(0 <= self.since < self.until <= INSTANT_MAX, "since before until", self.until)
        require(
            0 < self.customers_until <= INSTANT_MAX, "customers_until as an instant", self.customers_until
        )
        _within("customers_cap", self.customers_cap, 1, CAP_MAX)

    def shape(self, n_concepts: int) -> Shape:
        """Of the network, for a vocabulary of so many concepts."""
        return Shape(concepts=n_concepts, hidden=self.hidden, latent=self.latent)

    @property
    def chain(self) -> tuple[bytes, int, int, str, int]:
        """What is the same in every round of one chain: start, widths and server; the rest may change."""
        return self.taste, self.hidden, self.latent, self.server, self.server_rate

    @property
    def clip(self) -> int:
        """The largest L2 norm of one customer's gradient, in units of ``2**-FRACTION_BITS``, rounded down."""
        return (self.limit << FRACTION_BITS) // MILLION


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncoderStep:
    """The reading: the mean ``change`` of every weight, (size,), over ``customers`` of all companies.

    With no customer it is 0 and says nothing.
    """

    change: Floats
    customers: float

    @property
    def norm(self) -> float:
        """How far the weights are moved: L2."""
        return float(np.linalg.norm(self.change))


def parse(values: Mapping[str, Given]) -> Parameters:
    """Parameters from what an admin typed; ``taste`` and ``until`` are required.

    Raises:
        BadInput: an unknown, missing or wrong parameter.
    """
    refuse_unknown(values, Parameters.__slots__)
    until = instant(values, "until")
    mode = choice(values, "mode", MODES, default=CHANGE)
    number = _Numbers(values)
    after = values.get("after", "")
    return Parameters(
        taste=hex_bytes(values, "taste", HASH_BYTES),
        after=b"" if after == "" else hex_bytes(values, "after", HASH_BYTES),
        mode=mode,
        hidden=number("hidden", 512),
        latent=number("latent", 128),
        epochs=number("epochs", 2),
        steps=number("steps", 400),
        batch=number("batch", 128),
        rate=number("rate", 3_000),
        beta=number("beta", 20),
        dropout=number("dropout", 50),
        server=choice(values, "server", SERVERS, default="fedavg" if mode == CHANGE else "fedadam"),
        server_rate=number("server_rate", MILLION if mode == CHANGE else 1_000),
        limit=number("limit", 250_000 if mode == CHANGE else MILLION),
        sample=number("sample", MILLION),
        expected=number("expected", 1_000),
        since=instant(values, "since", default=0),
        until=until,
        customers_until=instant(values, "customers_until", default=until),
        customers_cap=number("customers_cap", CUSTOMERS_CAP),
    )


def length(parameters: Parameters, n_concepts: int) -> int:
    """Every weight, and by change the number of customers.

    Raises:
        MalformedMessage: a batch that takes more memory than a step should.
    """
    most = BATCH_CELLS_MAX // n_concepts
    require(
        parameters.batch <= most,
        f"a batch of at most {most} customers at {n_concepts} concepts",
        parameters.batch,
    )
    return parameters.shape(n_concepts).size + (parameters.mode == CHANGE)


def bound(parameters: Parameters) -> int:
    """C_inf: every customer adds at most ``limit`` to a cell, in either mode."""
    return -(-parameters.customers_cap * parameters.limit // MILLION)


def sensitivity2(parameters: Parameters, _n_concepts: int) -> int:
    """The square of ``limit``: a customer's clipped gradient, in or out.

    Raises:
        UnboundedSensitivity: one customer can bend a whole local training.
    """
    if parameters.mode == CHANGE:
        raise UnboundedSensitivity(
            expected="a customer's own bounded part in the answer",
            came="what a whole training changed",
            do="ask with mode=gradient, or without noise",
        )
    return parameters.clip**2


def training_rows(parameters: Parameters) -> int:
    """The most customers' rows that go through the network in one company's answer.

    >>> asked = {"taste": "ab" * 32, "until": 9, "customers_cap": 1_000}
    >>> training_rows(parse(asked)), training_rows(parse(asked | {"steps": 3}))  # 2 x 1000; 3 x 128
    (2000, 384)
    >>> training_rows(parse(asked | {"mode": "gradient", "sample": 250_000, "epochs": 100}))  # each once
    250
    """
    if parameters.mode == GRADIENT:
        return math.ceil(parameters.customers_cap * rate(parameters))
    return min(parameters.epochs * parameters.customers_cap, parameters.steps * parameters.batch)


def rate(parameters: Parameters) -> Fraction:
    """The chance with which a customer is in the sample."""
    return Fraction(parameters.sample, MILLION)


def describe(parameters: Parameters) -> str:
    """One sentence for the data-protection officer."""
    place = f"after {parameters.after.hex()[:12]}" if parameters.after else "the first"
    if parameters.mode == CHANGE:
        what = (
            f"how training on own customers, {parameters.epochs} times over all of them and at most {parameters.steps} "
            f"steps of {parameters.batch} customers, moves each weight, at most by {parameters.limit / MILLION:g}, "
            "times the number of customers; and that number"
        )
    else:
        some = "" if parameters.sample == MILLION else f"a secret {parameters.sample / MILLION:.2%} of the "
        what = (
            f"the sum over {some}customers of where each one's purchases pull the weights, "
            f"each at most {parameters.limit / MILLION:g} long"
        )
    since = f"from {say_instant(parameters.since)} " if parameters.since else ""
    return (
        f"One round ({place}) of training a network of {parameters.hidden} and {parameters.latent} units that started "
        f"from release {parameters.taste.hex()[:12]}: {what}. Over purchases {since}until "
        f"{say_instant(parameters.until)}, for up to {parameters.customers_cap} customers first seen before "
        f"{say_instant(parameters.customers_until)}."
    )


def pack_change(parameters: Parameters, moved: Floats, customers: int) -> Ints:
    """A company's answer by change: ``moved`` is clipped, (size,); one cell more for the customers.

    Raises:
        OutOfBounds: a change that is not a number: the training went astray.

    >>> asked = parse({"taste": "ab" * 32, "until": 9, "hidden": 1, "latent": 1})
    >>> (pack_change(asked, np.array([0.125, -7.0]), 4) / 2**24).tolist()  # 4 x 0.125, 4 x -0.25, 4 x 0.25
    [0.5, -1.0, 1.0]
    """
    if not np.isfinite(moved).all():
        raise OutOfBounds(
            expected="a training that ends in numbers", came="others", do="ask with a smaller rate"
        )
    limit = parameters.limit / MILLION
    cells = np.append(np.clip(moved, -limit, limit), limit) * customers
    fixed: Ints = np.rint(np.ldexp(cells, FRACTION_BITS)).astype(np.int64)
    return fixed


def clip_row(parameters: Parameters, gradient: Floats) -> Ints:
    """One customer's gradient as integers of L2 norm at most ``clip``, whatever came.

    Entries are rounded towards zero, so that rounding makes no norm larger, and the norm is checked in integers.
    A gradient that is no number counts as none: weights can be made for which one customer's is, and a company
    that refused would tell, past all noise, that it has this customer.

    Raises:
        OutOfBounds: a norm above the limit after all.

    >>> asked = parse({"taste": "ab" * 32, "until": 9, "mode": "gradient", "limit": 1_000_000})
    >>> (clip_row(asked, np.array([3.0, -4.0])) / 2**24).round(6).tolist()  # of norm 5: divided by it
    [0.6, -0.8]
    >>> (clip_row(asked, np.array([0.3, -0.4])) / 2**24).round(6).tolist()  # of norm 0.5: as it is
    [0.3, -0.4]
    """
    with np.errstate(over="ignore"):
        norm = math.sqrt(float(np.square(gradient).sum()))
    if not math.isfinite(norm):
        return np.zeros(len(gradient), np.int64)
    fits = min(1.0, parameters.limit / MILLION / norm * (1 - 1e-9)) if norm > 0 else 1.0
    row = np.trunc(np.ldexp(gradient * fits, FRACTION_BITS)).astype(np.int64)
    if int(row @ row) > parameters.clip**2:
        raise OutOfBounds(expected="a clipped gradient", came="a longer one", do="report this as a bug")
    return row


def _interpret(total: Floats, parameters: Parameters, _n_concepts: int) -> EncoderStep:
    if parameters.mode == GRADIENT:
        share = parameters.expected * parameters.sample / MILLION
        return EncoderStep(change=-total / share, customers=share)
    customers = float(total[-1]) / (parameters.limit / MILLION)
    return EncoderStep(change=total[:-1] / max(customers, 1.0), customers=customers)


class _Numbers:
    """Reads whole numbers up to what a message holds; the parameters check their ranges."""

    def __init__(self, values: Mapping[str, Given]) -> None:
        self._values = values

    def __call__(self, name: str, default: int) -> int:
        return whole(self._values, name, low=0, high=CAP_MAX, default=default)


def _within(name: str, value: int, low: int, high: int) -> None:
    require(low <= value <= high, f"{name} from {low} to {high}", value)


ENCODER: Final = Question(
    name="encoder",
    parameters=Parameters,
    parse=parse,
    length=length,
    bound=bound,
    window=lambda asked: (asked.since, asked.until),
    describe=describe,
    interpret=_interpret,
    sensitivity2=sensitivity2,
    rate=rate,
)
