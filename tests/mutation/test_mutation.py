import ast
import json

import pytest

from tests.benchmarks.provenance import ROOT
from tests.mutation import report
from tests.mutation.__main__ import sample
from tests.mutation.modules import MODULES
from tests.mutation.operators import mutants

GUARDED = '''def f(a, b):
    """Say a word."""
    if a < 3 and b:
        raise ValueError("too small")
    check(a, b)
    return not a, "tag"
'''


def test_every_operator_changes_its_one_place_and_nothing_else():
    found = mutants("m.py", GUARDED)
    assert {m.operator for m in found} == {
        *("guard removed", "comparison", "boundary", "and or", "swapped arguments", "call removed", "not"),
        "constant",
    }
    for mutant in found:
        ast.parse(mutant.source)
        assert mutant.source != GUARDED
        assert '"""Say a word."""' in mutant.source


def test_words_of_errors_are_left_alone():
    assert not any(
        "too small" in mutant.before for mutant in mutants("m.py", 'raise ValueError("tooSmall")\n')
    )


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.path)
def test_every_mutant_of_a_module_is_a_program_and_its_tests_exist(module):
    source = (ROOT / module.path).read_text()
    for mutant in mutants(module.path, source)[::25]:
        ast.parse(mutant.source)
    assert all((ROOT / test).exists() for test in module.tests)


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another():
    one, again, other = (sample(20, seed, {"policy", "audit"}) for seed in (1, 1, 2))
    assert [mutant.key for _, mutant in one] == [mutant.key for _, mutant in again]
    assert [mutant.key for _, mutant in one] != [mutant.key for _, mutant in other]


def test_the_report_is_that_of_the_figures():
    figures, explained = json.loads(report.RESULT.read_text()), json.loads(report.EXPLAINED.read_text())
    assert report.REPORT.read_text() == report.report(figures, explained)


def test_an_explanation_belongs_to_a_mutant_that_survived():
    lived = {one["key"] for one in json.loads(report.RESULT.read_text())["mutants"] if not one["killed_by"]}
    assert set(json.loads(report.EXPLAINED.read_text())) <= lived
