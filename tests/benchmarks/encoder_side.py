"""One side of the comparison: a consortium of companies, all in one, or one alone, and its training."""

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from participant.answers import AnswerContext, fill
from participant.encoder_chain import EncoderChain, Round
from participant.models import gram
from participant.store.records import Records
from participant.store.records_rows import RowBatch
from protocols.messages import AnswerSpec
from protocols.questions import ask, question_named
from protocols.questions import read as read_sum
from protocols.questions.encoder import EncoderStep
from protocols.questions.evaluation import EvaluationReading, MetricReading
from protocols.questions.mixture import WITH_ENCODER, WITHOUT_ENCODER, Mixture
from protocols.questions.parameters import Given
from protocols.questions.taste import CUSTOMERS_CAP
from protocols.ring import Fixed, encode_vector, lift
from protocols.secure_sum.play import play
from protocols.vocabulary import Vocabulary
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL
from tests.benchmarks.shop_records import ShopRecords

LAMBDAS: Final = (1000, 3000)
MIXES: Final = f"{WITHOUT_ENCODER},{WITH_ENCODER}"
COMPANIES_MIN: Final = 3
"""Fewer have nothing to hide from one another: their answers are rounded as in a sum and added."""
Gram = NDArray[np.float64]


class Pool:
    """Records of several companies as if they were one's."""

    def __init__(self, members: Sequence[Records]) -> None:
        self._members = members

    def taste_rows(self, vocabulary: Vocabulary, **asked: int) -> list[RowBatch]:
        """All companies' rows, one after the other."""
        return [batch for member in self._members for batch in member.taste_rows(vocabulary, **asked)]


class Remembered:
    """Records whose rows are read once: a node reads them for every question, from files that change meanwhile."""

    def __init__(self, records: Records | ShopRecords) -> None:
        self._records = records
        self._kept: dict[tuple[tuple[str, int], ...], list[RowBatch]] = {}

    def taste_rows(self, vocabulary: Vocabulary, **asked: int) -> list[RowBatch]:
        """The rows of ``asked``, of one vocabulary."""
        key = tuple(sorted(asked.items()))
        if key not in self._kept:
            self._kept[key] = list(self._records.taste_rows(vocabulary, **asked))
        return self._kept[key]


Answering = Records | ShopRecords | Pool | Remembered


@dataclass(slots=True, kw_only=True, eq=False)
class Side:
    """Who trains together: companies, what they train on, and their released Gram matrix of each window.

    So many companies answer at the same time as there are ``threads``. ``settings`` are typed with every round;
    ``seconds`` and ``cpu_seconds`` are those of every round so far: all companies' training, the sum and the step.
    Not ``masked``: answers are added up in the open, to the same bits.
    """

    name: str
    answering: Sequence[Answering]
    grams: dict[bytes, Gram]
    vocabulary: Vocabulary
    folder: Path
    seed: int
    threads: int = 1
    settings: Mapping[str, Given] = field(default_factory=dict)
    masked: bool = True
    rounds: dict[bytes, Round] = field(default_factory=dict)
    chain: EncoderChain = field(init=False)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    inverted: dict[tuple[bytes, float], NDArray[np.float64]] = field(default_factory=dict)
    without: dict[tuple[object, ...], EvaluationReading] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chain = EncoderChain(
            gram=self.grams.__getitem__, opened=self.rounds.__getitem__, folder=self.folder
        )

    def train(self, taste: bytes, until: int, after: bytes) -> bytes:
        """One round from ``taste``, after the release ``after`` (empty: the first); the id of its release."""
        asked: dict[str, Given] = {
            "taste": taste.hex(),
            "after": after.hex(),
            "until": until,
            "customers_until": FIT_UNTIL,
            "customers_cap": 100_000 + self.seed,  # another question: other shuffles, the same customers
            **self.settings,
        }
        began, began_cpu = time.perf_counter(), time.process_time()
        parameters, spec, total = self._sum("encoder", asked, self.answering)
        (step,) = read_sum(spec, total, len(self.vocabulary))
        if not isinstance(step, EncoderStep):
            raise TypeError("the sum of an encoder question is a step")
        release = hashlib.sha256(f"{self.name} {until}".encode() + parameters).digest()
        self.rounds[release] = (question_named("encoder").open(parameters), step)
        self.chain.network(release, len(self.vocabulary))
        self.seconds.append(time.perf_counter() - began)
        self.cpu_seconds.append(time.process_time() - began_cpu)
        return release

    def evaluate(
        self,
        taste: bytes,
        encoder: bytes,
        members: Sequence[Answering],
        *,
        lambdas: Sequence[int] = LAMBDAS,
        mixes: str = MIXES,
        customers_cap: int = CUSTOMERS_CAP,
        beside: str = "nothing",
    ) -> EvaluationReading:
        """What the members' own validation weeks say of a round; ``beside``: of their own models too, or of nothing.

        Mixtures without the encoder are the same after every round: they are asked about once, by themselves.
        """
        kinds = [(each, bool(Mixture.typed(each).encoder)) for each in mixes.split(",")]
        plain, mixed = (",".join(each for each, uses in kinds if uses == wanted) for wanted in (False, True))
        asked: dict[str, Given] = {
            "customers_cap": customers_cap,
            "release": taste.hex(),
            "beside": "nothing",
            "lambdas": list(lambdas),
            "history_until": FIT_UNTIL,
            "target_until": VALIDATION_UNTIL,
        }
        parts: list[EvaluationReading] = []
        more: dict[str, Given]
        if plain:
            key = (taste, tuple(lambdas), plain, customers_cap, beside, tuple(map(id, members)))
            if key not in self.without:
                more = {"mixes": plain, "beside": beside}
                self.without[key] = self._evaluated(taste, asked | more, members)
            parts.append(self.without[key])
        if mixed:
            more = {"mixes": mixed, "encoder": encoder.hex()}
            parts.append(self._evaluated(taste, asked | more, members))
        return together(parts, [(lam, Mixture.typed(each)) for lam in lambdas for each, _ in kinds])

    def _evaluated(
        self, taste: bytes, asked: Mapping[str, Given], members: Sequence[Answering]
    ) -> EvaluationReading:
        with self._ease_once(taste):
            _, spec, total = self._sum("evaluation", asked, members)
        (reading,) = read_sum(spec, total, len(self.vocabulary))
        if not isinstance(reading, EvaluationReading):
            raise TypeError("the sum of an evaluation is one")
        return reading

    @contextmanager
    def _ease_once(self, taste: bytes) -> Iterator[None]:
        """Every company inverts the same matrix after every round, each on its own machine; here one does for all."""

        def found(_: Gram, lam: float) -> NDArray[np.float64]:
            with one_at_a_time:
                if (taste, lam) not in self.inverted:
                    self.inverted[taste, lam] = invert(self.grams[taste], lam)
                return self.inverted[taste, lam]

        one_at_a_time, invert = threading.Lock(), gram.exact_ease
        with patch.object(gram, "exact_ease", found):
            yield

    def _sum(
        self, question: str, asked: Mapping[str, Given], answering: Sequence[Answering]
    ) -> tuple[bytes, AnswerSpec, Fixed]:
        """The question's parameters, what was asked, and the sum of the answers in ring units."""
        spec = ask([(question, asked)], self.vocabulary, members=len(answering), epoch="1")
        parameters = spec.blocks[0].parameters

        def answer(part: Answering) -> NDArray[np.int64]:
            context = AnswerContext(
                records=part,  # type: ignore[arg-type]  # all have the rows of records, some nothing else of them
                vocabulary=self.vocabulary,
                released=lambda release: gram.WholeGram(matrix=self.grams[release]),
                encoders=self.chain,
            )
            return fill(question, parameters, context)

        with ThreadPoolExecutor(self.threads) as pool:
            answers = list(pool.map(answer, answering))
        if not self.masked or len(answers) < COMPANIES_MIN:
            words = [lift(encode_vector(answer, spec), 32) for answer in answers]
            return parameters, spec, np.sum(words, axis=0)
        return parameters, spec, play(answers, spec=spec, seed=hashlib.sha256(parameters).digest()).sum


def together(
    parts: Sequence[EvaluationReading], settings: Sequence[tuple[int, Mixture]]
) -> EvaluationReading:
    """One reading of ``settings``, in their order, from ``parts`` of the same customers that have each of them."""

    def metric(found: Sequence[MetricReading]) -> MetricReading:
        means = {
            setting: mean for part in found for setting, mean in zip(part.settings, part.means, strict=True)
        }
        ordered = tuple(means[setting] for setting in settings)
        own = next((part.own for part in found if part.own is not None), None)
        return MetricReading(count=found[0].count, settings=tuple(settings), means=ordered, own=own)

    return EvaluationReading(
        explore=metric([part.explore for part in parts]), surprise=metric([part.surprise for part in parts])
    )
