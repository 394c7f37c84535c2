"""The library under the book "Expectation-Maximization, from the ELBO up".

A model is a value; EM is two functions on it. Start reading in `emlib.em`.
"""

from emlib.abo import ABO
from emlib.binomial import BinomialMixture
from emlib.em import (
    DegenerateError,
    DegenerateWarning,
    Expectation,
    Fit,
    MonotonicityError,
    SpuriousWarning,
    Step,
    fit,
    fit_best,
    iterate,
)
from emlib.gaussian import GaussianMixture
from emlib.gaussian1d import GaussianMixture1D
from emlib.linkage import Linkage
from emlib.mixture import Mixture
from emlib.poisson import PoissonMixture
from emlib.prior import Beta, Dirichlet, Gamma, MixturePrior, NormalInverseWishart
from emlib.selection import (
    BootstrapLRT,
    HeldOut,
    Selection,
    bootstrap_lrt,
    held_out,
    select,
)

__version__ = "0.1.0"

__all__ = [
    "ABO",
    "Beta",
    "BinomialMixture",
    "BootstrapLRT",
    "DegenerateError",
    "DegenerateWarning",
    "Dirichlet",
    "Expectation",
    "Fit",
    "Gamma",
    "GaussianMixture",
    "GaussianMixture1D",
    "HeldOut",
    "Linkage",
    "Mixture",
    "MixturePrior",
    "MonotonicityError",
    "NormalInverseWishart",
    "PoissonMixture",
    "Selection",
    "SpuriousWarning",
    "Step",
    "bootstrap_lrt",
    "fit",
    "fit_best",
    "held_out",
    "iterate",
    "select",
]
