"""Who does not buy, and why: each customer's likely reason for each concept, and what that looks like together."""

from participant.nonbuyers.states import batch_size, states

__all__ = ["batch_size", "states"]
