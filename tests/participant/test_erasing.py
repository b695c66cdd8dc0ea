"""An erased customer is in no answer, no file, no model and no database page, and no old export brings it back."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from participant import training
from participant.cli import app as cli
from participant.intake import checks, read
from participant.intake.staging import ImportRunning, staged
from participant.models import load
from participant.overview import Overview
from participant.serving import Recommender
from participant.store import erasures, records_lock, records_writing
from participant.store.ledger import LedgerBook
from participant.store.records import UnknownCustomer
from participant.store.releases import Releases
from protocols.errors import BadInput
from protocols.messages import Phase
from protocols.service import durable
from protocols.service.unit_of_work import reading
from tests.participant import asked, nodes
from tests.participant.door_play import Crash
from tests.participant.test_exchange import plain_sum, released_sum, turn_all

GONE = "somebody-4711"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = nodes.template(tmp_path_factory.mktemp("homes"), 4)
    coordinator, members, clock = asked.consortium(4)
    node = nodes.start(root / members[0].name, members[0], coordinator, clock)
    baskets = nodes.shop(7)
    nodes.sell(node, root.parent / "more-sales", {GONE: baskets["c0"], "kept-one": baskets["c1"]})
    refused = root.parent / "more-sales" / "refused.csv"
    refused.write_text(
        "customer,item,time,quantity,basket\n"
        f"{GONE},milk,{asked.SPRING},-1,b1\nkept-one,milk,{asked.SPRING},-1,b2\n{GONE},tea,{asked.SPRING + 9},1,b3\n"
    )
    read([refused], home=node.home.root, engine=node.db, now=asked.NOW)
    node.trainer.train(None)
    node.db.dispose()
    return root


@pytest.fixture
def four(start_four):
    return start_four()[:2]


def files(node):
    return [path for path in node.home.root.rglob("*") if path.is_file()]


def purchases(node, key):
    """How many rows of a customer lie in any Parquet file of the home, visible or not."""
    found = [path for path in files(node) if path.suffix == ".parquet"]
    assert found
    with duckdb.connect() as work:
        query = "SELECT count(*) FROM read_parquet(?) WHERE customer_key = ?"
        return sum(work.execute(query, [str(path), key]).fetchall()[0][0] for path in found)


def holding(node, text):
    return [path.name for path in files(node) if text.encode() in path.read_bytes()]


def in_use(node):
    with reading(node.db) as connection:
        return Releases(connection).in_use()


def is_gone(node, key):
    assert purchases(node, key) == 0
    assert holding(node, GONE) == []
    assert [folder.name for folder in node.home.models.iterdir()] == [in_use(node).folder]
    assert not list((node.home.root / "data").glob(".staging-*"))


def test_no_copy_of_an_erased_customer_survives_anywhere_in_the_home(four):
    node = four[1][0]
    key, old = node.eraser._erasures.customer(GONE), in_use(node)
    buyers = node.trainer.in_use()[1].buyers
    assert purchases(node, key) == 4
    assert (
        len(holding(node, GONE)) == 3
    )  # the database, an event file (in its basket ids), a file of rejected rows
    others = {k: node.records.history(k, asked.WORDS).concepts.tolist() for k in ("kept-one", "c0", "c5")}
    receipt = node.eraser.erase(GONE)
    assert (receipt.rows, receipt.rejected, receipt.pages_settled) == (4, 1, True)
    is_gone(node, key)
    assert len(holding(node, "kept-one")) == 3
    assert in_use(node).folder != old.folder
    assert node.trainer.in_use()[1].buyers.sum() < buyers.sum()
    assert (
        load(node.home.models / in_use(node).folder).buyers.tolist()
        == node.trainer.in_use()[1].buyers.tolist()
    )
    for customer, bought in others.items():
        assert node.records.history(customer, asked.WORDS).concepts.tolist() == bought
    with pytest.raises(UnknownCustomer):
        node.records.history(GONE, asked.WORDS)
    assert node.records.n_opted_out() == 0


def test_an_unsent_answer_is_closed_its_debit_stays_and_the_next_epoch_is_without_the_customer(four):
    coordinator, made = four
    node = made[0]
    first = coordinator.ask(asked.noised(4, noise="5"))
    while first.phase is not Phase.MASK:
        turn_all(made, 1)
    node.exchange._preparation.finish(first.config, asked.WORDS)
    receipt = node.eraser.erase(GONE)
    assert [(each.questions, each.rounds) for each in receipt.closed] == [(("taste",), ())]
    assert list(node.home.vectors.iterdir()) == []
    with reading(node.db) as connection:
        assert len(LedgerBook(connection).standing().debits) == 1
    coordinator.abort(first, "enough")
    turn_all(made, 1)
    second = coordinator.ask(asked.taste(4, epoch="2023-q4"))
    turn_all(made, 12)
    assert second.phase is Phase.RELEASED
    np.testing.assert_array_equal(released_sum(coordinator), plain_sum(second, made))


def test_the_receipt_lists_the_sums_that_contain_the_customer_and_asking_again_gives_the_same(four):
    coordinator, made = four
    coordinator.ask(asked.noised(4, noise="5"))
    turn_all(made, 12)
    home = str(made[0].home.root)
    said = CliRunner().invoke(cli, ["erase", GONE, "--home", home])
    assert said.exit_code == 0, said.output
    assert "round 1 (taste): epsilon 0.9" in said.stdout
    assert "4 purchases, 1 rejected rows" in said.stdout
    assert "backups" in said.stdout
    coordinator.ask(asked.taste(4, epoch="later"))
    turn_all(made, 12)
    again = CliRunner().invoke(cli, ["erase", GONE, "--home", home])
    assert (again.exit_code, again.stdout) == (0, said.stdout)
    assert GONE not in said.output
    nobody = CliRunner().invoke(cli, ["erase", "nobody", "--home", home])
    assert (nobody.exit_code, "no import" in " ".join(nobody.output.split())) == (1, True)


def sealed(node):
    return sorted(path.name for path in node.home.vectors.iterdir() if path.suffix == ".sealed")


def test_a_sealed_vector_without_noise_goes_when_its_sum_is_here_and_the_sum_is_not_answered_again(four):
    coordinator, made = four
    coordinator.ask(asked.taste(4))
    turn_all(made, 12)
    assert [sealed(node) for node in made] == [[], [], [], []]
    again = coordinator.ask(asked.taste(4))
    turn_all(made, 1)
    assert again.messages == {}
    assert {node.exchange.refusals()[0].code for node in made} == {"answer-voided"}


def test_an_erasure_deletes_sealed_vectors_without_noise_and_names_those_with_noise(four):
    coordinator, made = four
    node = made[0]
    coordinator.ask(asked.noised(4, noise="9"))
    turn_all(made, 12)
    noised = sealed(node)
    plain = coordinator.ask(asked.taste(4, epoch="later"))
    while plain.phase is not Phase.RELEASED:
        turn_all(made, 1)
    node = made[-1]  # the last to unmask, which has not seen the release
    assert len(sealed(node)) == 2
    said = CliRunner().invoke(cli, ["erase", "c0", "--home", str(node.home.root)])
    assert said.exit_code == 0, said.output
    assert sealed(node) == noised
    first, second = said.stdout.split("round 1 (taste)")[1].split("round 2 (taste)")
    assert "Its sealed vector is kept here to take the own part out of the sum" in " ".join(first.split())
    assert "kept here" not in second
    turn_all(made, 2)
    assert node.releases.others(next(iter(coordinator.releases))).sigma > 0
    assert [each.round for each in node.eraser.erase("c1").contained] == [1, 2]


def test_a_customer_who_no_longer_counts_is_erased_from_sealed_vectors_too(four):
    coordinator, made = four
    plain = coordinator.ask(asked.taste(4))
    while plain.phase is not Phase.RELEASED:
        turn_all(made, 1)
    node = made[-1]
    node.records.opt_out("c0")
    assert len(sealed(node)) == 1
    node.eraser.erase("c0")
    assert sealed(node) == []


def test_an_old_export_does_not_bring_the_customer_back_and_a_new_purchase_does(four, tmp_path):
    node = four[1][0]
    node.eraser.erase(GONE)
    bought = f"{GONE},milk,{asked.SPRING},1,b1\nnew-one,milk,{asked.SPRING},1,b2\n{GONE},tea,{asked.SPRING},-5,b3\n"
    export = tmp_path / "export.csv"
    export.write_text("customer,item,time,quantity,basket\n" + bought)
    report = read([export], home=node.home.root, engine=node.db, now=asked.NOW)
    assert (report.kept, dict(report.rejected)) == (1, {"erased": 2})
    assert set(report.rejected) <= set(checks.REASONS)
    assert holding(node, GONE) == []
    assert node.records.history("new-one", asked.WORDS).concepts.tolist() == [2]
    export.write_text(f"customer,item,time,quantity,basket\n{bought}{GONE},tea,{asked.NOW + 5},1,b4\n")
    later = read([export], home=node.home.root, engine=node.db, now=asked.NOW + 9)
    assert (later.kept, later.already_stored, dict(later.rejected)) == (1, 1, {"erased": 2})
    assert node.records.history(GONE, asked.WORDS).concepts.tolist() == [3]
    key = node.eraser._erasures.customer(GONE)
    assert node.eraser.erase(GONE).rows == 1
    is_gone(node, key)


def test_without_the_key_of_erased_customers_nothing_is_read_in(four, tmp_path):
    node = four[1][0]
    node.eraser.erase(GONE)
    (node.home.root / erasures.KEY_FILE).unlink()
    export = tmp_path / "export.csv"
    export.write_text(f"customer,item,time,quantity,basket\n{GONE},milk,{asked.SPRING},1,b1\n")
    with pytest.raises(BadInput, match="key of erased customers"):
        read([export], home=node.home.root, engine=node.db, now=asked.NOW)


def test_a_model_that_was_trained_across_an_erasure_is_thrown_away(four, monkeypatch):
    node, learned, real = four[1][0], [], training.train
    node.eraser._ids.make_key(os.urandom)

    def slowly(*given, **named):
        learned.append(real(*given, **named))
        if len(learned) == 1:
            node.eraser._begin(GONE, node.eraser._ids.keyed(GONE), rows=0, rejected=0)
        return learned[-1]

    monkeypatch.setattr(training, "train", slowly)
    before = len(list(node.home.models.iterdir()))
    assert node.trainer.train(None).buyers is learned[1].buyers
    assert learned[0].buyers.sum() > learned[1].buyers.sum()
    assert len(list(node.home.models.iterdir())) == before + 1


def test_files_that_are_read_stay_until_they_were_read_and_an_import_is_waited_for_by_name(four):
    node = four[1][0]
    data = node.home.root / "data"
    with (
        records_lock.reading_events(data),
        pytest.raises(records_lock.RecordsInUse),
        records_lock.removing_events(data, patience_s=0.2),
    ):
        raise AssertionError("nobody may be inside")
    with records_lock.removing_events(data):
        pass
    with staged(data, visible=lambda: _visible(node)), pytest.raises(ImportRunning):
        node.eraser.erase(GONE)
    node.eraser.erase(GONE)


def _visible(node):
    return records_writing.RecordsWriter(node.db).visible_folders()


def test_the_last_customer_leaves_no_model(tmp_path):
    coordinator, members, clock = asked.consortium(4)
    node = nodes.start(tmp_path / "home", members[0], coordinator, clock)
    nodes.sell(node, tmp_path / "sales", {GONE: nodes.shop(1)["c0"]})
    node.trainer.train(None)
    node.eraser.erase(GONE)
    assert in_use(node) is None
    assert list(node.home.models.iterdir()) == []
    assert list((node.home.root / "data" / "events").iterdir()) == []
    node.db.dispose()


# Crashes


class Steps:
    """Dies before or after every fsync of ours and every commit of an erasure."""

    def __init__(self, die_at, die):
        self.seen, self._die_at, self._die = 0, die_at, die

    def step(self):
        self.seen += 1
        if self.seen == self._die_at:
            self._die()

    def watch(self, patched):
        real_sync, real = os.fsync, erasures.transaction

        def sync(descriptor):
            self.step()
            real_sync(descriptor)
            self.step()

        @contextmanager
        def transaction(db):
            with real(db) as connection:
                yield connection
                self.step()
            self.step()

        patched.setattr(os, "fsync", sync)
        patched.setattr(durable, "sync", sync)
        for module in (erasures, records_writing, training):
            patched.setattr(module, "transaction", transaction)


def die():
    raise Crash


@pytest.mark.timeout(300)
def test_interrupted_at_any_durable_step_the_same_verb_goes_on_and_ends_with_the_whole_receipt(
    homes, tmp_path, monkeypatch
):
    coordinator, members, clock = asked.consortium(4)

    def attempt(die_at):
        root = tmp_path / f"home-{die_at}"
        shutil.copytree(homes / members[0].name, root)
        node = nodes.start(root, members[0], coordinator, clock)
        key = node.eraser._erasures.customer(GONE)
        steps = Steps(die_at, die)
        with monkeypatch.context() as patched:
            steps.watch(patched)
            with suppress(Crash):
                node.eraser.erase(GONE)
        node.db.dispose()
        node = nodes.start(root, members[0], coordinator, clock)
        receipt = node.eraser.erase(GONE)
        assert (receipt.rows, receipt.rejected) == (4, 1), die_at
        is_gone(node, key)
        assert erasures.Erasures(node.db).unfinished() == 0
        node.db.dispose()
        shutil.rmtree(root)
        return steps.seen

    whole = attempt(-1)
    assert whole >= 20
    for die_at in range(2, whole + 1, 5):
        attempt(die_at)


@pytest.mark.timeout(300)
def test_a_process_that_is_killed_again_and_again_still_erases(homes, tmp_path):
    coordinator, members, clock = asked.consortium(4)
    root = tmp_path / "home"
    shutil.copytree(homes / members[0].name, root)
    node = nodes.start(root, members[0], coordinator, clock)
    key = node.eraser._erasures.customer(GONE)
    node.db.dispose()
    for step in (5, 16):
        child = subprocess.run(
            [sys.executable, "-m", "tests.participant.test_erasing", str(root), str(step)],
            cwd=ROOT,
            check=False,
        )
        assert child.returncode == -signal.SIGKILL
    node = nodes.start(root, members[0], coordinator, clock)
    assert ["erasure was interrupted" in sentence for sentence in undone(node)] == [True]
    assert node.eraser.erase(GONE).rows == 4
    assert undone(node) == ()
    is_gone(node, key)
    node.db.dispose()


def undone(node):
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    return Overview(node, recommender).status().undone


def main(root, die_at):
    """Erase in ``root`` and kill this process at a durable step."""
    coordinator, members, clock = asked.consortium(4)
    node = nodes.start(root, members[0], coordinator, clock)
    patched = pytest.MonkeyPatch()
    Steps(die_at, lambda: os.kill(os.getpid(), signal.SIGKILL)).watch(patched)
    node.eraser.erase(GONE)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
