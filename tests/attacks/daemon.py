"""A node's daemon from which a guard was taken: without it the attack must win against the live stand too.

``python -m tests.attacks.daemon GUARD[,GUARD] serve --home HOME`` is `altrove-node serve` otherwise.
"""

import sys

from participant import cli
from tests.attacks.guards import without

if __name__ == "__main__":
    names = sys.argv.pop(1).split(",")
    with without(names):
        cli.main()
