"""What all verbs of `altrove-node` share: where the node lives, and errors in words.

Nothing heavy is imported before a verb needs it: `stop` has to work when little else does.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, ParamSpec

import typer

if TYPE_CHECKING:
    from participant.node import Node

P = ParamSpec("P")

DEFAULT_HOME: Final = Path("~/.altrove/node")

HomeOption = Annotated[Path, typer.Option("--home", help="Folder of this node.", envvar="ALTROVE_NODE_HOME")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]


def in_words(command: Callable[P, None]) -> Callable[P, None]:
    """Turn an error of ours into one message and exit code 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from protocols.errors import AltroveError

        try:
            command(*args, **kwargs)
        except AltroveError as problem:
            from participant.commands import shown

            shown.error(problem)
            raise typer.Exit(1) from None

    return run


def node_at(home: Path) -> "Node":
    """The node that lives in ``home``; until the verb ends, what is logged goes to standard error.

    Raises:
        NotJoined: no node lives there.
    """
    import click

    from participant.node import open_node
    from participant.settings import home_at, load
    from protocols.service import logging

    verb = click.get_current_context(silent=True)
    if verb is not None:
        verb.with_resource(logging.on_standard_error())
    place = home_at(home)
    return open_node(place, load(place))
