"""Two clouds of as many points as wanted, and a start that finds them: data at any size."""

import numpy as np

from emlib import GaussianMixture

START = GaussianMixture([0.5, 0.5], [[-1.0, 0.0], [1.0, 0.5]], [np.eye(2)] * 2)


def clouds(n, d=2, dtype=float, rng=0):
    rng = np.random.default_rng(rng)
    x = rng.standard_normal((n, d), dtype=np.float32 if dtype == np.float32 else np.float64)
    x[: n // 3] += 3
    return rng.permutation(x)
