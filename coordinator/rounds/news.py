"""Who is told when something changed: nodes and pages by one bell, the driver by another.

Submissions ring ``arrivals`` only, so that fifty nodes do not look again at every share of the others.
"""

import threading

from protocols.service.waiting import Bell


class Arrivals:
    """Wakes the driver. A ring between two waits is never lost."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        """Something came in that may complete a phase."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Sleep until the next ring, at most ``seconds``."""
        if self._event.wait(seconds):
            self._event.clear()


class News:
    """Both bells of one daemon."""

    def __init__(self) -> None:
        self.changes = Bell()
        self.arrivals = Arrivals()

    def changed(self) -> None:
        """A phase changed: wake long polls, and the driver as well."""
        self.changes.ring()
        self.arrivals.ring()

    def close(self) -> None:
        """Let everybody go: the daemon stops."""
        self.changes.close()
        self.arrivals.ring()
