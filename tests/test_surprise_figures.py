"""What the surprise engine claims, held to its own measurement: `tests/benchmarks/results/surprise_k5.json`."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

RESULTS = Path(__file__).parent / "benchmarks" / "results"
REPORT = json.loads((RESULTS / "surprise_k5.json").read_text(encoding="utf-8"))
SCENARIOS = ("explore", "surprise")


def steps(scenario, wanted):
    return [row for row in REPORT["dial"][scenario] if wanted(row["step"])]


def test_half_as_much_coverage_again_costs_at_most_three_hundredths_of_explore():
    base = REPORT["dial"]["explore"][0]["value"]
    within = [row for row in REPORT["dial"]["explore"] if row["difference"]["value"] >= -0.03 * base]
    assert max(row["coverage_gain"] for row in within) >= 0.5


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_bounds_of_a_request_move_surprise_and_novelty_from_familiar_to_bold(scenario):
    ladder = steps(scenario, lambda step: step.startswith("{"))
    for name in ("surprise", "novelty"):
        values = [row[name] for row in ladder]
        assert all(before < after for before, after in pairwise(values)), (name, values)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_from_the_open_dial_on_every_bolder_bound_costs_more(scenario):
    values = [row["value"] for row in steps(scenario, lambda step: step.endswith(", 1}"))]
    assert all(before > after for before, after in pairwise(values)), values


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_more_bold_places_are_more_surprising_cover_more_and_cost_more(scenario):
    ladder = steps(scenario, lambda step: step in {"order of likelihood", "1 bold place", "2 bold places"})
    assert len(ladder) == 3
    for name, up in (("surprise", True), ("coverage", True), ("value", False)):
        values = [row[name] if up else -row[name] for row in ladder]
        assert all(before < after for before, after in pairwise(values)), (name, values)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_promised_chances_are_better_than_the_base_rate(scenario):
    figures = REPORT["chance"][scenario]["figures"]
    assert figures["model"]["brier"] < figures["base rate"]["brier"]


def test_appetite_adds_to_activity_and_adds_within_customers_of_like_activity():
    assert REPORT["appetite"]["gain"]["low"] > 0
    assert REPORT["appetite"]["gain_within"]["low"] > 0
