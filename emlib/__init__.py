"""The library under the book "Expectation-Maximization, from the ELBO up".

A model is a value; EM is two functions on it. Start reading in `emlib.em`.
"""

# Floor by floor, as the imports go: see docs/ for the map.
from emlib.coordinates import Space, pack, unpack
from emlib.prior import Beta, Dirichlet, Gamma, MixturePrior, NormalInverseWishart

from emlib.em import (
    DegenerateError,
    DegenerateWarning,
    EMModel,
    Expectation,
    Fit,
    MonotonicityError,
    SpuriousWarning,
    Step,
    fit,
    fit_best,
    iterate,
    run,
)

from emlib.rows import Rows
from emlib.mixture import Mixture

from emlib.families.abo import ABO
from emlib.families.binomial import BinomialMixture
from emlib.families.censored import CensoredExponential, CensoredNormal
from emlib.families.gaussian import GaussianMixture
from emlib.families.gaussian1d import GaussianMixture1D
from emlib.families.incomplete import IncompleteGaussianMixture
from emlib.families.linkage import Linkage
from emlib.families.poisson import PoissonMixture
from emlib.families.student import StudentTMixture
from emlib.families.truncated_poisson import TruncatedPoisson

from emlib.known import hold, labelled, with_labels
from emlib.selection import HeldOut, Selection, held_out, select
from emlib.bootstrap import BootstrapLRT, bootstrap_lrt
from emlib.uncertainty import (
    UncertaintyError,
    UncertaintyWarning,
    confidence_intervals,
    information,
    standard_errors,
)

__version__ = "0.1.0"

__all__ = [
    # parameters as one free vector; what is known beforehand
    "Space", "pack", "unpack",
    "Beta", "Dirichlet", "Gamma", "MixturePrior", "NormalInverseWishart",
    # the algorithm
    "EMModel", "Expectation", "Step", "Fit", "iterate", "run", "fit", "fit_best",
    "DegenerateError", "DegenerateWarning", "MonotonicityError", "SpuriousWarning",
    # models of rows, with and without labels
    "Rows", "Mixture",
    # families
    "ABO", "BinomialMixture", "GaussianMixture", "GaussianMixture1D", "Linkage", "PoissonMixture",
    "StudentTMixture",
    "IncompleteGaussianMixture", "TruncatedPoisson", "CensoredExponential", "CensoredNormal",
    # what is known of one
    "hold", "labelled", "with_labels",
    # what can be done with any of them
    "Selection", "select", "HeldOut", "held_out", "BootstrapLRT", "bootstrap_lrt",
    "information", "standard_errors", "confidence_intervals",
    "UncertaintyError", "UncertaintyWarning",
]  # fmt: skip
