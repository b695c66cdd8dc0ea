"""What a question is: a name, its parameters, the shape and bounds of an answer, and its reading.

A company's answer is an ``int64`` array of fixed-point numbers with ``FRACTION_BITS`` fractional bits;
the sum of the answers comes back as ``float64``. How a company fills its answer in is not decided
here, and nothing here sees a customer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from protocols.codec import Message, decode, encode
from protocols.errors import BadInput, BadRelease, RingOverflow
from protocols.limits import FRACTION_BITS
from protocols.messages import Block
from protocols.noise import SIGMA_MAX, SIGMA_MIN
from protocols.privacy import TAIL_SIGMAS, loss_of
from protocols.questions.parameters import Given
from protocols.ring import scale_for


class Asked(Message, Protocol):
    """Parameters of any question."""

    @property
    def customers_cap(self) -> int:
        """The most customers one company may answer for: a public number."""


P = TypeVar("P", bound=Asked)
R_co = TypeVar("R_co", covariant=True)


SIGMA_RING_MIN: Final = 16
"""With less noise than this many ring units, rounding to the ring's scale would show beside it."""


def no_cells(_n_concepts: int) -> npt.NDArray[np.int64]:
    """No cell is loud: all have the same noise."""
    return np.empty(0, dtype=np.int64)


def numbered(_parameters: object, cell: int, _concepts: Sequence[str]) -> str:
    """A cell that means nothing by itself."""
    return f"number {cell + 1}"


def everybody(_parameters: object) -> Fraction:
    """No sample is drawn: all customers are in the answer."""
    return Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[P, R_co]):
    """One question, with parameters of type ``P`` and a reading of type ``R_co``.

    Attributes:
        name: what a block, a policy and an admin call it.
        parameters: the type of its parameters, a message of `protocols.codec`.
        parse: parameters from what an admin typed; raises BadInput with what to write instead.
        length: cells of an answer for ``(parameters, n_concepts)``.
        bound: C_inf, the largest absolute value of any cell, in units of the answer.
        window: the purchases that an answer describes, unix seconds ``(since, until)``; who bought
            nothing in it is not behind the answer.
        describe: one plain sentence for the data-protection officer.
        interpret: the reading of a ``float64`` sum for ``(sum, parameters, n_concepts)``.
        sensitivity2: for ``(parameters, n_concepts)``, the square of the L2 sensitivity in units of
            ``2**-FRACTION_BITS``: the most by which one customer, added or removed, changes the sum of
            squares of all cells, the *loud* cells counted half. Raises UnboundedSensitivity.
        loud: for ``n_concepts``, the cells (ascending indices) whose noise has twice the variance.
        cell: what one cell of an answer counts, in words, for ``(parameters, cell, names of the concepts)``.
        rate: the chance with which a customer is in the secret sample that is answered for; 1 for all.
        counts: whether no cell of an answer without noise can be below zero.
    """

    name: str
    parameters: type[P]
    parse: Callable[[Mapping[str, Given]], P]
    length: Callable[[P, int], int]
    bound: Callable[[P], int]
    window: Callable[[P], tuple[int, int]]
    describe: Callable[[P], str]
    interpret: Callable[[npt.NDArray[np.float64], P, int], R_co]
    sensitivity2: Callable[[P, int], int]
    loud: Callable[[int], npt.NDArray[np.int64]] = no_cells
    cell: Callable[[P, int, Sequence[str]], str] = numbered
    rate: Callable[[P], Fraction] = everybody
    counts: bool = False

    def open(self, parameters: bytes) -> P:
        """The parameters from the canonical bytes that a block carries.

        Raises:
            MalformedMessage, UnknownVersion: another encoding, or parameters that make no sense.
        """
        return decode(self.parameters, parameters)

    def block(
        self, parameters: P, n_concepts: int, members: int, ring_bits: int, noise_sigma: int = 0
    ) -> Block:
        """The one block that asks this question of ``members`` companies with this much noise.

        Raises:
            RingOverflow: no scale fits the ring, or none at which the noise is more than its rounding.
            BadInput: more noise than can be made.
            UnboundedSensitivity: noise was asked for, and no amount of it would hide a customer.
        """
        bound = self.bound(parameters)
        # a loud cell has sqrt(2) sigma, cut off at TAIL_SIGMAS of its own
        cut = math.isqrt(2 * (TAIL_SIGMAS * noise_sigma) ** 2) + 1 if noise_sigma else 0
        scale, tail = scale_for(bound, members, ring_bits, cut)
        if noise_sigma:
            self.sensitivity2(parameters, n_concepts)
            self._check_noise(noise_sigma, scale)
        return Block(
            question=self.name,
            parameters=encode(parameters),
            length=self.length(parameters, n_concepts),
            bound=bound,
            scale_bits=scale,
            noise_sigma=noise_sigma,
            noise_tail=tail,
        )

    def _check_noise(self, noise_sigma: int, scale: int) -> None:
        if noise_sigma >> (FRACTION_BITS - scale) < SIGMA_RING_MIN:
            raise RingOverflow(
                expected=f"noise for {self.name!r} of at least {SIGMA_RING_MIN} ring units",
                came=f"{noise_sigma / 2 ** (FRACTION_BITS - scale):g}",
                do="ask with lower caps, more noise, or in the ring of 64 bits",
            )
        if not SIGMA_MIN <= noise_sigma <= SIGMA_MAX:
            raise BadInput(
                expected=f"noise for {self.name!r} of at most {SIGMA_MAX >> FRACTION_BITS}",
                came=f"{noise_sigma / 2**FRACTION_BITS:g}",
                do="ask with a smaller multiplier or with rows of smaller norm",
            )

    def sigma(self, parameters: P, n_concepts: int, multiplier: Fraction) -> int:
        """The ``noise_sigma`` of a block for sigma / Delta of at least ``multiplier``, rounded up.

        Raises:
            UnboundedSensitivity: as :attr:`sensitivity2`.
        """
        square = self.sensitivity2(parameters, n_concepts) * multiplier * multiplier
        return math.isqrt(math.ceil(square) - 1) + 1 if square else 0

    def loss(self, block: Block, n_concepts: int) -> int:
        """What a block with noise costs, in the units of `protocols.privacy`.

        Raises:
            UnboundedSensitivity: as :attr:`sensitivity2`.
        """
        return loss_of(self.sensitivity2(self.open(block.parameters), n_concepts), block.noise_sigma**2)

    def read(self, total: npt.NDArray[np.float64], parameters: P, n_concepts: int) -> R_co:
        """The reading of a block's sum, shape ``(length,)``, in units of the answer.

        Raises:
            BadRelease: another length, or numbers that are not finite.
        """
        length = self.length(parameters, n_concepts)
        if total.shape != (length,) or not np.isfinite(total).all():
            raise BadRelease(
                expected=f"{length} finite numbers for {self.name!r}",
                came=f"shape {total.shape}",
                do="fetch the release and its vocabulary again",
            )
        return self.interpret(total, parameters, n_concepts)
