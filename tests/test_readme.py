"""The README and its sisters: what they show exists, and what they tell people to type works."""

import json
import re
import shlex
import subprocess
import sys
from math import ceil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
DOCUMENTS = sorted(
    path
    for path in ROOT.glob("**/*.md")
    if not {".venv", ".altrove", ".pytest_cache", "node_modules"} & set(path.relative_to(ROOT).parts)
)
README = (ROOT / "README.md").read_text()


def shell_lines(text: str) -> list[list[str]]:
    """Words of every line of every ``sh`` block, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [
        words
        for block in blocks
        for line in block.splitlines()
        if (words := shlex.split(line, comments=True))
    ]


COMMANDS = [words for words in shell_lines(README) if words[0].startswith("altrove-")]
TARGETS = [
    words for document in DOCUMENTS for words in shell_lines(document.read_text()) if words[0] == "make"
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text())
    assert not [target for target in targets if not (document.parent / target).exists()]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_of_the_readme_exists_with_its_options(words: list[str]) -> None:
    shown = subprocess.run(
        [BIN / words[0], words[1], "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "200", "PATH": str(BIN), "NO_COLOR": "1", "TERM": "dumb"},
    )
    assert shown.returncode == 0, shown.stderr
    for option in (word for word in words[2:] if word.startswith("--")):
        assert option in shown.stdout


@pytest.mark.parametrize("words", TARGETS, ids=" ".join)
def test_every_make_target_that_a_document_names_exists(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in (word for word in words[1:] if "=" not in word):
        assert re.search(rf"^{re.escape(target)}:.*## ", makefile, re.MULTILINE), target


def test_make_help_names_the_two_commands() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "make demo" in shown
    assert "make test" in shown


def test_every_folder_that_the_data_flow_names_exists() -> None:
    table = README.split("## What crosses the company wall")[1].split("\n## ")[0]
    for name in re.findall(r"`((?:participant|coordinator|protocols)[/.][\w/.]+)`", table):
        path = ROOT / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


def test_times_and_memory_of_requests_in_the_readme_are_those_that_were_measured() -> None:
    report = json.loads((ROOT / "tests" / "benchmarks" / "results" / "latency_growth.json").read_text())
    wide, usual = (
        max(
            (row["wall_ms"]["p99"], row["memory_mb"]) for row in report["rows"] if row["concepts"] == concepts
        )
        for concepts in (20_000, 2_000)
    )
    assert (
        f"At 20,000 concepts 99 of 100 requests for a list are answered within {wide[0]:.0f} ms, by a daemon of "
        f"{wide[1] / 1000:.1f} GB; at 2,000 within {ceil(usual[0])} ms, by one of {usual[1] / 1000:.1f} GB"
    ) in README


def test_the_commands_were_found_at_all() -> None:
    assert len(COMMANDS) >= 5
    assert ["make", "demo"] in TARGETS
