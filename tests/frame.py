"""Three models that the frame must carry: written as a reader would, in 30 to 60 lines each.

They prove that factors, regressions and sequences need nothing from the library but
what `Rows`, `Mixture` and `EMModel` promise. (Their places in the library come with chapters.)
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar

import numpy as np

from emlib import Expectation, Mixture, Rows
from emlib._machinery.validation import check_weights, data_matrix, frozen
from emlib._machinery.value import Value
from emlib.coordinates import POSITIVE, REAL, SHARED, SIMPLEX
from emlib.mixture import mixing


def store(model, **values):
    for name, value in values.items():
        object.__setattr__(model, name, value)


@dataclass(frozen=True, eq=False)
class HiddenMarkov(Value):
    """A mixture whose labels have a memory: z_1 ~ mixture.weights, z_t ~ transitions[z_{t-1}]."""

    mixture: Mixture
    transitions: np.ndarray  # (K, K), rows sum to one
    spaces: ClassVar = {"mixture": None, "transitions": SIMPLEX}

    def __post_init__(self):
        k = self.mixture.n_components
        transitions = frozen(self.transitions, "transitions", (k, k))
        for row in transitions:
            check_weights(row)
        store(self, transitions=transitions)

    def smooth(self, x):
        """Return the log-likelihood, state probabilities (T, K) and expected transitions (K, K)."""
        log_b = self.mixture.log_components(x)
        scale = log_b.max(axis=1)
        b = np.exp(log_b - scale[:, None])
        forward, backward, c = np.empty_like(b), np.ones_like(b), np.empty(len(b))
        predicted = self.mixture.weights
        for t in range(len(b)):
            forward[t] = predicted * b[t]
            c[t] = forward[t].sum()
            forward[t] /= c[t]
            predicted = forward[t] @ self.transitions
        for t in range(len(b) - 2, -1, -1):
            backward[t] = self.transitions @ (b[t + 1] * backward[t + 1]) / c[t + 1]
        after = b[1:] * backward[1:] / c[1:, None]
        pairs = self.transitions * (forward[:-1].T @ after)
        return np.log(c).sum() + scale.sum(), forward * backward, pairs

    def e_step(self, x, sample_weight=None):
        x = self.mixture.check(x)
        log_likelihood, r, pairs = self.smooth(x)
        emissions = self.mixture.expect_under(x, r)
        e = Expectation(log_likelihood, r.sum(axis=0), (r[0], pairs, emissions))
        if sample_weight is None:
            return e
        if np.size(sample_weight) != 1:
            raise ValueError("sample_weight must be one number for each sequence.")
        return np.sum(sample_weight) * e

    def m_step(self, expectation):
        first, pairs, emissions = expectation.statistics
        mixture = self.mixture.m_step(emissions).with_weights(first / first.sum())
        return replace(self, mixture=mixture, transitions=pairs / pairs.sum(axis=1, keepdims=True))

    def log_prior(self):
        return self.mixture.log_prior()

    def distances(self):
        """Two states are the same if nothing changes when they are exchanged."""
        k, a = self.mixture.n_components, self.transitions
        change = np.zeros((k, k))
        for i, j in product(range(k), repeat=2):
            order = np.arange(k)
            order[[i, j]] = j, i
            moved = abs(a - a[np.ix_(order, order)]).max()
            weights = self.mixture.weights
            change[i, j] = max(moved, abs(weights - weights[order]).max())
        return np.maximum(self.mixture.distances(), change)


@dataclass(frozen=True, eq=False)
class FactorAnalysis(Rows):
    """x = mean + loadings z + noise, with z ~ N(0, I) and independent noises."""

    mean: np.ndarray  # (D,)
    loadings: np.ndarray  # (D, Q)
    uniquenesses: np.ndarray  # (D,)
    isotropic: bool = False

    def __post_init__(self):
        loadings = frozen(self.loadings, "loadings", (None, None))
        d = loadings.shape[:1]
        mean, noise = frozen(self.mean, "mean", d), frozen(self.uniquenesses, "uniquenesses", d)
        store(self, mean=mean, loadings=loadings, uniquenesses=noise)

    @property
    def spaces(self):
        noise = SHARED if self.isotropic else POSITIVE
        return {"mean": REAL, "loadings": REAL, "uniquenesses": noise}

    def check(self, x):
        return data_matrix(x, len(self.mean))

    def posterior(self, x):
        """Return E[z | x], shape (N, Q), and Cov[z | x], shape (Q, Q)."""
        scaled = self.loadings / self.uniquenesses[:, None]
        covariance = np.linalg.inv(np.eye(scaled.shape[1]) + self.loadings.T @ scaled)
        return (x - self.mean) @ scaled @ covariance, covariance

    def log_density_block(self, x):
        z, covariance = self.posterior(x)
        y = (x - self.mean) / np.sqrt(self.uniquenesses)
        squares = (y**2).sum(axis=1) - (z @ np.linalg.inv(covariance) * z).sum(axis=1)
        log_det = np.log(self.uniquenesses).sum() - np.linalg.slogdet(covariance)[1]
        return -0.5 * (squares + log_det + x.shape[1] * np.log(2 * np.pi))

    def expect_block(self, x, w):
        """Moments of y = x - mean and of (1, z): their regression is the M-step."""
        w = np.ones(len(x)) if w is None else w
        z, covariance = self.posterior(x)
        one_z, y = np.column_stack([np.ones(len(x)), z]), x - self.mean
        zz = (one_z.T * w) @ one_z
        zz[1:, 1:] += w.sum() * covariance
        log_likelihood = w @ self.log_density_block(x)
        return Expectation(log_likelihood, w.sum()[None], ((y.T * w) @ one_z, zz, w @ y**2))

    def m_step(self, expectation):
        yz, zz, yy = expectation.statistics
        both = np.linalg.solve(zz, yz.T).T  # (D, 1 + Q): shift of the mean, loadings
        noise = (yy - (both * yz).sum(axis=1)) / expectation.counts
        noise = np.full_like(noise, noise.mean()) if self.isotropic else noise
        return replace(
            self, mean=self.mean + both[:, 0], loadings=both[:, 1:], uniquenesses=noise
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class RegressionMixture(Mixture):
    """K lines through one cloud. A row of x holds the regressors, and the response last."""

    weights: np.ndarray
    coefficients: np.ndarray  # (K, P)
    variances: np.ndarray  # (K,)
    spaces: ClassVar = {"weights": SIMPLEX, "coefficients": REAL, "variances": POSITIVE}

    def __post_init__(self):
        weights = check_weights(self.weights)
        coefficients = frozen(self.coefficients, "coefficients", (len(weights), None))
        variances = frozen(self.variances, "variances", weights.shape)
        store(self, weights=weights, coefficients=coefficients, variances=variances)

    def check(self, x):
        return data_matrix(x, self.coefficients.shape[1] + 1)

    def residuals(self, x):
        return x[:, -1:] - x[:, :-1] @ self.coefficients.T

    def log_components(self, x):
        squares = self.residuals(self.check(x)) ** 2 / self.variances
        return -0.5 * (squares + np.log(2 * np.pi * self.variances))

    def statistics(self, x, responsibilities):
        """Normal equations for the residuals, of each component."""
        c, r, y = x[:, :-1], responsibilities.T, self.residuals(x)
        return (r[:, None] * c.T) @ c, (r * y.T) @ c, (r * y.T**2).sum(axis=1)

    def m_step(self, expectation):
        weights = mixing(expectation.counts)
        cc, cy, yy = expectation.statistics
        shift = np.linalg.solve(cc, cy[:, :, None])[:, :, 0]
        variances = (yy - (shift * cy).sum(axis=1)) / expectation.counts
        coefficients = self.coefficients + shift
        return replace(self, weights=weights, coefficients=coefficients, variances=variances)
