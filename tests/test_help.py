"""What `--help` shows: the two command lines say of each argument what they say in the code."""

import inspect
import re
from collections.abc import Iterator
from typing import get_type_hints

import pytest
import typer
from typer.models import ArgumentInfo
from typer.testing import CliRunner

from coordinator.cli import cli as coordinator
from participant.cli import app as node


def arguments(program: typer.Typer, *path: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Verb and help text of every argument of ``program``."""
    for command in program.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        for hint in get_type_hints(inspect.unwrap(command.callback), include_extras=True).values():
            for info in getattr(hint, "__metadata__", ()):
                if isinstance(info, ArgumentInfo):
                    yield (*path, name), info.help or ""
    for group in program.registered_groups:
        yield from arguments(group.typer_instance, *path, group.name)


ARGUMENTS = [
    (name, program, *found)
    for name, program in (("altrove-node", node), ("altrove-coordinator", coordinator))
    for found in arguments(program)
]


def plain(text: str) -> str:
    """Without rich's frames and line breaks."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


def test_the_arguments_were_found_at_all() -> None:
    assert len(ARGUMENTS) >= 12


@pytest.mark.parametrize(
    ("name", "program", "path", "text"),
    ARGUMENTS,
    ids=[f"{name} {' '.join(path)}: {text}" for name, _, path, text in ARGUMENTS],
)
def test_the_help_of_every_argument_is_shown(name, program, path, text) -> None:
    said = CliRunner().invoke(
        program, [*path, "--help"], env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
    )
    assert said.exit_code == 0
    assert text, f"{name} {' '.join(path)} has an argument without a help text"
    assert plain(text) in plain(said.output)


@pytest.mark.parametrize("program", [node, coordinator], ids=["altrove-node", "altrove-coordinator"])
def test_the_help_of_a_program_is_for_people(program) -> None:
    said = CliRunner().invoke(program, ["--help"]).output
    assert "``" not in said
