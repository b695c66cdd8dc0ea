"""One file per question: layout, bounds, sensitivity, and the pure reading of a sum."""

from protocols.questions.question import Question
from protocols.questions.registry import (
    NO_DIFFERENTIAL_PRIVACY,
    QUESTIONS,
    Reading,
    ask,
    check_answer,
    describe,
    has_noise,
    noise_for,
    price,
    question_named,
    read,
    say_privacy,
)

__all__ = [
    "NO_DIFFERENTIAL_PRIVACY",
    "QUESTIONS",
    "Question",
    "Reading",
    "ask",
    "check_answer",
    "describe",
    "has_noise",
    "noise_for",
    "price",
    "question_named",
    "read",
    "say_privacy",
]
