"""How much memory a program and everything under it take, as the kernel says it (proc_pid_status(5)).

Counted is anonymous memory, shared memory that they have mapped, and what of both was swapped out; pages that
a fork still shares with its parent count for both. Not counted is what a program has the kernel hold without
mapping it: files of a memory disk, memfds, System V segments, the buffers of sockets. Where there is no /proc,
nothing is ever counted.

>>> import os
>>> 2**20 < footprint_bytes(os.getpid()) < 2**40
True
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from protocols.service.standstill import tree

_COUNTED: Final = ("RssAnon:", "RssShmem:", "VmSwap:")


def footprint_bytes(leader: int) -> int:
    """Bytes that ``leader`` and all its descendants take now; 0 when it ended."""
    return sum(kibibytes for pid in tree(leader) for kibibytes in _parts(pid)) * 1024


def _parts(pid: int) -> Iterator[int]:
    with suppress(OSError):  # it ended while we looked
        for line in Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
            if line.startswith(_COUNTED):
                yield int(line.split()[1])
