"""The library under the book "Expectation-Maximization, from the ELBO up".

A model is a value; EM is two functions on it. Start reading in `emlib.em`.
"""

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
from emlib.families.abo import ABO
from emlib.families.binomial import BinomialMixture
from emlib.families.gaussian import GaussianMixture
from emlib.families.gaussian1d import GaussianMixture1D
from emlib.families.linkage import Linkage
from emlib.families.poisson import PoissonMixture
from emlib.mixture import Mixture
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
