"""What a node serves from: weights, the mix and verdict of each scenario, and what it knows of its shop."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from participant.appetite.appetites import Appetites
from participant.models.acceptance import Acceptance
from participant.models.blend import Mix
from participant.models.boldness import PLAIN, Boldness
from participant.models.gate import Verdict
from participant.models.newcomers import Newcomers
from participant.models.refit import Risen
from participant.models.released import Released
from participant.models.scoring import popularity, standardise, tilted
from participant.models.sway import Sway
from participant.models.weights import Weights
from participant.models.windows import Windows
from participant.store.records_products import Product
from protocols.errors import WrongVocabulary
from protocols.questions.mixture import PLAIN as PLAIN_EASE
from protocols.questions.mixture import Mixture
from protocols.questions.network import Network
from protocols.questions.ranking import obvious
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScenarioModel:
    """One scenario: ``local`` and ``federated`` EASE weights (None without a release), and the choice.

    ``others_weight``: what the others count in ``federated`` beside the own exact part; 0: it is the release itself.
    ``encoder`` and ``mixture``: the released autoencoder, if one is used, and how the released models are mixed.
    ``local_tilt``: hundredths that log(1 + buyers here) counts beside the local scores.
    """

    local: Weights
    federated: Weights | None
    local_lambda: int
    federated_lambda: int
    mix: Mix
    verdict: Verdict
    acceptance: Acceptance
    boldness: Boldness = PLAIN
    others_weight: float = 0.0
    encoder: Network | None = None
    mixture: Mixture = PLAIN_EASE
    local_tilt: int = 0

    @property
    def released(self) -> Released | None:
        """What the consortium says, where that is used here; otherwise None: the local model serves alone."""
        if self.federated is None or not self.verdict.deployed:
            return None
        return Released(ease=self.federated, encoder=self.encoder, mixture=self.mixture)

    @property
    def deployed(self) -> bool:
        """Whether the exchange is used; otherwise the local model serves alone."""
        return self.federated is not None and self.verdict.deployed

    @property
    def serving(self) -> Weights:
        """The weights that say which concepts go together: the released ones where deployed."""
        return self.federated if self.federated is not None and self.verdict.deployed else self.local

    def serving_from(self, weights: Weights) -> Self:
        """The same with ``weights`` as :attr:`serving`."""
        return replace(self, federated=weights) if self.deployed else replace(self, local=weights)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class NodeModel:
    """Everything needed to serve; a value, safe to share between threads.

    ``elsewhere`` estimates how many customers of the others bought each concept; ``least_elsewhere`` is how
    many there are at the least, which is the same where the release has no noise. ``appetites`` is the only
    part that tells customers apart: it goes with the model when one of them is erased. ``on_sale``: the share of
    this shop's first purchases made since each concept was first sold here; None takes it for 1.
    ``sway``: what the moment of a request adds; None for a model saved before there was one. ``risen``: why the judged
    sum serves in place of the refit; None: the refit does.
    """

    vocabulary: bytes
    release: str
    windows: Windows
    scenarios: Mapping[str, ScenarioModel]
    buyers: Ints
    elsewhere: Ints
    least_elsewhere: Ints
    starters: Mapping[int, Product]
    concepts: tuple[str, ...]
    newcomers: Newcomers | None = None
    appetites: Appetites | None = None
    on_sale: NDArray[np.float64] | None = None
    sway: Sway | None = None
    risen: Risen | None = None

    @property
    def everywhere(self) -> Ints:
        """Customers of each concept, here and elsewhere together."""
        return self.buyers + self.elsewhere

    @property
    def obvious(self) -> Mask:
        """The shop's own obvious list: the tenth of the concepts with most buyers here, at most half of those sold."""
        return obvious(self.buyers)

    def check(self, vocabulary: Vocabulary) -> None:
        """Refuse another vocabulary than the one this model was trained for.

        Raises:
            WrongVocabulary: train again.
        """
        if vocabulary.digest != self.vocabulary:
            raise WrongVocabulary(
                expected=f"vocabulary {self.vocabulary.hex()[:16]}",
                came=f"{vocabulary.digest.hex()[:16]}",
                do="train the node again for the new vocabulary",
            )

    def local_scores(self, scenario: str, concepts: Ints) -> Floats:
        """Scores of the local model alone for a history of ``concepts``, shape (n_concepts,)."""
        return self._own(scenario, self.scenarios[scenario].local.scores_of(concepts))

    def local_matrix_scores(self, scenario: str, history: Floats) -> Floats:
        """The same for many customers at once, shape (customers, n_concepts)."""
        return self._own(scenario, self.scenarios[scenario].local.scores(history))

    def _own(self, scenario: str, scores: Floats) -> Floats:
        return tilted(scores, self.scenarios[scenario].local_tilt, self.buyers)

    def popular_scores(self, candidates: Mask) -> Floats:
        """What a customer without a history gets: popularity, standardised over ``candidates``."""
        return np.asarray(standardise(popularity(self.buyers)[None, :], candidates[None, :])[0], np.float32)

    def scores(self, scenario: str, concepts: Ints, candidates: Mask) -> Floats:
        """Blended scores of one customer, standardised over ``candidates``, shape (n_concepts,)."""
        model = self.scenarios[scenario]
        allowed = candidates[None, :]
        local = standardise(self.local_scores(scenario, concepts)[None, :], allowed)
        released = model.released
        if released is None:
            return np.asarray(local[0], np.float32)
        federated = standardise(released.scores_of(concepts, candidates, self.everywhere)[None, :], allowed)
        popular = standardise(popularity(self.buyers)[None, :], allowed)
        return np.asarray(model.mix.apply(local, federated, popular)[0], np.float32)

    def swayed(self, scenario: str, moment: Mapping[str, int]) -> Floats | None:
        """What a moment (band by factor) adds to the standardised scores, (n_concepts,); None: nothing."""
        return self.sway.of(scenario, moment) if self.sway is not None and moment else None

    def matrix_scores(self, scenario: str, history: Floats, candidates: Mask) -> Floats:
        """Blended scores of many customers at once, shape (customers, n_concepts)."""
        model = self.scenarios[scenario]
        local = standardise(self.local_matrix_scores(scenario, history), candidates)
        released = model.released
        if released is None:
            return local
        federated = standardise(released.scores(history, candidates, self.everywhere), candidates)
        popular = standardise(np.broadcast_to(popularity(self.buyers), history.shape), candidates)
        return model.mix.apply(local, federated, popular)
