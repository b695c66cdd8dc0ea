"""Answers, prepared while the handshake runs: filled in a worker thread and sealed by the door.

The worker reads the records; the door gets integers. An answer that is sealed already is never filled
in again, in whatever attempt or round it is asked.
"""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import structlog

from participant.answers import AnswerContext, fill
from participant.answers.context import ReleasedEncoders, ReleasedSums
from participant.door import Door
from participant.store.records import Records
from protocols.messages import AnswerSpec, Block, RoundConfig
from protocols.questions import encoder, question_named
from protocols.vocabulary import Vocabulary

_log = structlog.get_logger(__name__)


def customers_behind(spec: AnswerSpec, records: Records, vocabulary: Vocabulary) -> int:
    """How many customers stand behind an answer to ``spec``: the fewest of its blocks.

    Those who bought in the block's window and within its cap: a window of a second or a cap of one would
    describe a single person, however many customers the company has. So would a vocabulary with one concept that is
    sold here to one of them: who bought nothing of it has an empty row. So would a training that ends after one
    step on one customer, and without noise a sample that is expected to draw one.
    """
    return min(_customers_behind(block, records, vocabulary) for block in spec.blocks)


def _customers_behind(block: Block, records: Records, vocabulary: Vocabulary) -> int:
    kind = question_named(block.question)
    asked = kind.open(block.parameters)
    since, until = kind.window(asked)
    buyers = records.n_buyers(
        since=since,
        until=until,
        customers_until=asked.customers_until,
        customers_cap=asked.customers_cap,
        vocabulary=vocabulary,
    )
    if isinstance(asked, encoder.Parameters) and asked.mode == encoder.CHANGE:
        return min(buyers, asked.steps * asked.batch)
    return buyers if block.noise_sigma else int(buyers * kind.rate(asked))


def is_at_cap(spec: AnswerSpec, records: Records) -> bool:
    """Whether a customer more would displace another from an answer to ``spec``: some block's cap is full."""
    asked = [question_named(block.question).open(block.parameters) for block in spec.blocks]
    return any(
        records.n_customers(first_seen_before=each.customers_until) >= each.customers_cap for each in asked
    )


def fill_all(spec: AnswerSpec, context: AnswerContext) -> npt.NDArray[np.int64]:
    """The whole answer, shape ``(spec.elements,)``, int64 with ``FRACTION_BITS`` fractional bits."""
    return np.concatenate([fill(block.question, block.parameters, context) for block in spec.blocks])


class Preparation:
    """One worker that fills in and seals answers, one at a time."""

    def __init__(
        self,
        *,
        door: Door,
        records: Records,
        released: ReleasedSums,
        encoders: ReleasedEncoders,
        square_max: int,
    ) -> None:
        self._door = door
        self._records = records
        self._released = released
        self._encoders = encoders
        self._square_max = square_max
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="altrove-answers")
        self._running: dict[bytes, Future[None]] = {}

    def customers(self, config: RoundConfig, vocabulary: Vocabulary) -> int:
        """Customers behind the answer that ``config`` asks for."""
        return customers_behind(config.answer, self._records, vocabulary)

    def at_cap(self, config: RoundConfig) -> bool:
        """Whether the company has as many customers as the answer that ``config`` asks for may describe."""
        return is_at_cap(config.answer, self._records)

    def begin(self, config: RoundConfig, vocabulary: Vocabulary) -> None:
        """Start filling in the answer in the background, unless it is sealed or under way.

        One that failed in an earlier attempt is begun anew: this one may have been priced otherwise.
        """
        running = self._running.get(config.answer_id)
        if running is not None and not (running.done() and running.exception()):
            return
        self._running.pop(config.answer_id, None)
        if self._door.needs_answer(config.answer_id):
            self._running[config.answer_id] = self._pool.submit(self._prepare, config, vocabulary)

    def finish(self, config: RoundConfig, vocabulary: Vocabulary) -> None:
        """Wait until the answer is sealed; raises what filling it in or sealing it raised."""
        if config.answer_id not in self._running:
            self.begin(config, vocabulary)
        running = self._running.get(config.answer_id)
        if running is None:
            return
        try:
            running.result()
        finally:
            self._running.pop(config.answer_id, None)

    def close(self) -> None:
        """Take no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, config: RoundConfig, vocabulary: Vocabulary) -> None:
        context = AnswerContext(
            records=self._records,
            vocabulary=vocabulary,
            released=self._released,
            encoders=self._encoders,
            square_max=self._square_max,
        )
        answer = fill_all(config.answer, context)
        # After filling in: who came meanwhile counts as well, and whoever went closed the answer.
        self._door.seal(config.round, config.attempt, answer, at_cap=self.at_cap(config))
        _log.info("answer sealed", round=config.round, questions=[b.question for b in config.answer.blocks])
