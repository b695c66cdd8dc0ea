"""What the consortium's evaluations chose: for each scenario a ridge, a mixture, and the encoders of both windows.

All evaluations of the sum of the fit window that ask about the same weeks compete: that of the `taste` or `landmarks`
release by itself and those of the `encoder` rounds after a `taste` release. What the members' own models do, one of
them is enough to say. A setting with an encoder counts once there is its counterpart: the release after as many
rounds of the same kind, on the later `taste` sum.
"""

from dataclasses import dataclass, replace

from participant.counting import Way, counted
from participant.release_shelf import ReleaseShelf, open_stored
from participant.store.releases import StoredRelease
from protocols.errors import PeerFault
from protocols.messages import Block
from protocols.questions import question_named
from protocols.questions.encoder import Parameters
from protocols.questions.evaluation import EvaluationReading, MetricReading
from protocols.questions.evaluation import Parameters as Asked
from protocols.questions.mixture import Mixture


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The best setting of one scenario; ``encoders``: the releases of fit window and refit, or nothing.

    ``gain``: of that setting beside the members' own models, 0 where no evaluation of these weeks measured them.
    """

    mean: float
    lam: int
    mixture: Mixture
    encoders: tuple[bytes, bytes] | tuple[()]
    gain: float = 0.0


class Evaluated:
    """The evaluations among ``kept``, releases of one vocabulary, newest first."""

    def __init__(self, shelf: ReleaseShelf, kept: tuple[StoredRelease, ...]) -> None:
        self._shelf = shelf
        self._kept = kept
        blocks = {found.release: block_of(found, "encoder") for found in kept if "encoder" in found.questions}
        self._rounds: dict[bytes, tuple[Parameters, int]] = {
            release: (question_named("encoder").open(block.parameters), block.noise_sigma)
            for release, block in blocks.items()
        }

    def choices(self, fitted: bytes, refitted: bytes) -> dict[str, Choice]:
        """By scenario; empty where nobody has evaluated ``fitted``."""
        best: dict[str, Choice] = {}
        own: dict[str, float] = {}
        weeks: tuple[int, ...] = ()
        for found in self._kept:
            asked = self._asked(found)
            if asked is None or asked.release != fitted:
                continue
            weeks = weeks or _weeks(asked)
            pair = self._pair(asked.encoder, refitted)
            if _weeks(asked) != weeks:
                continue
            for said in self._shelf.readings(found.release):
                if isinstance(said, EvaluationReading):
                    _improve(best, said, pair)
                    for name, metric in _metrics(said):
                        if metric.own is not None:
                            own.setdefault(name, metric.own)
        return {
            name: replace(each, gain=each.mean - own[name]) if name in own else each
            for name, each in best.items()
        }

    def _asked(self, found: StoredRelease) -> Asked | None:
        """What an evaluation asked; None for another question, or one of an earlier version."""
        if "evaluation" not in found.questions:
            return None
        try:
            return question_named("evaluation").open(block_of(found, "evaluation").parameters)  # type: ignore[no-any-return]
        except PeerFault:
            return None

    def _pair(self, encoder: bytes, refitted: bytes) -> tuple[bytes, bytes] | tuple[()]:
        """``encoder`` and its counterpart on the later sum, where both and all rounds before them are here."""
        made = self._recipes(encoder)
        for release, (asked, _) in self._rounds.items() if made else ():
            if asked.taste == refitted and self._recipes(release) == made:
                return encoder, release
        return ()

    def _recipes(self, release: bytes) -> tuple[Way, ...]:
        """Of every round that leads to ``release``, itself first; none where one of them is not here.

        The later chain is served and nobody has evaluated it: a single round of another kind would be unseen.
        """
        found: list[Way] = []
        while release:
            if release not in self._rounds:
                return ()
            asked, noise_sigma = self._rounds[release]
            found.append(counted(asked, noise_sigma))
            release = asked.after
        return tuple(found)


def block_of(stored: StoredRelease, question: str) -> Block:
    """The block of a kept release that asks ``question``."""
    return next(b for b in open_stored(stored.manifest).answer.blocks if b.question == question)


def _improve(best: dict[str, Choice], said: EvaluationReading, pair: tuple[bytes, bytes] | tuple[()]) -> None:
    for name, metric in _metrics(said):
        for (lam, mixture), mean in zip(metric.settings, metric.means, strict=True):
            usable = not mixture.encoder or pair
            if usable and (name not in best or mean > best[name].mean):
                used = pair if mixture.encoder else ()
                best[name] = Choice(mean=mean, lam=lam, mixture=mixture, encoders=used)


def _metrics(said: EvaluationReading) -> tuple[tuple[str, MetricReading], ...]:
    return ("explore", said.explore), ("surprise", said.surprise)


def _weeks(asked: Asked) -> tuple[int, ...]:
    """What has to be the same for means to be compared."""
    return asked.history_until, asked.target_until, asked.customers_until, asked.top, asked.customers_cap
