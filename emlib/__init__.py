"""The library under the book "Expectation-Maximization, from the ELBO up".

A model is a value; EM is two functions on it. Start reading in `emlib.em`.
"""

from emlib.binomial import BinomialMixture
from emlib.em import (
    DegenerateError,
    DegenerateWarning,
    Expectation,
    Fit,
    MonotonicityError,
    Step,
    fit,
    fit_best,
    iterate,
)
from emlib.gaussian import GaussianMixture
from emlib.gaussian1d import GaussianMixture1D
from emlib.linkage import Linkage
from emlib.mixture import Mixture

__version__ = "0.1.0"

__all__ = [
    "BinomialMixture",
    "DegenerateError",
    "DegenerateWarning",
    "Expectation",
    "Fit",
    "GaussianMixture",
    "GaussianMixture1D",
    "Linkage",
    "Mixture",
    "MonotonicityError",
    "Step",
    "fit",
    "fit_best",
    "iterate",
]
