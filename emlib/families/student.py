"""Mixtures of multivariate t distributions: chapter 11 of the book.

A t distribution is a normal whose width is drawn anew for every row: x_n given u_n is normal with
covariance S_k / u_n, and u_n has a gamma distribution with mean one. So two things are hidden,
the label and u_n. The E-step's expectation of u_n is small where a row is far out; the M-step is
that of normals with these weights, and one equation for the degrees of freedom.

What whitening does is said in `gaussian.py`; here the scale matrix S_k = L_k L_k^T takes the place
of the covariance. `ecme` and `px_em` are two faster climbs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from emlib import em, initial
from emlib._machinery.blocks import gathered
from emlib._machinery.validation import (
    SMALLEST,
    check_weights,
    data_matrix,
    frozen,
    sample_weights,
)
from emlib._machinery.value import BoolArray, FloatArray, IntArray
from emlib.convergence import EPS
from emlib.coordinates import POSITIVE, REAL, SIMPLEX, Space
from emlib.em import DegenerateError, Expectation, Step
from emlib.families.clouds import Clouds, chosen_columns, default_prior, groups, with_scale
from emlib.families.covariance import Full
from emlib.mixture import COLLAPSED, mixing, posterior, weighted
from emlib.prior import MixturePrior, prior_for

LEAST, MOST = 1e-3, 1e6  # degrees of freedom between which a fit looks for its own
HUGE = 1e150  # what larger numbers count as where they are squared, to be divided by
NORMAL = 200.0  # degrees of freedom from which on a t is as good as a normal
WIDE = 8.0  # interquartile ranges from the median beyond which a row does not shape the start


@dataclass(frozen=True, eq=False)
class StudentTMixture(Clouds):
    """A mixture of K t distributions in D dimensions; with K = 1, the multivariate t.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Mixing weights pi_k; they sum to one.
    means : array_like, shape (K, D)
        Centres mu_k, in the units of the data.
    scales : array_like, shape (K, D, D)
        Scale matrices S_k; the covariance is nu / (nu - 2) times as large, where nu > 2.
    degrees_of_freedom : array_like, shape (K,)
        nu_k > 0: small is heavy-tailed, and towards infinity a component becomes normal.
    fixed_degrees_of_freedom : bool
        Whether these stay as they are in every M-step.
    prior : MixturePrior, optional
        With a `NormalInverseWishart` for centres and scales, conjugate if all u_n were seen.

    Raises
    ------
    ValueError
        If shapes disagree, the weights do not sum to one, a scale is not symmetric and positive
        definite, or degrees of freedom are not positive.

    References
    ----------
    Peel and McLachlan (2000), Statistics and Computing 10:339-348; chapter 11 of the book.

    Examples
    --------
    >>> from emlib import data, em
    >>> x = data.stack_loss()
    >>> start = StudentTMixture.start(x, 1, rng=0, degrees_of_freedom=5, fixed=True)
    >>> em.fit(start, x, tol=1e-9).model.means.round(3)
    array([[58.952, 20.788, 86.053, 16.07 ]])
    """

    weights: FloatArray
    means: FloatArray
    scales: Any  # an array once the model is made
    degrees_of_freedom: FloatArray
    fixed_degrees_of_freedom: bool = False
    prior: MixturePrior | None = None
    labels_alone: ClassVar[bool] = False
    _cov: Full = field(init=False, repr=False, compare=False)  # the scales, with factors L_k

    def __post_init__(self) -> None:
        nu = frozen(self.degrees_of_freedom, "degrees_of_freedom", (len(self.weights),))
        if not (nu > 0).all():
            raise ValueError(f"degrees_of_freedom must be positive, but they are {nu.tolist()}.")
        object.__setattr__(self, "degrees_of_freedom", nu)
        if isinstance(self.scales, Full):  # an M-step has made them: all is well
            self._store(self.weights, self.means, self.scales, "scales")
            return
        weights = check_weights(self.weights)
        means = frozen(self.means, "means", (len(weights), None))
        Full.check_prior(self.prior, *means.shape)
        self._store(
            weights, means, Full.of(self.scales, len(means), means.shape[1], "scales"), "scales"
        )

    @classmethod
    def start(
        cls,
        x: ArrayLike,
        n_components: int,
        rng: int | np.random.Generator,
        method: str = "kmeans",
        degrees_of_freedom: float = 5.0,
        fixed: bool = False,
        prior: MixturePrior | str | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Return a model to start from, with the pooled within-group scale throughout.

        Rows far out shape neither groups nor scale: each column is cut off eight interquartile
        ranges from its median, for the start alone.

        Parameters
        ----------
        x : array_like, shape (N, D)
            Data.
        n_components, rng, method
            As for `initial.responsibilities`.
        degrees_of_freedom : float
            Of every component.
        fixed : bool
            Whether they stay: `fixed_degrees_of_freedom`.
        prior : MixturePrior or "default", optional
            Passed on to the model; "default" stands for `default_prior`. Its scale is added to
            the starting scale, as in an M-step.
        sample_weight : array_like, shape (N,), optional
            Weights of the rows: 2 is two copies, and 0 is absence.

        Raises
        ------
        ValueError
            If the groups leave no spread in some direction: too few rows, a constant column,
            or a column that follows from others.
        """
        generator = np.random.default_rng(rng)
        rows, w = gathered(cls, data_matrix, x, sample_weight, generator)
        Full.refuse_constant_columns(rows)
        rows = _near(rows, w)
        r = initial.responsibilities(rows, n_components, generator, method, w)
        r = r if w is None else r * w[:, None]
        weights, means, within = groups(rows, r)
        if not n_components > 1:
            everything = within
        else:
            everything = groups(rows, r.sum(axis=1, keepdims=True))[2]
        prior = prior_for(prior, cls.default_prior, x, n_components, sample_weight)
        if prior is not None:
            Full.check_prior(prior, *means.shape)
            within = with_scale(within, r.sum(), prior.components)
        Full.require_spread(
            rows, within, everything, n_components, prior is not None, cls.has_types
        )
        nu = np.full(n_components, float(degrees_of_freedom))
        return cls(weights, means, Full.alike(within, n_components), nu, fixed, prior)

    @classmethod
    def default_prior(
        cls, x: ArrayLike, n_components: int, sample_weight: ArrayLike | None = None
    ) -> MixturePrior:
        """Return a weak prior scaled to the data, so that units do not matter to fits with it.

        As `GaussianMixture.default_prior`, of rows cut off as for `start`: rows far out shall
        not make it wide.

        Raises
        ------
        ValueError
            If a column is constant.
        """
        rows, w = gathered(cls, data_matrix, x, sample_weight)
        Full.refuse_constant_columns(rows)
        return default_prior(cls, _near(rows, w), n_components, Full, w)

    # -- E-step ---------------------------------------------------------------------------

    def log_components(self, x: ArrayLike) -> FloatArray:
        """Return the log density of each component, shape (N, K), in nats (eq. 11.2)."""
        return self._log_t(_squares(self._cov.whiten(self.check(x), self.means)))

    def _log_t(self, squares: FloatArray) -> FloatArray:
        """Return log densities (N, K) from squared Mahalanobis distances (K, N)."""
        d, nu = self.means.shape[1], self.degrees_of_freedom[:, None]
        constants = log_constants(self.degrees_of_freedom, d) - self._cov.half_log_determinants
        return (constants[:, None] - (nu + d) / 2 * np.log1p(squares / nu)).T

    def precisions(self, x: ArrayLike) -> FloatArray:
        """Return u_nk, shape (N, K): the expected precision of each row (eq. 11.3).

        One is ordinary; near zero, the row was doubted; the most is (nu + D) / nu, at a centre.
        """
        return self._by_block(
            lambda block: self._precisions(_squares(self._cov.whiten(block, self.means))).T, x
        )

    def _precisions(self, squares: FloatArray) -> FloatArray:
        d, nu = self.means.shape[1], self.degrees_of_freedom[:, None]
        return np.asarray((nu + d) / (nu + squares))

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Return counts and the four sums of `statistics`."""
        y = self._cov.whiten(x, self.means)
        squares = _squares(y)
        log_density, r = posterior(self._log_t(squares) + self.log_weights)
        r, log_likelihood = weighted(r, log_density, w)
        return Expectation(log_likelihood, r.sum(axis=0), self._sums(y, squares, r))

    def statistics(self, x: FloatArray, responsibilities: FloatArray) -> tuple[FloatArray, ...]:
        """Return what the M-step needs besides the counts (eqs. 11.3 and 11.4).

        The sums of r u, (K,); of r u y and of r u y y^T, about the present centres and whitened,
        (K, D) and (K, D, D); and of r (u - 1 - E log u), (K,), which is positive.
        """
        y = self._cov.whiten(x, self.means)
        return self._sums(y, _squares(y), responsibilities)

    def _sums(self, y: FloatArray, squares: FloatArray, r: FloatArray) -> tuple[FloatArray, ...]:
        d, nu = self.means.shape[1], self.degrees_of_freedom
        u = self._precisions(squares)
        excess = (d - squares) / (nu[:, None] + squares)  # u - 1, without its rounding
        surprise = excess - np.log(u) + _gap((nu + d) / 2)[:, None]
        weight = r.T * u
        first, second = self._cov.moments(y, weight)
        return weight.sum(axis=1), first, second, (r.T * surprise).sum(axis=1)

    # -- M-step ---------------------------------------------------------------------------

    def m_step(self, expectation: Expectation) -> Self:
        """Return the maximiser of the expected log joint (eqs. 11.6, 11.8 and 11.13).

        Raises
        ------
        DegenerateError
            If a component is empty or has collapsed.
        """
        return self.m_step_given(expectation, {})

    def m_step_given(self, expectation: Expectation, held: Mapping[str, BoolArray]) -> Self:
        """Return the M-step when some parameters stay: scales are about the centres that do."""
        cov, counts = self._cov, expectation.counts
        weights = mixing(counts, self.prior)
        total, first, second, surprise = expectation.statistics
        nu = self.degrees_of_freedom
        if not self.fixed_degrees_of_freedom:
            nu = np.array([_freedom(c, own) for c, own in zip(surprise / counts, nu, strict=True)])
        sizes = cov.sizes(counts)
        if self.prior is not None:
            kappa, prior_first, prior_second, extra = cov.imaginary(
                self.prior.components, self.means
            )
            total, first, second = total + kappa, first + prior_first, second + prior_second
            sizes = sizes + extra
        shift = first / total[:, None]  # the new centres, in whitened coordinates
        if "means" in held:
            shift[held["means"]] = 0.0
        # about the *new* centres: an expansion that does not need the shift to be the best one
        cross = first[:, :, None] * shift[:, None, :]
        central = second - cross - cross.swapaxes(1, 2) + cov.copies(total, shift)
        central = central / sizes
        if "scales" in held:
            central[held["scales"]] = np.eye(self.means.shape[1])
        means, scales = self.means + cov.colour(shift), cov.scaled(central)
        _refuse_collapse(scales, means)
        return replace(self, weights=weights, means=means, scales=scales, degrees_of_freedom=nu)

    def complete_components(self, expectation: Expectation) -> float:
        """Return the expected log density of rows and precisions, up to a constant."""
        counts, (*rows, surprise) = expectation.counts, expectation.statistics
        _, second = self._moved(expectation.of, *rows)
        logs = (counts * self._cov.half_log_determinants).sum()
        half = self.degrees_of_freedom / 2
        precisions = (counts * _gamma_constant(half) - half * surprise).sum()
        return float(-0.5 * self._cov.trace(second) - logs + precisions)

    def score_components(self, expectation: Expectation) -> dict[str, FloatArray]:
        """Return the slope of Q + log prior by centres, scales and degrees of freedom."""
        *rows, surprise = expectation.statistics
        by_means, by_scales = self._slopes(expectation, *rows)
        by_nu = 0.5 * (expectation.counts * _gap(self.degrees_of_freedom / 2) - surprise)
        return {"means": by_means, "scales": by_scales, "degrees_of_freedom": by_nu}

    def log_prior_components(self) -> float:
        """Return the log density of centres and scales under the prior."""
        if self.prior is None:
            return 0.0
        return self._cov.log_prior(self.prior.components, self.means)

    # -- the rest -------------------------------------------------------------------------

    @property
    def spaces(self) -> dict[str, Space]:
        """K - 1 weights, K D centres, K D (D + 1) / 2 of scales, and K degrees of freedom."""
        spaces = {"weights": SIMPLEX, "means": REAL, "scales": self._cov.space}
        return (
            spaces if self.fixed_degrees_of_freedom else {**spaces, "degrees_of_freedom": POSITIVE}
        )

    @property
    def _own(self) -> list[str]:
        """What each component has its own of: degrees of freedom too where these are fixed."""
        return ["weights", "means", "scales", "degrees_of_freedom"]

    def draw(self, z: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw x_n: centre + L times standard normals / sqrt(u_n), with a u_n for each row."""
        half = self.degrees_of_freedom[z] / 2
        u = rng.gamma(half) / half
        return self.means[z] + self._cov.draw(z, rng) / np.sqrt(u)[:, None]

    def marginal(self, columns: ArrayLike) -> Self:
        """Return the mixture of some columns of x: t again, with the same degrees of freedom.

        Parameters
        ----------
        columns : array_like of int, shape (M,)
            Which columns, in the order in which they shall be.

        Returns
        -------
        StudentTMixture
            In M dimensions; a prior is left behind.

        Raises
        ------
        ValueError
            If a column is named twice, or is none of x.
        """
        c = chosen_columns(columns, self.means.shape[1])
        scales = self.scales[:, c][:, :, c]
        return replace(self, means=self.means[:, c], scales=scales, prior=None)

    def distances(self) -> FloatArray:
        """Return how different components are: as clouds, or in 1 / (1 + nu)."""
        tails = 1 / (1 + self.degrees_of_freedom)
        return np.maximum(super().distances(), abs(tails[:, None] - tails))

    def doubts(self, counts: FloatArray) -> tuple[str, ...]:
        """Return reasons to suspect this fit: those of clouds, and degrees of freedom at an edge.

        Below D / (N_k - 1) the likelihood has no bound: at any row, the smaller the scale the
        higher (eq. 11.12). From 200 on, tails are as good as a normal's.
        """
        said = list(super().doubts(counts))
        d = self.means.shape[1]
        for k, nu in enumerate(self.degrees_of_freedom):
            name = f"component {k}: the degrees of freedom ({nu:.3g})"
            if nu * (counts[k] - 1) < d:
                said.append(f"{name} are so few that the likelihood has no bound: hold them.")
            elif nu >= NORMAL and not self.fixed_degrees_of_freedom:
                said.append(f"{name} are so many that it is as good as normal.")
        return tuple(said)


# ---------------------------------------------------------------------------------------------
# Two faster climbs
# ---------------------------------------------------------------------------------------------


def px_em(
    model: StudentTMixture, x: Any, sample_weight: ArrayLike | None = None
) -> Iterator[Step[StudentTMixture]]:
    """Yield PX-EM: before each M-step the expected precisions are divided by their mean.

    Parameters
    ----------
    model, x, sample_weight
        As for `em.iterate`; a model without a prior.

    Raises
    ------
    ValueError
        If the model has a prior: the expanded parameter would need one too. If it is another, such
        as one with held scales: with these there is nothing to expand, and the objective falls.

    References
    ----------
    Liu, Rubin and Wu (1998), Biometrika 85:755-770; Kent, Tyler and Vardi (1994) for the t.
    """
    if model.prior is not None:
        raise ValueError("px_em knows no prior: use em.iterate.")
    _require_t("px_em", model)
    while True:
        step = Step(model, em.expect(model, x, sample_weight))
        yield step
        model = model.m_step(_rescaled(step.expectation))


def _require_t(climb: str, model: object) -> None:
    if not isinstance(model, StudentTMixture):
        kind = type(model).__name__
        raise ValueError(f"{climb} is for a StudentTMixture, not for {kind}: use em.iterate.")


def _rescaled(expectation: Expectation) -> Expectation:
    """Return the statistics of u / (mean u of its component) in the place of u (eq. 11.11)."""
    counts, (total, first, second, surprise) = expectation.counts, expectation.statistics
    mean = total / np.where(counts > 0, counts, 1.0)
    mean = np.where(mean > 0, mean, 1.0)
    # u - 1 - log u becomes u / mean - 1 - log u + log mean
    surprise = np.maximum(surprise - (total - counts) + counts * np.log(mean), 0.0)
    statistics = (counts, first / mean[:, None], second / mean[:, None, None], surprise)
    return replace(expectation, statistics=statistics)


def ecme(
    model: StudentTMixture, x: ArrayLike, sample_weight: ArrayLike | None = None
) -> Iterator[Step[StudentTMixture]]:
    """Yield ECME: degrees of freedom from the likelihood of the rows, with no u in the way.

    The other parameters are those of the M-step. Then the labels are weighed once more, and each
    component's degrees of freedom climb the log density of its rows, on which no u stands. (With
    one component that is the log-likelihood itself.)

    Parameters
    ----------
    model, x, sample_weight
        As for `em.iterate`, for one array of data.

    Yields
    ------
    Step
        Counted as two E-steps each: the rows are looked at twice.

    Raises
    ------
    ValueError
        If the model is another, such as one with held parameters.

    References
    ----------
    Liu and Rubin (1994), Biometrika 81:633-648; Liu and Rubin (1995), Statistica Sinica 5:19-39.
    """
    _require_t("ecme", model)
    rows = model.check(x)
    w = sample_weights(sample_weight, len(rows))
    while True:
        step = Step(model, em.expect(model, rows, w), n_e_steps=2)
        yield step
        after = model.m_step(step.expectation)
        model = replace(after, degrees_of_freedom=model.degrees_of_freedom)
        if not model.fixed_degrees_of_freedom:
            model = replace(model, degrees_of_freedom=_observed_freedom(model, rows, w))


def _observed_freedom(model: StudentTMixture, x: FloatArray, w: FloatArray | None) -> FloatArray:
    """Return the degrees of freedom that climb the log density of each component's rows."""
    squares = _squares(model._cov.whiten(x, model.means))
    r = posterior(model._log_t(squares) + model.log_weights)[1].T
    r = r if w is None else r * w
    d = x.shape[1]

    def best(own: FloatArray, q: FloatArray, nu: float) -> float:
        def slope(v: float) -> float:  # twice the derivative, by observation (eq. 11.10)
            rows = (own - d) / (v + own) - np.log1p(own / v)
            digammas = _gap(v / 2) - _gap((v + d) / 2) + np.log1p(d / v)
            return float(q @ rows / q.sum() + digammas)

        def height(v: float) -> float:
            return float(q @ (log_constants(v, d) - (v + d) / 2 * np.log1p(own / v)))

        found = _uphill(slope, nu)
        return found if height(found) > height(nu) else nu

    each = zip(squares, r, model.degrees_of_freedom, strict=True)
    return np.array([best(own, q, float(nu)) for own, q, nu in each])


def _uphill(slope: Callable[[float], float], nu: float) -> float:
    """Return the first zero of a slope on the way up from nu, or the edge of the range."""
    from scipy.optimize import brentq  # here: a quarter of what `import emlib` would take

    up = slope(nu) > 0
    low = nu
    while (slope(low) > 0) == up:
        nu, low = low, low * (2.0 if up else 0.5)
        if not LEAST < low < MOST:
            return min(max(low, LEAST), MOST)
    return float(brentq(slope, min(nu, low), max(nu, low), xtol=1e-12, rtol=1e-14))


# ---------------------------------------------------------------------------------------------
# Numbers
# ---------------------------------------------------------------------------------------------


def _squares(y: FloatArray) -> FloatArray:
    """Return squared lengths (K, N) of whitened data (K, D, N)."""
    return np.asarray(np.einsum("kdn,kdn->kn", y, y))


def _stirling(z: Any) -> Any:
    """Return log Gamma(z) - ((z - 1/2) log z - z + log(2 pi) / 2), for large z."""
    z = np.minimum(z, HUGE)
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * z**2)) / z**2) / z**2) / z


def log_constants(nu: Any, d: int) -> Any:
    """Return the log density of a t at its centre, for S = I, without cancellation for large nu."""
    a, b = np.asarray(nu) / 2, d / 2
    big = np.maximum(a, 30.0)
    series = (big - 0.5 + b) * np.log1p(b / big) - b + _stirling(big + b) - _stirling(big)
    small = np.minimum(a, 30.0)
    direct = gammaln(small + b) - gammaln(small) - b * np.log(small)
    return np.where(a > 30, series, direct) - b * np.log(2 * np.pi)


def _gamma_constant(a: FloatArray) -> FloatArray:
    """Return a log a - a - log Gamma(a), without cancellation for large a."""
    big, small = np.maximum(a, 30.0), np.minimum(a, 30.0)
    series = 0.5 * np.log(big / (2 * np.pi)) - _stirling(big)
    return np.where(a > 30, series, small * np.log(small) - small - gammaln(small))


def _gap(a: Any) -> Any:
    """Return log a - digamma(a), which falls from infinity to zero, between 1/(2a) and 1/a."""
    big, small = np.clip(a, 1e3, HUGE), np.minimum(a, 1e3)
    series = (1 / 2 + (1 / 12 - 1 / (120 * big**2)) / big) / big
    return np.where(np.asarray(a) > 1e3, series, np.log(small) - digamma(small))


def _freedom(surprise: float, own: float) -> float:
    """Return nu where log(nu/2) - digamma(nu/2) is the mean surprise (eq. 11.8).

    The bounds of `_gap` bracket it. Between LEAST and MOST, or the model's own.
    """
    from scipy.optimize import brentq  # here: a quarter of what `import emlib` would take

    low, high = min(LEAST, own), max(MOST, own)
    if surprise <= 1 / high:  # the root a >= 1/(2c) is at least high / 2
        return high
    root = brentq(lambda a: float(_gap(a)) - surprise, 0.4 / surprise, 1.1 / surprise, rtol=1e-14)
    return float(np.clip(2 * root, low, high))


def _near(x: FloatArray, w: FloatArray | None) -> FloatArray:
    """Return rows cut off far from the middle half of each column, if that has a width."""
    both = np.array([1 - 1e-9, 1 + 1e-9])  # sides of a quarter: it may lie between two rows
    sides = np.quantile(
        x, np.outer([0.25, 0.5, 0.75], both), axis=0, weights=w, method="inverted_cdf"
    )  # that way, 2 is two copies
    low, middle, high = sides.mean(axis=1)
    reach = np.where(high > low, WIDE * (high - low), np.inf)
    return np.clip(x, middle - reach, middle + reach)


def _refuse_collapse(scales: Full, means: FloatArray) -> None:
    """Raise if a scale is flat in some direction, or as small as rounding at its centre."""
    variances = np.diagonal(scales.values, axis1=1, axis2=2)
    floor = np.maximum(COLLAPSED * variances, (8 * EPS * means) ** 2)
    with np.errstate(invalid="ignore"):
        flat = ~(scales.diagonal**2 > np.maximum(floor, SMALLEST**2))  # NaN counts as flat
    if flat.any():
        k = int(flat.any(axis=1).argmax())
        whose, cure = (
            ("a t with few degrees of freedom", "Hold them higher, or use a prior")
            if len(means) == 1
            else ("a mixture of t", "Use other starts, fewer components or a prior")
        )
        raise DegenerateError(
            f"component {k} has collapsed onto a point or a plane near x = "
            f"{np.array2string(means[k], precision=6)}, where the likelihood of "
            f"{whose} has no bound. {cure} (chapter 11).",
            k,
        )
