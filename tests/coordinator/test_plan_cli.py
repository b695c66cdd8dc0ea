"""`plan` says before anything is spent which level survives, and needs no home and no daemon."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coordinator.cli import cli
from protocols.errors import BadInput
from protocols.questions.planner import ALTERNATIVES


def run(*words):
    return CliRunner().invoke(cli, ["plan", "categories=291", "types=2221", *words])


def test_every_level_gets_its_verdict_and_the_finest_that_survives_is_offered():
    done = run("--customers", "80000", "--epsilon", "2")
    assert done.exit_code == 0, done.output
    assert "Epsilon 2: ask for categories (291 concepts)" in done.output
    assert "drowns" in done.output
    assert "survives" in done.output


def test_where_nothing_survives_it_says_how_many_customers_it_would_take():
    done = run("--customers", "100", "--epsilon", "1")
    assert "no level survives. The nearest, categories, would take" in done.output


def test_programs_get_json_one_entry_a_question_level_and_epsilon():
    found = json.loads(run("--customers", "20000", "--epsilon", "1,8", "--json").output)
    assert [(each["epsilon"], each["question"], each["level"]) for each in found[:3]] == [
        (1.0, "taste", "types"),
        (1.0, "taste", "categories"),
        (1.0, "evaluation", "any"),
    ]
    assert len(found) == 6


def test_a_training_under_noise_is_priced_beside_the_levels():
    done = run("--customers", "5700", "--epsilon", "2", "--training", "5:1")
    assert "5 rounds of `encoder` at types on samples of 100.00% with noise=" in done.output
    assert "nothing is heard in a round" in done.output
    found = json.loads(run("--customers", "5700", "--epsilon", "2", "--training", "5:1", "--json").output)
    assert [(each["level"], each["weights"]) for each in found if each["question"] == "encoder"] == [
        ("categories", 496_163),
        ("types", 2_474_413),
    ]


@pytest.mark.parametrize(
    "words", [["x"], ["x=many"], ["=5"], ["x=5", "--epsilon", "low"], ["x=5", "--training", "5"]]
)
def test_a_level_or_an_epsilon_that_is_none_is_refused(words):
    done = run(*words, "--customers", "100")
    assert isinstance(done.exception, BadInput)


def test_the_planner_names_alternatives_with_measured_figures_and_no_others():
    report = Path(__file__).parents[1] / "benchmarks" / "results" / "privacy_quality.json"
    found = json.loads(report.read_text(encoding="utf-8"))["alternatives"]
    assert [asdict(each) for each in ALTERNATIVES] == found
    aware = ALTERNATIVES[0]
    said = f"{aware.name} in {aware.above_plain} of {aware.beside_plain} cases measured"
    assert said in run("--customers", "100").output
