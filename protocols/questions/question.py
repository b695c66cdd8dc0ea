"""What a question is: a name, its parameters, the shape and bounds of an answer, and its reading.

A company's answer is an ``int64`` array of fixed-point numbers with ``FRACTION_BITS`` fractional bits;
the sum of the answers comes back as ``float64``. How a company fills its answer in is not decided
here, and nothing here sees a customer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from protocols.codec import Message, decode, encode
from protocols.errors import BadRelease
from protocols.messages import Block
from protocols.questions.parameters import Given
from protocols.ring import scale_bits

P = TypeVar("P", bound=Message)
R_co = TypeVar("R_co", covariant=True)


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
    """

    name: str
    parameters: type[P]
    parse: Callable[[Mapping[str, Given]], P]
    length: Callable[[P, int], int]
    bound: Callable[[P], int]
    window: Callable[[P], tuple[int, int]]
    describe: Callable[[P], str]
    interpret: Callable[[npt.NDArray[np.float64], P, int], R_co]

    def open(self, parameters: bytes) -> P:
        """The parameters from the canonical bytes that a block carries.

        Raises:
            MalformedMessage, UnknownVersion: another encoding, or parameters that make no sense.
        """
        return decode(self.parameters, parameters)

    def block(self, parameters: P, n_concepts: int, members: int, ring_bits: int) -> Block:
        """The one block that asks this question of ``members`` companies, without noise.

        Raises:
            RingOverflow: no scale fits the ring.
        """
        bound = self.bound(parameters)
        return Block(
            question=self.name,
            parameters=encode(parameters),
            length=self.length(parameters, n_concepts),
            bound=bound,
            scale_bits=scale_bits(bound, members, ring_bits),
            noise_sigma=0,
            noise_tail=0,
        )

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
