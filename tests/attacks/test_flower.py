"""Every row of "Why not Flower's own SecAgg+", on Flower's code and on ours."""

import pytest

from tests.attacks.catalogue import ATTACKS
from tests.attacks.flower import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_weakness_is_there_and_not_here(row):
    assert row.there()
    assert row.ours()


@pytest.mark.parametrize("row", [row for row in ROWS if row.attacks], ids=lambda row: row.name)
def test_what_a_row_says_of_ours_is_an_attack_of_the_catalogue(row):
    assert set(row.attacks) <= {attack.name for attack in ATTACKS}
