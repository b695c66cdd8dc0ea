"""Tables and plots in Markdown are what the command makes of the JSON beside them, and nothing typed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks import (
    comparison_table,
    crypto_suites_table,
    crypto_table,
    encoder_table,
    few_customers,
    floor_table,
    growth_table,
    landmarks_table,
    leakage_table,
    newcomers_table,
    nonbuyers_table,
    privacy_table,
    quality_table,
    rhythm_table,
    round_table,
    round_time_table,
    surprise_table,
)
from tests.benchmarks.provenance import ROOT
from tests.matrix import table as matrix
from tests.mutation import report

RESULTS = ROOT / "tests/benchmarks/results"
MAKERS: dict[str, Callable[[], object]] = {
    "comparison": comparison_table.main,
    "crypto": lambda: crypto_table.write(RESULTS / "crypto.json"),
    "crypto suites": lambda: crypto_suites_table.write(RESULTS / "crypto_suites.json"),
    "encoder": encoder_table.main,
    "few customers": few_customers.write_table,
    "growth": growth_table.main,
    "newcomers": newcomers_table.main,
    "non-buyers": nonbuyers_table.main,
    "own models and releases": floor_table.main,
    "kill matrix": matrix.main,
    "landmarks": lambda: (RESULTS / "landmarks.md").write_text(
        landmarks_table.markdown(json.loads((RESULTS / "landmarks.json").read_text(encoding="utf-8")))
    ),
    "leakage": leakage_table.main,
    "mutants": report.write,
    "quality": quality_table.main,
    "quality under noise": privacy_table.main,
    "rhythm": rhythm_table.main,
    "rounds": round_table.main,
    "surprise": lambda: surprise_table.write(RESULTS),
    "time of a round": round_time_table.main,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_table_is_what_its_command_makes_of_the_figures(make, monkeypatch):
    made = {}
    monkeypatch.setattr(Path, "write_text", lambda path, text, **_: made.setdefault(path, text))
    make()
    assert made
    for path, text in made.items():
        assert text == path.read_text(encoding="utf-8"), f"make {path.name} again from its JSON"
