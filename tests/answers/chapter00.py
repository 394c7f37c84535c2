"""Right and wrong answers to the exercises of chapter 0."""

import numpy as np

RIGHT = {
    "weighted_mean": [
        lambda x, w: np.average(x, weights=w),
        lambda x, w: x @ (w / w.sum()),
        lambda x, w: [sum(a * b for a, b in zip(x, w, strict=True)) / sum(w)],
        lambda x, w: np.array([[np.dot(w, x) / np.sum(w)]]),
    ],
}

WRONG = {
    "weighted_mean": [
        (lambda x, w: (w * x).mean(), "number of waits"),
        (lambda x, w: w @ x, "divide"),
        (lambda x, w: x.mean(), "no effect"),
        (lambda x, w: w * x, "one number"),
        (lambda x, w: (1 - w) @ x / (1 - w).sum(), "other"),
        (lambda x, w: x[w > 0.5].mean() if (w > 0.5).any() else x.mean(), "every share"),
        (lambda x, w: w @ x / x.sum(), "sum of the waits"),
        (lambda x, w: w.mean(), "mean share"),
        (lambda x, w: w.sum(), "how many waits"),
        (lambda x, w: str(w @ x / w.sum()), "should be numbers, but it is str"),
        (lambda x, w: (w @ x / w.sum(), [w.sum(), 1]), "should be numbers, but it is tuple"),
        (lambda x, w: {"mean": w @ x / w.sum()}, "should be numbers, but it is dict"),
        (lambda x, w: (a for a in x), "should be numbers, but it is generator"),
        (lambda x, w: w @ x / (w.sum() + 1e-4), "counts as much as its share"),
        (lambda x, w: None, "return"),
    ],
}
