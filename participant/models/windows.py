"""The three windows of a node's data: fit, validation, and (for the headline only) test."""

from dataclasses import dataclass

from protocols.errors import BadInput

SCENARIOS = ("explore", "surprise")
"""*explore*: everything never bought here. *surprise*: of that, what the shop would not show anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Points in time, unix seconds (UTC): everything is chosen between the first two.

    ``customers_until``: only customers first seen before it count. ``test_until`` 0 means that
    nothing was kept aside; the test window is never read by :func:`participant.models.train`.
    """

    fit_until: int
    validation_until: int
    customers_until: int
    test_until: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fit_until < self.validation_until or (
            self.test_until and self.test_until <= self.validation_until
        ):
            raise BadInput(
                expected="fit_until < validation_until < test_until",
                came=f"{self.fit_until}, {self.validation_until}, {self.test_until}",
                do="correct the windows",
            )
