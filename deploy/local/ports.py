"""Free ports on the loopback interface: the ones people can remember if they are free, else any.

>>> ports = choose_ports(("console", "partners"), first=0)
>>> len(set(ports.values()))
2
"""

import socket
from contextlib import ExitStack, suppress

from deploy.local.faults import NoFreePort

LOOPBACK = "127.0.0.1"


def choose_ports(names: tuple[str, ...], *, first: int) -> dict[str, int]:
    """Give every name a free port: ``first``, ``first + 1``, ... or another where that one is taken.

    The ports are held while choosing, so that no two names get the same one.

    Raises:
        NoFreePort: not even the system can give one.
    """
    chosen: dict[str, int] = {}
    with ExitStack() as held:
        for place, name in enumerate(names):
            listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            wanted = (first + place) if first else 0
            try:
                listener.bind((LOOPBACK, wanted))
            except OSError:
                listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                try:
                    listener.bind((LOOPBACK, 0))
                except OSError as error:
                    raise NoFreePort(
                        expected=f"a free port for {name}",
                        came=str(error),
                        do="end some programs and try again",
                    ) from None
            chosen[name] = listener.getsockname()[1]
    return chosen


def answers(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=0.5):
        return True
    return False
