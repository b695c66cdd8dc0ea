"""How many threads linear algebra takes in this process.

By itself every BLAS takes as many as there are processors, for products as small as those of one request too:
there the second thread mostly waits, and takes the processor from whoever else would use it. A variable such as
``OPENBLAS_NUM_THREADS`` counts only if it is set before numpy is imported anywhere; this counts from now on.
"""

import torch
from threadpoolctl import threadpool_limits


def hold_to(threads: int) -> None:
    """At most ``threads`` threads in torch and in each BLAS that is loaded: numpy's and scipy's."""
    torch.set_num_threads(threads)
    threadpool_limits(threads, user_api="blas")
