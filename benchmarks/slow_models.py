"""Five models on which EM is slow, each in a few lines, for `climbs.py`.

Their places in the library come with the chapters that need them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, gammaln, logsumexp, xlogy

from emlib import Expectation
from emlib._machinery.value import Value
from emlib.coordinates import DEFINITE, POSITIVE, PROBABILITY, REAL, SIMPLEX


class Model(Value):
    """What the five share: no prior, and data that come whole."""

    def log_prior(self):
        """There is none."""
        return 0.0


@dataclass(frozen=True, eq=False)
class TRegression(Model):
    """y = x b + s t: a line with errors from a t distribution; rows hold x, and y last."""

    coefficients: np.ndarray
    variance: np.ndarray  # s^2
    freedom: np.ndarray
    spaces: ClassVar = {"coefficients": REAL, "variance": POSITIVE, "freedom": POSITIVE}

    def e_step(self, x, sample_weight=None):
        c, y, nu, s2 = x[:, :-1], x[:, -1], float(self.freedom), float(self.variance)
        squares = (y - c @ self.coefficients) ** 2 / s2
        u = (nu + 1) / (nu + squares)  # expected precision of each error
        log_u = digamma((nu + 1) / 2) - np.log((nu + squares) / 2)
        log_density = (
            gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * nu * s2)
            - (nu + 1) / 2 * np.log1p(squares / nu)
        )  # fmt: skip
        weighted = x.T * u
        counts = np.array([len(x), u.sum(), log_u.sum()])
        return Expectation(log_density.sum(), counts, (weighted @ x,))

    def m_step(self, expectation):
        n, u, log_u = expectation.counts
        [xx] = expectation.statistics
        b = np.linalg.solve(xx[:-1, :-1], xx[:-1, -1])
        variance = (xx[-1, -1] - b @ xx[:-1, -1]) / n

        def uphill(nu):  # half the slope of Q in nu, by observation
            return np.log(nu / 2) + 1 - digamma(nu / 2) + (log_u - u) / n

        return replace(self, coefficients=b, variance=variance, freedom=brentq(uphill, 1e-3, 1e4))

    def complete_log_likelihood(self, expectation):
        n, u, log_u = expectation.counts
        [xx] = expectation.statistics
        ends, nu = np.append(-self.coefficients, 1.0), float(self.freedom)
        squares = ends @ xx @ ends / self.variance
        scales = n * (nu / 2 * np.log(nu / 2) - gammaln(nu / 2)) + nu / 2 * (log_u - u)
        return float(-0.5 * (n * np.log(self.variance) + squares) + scales)


@dataclass(frozen=True, eq=False)
class MultivariateT(Model):
    """A t distribution in D dimensions with known degrees of freedom."""

    mean: np.ndarray
    scale: np.ndarray  # (D, D)
    freedom: float
    spaces: ClassVar = {"mean": REAL, "scale": DEFINITE}

    def e_step(self, x, sample_weight=None):
        nu, d, y = self.freedom, x.shape[1], x - self.mean
        squares = (y @ np.linalg.inv(self.scale) * y).sum(axis=1)
        log_density = (
            gammaln((nu + d) / 2) - gammaln(nu / 2) - d / 2 * np.log(np.pi * nu)
            - 0.5 * np.linalg.slogdet(self.scale)[1] - (nu + d) / 2 * np.log1p(squares / nu)
        )  # fmt: skip
        one_x = np.column_stack([np.ones(len(x)), x])
        weighted = one_x.T * ((nu + d) / (nu + squares))
        return Expectation(log_density.sum(), np.array([len(x)]), (weighted @ one_x,))

    def m_step(self, expectation):
        [moments] = expectation.statistics
        mean = moments[0, 1:] / moments[0, 0]
        scale = (moments[1:, 1:] - moments[0, 0] * np.outer(mean, mean)) / expectation.counts
        return replace(self, mean=mean, scale=(scale + scale.T) / 2)

    def complete_log_likelihood(self, expectation):
        [moments] = expectation.statistics
        ends = np.column_stack([-self.mean, np.eye(len(self.mean))])
        squares = ends @ moments @ ends.T
        log_det = np.linalg.slogdet(self.scale)[1]
        trace = np.trace(np.linalg.solve(self.scale, squares))
        return float(-0.5 * (expectation.counts[0] * log_det + trace))


@dataclass(frozen=True, eq=False)
class Factors(Model):
    """Factor analysis of a covariance matrix (D, D) of n observations; the matrix is the data."""

    loadings: np.ndarray  # (D, Q)
    uniquenesses: np.ndarray  # (D,)
    n: float
    spaces: ClassVar = {"loadings": REAL, "uniquenesses": POSITIVE}

    def e_step(self, x, sample_weight=None):
        s, n = x, self.n
        total = self.loadings @ self.loadings.T + np.diag(self.uniquenesses)
        gain = np.linalg.solve(total, self.loadings).T  # (Q, D)
        xz = s @ gain.T
        zz = np.eye(len(gain)) - gain @ self.loadings + gain @ xz
        log_det, trace = np.linalg.slogdet(total)[1], np.trace(np.linalg.solve(total, s))
        log_likelihood = -0.5 * n * (len(s) * np.log(2 * np.pi) + log_det + trace)
        return Expectation(log_likelihood, np.array([float(n)]), (np.diag(s), xz, zz))

    def m_step(self, expectation):
        xx, xz, zz = expectation.statistics
        loadings = np.linalg.solve(zz, xz.T).T
        return replace(self, loadings=loadings, uniquenesses=xx - (loadings * xz).sum(axis=1))

    def complete_log_likelihood(self, expectation):
        xx, xz, zz = expectation.statistics
        a = self.loadings
        squares = xx - 2 * (a * xz).sum(axis=1) + (a @ zz * a).sum(axis=1)
        kernel = np.log(self.uniquenesses) + squares / self.uniquenesses
        return float(-0.5 * expectation.counts[0] * kernel.sum())


@dataclass(frozen=True, eq=False)
class Classes(Model):
    """Latent classes: in each, the answers 0 and 1 to J questions are independent."""

    weights: np.ndarray
    probabilities: np.ndarray  # (K, J), of answer 0
    spaces: ClassVar = {"weights": SIMPLEX, "probabilities": PROBABILITY}

    def e_step(self, x, sample_weight):
        log_p, log_q = np.log(self.probabilities), np.log1p(-self.probabilities)
        log_joint = np.log(self.weights) + (1 - x) @ log_p.T + x @ log_q.T
        log_density = logsumexp(log_joint, axis=1)
        r = np.exp(log_joint - log_density[:, None]) * sample_weight[:, None]
        return Expectation(sample_weight @ log_density, r.sum(axis=0), (r.T @ (1 - x),))

    def m_step(self, expectation):
        counts, [zeros] = expectation.counts, expectation.statistics
        weights = counts / counts.sum()
        return replace(self, weights=weights, probabilities=zeros / counts[:, None])

    def complete_log_likelihood(self, expectation):
        counts, [zeros] = expectation.counts, expectation.statistics
        answers = xlogy(zeros, self.probabilities)
        answers += xlogy(counts[:, None] - zeros, 1 - self.probabilities)
        return float(xlogy(counts, self.weights).sum() + answers.sum())


@dataclass(frozen=True, eq=False)
class LocalLevel(Model):
    """A level that walks at random, seen with noise; nothing is known of where it begins."""

    noise: np.ndarray  # variance of what is seen
    walk: np.ndarray  # variance of a step of the level
    spaces: ClassVar = {"noise": POSITIVE, "walk": POSITIVE}

    def e_step(self, x, sample_weight=None):
        t, steps = len(x), np.diff(np.eye(len(x)), axis=0)
        precision = np.eye(t) / self.noise + steps.T @ steps / self.walk
        covariance = np.linalg.inv(precision)  # of the levels, given x
        level = covariance @ x / self.noise
        seen = ((x - level) ** 2).sum() + np.trace(covariance)
        walked = ((steps @ level) ** 2).sum() + np.trace(steps @ covariance @ steps.T)
        log_likelihood = -0.5 * (
            t * np.log(self.noise) + (t - 1) * np.log(2 * np.pi * self.walk)
            + np.linalg.slogdet(precision)[1] + x @ (x - level) / self.noise
        )  # fmt: skip
        counts = np.array([float(t), t - 1.0])
        return Expectation(float(log_likelihood), counts, (np.array([seen, walked]),))

    def m_step(self, expectation):
        [squares] = expectation.statistics
        noise, walk = squares / expectation.counts
        return replace(self, noise=noise, walk=walk)

    def complete_log_likelihood(self, expectation):
        [squares] = expectation.statistics
        variances = np.array([self.noise, self.walk])
        return float(-0.5 * (expectation.counts * np.log(variances) + squares / variances).sum())
