"""`plan` says before anything is spent which level survives, and needs no home and no daemon."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coordinator.cli import cli
from protocols.errors import BadInput
from protocols.privacy import LOSS_BITS, delta_for, epsilon
from protocols.questions import ask
from protocols.questions.planner import ALTERNATIVES
from protocols.questions.registry import price
from protocols.questions.taste import CUSTOMERS_CAP
from protocols.vocabulary import Vocabulary


def run(*words):
    return CliRunner().invoke(cli, ["plan", "categories=291", "types=2221", *words])


def test_every_level_gets_its_verdict_and_the_finest_that_survives_is_offered():
    done = run("--customers", "80000", "--epsilon", "2")
    assert done.exit_code == 0, done.output
    assert "Epsilon 2: ask for categories (291 concepts)" in done.output
    assert "drowns" in done.output
    assert "survives" in done.output


@pytest.mark.parametrize("wanted", [0.5, 1.0, 2.0])
def test_what_it_says_to_ask_costs_what_it_says(wanted):
    said = run("--customers", "1000000", "--epsilon", str(wanted)).output
    values = dict(re.findall(r"\b(row_scheme|noise)=([a-z0-9.]*[a-z0-9])", said.split("ask for")[1]))
    words = Vocabulary.of("words", [f"C{number}" for number in range(291)])
    spec = ask([("taste", {"until": "2017-08-14"} | values)], words, members=5, epoch="e")
    cost = price(spec, len(words))
    assert 0.99 * wanted < epsilon(cost.loss / 2**LOSS_BITS, delta_for(CUSTOMERS_CAP)) <= wanted
    assert "refuse that by default" not in said


def test_what_nodes_refuse_by_default_is_called_so():
    said = run("--customers", "100000000", "--epsilon", "4").output
    assert "Nodes refuse that by default (2 a quarter, 8 over the lifetime" in said


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
    "words",
    [
        ["x"],
        ["x=many"],
        ["=5"],
        ["x=5", "--epsilon", "low"],
        ["x=5", "--epsilon", "1e9"],
        ["x=5", "--training", "5"],
    ],
)
def test_a_level_or_an_epsilon_that_is_none_is_refused(words):
    done = run(*words, "--customers", "100")
    assert isinstance(done.exception, BadInput)


def test_the_planner_names_alternatives_with_measured_figures_and_no_others():
    results = Path(__file__).parents[1] / "benchmarks" / "results"
    found = [
        each
        for name in ("privacy_choice.json", "privacy_quality.json")
        for each in json.loads((results / name).read_text(encoding="utf-8"))["alternatives"]
    ]
    assert [asdict(each) for each in ALTERNATIVES] == found
    printed = run("--customers", "100").output
    offered, others = printed.split("At equal epsilon, more surprise")[1].split("In few cases or none")
    for each in ALTERNATIVES:
        said = f"{each.name} in {each.above_plain} of {each.beside_plain} cases measured"
        assert said in (offered if each.above_plain > each.beside_plain / 2 else others)
