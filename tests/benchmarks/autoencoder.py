"""A variational autoencoder of taste rows (Mult-VAE, Liang et al. 2018): a company's own, and the pooled bound.

512 and 128 wide, multinomial likelihood, half of a row dropped at the input, the divergence weighed up to 0.2.
This is the baseline, trained in one place; the product's own encoder is not used here. Beside it the same with
0.3 EASE added, both standardised over all concepts of a row.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn import functional

from protocols.questions.ease import ease
from tests.benchmarks.learners import Floats, Sample, Scorer, Setting, by_weights, merged

HIDDEN, LATENT, BATCH, RATE, ANNEALED = 512, 128, 256, 1e-3, 0.2
EASE_SHARE = 0.3


class Autoencoder:
    """The learner: two arms from one training."""

    name = "autoencoder"
    random = True
    with_ease = "autoencoder + 0.3 EASE"

    def __init__(self, ridge: int) -> None:
        self.settings: Sequence[Setting] = tuple({"epochs": epochs, "lambda": ridge} for epochs in (30, 100))

    def fit(self, samples: Sequence[Sample], setting: Setting, seed: int) -> dict[str, Scorer]:
        """Train on all rows of the samples in one place."""
        sample = merged(samples)
        network = train(sample.rows, epochs=int(setting["epochs"]), seed=seed)
        linear = by_weights(ease(sample.gram, setting["lambda"]))

        def own(history: sp.csr_matrix) -> Floats:
            with torch.no_grad():
                scores: Floats = network(torch.from_numpy(history.toarray()))[0].numpy()
            return scores

        def both(history: sp.csr_matrix) -> Floats:
            return _standard(own(history)) + EASE_SHARE * _standard(linear(history))

        return {self.name: own, self.with_ease: both}


class Network(nn.Module):
    """Rows in; logits of every concept, and the mean and log variance of the code."""

    def __init__(self, concepts: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(concepts, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, concepts))

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Drop and draw while training; the mean of the code otherwise."""
        kept = functional.dropout(functional.normalize(rows), 0.5, self.training)
        mean, spread = self.encoder(kept).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (spread / 2).exp() if self.training else mean
        return self.decoder(code), mean, spread


def train(rows: sp.csr_matrix, *, epochs: int, seed: int) -> Network:
    """Adam over shuffled batches; the divergence's weight grows over the first half of all steps."""
    torch.manual_seed(seed)
    network = Network(rows.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    customers = rows.shape[0]
    steps = epochs * -(-customers // BATCH)
    step = 0
    for _ in range(epochs):
        for some in torch.randperm(customers).split(BATCH):
            step += 1
            batch = torch.from_numpy(rows[some.numpy()].toarray())
            logits, mean, spread = network(batch)
            likelihood = (functional.log_softmax(logits, dim=1) * batch).sum(1).mean()
            divergence = -0.5 * (1 + spread - mean**2 - spread.exp()).sum(1).mean()
            loss = ANNEALED * min(1.0, 2 * step / steps) * divergence - likelihood
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network.eval()


def _standard(scores: Floats) -> Floats:
    centred = scores - scores.mean(1, keepdims=True)
    return centred / np.maximum(centred.std(1, keepdims=True), 1e-12)
