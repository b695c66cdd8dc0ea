"""`altrove-node courier`: the courier alone, where the container around it is its sandbox.

It imports nothing of the node but its courier, so that the container needs Flower and little else.
"""

import os
import signal
import threading
from pathlib import Path

import typer

from participant.courier import Courier, CourierFiles, CourierSettings, Isolation, courier_user, trusted
from participant.errors import NotJoined


def run(home: Path, work: Path) -> None:
    """Keep the courier of the node in ``home`` until SIGTERM or Ctrl-C.

    Raises:
        NotJoined: the node has not joined, or trusts no release key.
    """
    files = CourierFiles(root=home)
    if not files.key.exists() or not trusted(files.trusted):
        raise NotJoined(
            expected=f"the courier's key and a trusted release key in {files.key.parent}",
            came="one or both are missing",
            do="join with `altrove-node join --invite TOKEN --trust FILE.pub`, then start the courier again",
        )
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    courier = Courier(
        CourierSettings(
            files=files,
            work=work.resolve(),
            user=courier_user(str(os.getuid())),
            isolation=Isolation.APART,
        )
    )
    courier.start()
    typer.echo(Isolation.APART.sentence, err=True)
    try:
        told.wait()
    finally:
        courier.stop()
