"""Appetite: how much of the unexpected a customer takes up, learned from how they buy; local and erasable."""

from participant.appetite.appetites import Appetites, learn
from participant.appetite.traits import TRAITS, Traits

__all__ = ["TRAITS", "Appetites", "Traits", "learn"]
