"""The customer autoencoder in torch: local training, and one customer's own gradient.

The loss is that of Liang et al. (2018): the multinomial likelihood of a customer's concepts, given what is left
of them after dropout, and ``beta`` times the divergence of the latent point from a standard normal. Every random
number comes from a generator that is seeded from what is asked and what is answered about: the same question
over the same rows gives the same answer again on one machine.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.questions.encoder import Parameters
from protocols.questions.network import Shape, Weights

if TYPE_CHECKING:
    from torch import Generator, Tensor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Customers' concepts, compressed: row u is ``indices[indptr[u]:indptr[u + 1]]``; none is empty."""

    indptr: Ints
    indices: Ints

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def one(self, customer: int) -> Ints:
        """The concepts of one customer."""
        return self.indices[self.indptr[customer] : self.indptr[customer + 1]]

    def dense(self, customers: Ints, n_concepts: int) -> NDArray[np.float32]:
        """Binary rows of some customers, shape (len(customers), n_concepts)."""
        found = np.zeros((len(customers), n_concepts), np.float32)
        for place, customer in enumerate(customers):
            found[place, self.one(int(customer))] = 1
        return found

    @property
    def fingerprint(self) -> bytes:
        """A hash of all rows."""
        return hashlib.sha256(self.indptr.tobytes() + self.indices.tobytes()).digest()


class Autoencoder:
    """Weights as torch tensors on a GPU, if there is one.

    There, training multiplies matrices in bfloat16 (``half``); weights, sums and the loss stay float32. A single
    customer's gradient is float32 everywhere.
    """

    def __init__(self, shape: Shape, weights: Weights, *, half: bool | None = None) -> None:
        import torch  # a second of import that only a node which answers has to spend

        self._torch = torch
        self._shape = shape
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.half = self.device.type == "cuda" if half is None else half
        self.parts = {
            name: torch.tensor(part, device=self.device, requires_grad=True)
            for name, part in shape.split(weights).items()
        }

    def train(self, rows: Rows, asked: Parameters, seed: bytes) -> Floats:
        """Train on all rows; what every weight moved by, (size,).

        At most ``epochs`` times over the rows and at most ``steps`` steps, whichever ends first.
        """
        before = self._flat([part.detach() for part in self.parts.values()])
        chance = self._generator(seed)
        optimiser = self._torch.optim.Adam(self.parts.values(), lr=asked.rate / 1e6, fused=True)
        order = np.random.default_rng(np.frombuffer(seed, np.uint64))
        for customers in _batches(len(rows), asked, order):
            batch = self._torch.from_numpy(rows.dense(customers, self._shape.concepts)).to(self.device)
            optimiser.zero_grad(set_to_none=True)
            self._loss(batch, asked, chance, half=self.half).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return self._flat([part.detach() for part in self.parts.values()]) - before

    def gradient(self, concepts: Ints, asked: Parameters, seed: bytes) -> Floats:
        """The gradient of the loss of one customer alone, (size,).

        Computed by itself and not in a batch: it must not depend, not even in its last bit, on who else is there.
        """
        row = np.zeros((1, self._shape.concepts), np.float32)
        row[0, concepts] = 1
        batch = self._torch.from_numpy(row).to(self.device)
        loss = self._loss(batch, asked, self._generator(seed))
        return self._flat(list(self._torch.autograd.grad(loss, list(self.parts.values()))))

    def _loss(
        self, rows: "Tensor", asked: Parameters, chance: "Generator", *, half: bool = False
    ) -> "Tensor":
        torch, parts = self._torch, self.parts
        kept = torch.rand(rows.shape, generator=chance, device=self.device) >= asked.dropout / 100
        seen = torch.nn.functional.normalize(rows * kept, dim=1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            down = torch.tanh(seen @ parts["E1"] + parts["e1"]) @ parts["E2"] + parts["e2"]
            mean, log_variance = down.float().chunk(2, 1)
            drawn = torch.randn(mean.shape, generator=chance, device=self.device)
            point = mean + drawn * torch.exp(log_variance / 2)
            scores = (torch.tanh(point @ parts["D1"] + parts["d1"]) @ parts["D2"] + parts["d2"]).float()
        likelihood = (torch.log_softmax(scores, 1) * rows).sum(1).mean()
        divergence = (log_variance.exp() + mean**2 - 1 - log_variance).sum(1).mean() / 2
        found: Tensor = asked.beta / 100 * divergence - likelihood
        return found

    def _generator(self, seed: bytes) -> "Generator":
        return self._torch.Generator(self.device).manual_seed(int.from_bytes(seed[:7], "big"))

    def _flat(self, parts: list["Tensor"]) -> Floats:
        return np.concatenate([part.cpu().numpy().ravel() for part in parts]).astype(np.float64)


def _batches(count: int, asked: Parameters, order: np.random.Generator) -> Iterator[Ints]:
    """Row numbers of each step: every epoch in another order."""
    steps = 0
    for _ in range(asked.epochs):
        shuffled = order.permutation(count)
        for start in range(0, count, asked.batch):
            if steps == asked.steps:
                return
            yield shuffled[start : start + asked.batch]
            steps += 1
