"""A part that is kept from an earlier run is named when it is passed over, and measured again on request."""

import json
import shutil

import pytest

from tests.benchmarks import all as bench
from tests.benchmarks import landmarks


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """What a command says, and how often *types* was measured."""
    shutil.copy(landmarks.RESULTS / "landmarks.json", tmp_path)
    kept = json.loads((tmp_path / "landmarks.json").read_text(encoding="utf-8"))["types"]
    measured = []
    monkeypatch.setattr(landmarks, "compared", lambda: measured.append(1) or kept["lines"])

    def told(*words):
        monkeypatch.setattr("sys.argv", ["landmarks", "types", "--into", str(tmp_path), *words])
        landmarks.main()
        return capsys.readouterr().out, len(measured), kept["commit"]

    return told


def test_what_was_measured_before_is_passed_over_in_words(run):
    said, measured, commit = run()
    assert said == f"types: measured at commit {commit}, skipped; --afresh measures it again\n"
    assert measured == 0


def test_afresh_measures_it_again(run):
    said, measured, _ = run("--afresh")
    assert (said, measured) == ("", 1)


def test_bench_hands_afresh_on_to_the_parts_that_keep_something(monkeypatch):
    typed = []
    monkeypatch.setattr(bench, "_measured", lambda words, _name, _times: typed.append(words) or True)
    assert bench.main(["landmarks", "latency", "--afresh"]) == 0
    assert typed == [
        ("-m", "tests.benchmarks.landmarks", "--afresh"),
        ("-m", "tests.benchmarks.latency"),
    ]
