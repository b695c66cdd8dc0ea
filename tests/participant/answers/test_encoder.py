"""The encoder answer: training is bounded, repeatable and learns; gradients are each customer's own."""

import numpy as np
import pytest
import torch

from participant.answers import AnswerContext, fill
from participant.answers import encoder as answers
from participant.answers.autoencoder import Autoencoder, Rows
from protocols.codec import encode
from protocols.limits import FRACTION_BITS
from protocols.questions.encoder import ENCODER, MILLION, clip_row, length, parse
from protocols.questions.network import Shape
from protocols.questions.server_step import begin, step
from protocols.questions.spectral import start
from tests.participant.answers.neighbours import (
    AFTER,
    BEFORE,
    CUT,
    WORDS,
    Encoders,
    M,
    MemoryRecords,
    released,
)

TYPED = {"taste": "ab" * 32, "until": CUT, "hidden": 8, "latent": 4}
SHAPE = Shape(concepts=M, hidden=8, latent=4)


def customers(count=40, seed=0):
    """Two tastes, even and odd concepts; one more customer who bought too late to count."""
    rng = np.random.default_rng(seed)
    made = [
        {(BEFORE, int(2 * c + u % 2)): 1 for c in rng.choice(M // 2, 3, replace=False)} for u in range(count)
    ]
    return [*made, {(AFTER, 1): 1}]


def answer(bought, batch=3, **typed):
    context = AnswerContext(
        records=MemoryRecords(customers=tuple(bought), batch=batch),
        vocabulary=WORDS,
        released=released,
        encoders=Encoders(released),
    )
    return fill("encoder", encode(parse({**TYPED, **typed})), context)


def rows_of(bought):
    found = [sorted(c for (at, c) in each if at < CUT) for each in bought]
    found = [each for each in found if each]
    return Rows(indptr=np.cumsum([0, *map(len, found)]), indices=np.concatenate(found).astype(np.int64))


def loss(weights, rows, **typed):
    """What training makes small, with the same random numbers each time."""
    found = Autoencoder(SHAPE, weights.astype(np.float32))
    batch = torch.from_numpy(rows.dense(np.arange(len(rows)), M))
    chances = (torch.Generator().manual_seed(seed) for seed in range(20))
    asked = parse({**TYPED, **typed})
    return float(np.mean([found._loss(batch, asked, each).item() for each in chances]))


def test_training_makes_what_customers_bought_likelier_and_the_answer_says_by_how_much_each_weight_moved():
    bought = customers()
    before = start(released(b"").matrix, SHAPE)
    cells = answer(bought, epochs=20, batch=8) / 2.0**FRACTION_BITS
    n = cells[-1] / 0.25
    assert n == 40  # the one who bought later is not behind the answer
    rows = rows_of(bought)
    assert loss(before + cells[:-1] / n, rows) < 0.8 * loss(before, rows)


def test_the_same_question_over_the_same_rows_has_the_same_answer_and_over_others_another():
    bought = customers()
    first = answer(bought)
    assert (answer(bought) == first).all()
    assert (answer(bought, batch=50) == first).all()  # however records come in batches
    assert (answer(bought[1:]) != first).any()
    assert (answer(bought, after="cd" * 32) != first).any()  # the next round shuffles anew


def test_companies_do_not_share_their_random_numbers(monkeypatch):
    seeds = []
    real = Autoencoder.train
    monkeypatch.setattr(
        Autoencoder,
        "train",
        lambda self, rows, asked, seed: seeds.append(seed) or real(self, rows, asked, seed),
    )
    for bought in (customers(seed=1), customers(seed=2), customers(seed=1)):
        answer(bought)
    assert seeds[0] == seeds[2] != seeds[1]


def test_local_training_ends_after_as_many_steps_as_were_asked_for():
    rows, asked = rows_of(customers()), parse({**TYPED, "batch": 10, "epochs": 3, "rate": MILLION // 100})
    weights = start(released(b"").matrix, SHAPE)
    moved = {
        steps: np.abs(
            Autoencoder(SHAPE, weights).train(rows, parse({**TYPED, "batch": 10, "steps": steps}), bytes(32))
        ).max()
        for steps in (1, 2, 400)
    }
    assert moved[1] <= asked.rate / MILLION * 1.001  # Adam moves a weight by at most its rate a step
    assert moved[1] < moved[2] < moved[400]


def trained(rows, **made):
    """How training in some precision goes on, and what the loss is then."""
    before, asked = start(released(b"").matrix, SHAPE), parse({**TYPED, "epochs": 20, "batch": 8})
    network = Autoencoder(SHAPE, before, **made)
    moved = network.train(rows, asked, bytes(32))
    return moved, loss(before + moved, rows)


def test_products_in_half_precision_learn_what_whole_ones_do_and_nobody_without_a_gpu_gets_them():
    rows = rows_of(customers())
    (whole, aim), (half, got), (usual, _) = (
        trained(rows, **made) for made in ({"half": False}, {"half": True}, {})
    )
    assert (half != whole).any()  # bfloat16 was really used
    assert got < 1.02 * aim < 0.8 * loss(start(released(b"").matrix, SHAPE), rows)
    assert (usual == whole).all() or torch.cuda.is_available()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here: training on one is not tried")
def test_on_a_gpu_training_is_in_half_precision_and_learns_what_the_processor_learns(monkeypatch):
    rows = rows_of(customers())
    assert Autoencoder(SHAPE, start(released(b"").matrix, SHAPE)).half
    _, got = trained(rows)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert got < 1.05 * trained(rows)[1]


def test_a_customers_own_gradient_is_in_whole_precision_whatever_training_is():
    concepts, asked = rows_of(customers()).one(0), parse({**TYPED, "mode": "gradient"})
    found = [
        Autoencoder(SHAPE, start(released(b"").matrix, SHAPE), half=half).gradient(concepts, asked, bytes(32))
        for half in (True, False)
    ]
    np.testing.assert_array_equal(*found)


def test_nobody_to_train_on_answers_with_zeros():
    assert not answer([{(AFTER, 1): 1}]).any()
    assert not answer([], mode="gradient").any()


def by_hand(concepts, weights):
    """The gradient of one customer's loss without dropout, written again from the paper, in float64."""
    row = np.zeros(M)
    row[concepts] = 1
    parts = {
        name: torch.tensor(part.astype(np.float64), requires_grad=True)
        for name, part in SHAPE.split(weights).items()
    }
    x = torch.tensor(row / np.sqrt(row.sum()))
    second = torch.tanh(x @ parts["E1"] + parts["e1"]) @ parts["E2"] + parts["e2"]
    mean, log_variance = second[:4], second[4:]
    scores = torch.tanh(mean @ parts["D1"] + parts["d1"]) @ parts["D2"] + parts["d2"]
    loss = -(torch.log_softmax(scores, 0) * torch.tensor(row)).sum()
    loss = loss + 0.2 * 0.5 * (torch.exp(log_variance) + mean**2 - 1 - log_variance).sum()
    return torch.cat([part.ravel() for part in torch.autograd.grad(loss, list(parts.values()))]).numpy()


def test_the_sum_of_clipped_gradients_is_the_one_made_customer_by_customer(monkeypatch):
    """Oracle: the loss written a second time, one customer at a time, without the latent point's noise."""
    monkeypatch.setattr(torch, "randn", lambda shape, **_: torch.zeros(shape))
    asked = parse({**TYPED, "mode": "gradient", "dropout": 0, "limit": MILLION})
    bought, weights = customers(), start(released(b"").matrix, SHAPE)
    rows = rows_of(bought)
    gradients = [by_hand(rows.one(u), weights) for u in range(len(rows))]
    norms = np.linalg.norm(gradients, axis=1)
    assert norms.min() > 1  # all are clipped
    expected = sum(clip_row(asked, each) for each in gradients)
    got = answer(bought, mode="gradient", dropout=0)
    assert len(got) == length(asked, M)
    np.testing.assert_allclose(got / 2.0**FRACTION_BITS, expected / 2.0**FRACTION_BITS, atol=1e-4)
    unclipped = np.sum(gradients, axis=0)
    assert np.abs(got / 2.0**FRACTION_BITS - unclipped).max() > 1


def test_only_the_secret_sample_is_in_an_answer_and_the_system_draws_it(monkeypatch):
    bought = customers()
    everybody = answer(bought, mode="gradient")
    keys = iter([bytes(32), b"\x01" * 32])
    monkeypatch.setattr(answers.entropy, "random_bytes", lambda _: next(keys))
    half = {"mode": "gradient", "sample": MILLION // 2}
    first, second = answer(bought, **half), answer(bought, **half)
    assert (first != second).any()  # another key, another sample
    assert np.abs(first).sum() < np.abs(everybody).sum()


@pytest.mark.parametrize(("server", "rate"), [("fedavg", 50_000), ("momentum", 50_000), ("fedadam", 10_000)])
def test_a_step_by_gradient_makes_what_customers_bought_likelier(server, rate):
    bought, before = customers(), start(released(b"").matrix, SHAPE)
    typed = {"mode": "gradient", "server": server, "server_rate": rate, "expected": 40}
    asked = parse({**TYPED, **typed})
    cells = answer(bought, **typed) / 2.0**FRACTION_BITS
    after = step(begin(before), ENCODER.read(cells, asked, M).change, server, rate / MILLION)
    rows = rows_of(bought)
    assert loss(after.weights, rows) < loss(before, rows) - 0.05
