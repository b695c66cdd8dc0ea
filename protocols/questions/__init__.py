"""One file per question: layout, bounds, sensitivity, and the pure reading of a sum."""

from protocols.questions.question import Question
from protocols.questions.registry import (
    QUESTIONS,
    Reading,
    ask,
    check_answer,
    describe,
    noise_for,
    price,
    question_named,
    read,
)

__all__ = [
    "QUESTIONS",
    "Question",
    "Reading",
    "ask",
    "check_answer",
    "describe",
    "noise_for",
    "price",
    "question_named",
    "read",
]
