"""What protocols/README.md draws and tabulates is what the code does."""

import re
from pathlib import Path

import protocols
from protocols.policy import threshold
from protocols.secure_sum.collector import PHASE_TABLE
from protocols.secure_sum.diagram import mermaid
from protocols.secure_sum.states import TRANSITIONS

README = (Path(protocols.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_the_diagrams_are_those_of_the_tables():
    drawn = re.findall(r"```mermaid\n(.*?)\n```", README, re.DOTALL)
    assert drawn == [mermaid(TRANSITIONS), mermaid(PHASE_TABLE)]


def test_a_changed_table_gives_another_diagram():
    fewer = dict(list(TRANSITIONS.items())[:-1])
    assert mermaid(fewer) != mermaid(TRANSITIONS)


def test_the_table_of_colluders_follows_from_the_rule():
    rows = [
        tuple(map(int, row))
        for row in re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", README, re.MULTILINE)
    ]
    assert [row[0] for row in rows] == [3, 4, 5, 7, 10, 100]
    for n, t, colluders, honest in rows:
        assert t == threshold(n) == 2 * n // 3 + 1
        assert 2 * t > n + colluders
        assert 2 * t <= n + colluders + 1
        assert honest == t - colluders


def test_every_file_that_the_readme_names_exists():
    root = Path(protocols.__file__).parent
    for name in re.findall(r"`([a-z_/]+(?:\.py|/))`", README):
        if not name.startswith("tests/"):
            assert (root / name).exists(), name
