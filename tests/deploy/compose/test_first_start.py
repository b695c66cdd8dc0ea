"""Every command of the two READMEs names verbs, flags, services and images that exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click import Group
from typer.main import get_command

from coordinator.cli import cli
from participant.cli import app

ROOT = Path(__file__).resolve().parents[3]
COMPOSE, CONTAINER = ROOT / "deploy" / "compose", ROOT / "deploy" / "container"
SERVICES = {
    name: service
    for file in ("compose.yaml", "company.yaml")
    for name, service in yaml.safe_load((COMPOSE / file).read_text())["services"].items()
}
PROGRAMS = {"altrove-node": app, "altrove-coordinator": cli}


def said() -> list[list[str]]:
    """Words of every command of the compose README that runs one of our programs."""
    blocks = re.findall(r"```sh\n(.*?)```", (COMPOSE / "README.md").read_text(), re.DOTALL)
    found = []
    for line in "\n".join(blocks).splitlines():
        inner = re.sub(r'^\s*\w+="\$\((.*)\)"$', r"\1", line).replace("$company", "a").strip()
        inner = inner.replace("compose --file company.yaml", "compose")
        words = shlex.split(inner.split(" | ")[0], comments=True)
        if "docker" in words and re.search(r"altrove-|altrove/|compose run", inner):
            found.append(words[words.index("docker") :])
    return found


def program(words: list[str]) -> list[str]:
    """The product's command line in a docker command: program, verb, arguments."""
    for place, word in enumerate(words):
        if word.startswith("altrove-"):
            return words[place:]
        if word.startswith("altrove/"):
            return [
                "altrove-coordinator" if word.endswith("coordinator") else "altrove-node",
                *words[place + 1 :],
            ]
        if words[1:3] == ["compose", "run"] and word in SERVICES:
            return ["altrove-coordinator" if word == "coordinator" else "altrove-node", *words[place + 1 :]]
    raise AssertionError(words)


COMMANDS = [line for line in map(program, said()) if len(line) > 1]


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 20
    assert ["altrove-node", "roster", "--accept", "HASH"] in COMMANDS


@pytest.mark.parametrize("words", sorted({tuple(w) for w in COMMANDS}), ids=" ".join)
def test_a_command_of_the_readme_is_one_that_the_program_understands(words, monkeypatch):
    monkeypatch.setenv("ALTROVE_NODE_INVITE", "altrove1.x")
    command, rest = get_command(PROGRAMS[words[0]]), list(words[1:])
    while isinstance(command, Group):
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context(words[0], rest)  # an unknown flag or a missing one raises


def test_the_images_of_the_compose_file_are_the_targets_that_the_readme_builds():
    built = set(re.findall(r"--target (\w+) --tag altrove/(\w+) ", (CONTAINER / "README.md").read_text()))
    assert built == {(name, name) for name in ("node", "courier", "coordinator")}
    used = {re.search(r"/(\w+):", service["image"]).group(1) for service in SERVICES.values()}
    assert used == {name for name, _ in built}
