"""Runs in an environment of its own with `implicit`: item-kNN and ALS on given rows, from given factors.

python with_implicit.py IN.npz OUT.npz
"""

import sys

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender

given = np.load(sys.argv[1])
rows = sp.csr_matrix((given["data"], given["indices"], given["indptr"]), shape=tuple(given["shape"]))
neighbours = CosineRecommender(
    K=int(given["neighbours"]) + 1, num_threads=1
)  # the first is the concept itself
neighbours.fit(rows.astype(np.float64), show_progress=False)
als = AlternatingLeastSquares(
    factors=given["start"].shape[1],
    regularization=float(given["regularisation"]),
    alpha=float(given["confidence"]),
    iterations=int(given["iterations"]),
    use_native=True,
    use_cg=False,
    num_threads=1,
)
als.item_factors = given["start"].copy()
als.user_factors = np.zeros((rows.shape[0], given["start"].shape[1]), np.float32)
als.fit(rows, show_progress=False)
np.savez(
    sys.argv[2],
    similarity=neighbours.similarity.toarray(),
    customers=als.user_factors,
    concepts=als.item_factors,
)
