"""The newest training that failed: remembered, so that it is not tried again every minute, and said to the officer.

A training takes minutes, and what made it fail, a forged sum for one, is still there when they are over. So the same
is tried again only after an hour; what has changed since (other sums to train on, another vocabulary, something that
was read in) is tried at once, and so is anything after a restart. Why it failed lies in a file beside the models until
one is deployed after it: the daemon writes it, and `altrove-node status` reads it.
"""

from pathlib import Path
from typing import Final

import structlog

from protocols.errors import AltroveError
from protocols.service import durable
from protocols.service.clock import Clock
from protocols.service.errors import StorageFull

TRY_AGAIN_S: Final = 3600
FILE: Final = "failed.txt"

_log = structlog.get_logger(__name__)


class FailedTraining:
    """Of one node, whose models are in ``folder``."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = folder / FILE
        self._clock = clock
        self._tried: object = None
        self._at_s = 0.0

    def forbids(self, tried: object) -> bool:
        """Whether ``tried``, which stands for all that a training is made of, failed less than an hour ago."""
        return tried == self._tried and self._clock.monotonic_s() - self._at_s < TRY_AGAIN_S

    def note(self, tried: object, error: Exception) -> None:
        """Remember that ``tried`` failed, and say why once; what has no room on the disk is in the log alone."""
        news = tried != self._tried or not self._file.exists()
        self._tried, self._at_s = tried, self._clock.monotonic_s()
        if not news:
            return
        known = isinstance(error, AltroveError)
        why = str(error) if known else f"{type(error).__name__}, of which the log has more"
        _log.error("training failed", why=why, exc_info=None if known else error)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            durable.write(self._file, [_SENTENCE.format(why=why).encode()])
        except (OSError, StorageFull) as full:  # a full disk may be what the training failed of
            _log.error("why a training failed is not kept", why=type(full).__name__)

    def clear(self) -> None:
        """A model was deployed."""
        self._tried = None
        self._file.unlink(missing_ok=True)

    @property
    def sentence(self) -> str:
        """What failed and what to do, for the officer; "" where nothing did."""
        try:
            return self._file.read_text("utf-8")
        except FileNotFoundError:
            return ""


_SENTENCE: Final = (
    "Training failed, and what served before goes on serving: {why}. If a released sum is the reason, tell the other "
    "members. It is tried again with the next sums, when something is read in, after a restart, and every hour."
)
