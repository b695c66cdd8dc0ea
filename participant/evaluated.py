"""What the consortium's evaluations chose: for each scenario a ridge, a mixture, and the encoders of both windows.

All evaluations of the sum of the fit window that ask about the same weeks compete: that of the `taste` or `landmarks`
release by itself and those of the `encoder` rounds after a `taste` release. What the members' own models do, one of
them is enough to say for all with the same customers. A setting with an encoder counts once there is its counterpart:
the release after as many rounds of the same kind, on the later `taste` sum.

What a gain says has to be a gain: of the same members' customers on both sides, over weeks that neither the sum nor an
encoder has in it. Whoever asks could otherwise make it as large as they like, with nobody lying.
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
from protocols.questions.ranking import TOP

Measured = tuple[object, ...]
"""Whose first purchases an evaluation counted, and how: equal where a difference of two means is a gain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The best setting of one scenario; ``encoders``: the releases of fit window and refit, or nothing.

    ``gain``: of that setting beside the members' own models, 0 where no evaluation measured them on the same customers.
    ``measured``: on whom; empty where the setting has seen what it was to foretell.
    """

    mean: float
    lam: int
    mixture: Mixture
    encoders: tuple[bytes, bytes] | tuple[()]
    gain: float = 0.0
    measured: Measured = ()


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

    def choices(self, fitted: bytes, refitted: bytes, *, counted_until: int) -> dict[str, Choice]:
        """By scenario; empty where nobody has evaluated ``fitted``, which has purchases until ``counted_until``."""
        best: dict[str, Choice] = {}
        own: dict[tuple[str, Measured], float] = {}
        weeks: tuple[int, ...] = ()
        for found in self._kept:
            asked = self._asked(found)
            if asked is None or asked.release != fitted:
                continue
            weeks = weeks or _weeks(asked)
            pair = self._pair(asked.encoder, fitted, refitted, counted_until)
            if _weeks(asked) != weeks:
                continue
            measured = self._measured(found, asked, counted_until)
            for said in self._shelf.readings(found.release):
                if isinstance(said, EvaluationReading):
                    _improve(best, said, pair, measured)
                    for name, metric in _metrics(said):
                        if metric.own is not None and measured:
                            own.setdefault((name, measured), metric.own)
        return {
            name: replace(each, gain=each.mean - own[name, each.measured])
            if (name, each.measured) in own
            else each
            for name, each in best.items()
        }

    def _measured(self, found: StoredRelease, asked: Asked, counted_until: int) -> Measured:
        """Whom an evaluation measured; empty where what it evaluates has seen their targets, or another list is meant."""
        seen = [counted_until, *(self._rounds[each][0].until for each in self._chain(asked.encoder))]
        if max(seen) > asked.history_until or asked.top != TOP:
            return ()
        return frozenset(open_stored(found.manifest).survivors), asked.obvious, *_weeks(asked)

    def _asked(self, found: StoredRelease) -> Asked | None:
        """What an evaluation asked; None for another question, or one of an earlier version."""
        if "evaluation" not in found.questions:
            return None
        try:
            return question_named("evaluation").open(block_of(found, "evaluation").parameters)  # type: ignore[no-any-return]
        except PeerFault:
            return None

    def _pair(
        self, encoder: bytes, fitted: bytes, refitted: bytes, counted_until: int
    ) -> tuple[bytes, bytes] | tuple[()]:
        """``encoder`` and its counterpart on the later sum, where both and all rounds before them are here.

        The first has to go on from ``fitted`` and to know of nothing after it: own validation weeks judge it.
        """
        made = self._recipes(encoder)
        rounds = [self._rounds[each][0] for each in self._chain(encoder)]
        if any(asked.taste != fitted or asked.until > counted_until for asked in rounds):
            return ()
        for release in self._rounds if made else ():
            tastes = {self._rounds[each][0].taste for each in self._chain(release)}
            if tastes == {refitted} and self._recipes(release) == made:
                return encoder, release
        return ()

    def _chain(self, release: bytes) -> tuple[bytes, ...]:
        """The rounds that lead to ``release``, itself first, as far as they are here."""
        found: list[bytes] = []
        while release in self._rounds:
            found.append(release)
            release = self._rounds[release][0].after
        return tuple(found)

    def _recipes(self, release: bytes) -> tuple[Way, ...]:
        """Of every round that leads to ``release``, itself first; none where one of them is not here.

        The later chain is served and nobody has evaluated it: a single round of another kind would be unseen.
        """
        chain = self._chain(release)
        if not chain or self._rounds[chain[-1]][0].after:
            return ()
        return tuple(counted(*self._rounds[each]) for each in chain)


def block_of(stored: StoredRelease, question: str) -> Block:
    """The block of a kept release that asks ``question``."""
    return next(b for b in open_stored(stored.manifest).answer.blocks if b.question == question)


def _improve(
    best: dict[str, Choice],
    said: EvaluationReading,
    pair: tuple[bytes, bytes] | tuple[()],
    measured: Measured,
) -> None:
    for name, metric in _metrics(said):
        for (lam, mixture), mean in zip(metric.settings, metric.means, strict=True):
            usable = not mixture.encoder or pair
            if usable and (name not in best or mean > best[name].mean):
                used = pair if mixture.encoder else ()
                best[name] = Choice(mean=mean, lam=lam, mixture=mixture, encoders=used, measured=measured)


def _metrics(said: EvaluationReading) -> tuple[tuple[str, MetricReading], ...]:
    return ("explore", said.explore), ("surprise", said.surprise)


def _weeks(asked: Asked) -> tuple[int, ...]:
    """What has to be the same for means to be compared."""
    return asked.history_until, asked.target_until, asked.customers_until, asked.top, asked.customers_cap
