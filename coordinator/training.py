"""Training an encoder: rounds of `encoder`, each evaluated by the members, until it gets no better.

All state is what was released: a chain of `encoder` releases (each names the one ``after`` which it comes) and
the `evaluation` releases about them. So a training that was stopped, or whose coordinator was, goes on where it
stood when the same command is given again, and never asks for what was answered already. Nothing here sees a
model: the coordinator moves sums, and reads means that the members measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from coordinator.api import shapes
from coordinator.errors import RoundFailed
from coordinator.plain import Plain, plain
from protocols.questions import question_named
from protocols.questions.evaluation import METRICS
from protocols.questions.parameters import Given

SETTLE_S: Final = 300
"""How long the members of a sum are waited for to receive it, before the next question is about it."""

LOOK_EVERY_S: Final = 1.0

ENCODER, EVALUATION = "encoder", "evaluation"


class Consortium(Protocol):
    """What a training needs of the admin API."""

    def ask(self, asked: shapes.AskRequest, /) -> int:
        """Open a round and return its number."""

    def rounds(self, limit: int, /) -> list[shapes.RoundReply]:
        """The newest rounds, newest first."""

    def releases(self) -> list[shapes.ReleaseReply]:
        """All releases, oldest first."""

    def release(self, release: str, /) -> shapes.ReleaseReply:
        """One release with its readings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to train.

    Attributes:
        encoder: parameters of every round, as typed, without ``after``.
        evaluation: parameters of what is asked about every round, without ``encoder``; empty to evaluate nothing.
        rounds: of training, at most.
        patience: rounds that may be no better than the best before it ends.
        metric: "explore" or "surprise", which decides.
        asking: how every round is asked (cohort, phases, suite, epoch ...); its question and parameters do not count.
    """

    encoder: Mapping[str, Given]
    evaluation: Mapping[str, Given]
    rounds: int
    patience: int
    metric: str
    asking: shapes.AskRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One round: its release, and for each metric the best setting's mean and mixture; empty where not evaluated."""

    number: int
    release: str
    means: Mapping[str, float]
    mixtures: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """The round in words.

        >>> Measured(
        ...     number=2, release="ab", means={"surprise": 0.0827}, mixtures={"surprise": "1 x EASE"}
        ... ).sentence
        'Encoder round 2, release ab: surprise 0.0827 with 1 x EASE'
        """
        said = ", ".join(f"{name} {mean:.4f} with {self.mixtures[name]}" for name, mean in self.means.items())
        return f"Encoder round {self.number}, release {self.release}: {said or 'not evaluated'}"


class EncoderTraining:
    """One training, from its first round or from wherever it stands."""

    def __init__(
        self,
        consortium: Consortium,
        wanted: Wanted,
        *,
        follow: Callable[[int], shapes.RoundReply],
        say: Callable[[str], None],
        sleep: Callable[[float], None],
    ) -> None:
        """``follow`` waits until a round is over; ``say`` shows progress."""
        self._consortium = consortium
        self._wanted = wanted
        self._follow = follow
        self._say = say
        self._sleep = sleep

    def run(self) -> Measured:
        """Train, and return the best round: the last one, where nothing is evaluated.

        Raises:
            RoundFailed: a round came to nothing; asked again, the training goes on from there.
            BadInput, QuestionNotAllowed: parameters that make no question.
        """
        self._finish_open()
        chain = self._chain()
        done: list[Measured] = []
        while len(done) < self._wanted.rounds:
            if len(done) == len(chain):
                after = chain[-1] if chain else ""
                chain.append(self._ask(ENCODER, {**self._wanted.encoder, "after": after}))
            done.append(self._measured(len(done) + 1, chain[len(done)]))
            self._say(done[-1].sentence)
            if self._wanted.evaluation and len(done) - self._best(done).number >= self._wanted.patience:
                self._say(f"No better for {self._wanted.patience} rounds: it ends here.")
                break
        best = self._best(done)
        self._say(f"Best: round {best.number}, release {best.release}")
        return best

    def _best(self, done: list[Measured]) -> Measured:
        """The earliest with the highest mean; without any, the last."""
        metric = self._wanted.metric
        return max(done, key=lambda each: each.means[metric]) if self._wanted.evaluation else done[-1]

    def _measured(self, number: int, release: str) -> Measured:
        if not self._wanted.evaluation:
            return Measured(number=number, release=release, means={}, mixtures={})
        values = {**self._wanted.evaluation, "encoder": release}
        found = self._released(EVALUATION, values) or self._ask(EVALUATION, values)
        (reading,) = self._consortium.release(found).readings
        means, mixtures = {}, {}
        for metric in METRICS:
            part = shapes.MetricReading.model_validate(_field(reading, metric))
            means[metric], mixtures[metric] = part.best, part.best_mix.words
        return Measured(number=number, release=release, means=means, mixtures=mixtures)

    def _chain(self) -> list[str]:
        """Rounds of just these parameters that are released already, first to last."""
        found: list[str] = []
        while len(found) < self._wanted.rounds:
            after = found[-1] if found else ""
            release = self._released(ENCODER, {**self._wanted.encoder, "after": after})
            if not release:
                break
            found.append(release)
        return found

    def _released(self, question: str, values: Mapping[str, Given]) -> str:
        """The newest release of exactly this question, or an empty string."""
        asked = _plain(question, values)
        for each in reversed(self._consortium.releases()):
            if each.questions == [question] and each.asked == [asked]:
                return each.release
        return ""

    def _ask(self, question: str, values: Mapping[str, Given]) -> str:
        """Put a question, wait for its release and until the members have it; returns its id."""
        parameters = {
            name: value if isinstance(value, str | int) else list(value) for name, value in values.items()
        }
        asked = self._wanted.asking.model_copy(update={"question": question, "parameters": parameters})
        view = self._follow(self._consortium.ask(asked))
        if view.state != "released":
            attempt = view.attempts[-1]
            raise RoundFailed(
                expected=f"round {view.round} of {question!r} to be released",
                came=attempt.reason or view.state,
                do=f"{attempt.next_step or 'see the round'}; then give the same command again, which goes on from here",
            )
        self._settle(view.release)
        return view.release

    def _settle(self, release: str) -> None:
        """Wait until everybody in the sum has voted on it, and so holds it; not for ever."""
        for _ in range(int(SETTLE_S / LOOK_EVERY_S)):
            found = next(each for each in self._consortium.releases() if each.release == release)
            if {vote.voter for vote in found.votes} >= set(found.survivors):
                return
            self._sleep(LOOK_EVERY_S)
        self._say(f"Not everybody has received release {release} yet: it goes on without them.")

    def _finish_open(self) -> None:
        """Follow a round that is still open: rounds run one after another."""
        for newest in self._consortium.rounds(1):
            if newest.state == "open":
                self._follow(newest.round)


def _plain(question: str, values: Mapping[str, Given]) -> Plain:
    return plain(question_named(question).parse(values))


def _field(reading: object, name: str) -> object:
    return reading[name] if isinstance(reading, dict) else None
