"""A node daemon that does not train: what is measured is the round, not what a company makes of its release.

``python -m tests.benchmarks.quiet_node serve --home HOME`` is `altrove-node serve` otherwise.
"""

from participant import cli
from participant.training import Trainer
from protocols.service.jobs import Stop


def _wait(_trainer: Trainer, stop: Stop) -> None:
    while not stop.wait(3600.0):
        pass


if __name__ == "__main__":
    Trainer.run = _wait  # type: ignore[method-assign]
    cli.main()
