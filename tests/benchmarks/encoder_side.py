"""One side of the comparison: a consortium of companies, all in one, or one alone, and its training."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.answers import AnswerContext, fill
from participant.encoder_chain import EncoderChain, Round
from participant.store.records import Records
from participant.store.records_rows import RowBatch
from protocols.questions import ask, question_named
from protocols.questions import read as read_sum
from protocols.questions.encoder import EncoderStep
from protocols.questions.evaluation import EvaluationReading
from protocols.questions.parameters import Given
from protocols.ring import encode_vector, lift
from protocols.secure_sum.play import play
from protocols.vocabulary import Vocabulary
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL

LAMBDAS: Final = (1000, 3000)
MIXES: Final = (
    "0:100:0,0:100:0:5,0:100:0:10,0:100:15,0:100:30,0:100:60,100:0:0,100:30:0,100:30:30,100:30:0:10,"
    "100:60:30,100:60:60,100:60:0:10,100:100:60"
)
Gram = NDArray[np.float64]


class Pool:
    """Records of several companies as if they were one's."""

    def __init__(self, members: Sequence[Records]) -> None:
        self._members = members

    def taste_rows(self, vocabulary: Vocabulary, **asked: int) -> list[RowBatch]:
        """All companies' rows, one after the other."""
        return [batch for member in self._members for batch in member.taste_rows(vocabulary, **asked)]


@dataclass(slots=True, kw_only=True, eq=False)
class Side:
    """Who trains together: companies, what they train on, and their released Gram matrix of each window."""

    name: str
    answering: Sequence[Records | Pool]
    grams: dict[bytes, Gram]
    vocabulary: Vocabulary
    folder: Path
    seed: int
    rate: int = 3_000
    rounds: dict[bytes, Round] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @property
    def chain(self) -> EncoderChain:
        """Its networks."""
        return EncoderChain(gram=self.grams.__getitem__, opened=self.rounds.__getitem__, folder=self.folder)

    def train(self, taste: bytes, until: int, count: int) -> list[bytes]:
        """``count`` rounds from ``taste``; the ids of their releases."""
        made: list[bytes] = []
        for number in range(count):
            asked: dict[str, Given] = {
                "taste": taste.hex(),
                "after": made[-1].hex() if made else "",
                "until": until,
                "customers_until": FIT_UNTIL,
                "rate": self.rate,
                "customers_cap": 100_000 + self.seed,  # another question: other shuffles, the same customers
            }
            began = time.perf_counter()
            parameters, total = self._sum("encoder", asked)
            (step,) = read_sum(total[0], total[1], len(self.vocabulary))
            if not isinstance(step, EncoderStep):
                raise TypeError("the sum of an encoder question is a step")
            release = hashlib.sha256(f"{self.name} {number} {until}".encode() + parameters).digest()
            self.rounds[release] = (question_named("encoder").open(parameters), step)
            self.chain.network(release, len(self.vocabulary))
            self.seconds.append(time.perf_counter() - began)
            made.append(release)
        return made

    def evaluate(self, taste: bytes, encoder: bytes, members: Sequence[Records]) -> EvaluationReading:
        """What the members' own validation weeks say of a round."""
        asked: dict[str, Given] = {
            "release": taste.hex(),
            "encoder": encoder.hex(),
            "mixes": MIXES,
            "lambdas": list(LAMBDAS),
            "history_until": FIT_UNTIL,
            "target_until": VALIDATION_UNTIL,
        }
        _, total = self._sum("evaluation", asked, members)
        (reading,) = read_sum(total[0], total[1], len(self.vocabulary))
        if not isinstance(reading, EvaluationReading):
            raise TypeError("the sum of an evaluation is one")
        return reading

    def _sum(self, question: str, asked: dict[str, Given], answering: Sequence[Records] | None = None):
        parts = self.answering if answering is None else answering
        spec = ask([(question, asked)], self.vocabulary, members=len(parts), epoch="1")
        parameters = spec.blocks[0].parameters
        answers = [
            fill(
                question,
                parameters,
                AnswerContext(
                    records=part,  # type: ignore[arg-type]
                    vocabulary=self.vocabulary,
                    released=self.grams.__getitem__,
                    encoders=self.chain,
                ),
            )
            for part in parts
        ]
        if len(answers) < 3:  # one alone: nothing to hide, and the same rounding
            words = [lift(encode_vector(answer, spec), 32) for answer in answers]
            return parameters, (spec, np.sum(words, axis=0))
        return parameters, (spec, play(answers, spec=spec, seed=hashlib.sha256(parameters).digest()).sum)
