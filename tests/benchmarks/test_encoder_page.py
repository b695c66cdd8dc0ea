"""From parts to the page of the encoder: joining twice changes nothing, and every figure is where it belongs."""

import json

import pytest

from tests.benchmarks import encoder_join, encoder_table
from tests.benchmarks.encoder_parts import named, parts
from tests.benchmarks.encoder_plot import plot
from tests.benchmarks.encoder_rows import SCENARIOS, by_arm


def part(
    side,
    *values,
    companies=5,
    seed=0,
    server="fedavg",
    rate=1_000_000,
    company=None,
    test=None,
    complete=True,
):
    kinds = ("encoder", "mixture", "without encoder")
    found = {
        "name": f"k{companies}-{side}-s{seed}-c{company}-{server}-{rate}",
        "part": side,
        "companies": companies,
        "seed": seed,
        "server": server,
        "server_rate": rate,
        "company": company,
        "complete": complete,
        "commit": "abc1234",
        "versions": {"torch": "2"},
        "trained_on": "CPU, 1 threads",
        "seconds_by_round": [2.0] * len(values),
        "cpu_seconds_by_round": [1.0] * len(values),
        "validation": [
            {"round": number, **{s: dict.fromkeys(kinds, value) for s in SCENARIOS}}
            for number, value in enumerate(values, 1)
        ],
    }
    if test is not None:
        row = {
            "mean": test,
            "worst": test - 0.01,
            "by_company": [test],
            "rounds": 2,
            "mixture": "1 x encoder",
        }
        found["test"] = {scenario: {f"{side} encoder": row} for scenario in SCENARIOS}
    return found


MADE = [
    part("federated", 0.10, 0.17, 0.18, test=0.181),
    part("federated", 0.10, 0.18, seed=1, test=0.183),
    part("pooled", 0.17, 0.18, 0.175, test=0.185),
    part("federated", 0.12, 0.21, server="fedadam", rate=3_000),
    *(part("local", 0.1, company=company, test=0.1 + company / 100) for company in range(5)),
    part("federated", 0.09, companies=20, complete=False),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_join, "TARGET", tmp_path / "encoder.json")
    parts = tmp_path / "parts"
    parts.mkdir()
    for each in MADE:
        (parts / f"{each['name']}.json").write_text(json.dumps(each))
    return parts


def page_of(report):
    return encoder_table.page(report).splitlines()


def test_joining_twice_changes_nothing_and_a_stopped_part_does_not_replace_a_whole_one(folder):
    encoder_join.main([str(folder)])
    once = encoder_join.TARGET.read_text()
    encoder_join.main([str(folder)])
    assert encoder_join.TARGET.read_text() == once
    stopped = {**MADE[0], "complete": False, "validation": MADE[0]["validation"][:1]}
    (folder / f"{stopped['name']}.json").write_text(json.dumps(stopped))
    encoder_join.main([str(folder)])
    assert encoder_join.TARGET.read_text() == once
    better = part("federated", 0.2, 0.3, test=0.4)
    (folder / f"{better['name']}.json").write_text(json.dumps(better))
    encoder_join.main([str(folder)])
    assert json.loads(encoder_join.TARGET.read_text())["parts"][better["name"]] == better


def test_the_page_has_means_and_spread_over_seeds_and_servers_by_validation(folder):
    encoder_join.main([str(folder)])
    lines = page_of(json.loads(encoder_join.TARGET.read_text()))
    assert (
        "| federated encoder | .1820 (.1810 to .1830) | .1720 (.1710 to .1730) | 2 | 1 x encoder |" in lines
    )
    assert "| local encoder | .1200 | .1000 | - | - |" in lines  # mean and worst of five companies
    assert "| 2 | .1750 (.1700 to .1800) | .1750 (.1700 to .1800) | .1800 | .1800 |" in lines
    assert any(line.endswith("by seed: 3, 2.") for line in lines)  # 95% of .18 is .171
    servers = [line for line in lines if line.startswith(("| fedadam", "| fedavg"))]
    assert servers[0] == "| fedadam, rate 0.003 | .2100 | .2100 | .1200, .2100 |"
    assert servers[1].startswith("| fedavg, rate 1 | .1800")
    assert any(line.startswith("Stopped before the end: k20-federated") for line in lines)


def test_companies_alone_are_no_row_before_all_of_them_are_measured():
    assert "local encoder" in by_arm(MADE, 5, "explore")
    assert "local encoder" not in by_arm([each for each in MADE if each["company"] != 3], 5, "explore")


def test_the_plot_has_a_line_for_each_curve():
    assert plot(MADE).count("<polyline") == len(SCENARIOS) * 4


def test_every_part_has_a_name_of_its_own():
    names = [named(words) for words in parts(3, 3, 3)]
    assert len(set(names)) == len(names) == 3 + 1 + 3 + 3 + 4 + 5
