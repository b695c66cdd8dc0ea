"""Become another program whose memory has a bound.

A member writes its reply as it likes: a few bytes of it may ask Flower to repeat one chunk of an array a
million times over. With a bound that is a failed allocation in the process that pulls, which reports the reply
and goes on; without one the kernel may choose the coordinator's daemon to make room.

``python -I -S bounded.py /usr/bin/program --flag``
"""

import os
import resource
import sys

MEMORY_BYTES = 4 * 2**30
"""Address space of each process: those of a member's courier have the same (`participant/courier/cell.py`)."""


def main(program: list[str]) -> None:
    """Bound this process and what it starts, then exec."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    os.execv(program[0], program)  # noqa: S606 - no shell is what we want


if __name__ == "__main__":
    main(sys.argv[1:])
