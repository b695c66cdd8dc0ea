"""`plan` says before anything is spent which level survives, and needs no home and no daemon."""

import json

import pytest
from typer.testing import CliRunner

from coordinator.cli import cli
from protocols.errors import BadInput


@pytest.fixture
def levels(tmp_path):
    for name, concepts in (("types", 2000), ("categories", 200)):
        lines = [f"{int(900 / (1 + i / 20))} {name} {i}" for i in range(concepts)]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines), "utf-8")
    return [str(tmp_path / "types.txt"), str(tmp_path / "categories.txt")]


def run(levels, *words):
    return CliRunner().invoke(cli, ["plan", *levels, "--counted", "1000", *words])


def test_every_level_gets_its_verdict_and_the_finest_that_survives_is_offered(levels):
    done = run(levels, "--customers", "20000", "--epsilon", "2")
    assert done.exit_code == 0, done.output
    assert "Epsilon 2: ask for categories (200 concepts" in done.output
    assert "drowns" in done.output
    assert "survives" in done.output


def test_where_nothing_survives_it_says_how_many_customers_it_would_take(levels):
    done = run(levels, "--customers", "100", "--epsilon", "1")
    assert "no level survives" in done.output
    assert "would take" in done.output


def test_programs_get_json_one_entry_a_question_level_and_epsilon(levels):
    found = json.loads(run(levels, "--customers", "20000", "--epsilon", "1,8", "--json").output)
    assert [(each["epsilon"], each["question"], each["level"]) for each in found[:3]] == [
        (1.0, "taste", "types"),
        (1.0, "taste", "categories"),
        (1.0, "evaluation", "any"),
    ]
    assert len(found) == 6


@pytest.mark.parametrize("text", ["no number", "", "5000 more buyers than customers"])
def test_a_file_that_holds_no_counts_is_refused_with_what_to_write(tmp_path, text):
    (tmp_path / "x.txt").write_text(text, "utf-8")
    done = run([str(tmp_path / "x.txt")], "--customers", "100")
    assert isinstance(done.exception, BadInput)
