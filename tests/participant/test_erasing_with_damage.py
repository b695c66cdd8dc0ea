"""A kept release that is damaged or gone holds no erasure up: the model is made without it, and the officer reads why."""

from dataclasses import replace
from threading import Thread

import pytest

from participant import preparation, training
from participant.overview import Overview
from participant.serving import Recommender
from participant.store.releases import Releases
from protocols.errors import BadRelease
from protocols.messages import Phase
from protocols.questions import ask
from protocols.service.unit_of_work import reading
from tests.participant import asked, nodes
from tests.participant.test_exchange import turn_all


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    return nodes.template(tmp_path_factory.mktemp("homes"), 4)


@pytest.fixture
def trained(start_four):
    """A node whose model is of two released sums, and how to ask for another round."""
    coordinator, made, _ = start_four()
    for until in (asked.SUMMER, asked.AUTUMN):
        attempt = coordinator.ask(asked.taste(4, epoch=str(until), until=until))
        turn_all(made, 12)
        assert attempt.phase is Phase.RELEASED
    plan = made[0].trainer.plan()
    assert plan is not None
    made[0].trainer.train(plan)
    return made[0]


def kept(node):
    with reading(node.db) as connection:
        newest = Releases(connection).newest("taste")
    return newest, node.releases._folder / newest.file


def undone(node):
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    return Overview(node, recommender).status().undone


@pytest.mark.parametrize("damage", ["a changed byte", "half of it", "gone"])
def test_an_erasure_goes_through_whatever_became_of_a_kept_release(trained, damage):
    node = trained
    newest, file = kept(node)
    whole, version = file.read_bytes(), node.trainer.in_use()[0]
    assert node.trainer.in_use()[1].release == newest.release.hex()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:-1] + b"\x55" if damage == "a changed byte" else whole[: len(whole) // 2])
    assert node.eraser.erase("c0").rows == 3
    used, model = node.trainer.in_use()
    assert used != version
    assert model.release == ""
    assert [folder.name for folder in node.home.models.iterdir()] == [used]
    assert file.exists() is False
    assert file.with_name(file.name + ".damaged").exists() == (damage != "gone")
    (sentence,) = undone(node)
    assert f"Round {newest.round}.{newest.attempt}: the kept file of its sum ({file.name})" in sentence
    file.write_bytes(whole)  # from a backup
    assert undone(node) == ()
    assert node.trainer.plan().refitted == newest.release


def test_what_is_whole_stays_where_it_is(trained):
    assert trained.releases.set_aside() == ()
    assert trained.eraser.erase("c0").rows == 3
    assert trained.trainer.in_use()[1].release == kept(trained)[0].release.hex()
    assert undone(trained) == ()


BREAD_WITH_CHEESE, MILK_WITH_TEA = 1, 8
WITH_EITHER = [2, 3, 5, 6, 7, 8, 9]
"""The cells of MILK and TEA in the triangle of four words."""
RIDGE = 1000 << 24


def forging(made):
    """What makes the answers once the last company answers so that the sum is singular, and no number in it below zero."""
    truth, liar = preparation.fill_all, made[3].records

    def fill(spec, context):
        if context.records is not liar:
            return truth(spec, context)
        lie = truth(spec, context)
        others = sum(truth(spec, replace(context, records=each.records)) for each in made[:3])
        lie[WITH_EITHER] = -others[WITH_EITHER]  # nobody buys either, and yet both go together
        lie[MILK_WITH_TEA] += RIDGE
        lie[BREAD_WITH_CHEESE] = 4 * RIDGE
        return lie

    return fill


def summed(coordinator, made, until):
    values = {"until": until, "customers_cap": 5000}
    attempt = coordinator.ask(ask([("taste", values)], asked.WORDS, members=4, epoch=str(until)))
    turn_all(made, 12)
    assert attempt.phase is Phase.RELEASED


def test_nor_does_a_sum_of_which_one_forged_answer_makes_a_singular_matrix(start_four, monkeypatch):
    coordinator, made, _ = start_four()
    summed(coordinator, made, asked.SUMMER)
    monkeypatch.setattr(preparation, "fill_all", forging(made))
    summed(coordinator, made, asked.AUTUMN)
    node = made[0]
    node.trainer.train(None)
    version = node.trainer.in_use()[0]
    with pytest.raises(BadRelease, match="singular"):
        node.trainer.train(node.trainer.plan())
    assert node.eraser.erase("c0").rows == 3
    used, model = node.trainer.in_use()
    assert (used != version, model.release) == (True, "")
    assert [folder.name for folder in node.home.models.iterdir()] == [used]


def test_nor_does_a_damaged_sum_beside_a_singular_one(start_four, monkeypatch):
    """What is left when the damaged one is set aside ends in the singular one."""
    coordinator, made, _ = start_four()
    summed(coordinator, made, asked.SUMMER)
    with monkeypatch.context() as lying:
        lying.setattr(preparation, "fill_all", forging(made))
        summed(coordinator, made, asked.AUTUMN)
    summed(coordinator, made, asked.AUTUMN + 86_400)
    node = made[0]
    node.trainer.train(None)
    newest, file = kept(node)
    assert node.trainer.plan().refitted == newest.release
    file.write_bytes(file.read_bytes()[:-1] + b"\x55")
    assert node.eraser.erase("c0").rows == 3
    used, model = node.trainer.in_use()
    assert model.release == ""
    assert [folder.name for folder in node.home.models.iterdir()] == [used]
    assert not file.exists()
    with pytest.raises(BadRelease, match="singular"):
        node.trainer.train(node.trainer.plan())


def test_what_an_erasure_deletes_is_no_model_that_is_being_deployed(start_four, monkeypatch):
    node = start_four()[1][0]
    node.trainer.train(None)
    beside, save = Thread(target=node.trainer._delete_older), training.save

    def interrupted(model, folder):
        save(model, folder)
        beside.start()
        beside.join(timeout=0.5)  # as long as it takes where nothing holds it

    monkeypatch.setattr(training, "save", interrupted)
    node.trainer.train(None)
    beside.join()
    used, _ = node.trainer.in_use()
    assert [folder.name for folder in node.home.models.iterdir()] == [used]
