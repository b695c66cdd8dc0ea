"""Become another program that dies with its parent (Linux ``PR_SET_PDEATHSIG``, prctl(2)).

Run as a script with the parent's pid and the program's command line; nothing is imported from the
product, so that it starts in milliseconds and runs between fork and exec without running Python code
in the forked copy of a threaded daemon.

``python -I -S launch.py 4711 /usr/bin/program --flag``
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ask the kernel for SIGKILL at the parent's death, then exec; exit 1 when the parent is gone already."""
    parent, program = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell is what we want


if __name__ == "__main__":
    main(sys.argv[1:])
