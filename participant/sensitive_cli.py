"""`altrove-node sensitive`: what is never suggested, and what the officer rules about it."""

from typing import Annotated, Final

import typer

from participant.verbs import DEFAULT_HOME, HomeOption, JsonOption, in_words, node_at

NAME_HELP: Final = (
    "A concept, a category of the catalogue, or a group (health, pregnancy, alcohol, minors, tobacco)."
)

sensitive = typer.Typer(
    help="Sensitive categories: denied by default, ruled by name, on record.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(help=NAME_HELP)]


@sensitive.command(name="list")
@in_words
def sensitive_list(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """What is denied here, and every ruling so far."""
    from participant.commands import officer

    officer.show_sensitive(node_at(home), as_json=as_json)


@sensitive.command(name="allow")
@in_words
def sensitive_allow(name: NameArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Let something be suggested although a word of a denied group is in its name."""
    from participant.commands import officer

    officer.rule(node_at(home), name, allowed=True)


@sensitive.command(name="deny")
@in_words
def sensitive_deny(name: NameArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Never suggest it, nor let it be a reason, whatever its words are."""
    from participant.commands import officer

    officer.rule(node_at(home), name, allowed=False)
