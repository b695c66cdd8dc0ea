"""``altrove-coordinator train``: an encoder, round by round, measured by the members after each."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from coordinator import typed
from coordinator.admin_client import Admin
from coordinator.api import shapes
from coordinator.training import EncoderTraining, Measured, Wanted
from protocols.errors import BadInput
from protocols.questions.evaluation import METRICS
from protocols.questions.mixture import WITH_ENCODER, WITHOUT_ENCODER
from protocols.questions.parameters import Given

MIXES = f"{WITHOUT_ENCODER},{WITH_ENCODER}"


def run(
    home: Path,
    words: list[str],
    *,
    evaluate: str,
    rounds: int,
    patience: int,
    metric: str,
    asking: shapes.AskRequest,
    follow: Callable[[Admin, int], shapes.RoundReply],
    say: Callable[[str], None],
) -> Measured:
    """Train by the daemon in ``home``; see :func:`wanted` for the words."""
    admin = Admin(home)
    training = EncoderTraining(
        admin,
        wanted(words, evaluate, rounds=rounds, patience=patience, metric=metric, asking=asking),
        follow=lambda number: follow(admin, number),
        say=say,
        sleep=time.sleep,
    )
    return training.run()


def wanted(
    words: list[str], evaluate: str, *, rounds: int, patience: int, metric: str, asking: shapes.AskRequest
) -> Wanted:
    """What the words mean.

    ``words`` are parameters of `encoder`, NAME=VALUE; ``evaluate`` those of `evaluation` with spaces between, empty
    to evaluate nothing; the rest as in :class:`Wanted`.

    Raises:
        BadInput: a word that is not NAME=VALUE, or a metric that nobody measures.
    """
    if metric not in METRICS:
        raise BadInput(
            expected=f"a metric of {' or '.join(METRICS)}", came=metric[:40], do="correct --metric"
        )
    encoder = typed.parameters(words)
    evaluation: dict[str, Given] = dict(typed.parameters(evaluate.split()))
    if evaluation:
        evaluation = {"release": encoder.get("taste", ""), "lambdas": "1000", "mixes": MIXES, **evaluation}
    return Wanted(
        encoder=encoder,
        evaluation=evaluation,
        rounds=rounds,
        patience=patience,
        metric=metric,
        asking=asking,
    )


def as_plain(best: Measured) -> dict[str, object]:
    """The outcome for programs."""
    return asdict(best)


Rounds = Annotated[int, typer.Option(min=1, max=1000, help="Rounds of training, at most.")]
Patience = Annotated[int, typer.Option(min=1, help="End after so many rounds that were no better.")]
