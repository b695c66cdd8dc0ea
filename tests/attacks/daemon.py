"""A node's daemon from which guards were taken: without them the attack must win against the live stand too.

``python -m tests.attacks.daemon GUARDS serve --home HOME`` is `altrove-node serve` otherwise; GUARDS are names
of ``tests.attacks.guards`` with semicolons between them.
"""

import sys

from participant import cli
from tests.attacks.guards import without

if __name__ == "__main__":
    with without(sys.argv.pop(1).split("; ")):
        cli.main()
