"""Promises about the tree itself that no other tool checks."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("protocols", "participant", "coordinator")
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base"}
LINES_MOST = 400


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_python_file_has_four_hundred_lines() -> None:
    long = {
        str(path): n for path in tracked("*.py") if (n := len(path.read_text().splitlines())) >= LINES_MOST
    }
    assert not long


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [path for path in tracked("*.py") if path.stem in FORBIDDEN_NAMES]


def test_the_product_never_asserts_on_input() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in PACKAGES
        for path in tracked(f"{package}/**/*.py", f"{package}/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    ]
    assert not found


def test_nothing_is_left_to_do_in_the_code() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX)\b")
    mine = Path(__file__)
    assert not [path for path in tracked("*.py") if path != mine and pattern.search(path.read_text())]


def test_constraints_hold_on_any_index() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line), line


def test_every_dependency_is_constrained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(d for extra in project["optional-dependencies"].values() for d in extra),
    ]
    names = {re.split(r"[\[<>=!~; ]", dependency)[0].lower().replace("_", "-") for dependency in wanted}
    constrained = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert names <= constrained


def test_every_lint_rule_that_is_off_has_its_reason_beside_it() -> None:
    block = (ROOT / "pyproject.toml").read_text().split("\nignore = [", 1)[1].split("\n]", 1)[0]
    entries = [line for line in block.splitlines() if line.strip()]
    assert entries
    for line in entries:
        assert re.fullmatch(r'\s+"[A-Z]+[0-9]*",\s+# .+', line), line


def test_every_module_that_reads_records_is_named_in_the_door_s_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (door,) = (each for each in contracts if each.get("source_modules") == ["participant.door"])
    store = ROOT / "participant" / "store"
    readers = {f"participant.store.{path.stem}" for path in store.glob("record*.py")}
    assert readers
    assert readers <= set(door["forbidden_modules"])
