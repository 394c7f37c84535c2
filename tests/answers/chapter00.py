"""Right and wrong answers to the exercises of chapter 0."""

import numpy as np

RIGHT = {
    "weighted_mean": [
        lambda x, w: np.average(x, weights=w),
        lambda x, w: x @ (w / w.sum()),
    ],
}

WRONG = {
    "weighted_mean": [
        (lambda x, w: (w * x).mean(), "number of waits"),
        (lambda x, w: w @ x, "divide"),
        (lambda x, w: x.mean(), "no effect"),
        (lambda x, w: w * x, "shape"),
        (lambda x, w: None, "return"),
    ],
}
