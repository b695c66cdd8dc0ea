"""What the consortium released, and the models that this company makes of it.

Without noise the model is EASE of the sum itself, at the ridge that the consortium's `evaluation` chose.

Noise hides a company's customers from everybody else and not from the company. So of a noisy sum the own
noised part, which the node sealed, is taken out (``of_others``), what is left is shrunk by what is known of
its noise, and the company's own exact statistics take the place of the part: G = own + weight x others.
The own rows are binary, as in the own model, and the others' sum is brought to their size. Weight 0 is then
the own model itself, ridge and all: what the gate falls back to. The exact statistics never leave; what is
made of them stays in the node's models.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.gram import GramMatrix
from participant.models.local import Setting
from participant.models.released import Released
from participant.models.weights import Weights
from participant.models.windows import SCENARIOS
from protocols.errors import BadInput
from protocols.questions.mixture import PLAIN, Mixture
from protocols.questions.network import Network

Ints = NDArray[np.int64]

FITTED, REFITTED = "fitted", "refitted"
WEIGHTS: Final = (0.1, 0.3, 1.0)
"""What a customer of the others may count beside one's own; which it is, own validation weeks decide."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Own:
    """This company's own exact statistics of one window.

    Attributes:
        gram: of binary rows.
        squares: the diagonal, (n_concepts,), counted as the exchange counts a row.
    """

    gram: GramMatrix
    squares: NDArray[np.float64]

    @property
    def buyers(self) -> Ints:
        """Customers of each concept."""
        return np.rint(self.gram.diagonal).astype(np.int64)

    @property
    def size(self) -> float:
        """How many times larger a binary row counts than a row of the exchange: 1 / scheme's mean square.

        >>> from participant.models.gram import WholeGram
        >>> bought = WholeGram(matrix=np.diag([3.0, 1.0]))
        >>> Own(gram=bought, squares=np.array([1.5, 0.5])).size  # unit rows of two concepts each
        2.0
        """
        counted = float(self.squares.sum())
        return float(self.gram.diagonal.sum()) / counted if counted > 0 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diagonal:
    """Squares of the other companies, (n_concepts,): ``read`` noise-aware, and ``released`` with noise ``sigma``."""

    read: NDArray[np.float64]
    released: NDArray[np.float64]
    sigma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One model that a release may become.

    ``weight`` of the others beside the own part, 0 for the sum as it is; ``tilt``: hundredths of popularity.
    """

    weight: float
    lam: int
    tilt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exchange:
    """What the consortium released.

    ``fitted`` is the Gram matrix of the ``taste`` sum over window A, or columns of it from a ``landmarks`` sum,
    ``refitted`` of the one until the end of validation, both with whatever noise they have; ``of_others``: this
    company's own part is in neither. ``sigmas`` are their noise off the diagonal, 0 for none. ``lambdas``: the consortium's lambda of
    each scenario, from the ``evaluation`` question; ``release`` the id of the second sum, for the record;
    ``row_scheme`` and ``items_cap`` how both sums count a customer. ``mixes``: how the consortium's evaluation mixed
    the released models for a scenario; ``encoders``: the networks of both windows for one that uses them; ``gains``:
    what that brings to the validation customers of all members beside their own models, if it was measured.
    """

    fitted: GramMatrix
    refitted: GramMatrix
    lambdas: Mapping[str, int]
    sigmas: tuple[float, float] = (0.0, 0.0)
    of_others: bool = False
    release: str = ""
    row_scheme: str = "binary"
    items_cap: int = 0
    mixes: Mapping[str, Mixture] = field(default_factory=dict)
    encoders: Mapping[str, tuple[Network, Network]] = field(default_factory=dict)
    gains: Mapping[str, float] = field(default_factory=dict)
    _readings: dict[str, GramMatrix] = field(default_factory=dict, repr=False)
    _weights: dict[tuple[str, float, int], Weights] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if {name for name, mix in self.mixes.items() if mix.encoder} - set(self.encoders):
            raise BadInput(
                expected="an encoder for every mixture that uses one",
                came=f"encoders for {sorted(self.encoders)}",
                do="fetch the releases again",
            )
        sizes = len(self.fitted.diagonal), len(self.refitted.diagonal)
        if sizes[0] != sizes[1] or set(SCENARIOS) - set(self.lambdas):
            raise BadInput(
                expected="two sums over one vocabulary and a lambda for " + " and ".join(SCENARIOS),
                came=f"{sizes[0]} and {sizes[1]} concepts, lambdas for {sorted(self.lambdas)}",
                do="fetch the releases again",
            )

    def prior(self, scenario: str) -> float:
        """What the gate knows of the gain beforehand; nothing (0) where there is noise: another model is made then."""
        return 0.0 if any(self.sigmas) else self.gains.get(scenario, 0.0)

    def candidates(self, scenario: str, own: Setting) -> tuple[Candidate, ...]:
        """What the release may become for ``scenario``; beside the own part, with ridge and tilt of the own model.

        Otherwise as the consortium measured it, and with the own model's tilt: consortia may not have asked.
        """
        if self.of_others:
            return tuple(Candidate(weight=weight, lam=own.lam, tilt=own.tilt) for weight in WEIGHTS)
        tilts = dict.fromkeys((self._mixture(scenario).tilt, own.tilt))
        return tuple(Candidate(weight=0.0, lam=self.lambdas[scenario], tilt=tilt) for tilt in tilts)

    def weights(self, window: str, made: Candidate, own: Own) -> Weights:
        """EASE weights of one window's sum as ``made`` says, kept; ``own`` is this company's same window."""
        key = (window, made.weight, made.lam)
        if key not in self._weights:
            gram = self._reading(window)
            if self.of_others:
                gram = own.gram.plus(made.weight * own.size, gram)
            self._weights[key] = gram.weights(float(made.lam))
        return self._weights[key]

    def released(self, window: str, scenario: str, made: Candidate, own: Own) -> Released:
        """Everything that the consortium says in one window for ``scenario``, mixed as it was measured."""
        pair = self.encoders.get(scenario)
        return Released(
            ease=self.weights(window, made, own),
            encoder=None if pair is None else pair[0 if window == FITTED else 1],
            mixture=self._mixture(scenario).tilted(made.tilt),
        )

    def others(self, window: str, own: Own) -> Diagonal:
        """The diagonal of what the other companies answered in one window."""
        gram, sigma = self._released(window)
        mine = np.zeros(len(gram.diagonal)) if self.of_others else own.squares
        return Diagonal(
            read=self._reading(window).diagonal - mine,
            released=gram.diagonal - mine,
            sigma=sigma * math.sqrt(2),
        )

    def _mixture(self, scenario: str) -> Mixture:
        return self.mixes.get(scenario, PLAIN)

    def _reading(self, window: str) -> GramMatrix:
        if window not in self._readings:
            gram, sigma = self._released(window)
            self._readings[window] = gram.noise_aware(sigma)
        return self._readings[window]

    def _released(self, window: str) -> tuple[GramMatrix, float]:
        return (self.fitted, self.sigmas[0]) if window == FITTED else (self.refitted, self.sigmas[1])
