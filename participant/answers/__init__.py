"""Fills in a company's answer to each question; mirrors ``protocols.questions`` file by file."""

from participant.answers.context import AnswerContext
from participant.answers.registry import ANSWERS, fill

__all__ = ["ANSWERS", "AnswerContext", "fill"]
