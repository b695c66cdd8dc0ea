"""Runs in an environment of its own with `RecTools`: EASE on given rows, and its metrics on given lists.

python with_rectools.py IN.npz OUT.npz
"""

import sys

import numpy as np
import pandas as pd
import scipy.sparse as sp
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import NDCG, Recall
from rectools.models import EASEModel

given = np.load(sys.argv[1])
rows = sp.csr_matrix((given["data"], given["indices"], given["indptr"]), shape=tuple(given["shape"])).tocoo()
lines = pd.DataFrame(
    {Columns.User: rows.row, Columns.Item: rows.col, Columns.Weight: 1.0, Columns.Datetime: "2020-01-01"}
)
dataset = Dataset.construct(lines)
model = EASEModel(regularization=float(given["ridge"]))
model.fit(dataset)
items = dataset.item_id_map.external_ids
weights = np.zeros((rows.shape[1], rows.shape[1]), np.float64)
weights[np.ix_(items, items)] = model.weight

customers, length = given["lists"].shape
shown = pd.DataFrame(
    {
        Columns.User: np.repeat(np.arange(customers), length),
        Columns.Item: given["lists"].ravel(),
        Columns.Rank: np.tile(np.arange(1, length + 1), customers),
    }
)
wanted = pd.DataFrame({Columns.User: given["target_customers"], Columns.Item: given["target_concepts"]})
found = {
    "ndcg": NDCG(k=length, divide_by_achievable=True).calc_per_user(shown, wanted),
    "recall": Recall(k=length).calc_per_user(shown, wanted),
}
np.savez(sys.argv[2], weights=weights, **{name: each.sort_index().to_numpy() for name, each in found.items()})
