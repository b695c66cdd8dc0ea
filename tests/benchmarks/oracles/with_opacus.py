"""Runs with `Opacus` beside torch: every customer's own gradient of the autoencoder, and each one clipped.

python with_opacus.py IN.npz OUT.npz
"""

import sys

import numpy as np
import torch
from opacus import GradSampleModule
from opacus.optimizers import DPOptimizer
from torch import nn

PARTS = (("E1", "e1"), ("E2", "e2"), ("D1", "d1"), ("D2", "d2"))
given = np.load(sys.argv[1])


class Net(nn.Module):
    """The autoencoder, written with torch's own layers; dropout and the latent point's noise are given."""

    def __init__(self):
        super().__init__()
        for matrix, bias in PARTS:
            layer = nn.Linear(*given[matrix].shape)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(given[matrix].T))
                layer.bias.copy_(torch.from_numpy(given[bias]))
            self.add_module(matrix, layer)

    def forward(self, seen, drawn):
        mean, log_variance = self.E2(torch.tanh(self.E1(seen))).chunk(2, dim=1)
        point = mean + drawn * torch.exp(0.5 * log_variance)
        return mean, log_variance, self.D2(torch.tanh(self.D1(point)))


def run(at):
    """Opacus's gradients of the customers ``at``, one row each, and their clipped sum."""
    model = GradSampleModule(Net(), loss_reduction="sum")
    optimiser = DPOptimizer(
        torch.optim.SGD(model.parameters(), lr=1.0),
        noise_multiplier=0.0,
        max_grad_norm=float(given["limit"]),
        expected_batch_size=None,
        loss_reduction="sum",
    )
    rows, kept, drawn = (torch.from_numpy(given[name][at]) for name in ("rows", "kept", "drawn"))
    mean, log_variance, scores = model(nn.functional.normalize(rows * kept, dim=1), drawn)
    likelihood = (nn.functional.log_softmax(scores, dim=1) * rows).sum()
    divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum()
    (float(given["beta"]) * divergence - likelihood).backward()
    layers = [model._module.get_submodule(name) for name, _ in PARTS]
    flat = [
        each
        for layer in layers
        for each in (
            layer.weight.grad_sample.transpose(1, 2).reshape(len(at), -1),
            layer.bias.grad_sample.reshape(len(at), -1),
        )
    ]
    gradients = torch.cat(flat, dim=1).numpy()
    optimiser.clip_and_accumulate()
    clipped = [
        each for layer in layers for each in (layer.weight.summed_grad.T.reshape(-1), layer.bias.summed_grad)
    ]
    return gradients, torch.cat(clipped).numpy()


customers = np.arange(len(given["rows"]))
gradients, total = run(customers)
np.savez(
    sys.argv[2],
    gradients=gradients,
    clipped=np.stack([run(customers[u : u + 1])[1] for u in customers]),
    total=total,
)
