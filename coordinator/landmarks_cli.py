"""``altrove-coordinator landmarks``: which concepts to name as landmarks, by what an earlier sum says of all."""

from pathlib import Path
from typing import Annotated

import typer

from coordinator.admin_client import Admin
from coordinator.settings import DEFAULT_HOME
from protocols.questions.landmarks import LANDMARKS_MAX


def landmarks(
    release: Annotated[str, typer.Argument(help="A released `taste` or `landmarks` sum.")],
    count: Annotated[int, typer.Option(min=1, max=LANDMARKS_MAX, help="How many.")] = 512,
    home: Annotated[
        Path, typer.Option("--home", envvar="ALTROVE_COORDINATOR_HOME", help="The home folder.")
    ] = DEFAULT_HOME,
) -> None:
    """Print the places of the concepts that most customers buy, as `ask landmarks landmarks=...` takes them."""
    places = Admin(home).landmarks(release, count)
    print(",".join(map(str, places)))  # noqa: T201  # nothing around it: it is put into another command
