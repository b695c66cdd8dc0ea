"""What to train on: which two released sums belong together, and what the consortium's evaluations said of them.

A node serves from `taste` sums or from sums of `landmarks`, whichever pair is complete and ends in the newer release;
where one release has both, from the square. Sums of landmarks with noise are passed over: nobody has measured a
reading of them that knows how loud it is (:mod:`participant.models.gram`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from participant.contents import paired
from participant.counting import way_of
from participant.evaluated import Evaluated, block_of
from participant.models import SCENARIOS, Windows
from participant.release_shelf import ReleaseShelf
from participant.store.releases import StoredRelease
from protocols.messages import Block
from protocols.questions import landmarks, question_named, taste
from protocols.questions.mixture import Mixture

TASTE: Final = "taste"
LANDMARKS: Final = "landmarks"
QUESTIONS: Final = (TASTE, LANDMARKS)
"""Whose sums are served from; the first where one release has both."""

DEFAULT_LAMBDA: Final = 1000
"""Ridge of EASE on binary rows where the consortium has not evaluated: the middle of the range tried."""

UNIT_LAMBDA: Final = 60
"""The same for unit rows; `tests/benchmarks/results/privacy_quality.json` has the best ridge of every noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to train on. ``refitted`` is the newest sum; ``fitted`` the newest earlier one that counts alike.

    ``question``: what both are sums of. ``mixes`` and ``encoders`` are what the consortium's evaluation chose for a
    scenario: how released models are mixed, and the encoder releases that started from the two sums; ``gains`` what that
    brings to all members together, as far as it was measured. ``contents``: the pair of `content` sums, or none.
    """

    question: str
    windows: Windows
    fitted: bytes
    refitted: bytes
    lambdas: dict[str, int]
    row_scheme: str
    items_cap: int
    mixes: dict[str, Mixture] = field(default_factory=dict)
    encoders: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    contents: tuple[bytes, ...] = ()
    gains: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    """One released sum and how it was asked."""

    release: bytes
    block: Block
    asked: taste.Parameters | landmarks.Parameters


def newest_plan(kept: Sequence[StoredRelease], shelf: ReleaseShelf, *, reads_texts: bool) -> Plan | None:
    """The newest pair of sums and the evaluation between them, or None without a pair.

    Args:
        kept: releases over the vocabulary in use, newest first; others cannot be compared.
        shelf: reads the evaluations.
        reads_texts: whether `content` sums may be used.
    """
    pairs = [pair for question in QUESTIONS if (pair := _pair(kept, question)) is not None]
    if not pairs:
        return None
    order = [each.release for each in kept]
    earlier, newest = min(pairs, key=lambda pair: order.index(pair[1].release))
    before, asked = earlier.asked, newest.asked
    chosen = Evaluated(shelf, tuple(kept)).choices(
        earlier.release, newest.release, counted_until=before.until
    )
    return Plan(
        question=newest.block.question,
        windows=Windows(
            fit_until=before.until,
            validation_until=asked.until,
            customers_until=min(before.customers_until, asked.customers_until),
        ),
        fitted=earlier.release,
        refitted=newest.release,
        lambdas={name: each.lam for name, each in chosen.items()}
        or dict.fromkeys(SCENARIOS, default_lambda(asked.row_scheme, asked.items_cap)),
        row_scheme=asked.row_scheme,
        items_cap=asked.items_cap,
        mixes={name: each.mixture for name, each in chosen.items()},
        encoders={name: each.encoders for name, each in chosen.items() if each.encoders},
        contents=paired(kept, before.until, asked.until) if reads_texts else (),
        gains={name: each.gain for name, each in chosen.items() if each.gain},
    )


def passed_over(kept: Sequence[StoredRelease]) -> tuple[StoredRelease, ...]:
    """Sums of landmarks that are not trained on, because they have noise."""
    return tuple(
        each for each in kept if LANDMARKS in each.questions and block_of(each, LANDMARKS).noise_sigma
    )


def _pair(kept: Sequence[StoredRelease], question: str) -> tuple[_Sum, _Sum] | None:
    """The newest sum of ``question`` that has one before it that ends earlier and counts alike, and that one.

    A newest sum that counts like no other stands in nobody's way: the pair before it stays. This pair says what the
    windows are, which :func:`participant.counting.pair_of` is told, and its earlier sum is of an earlier round as well.
    """
    noisy = passed_over(kept) if question == LANDMARKS else ()
    sums = [_sum(each, question) for each in kept if question in each.questions and each not in noisy]
    for place, newest in enumerate(sums):
        for earlier in sums[place + 1 :]:
            if earlier.asked.until < newest.asked.until and way_of(earlier.block) == way_of(newest.block):
                return earlier, newest
    return None


def _sum(stored: StoredRelease, question: str) -> _Sum:
    block = block_of(stored, question)
    return _Sum(release=stored.release, block=block, asked=question_named(question).open(block.parameters))


def default_lambda(row_scheme: str, items_cap: int) -> int:
    """The ridge for sums that nobody evaluated: it goes with the size of a row's entries.

    >>> default_lambda("binary", 0), default_lambda("unit", 0), default_lambda("capped", 20)  # 1000 / 20
    (1000, 60, 50)
    """
    if row_scheme == "unit":
        return UNIT_LAMBDA
    return max(1, DEFAULT_LAMBDA // items_cap) if row_scheme == "capped" else DEFAULT_LAMBDA
