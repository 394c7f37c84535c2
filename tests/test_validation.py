"""Whatever is unusable is refused with a ValueError: which argument, which rows, what to do."""

import numpy as np
import pytest

from emlib import BinomialMixture, GaussianMixture, GaussianMixture1D, Linkage, em, initial

NAN, INF = np.nan, np.inf
LINE = np.array([0.0, 1.0, 2.0, 7.0, 8.0, 9.5])
PLANE = np.column_stack([LINE, LINE**2, np.cos(LINE)])[:, :2]
COINS = np.array([[5, 10], [9, 10], [8, 10]])
ONE_D = GaussianMixture1D([0.5, 0.5], [0, 5], 1.0)
TWO_D = GaussianMixture([0.5, 0.5], [[0, 0], [5, 5]], [np.eye(2)] * 2)
TOSSES = BinomialMixture([0.5, 0.5], [0.3, 0.6])
GENES = Linkage(0.5)


def with_value(array, value, *rows):
    array = np.array(array, dtype=float)
    array[list(rows)] = value
    return array


def fit_1d(x, **options):
    return em.fit(ONE_D, x, **options)


def fit_2d(x, **options):
    return em.fit(TWO_D, x, **options)


def covariance(matrix, kind="full"):
    return GaussianMixture([1.0], [[0, 0]], matrix, kind)


ROWS_OF_DATA = {
    "1d NaN": (
        lambda: fit_1d(with_value(LINE, NAN, 1, 4)),
        r"x: 2 rows with NaN .*\(rows 1, 4\)\. Remove or impute",
    ),
    "1d inf": (
        lambda: fit_1d(with_value(LINE, -INF, 0)),
        r"x: 1 row with NaN or infinite .*\(row 0\)",
    ),
    "1d both infinities": (lambda: fit_1d([INF, 0, -INF]), r"\(rows 0, 2\)"),
    "2d NaN": (lambda: fit_2d(with_value(PLANE, NAN, 3)), r"x: 1 row with NaN .*\(row 3\)"),
    "2d one NaN in a row": (
        lambda: fit_2d([[0, 1], [2, NAN], [3, 4], [INF, 1]]),
        r"x: 2 rows with NaN .*\(rows 1, 3\)",
    ),
    "many rows": (lambda: fit_1d(np.full(9, NAN)), r"9 rows .*\(rows 0, 1, 2, 3, 4, \.\.\.\)"),
    "start NaN 1d": (
        lambda: GaussianMixture1D.start(with_value(LINE, NAN, 2), 2, 0),
        r"x: .*\(row 2\)",
    ),
    "start NaN 2d": (
        lambda: GaussianMixture.start(with_value(PLANE, INF, 2), 2, 0),
        r"x: .*\(row 2\)",
    ),
    "responsibilities": (lambda: TWO_D.responsibilities(with_value(PLANE, NAN, 1)), r"\(row 1\)"),
    "negative heads": (
        lambda: em.fit(TOSSES, [[5, 10], [-1, 10]]),
        r"x: 1 row without 0 <= heads <= tosses.*\(row 1\)",
    ),
    "heads above tosses": (
        lambda: em.fit(TOSSES, [[11, 10], [5, 10], [4, 3]]),
        r"2 rows .*\(rows 0, 2\).*heads, tosses",
    ),
    "no tosses": (lambda: em.fit(TOSSES, [[0, 0]]), r"tosses > 0.*\(row 0\)"),
    "half a head": (
        lambda: em.fit(TOSSES, [[5, 10], [1.5, 10]]),
        r"x: 1 row not made of whole numbers \(row 1\)\. Give counts",
    ),
    "half a toss": (lambda: em.fit(TOSSES, [[5, 10.5]]), "whole numbers"),
    "coins NaN": (lambda: em.fit(TOSSES, [[NAN, 10]]), r"\(row 0\)"),
    "coins inf": (lambda: em.fit(TOSSES, [[1, INF]]), r"\(row 0\)"),
    "coins start": (lambda: BinomialMixture.start([[5, 4]], 1, 0), r"\(row 0\)"),
    "negative count": (
        lambda: em.fit(GENES, [125, -18, 20, 34]),
        r"x: 1 row not made of non-negative whole .*\(row 0\)\. Give",
    ),
    "half an animal": (lambda: em.fit(GENES, [[1, 2, 3, 4], [1, 2, 3.5, 4]]), r"\(row 1\)"),
    "linkage NaN": (lambda: GENES.elbo([1, 2, 3, NAN], 0.2), r"\(row 0\)"),
    "linkage inf": (lambda: GENES.log_likelihood([1, 2, 3, INF]), r"\(row 0\)"),
}

SHAPES_AND_TYPES = {
    "1d given a matrix": (
        lambda: fit_1d(PLANE),
        r"x must have shape \(N,\), not \(6, 2\)\. Use x\[:, 0\]",
    ),
    "2d given a vector": (
        lambda: fit_2d(LINE),
        r"x must have shape \(N, D\), not \(6,\)\. The model has 2 columns",
    ),
    "2d given a cube": (
        lambda: fit_2d(np.ones((2, 2, 2))),
        r"x must have shape \(N, D\), not \(2, 2, 2\)",
    ),
    "a number": (lambda: fit_1d(3.0), r"x must have shape \(N,\), not \(\)"),
    "columns": (lambda: fit_2d(np.ones((6, 3))), "x must have 2 columns as the model has, not 3"),
    "empty 1d": (lambda: fit_1d([]), "x is empty .*at least one row"),
    "empty 2d": (lambda: fit_2d(np.empty((0, 2))), "x is empty"),
    "no columns": (lambda: GaussianMixture.start(np.empty((4, 0)), 1, 0), "x is empty"),
    "an empty block": (lambda: fit_1d([LINE, LINE[:0]]), "x is empty"),
    "coins one column": (
        lambda: em.fit(TOSSES, [5, 9, 8]),
        r"x must have shape \(N, 2\), heads and tosses, not \(3,\)",
    ),
    "coins three columns": (lambda: em.fit(TOSSES, np.ones((2, 3))), r"x must have shape \(N, 2\)"),
    "coins empty": (lambda: em.fit(TOSSES, np.empty((0, 2))), r"x must have shape \(N, 2\)"),
    "linkage shape": (
        lambda: em.fit(GENES, [1, 2, 3]),
        r"x must have shape \(4,\) or \(N, 4\), not \(3,\)",
    ),
    "linkage cube": (lambda: em.fit(GENES, np.ones((2, 2, 4))), r"x must have shape"),
    "linkage empty": (lambda: em.fit(GENES, np.empty((0, 4))), r"x must have shape"),
    "object": (
        lambda: fit_1d(np.array([1.0, 2.0], dtype=object)),
        r"x must hold real numbers, but its type is object\. Convert",
    ),
    "None": (lambda: fit_1d([1.0, None]), "x must hold real numbers"),
    "words": (lambda: fit_1d(["a", "b"]), "x must hold real numbers"),
    "complex": (lambda: fit_1d([1 + 2j]), "x must hold real numbers, but they are complex"),
    "complex parameter": (
        lambda: GaussianMixture1D([1.0], [1j], 1.0),
        "means must hold real numbers",
    ),
    "dates": (lambda: fit_1d(np.array(["2024-01-01"], dtype="M8[D]")), "x must hold real numbers"),
    "ragged": (lambda: fit_2d([[1, 2], [3]]), "x is not an array of numbers"),
    "ragged parameter": (
        lambda: GaussianMixture([1.0], [[1, 2], [3]], [1.0], "spherical"),
        "means is not an array",
    ),
}

WEIGHTS = {
    "sum": (
        lambda: GaussianMixture1D([0.5, 0.6], [0, 1], 1.0),
        r"weights must .* sum to 1, .*\[0.5, 0.6\] with sum 1.1\. Give w / w",
    ),
    "sum 2d": (
        lambda: GaussianMixture([0.5], [[0, 0]], [1.0], "spherical"),
        "weights must .* sum to 1",
    ),
    "sum coins": (lambda: BinomialMixture([0.5, 0.499], [0.1, 0.2]), "weights must .* sum to 1"),
    "negative": (lambda: BinomialMixture([1.5, -0.5], [0.1, 0.2]), "weights must be non-negative"),
    "none": (lambda: BinomialMixture([], []), "weights must"),
    "NaN": (lambda: BinomialMixture([NAN, 1], [0.1, 0.2]), "weights must be finite"),
    "matrix": (
        lambda: BinomialMixture([[0.5, 0.5]], [0.1, 0.2]),
        r"weights must have shape \(any,\), not \(1, 2\)",
    ),
    "sample_weight negative": (
        lambda: fit_1d(LINE, sample_weight=[1, 1, -1, 1, 1, -2]),
        r"sample_weight: 2 rows negative or not finite \(rows 2, 5\)",
    ),
    "sample_weight NaN": (
        lambda: fit_1d(LINE, sample_weight=with_value(np.ones(6), NAN, 3)),
        r"sample_weight: .*\(row 3\)",
    ),
    "sample_weight inf": (
        lambda: fit_2d(PLANE, sample_weight=with_value(np.ones(6), INF, 0)),
        r"sample_weight: .*\(row 0\)",
    ),
    "sample_weight short": (
        lambda: fit_1d(LINE, sample_weight=np.ones(5)),
        r"sample_weight must have shape \(6,\), one weight a row of x, not \(5,\)",
    ),
    "sample_weight matrix": (
        lambda: fit_2d(PLANE, sample_weight=np.ones((6, 2))),
        r"sample_weight must have shape \(6,\)",
    ),
    "sample_weight number": (
        lambda: fit_1d(LINE, sample_weight=2.0),
        r"sample_weight must have shape \(6,\)",
    ),
    "sample_weight words": (
        lambda: fit_1d(LINE, sample_weight=["a"] * 6),
        "sample_weight must hold real numbers",
    ),
    "sample_weight linkage": (
        lambda: em.fit(GENES, [125, 18, 20, 34], sample_weight=[1, 1]),
        r"sample_weight must have shape \(1,\)",
    ),
    "sample_weight more blocks": (
        lambda: fit_2d([PLANE, PLANE], sample_weight=[np.ones(6)] * 3),
        "sample_weight has more blocks than x. Give one array of all weights",
    ),
    "sample_weight fewer blocks": (
        lambda: fit_2d([PLANE] * 3, sample_weight=[np.ones(6)] * 2),
        "x has more blocks than sample_weight",
    ),
    "sample_weight all zero": (
        lambda: fit_1d(LINE, sample_weight=np.zeros(6)),
        "all sample weights are zero",
    ),
}

PARAMETERS = {
    "means 1d": (
        lambda: GaussianMixture1D([0.5, 0.5], [0.0], 1.0),
        r"means must have shape \(2,\), not \(1,\)",
    ),
    "means 2d": (
        lambda: GaussianMixture([1.0], [0.0, 1.0], [1.0], "spherical"),
        r"means must have shape \(1, any\)",
    ),
    "means inf": (
        lambda: GaussianMixture1D([1.0], [INF], 1.0),
        r"means must be finite, but it is \[inf\]",
    ),
    "variances shape": (
        lambda: GaussianMixture1D([0.5, 0.5], [0, 1], [1.0]),
        r"variances must have shape \(2,\)",
    ),
    "variances zero": (
        lambda: GaussianMixture1D([0.5, 0.5], [0, 1], [1.0, 0.0]),
        r"variances must be positive, .*\[1.0, 0.0\]",
    ),
    "variances negative": (
        lambda: GaussianMixture1D([1.0], [0], -1.0),
        "variances must be positive",
    ),
    "variances unequal": (
        lambda: GaussianMixture1D([0.5, 0.5], [0, 1], [1, 2], True),
        "variances must all be equal when common_variance=True",
    ),
    "probabilities above": (
        lambda: BinomialMixture([1.0], [1.1]),
        r"probabilities must lie in \[0, 1\], but they are \[1.1\]",
    ),
    "probabilities below": (lambda: BinomialMixture([1.0], [-0.1]), "probabilities must lie in"),
    "probabilities shape": (
        lambda: BinomialMixture([1.0], [0.1, 0.2]),
        r"probabilities must have shape \(1,\)",
    ),
    "theta 0": (lambda: Linkage(0.0), "theta must lie strictly between 0 and 1, but it is 0.0"),
    "theta 1": (lambda: Linkage(1), "theta must lie strictly between"),
    "theta NaN": (lambda: Linkage(NAN), "theta must lie strictly between"),
    "asymmetric": (
        lambda: covariance([[[1, 0.5], [0.4, 1]]]),
        r"covariances\[0\] is not symmetric",
    ),
    "asymmetric tied": (
        lambda: covariance([[1, 0.5], [0.4, 1]], "tied"),
        r"covariances\[0\] is not symmetric",
    ),
    "asymmetric in small units": (
        lambda: covariance([[[1e-12, 0.5e-12], [0.4e-12, 1e-12]]]),
        "not symmetric",
    ),
    "indefinite": (
        lambda: covariance([[[1, 2], [2, 1]]]),
        r"covariances\[0\] is not positive definite",
    ),
    "indefinite second": (
        lambda: GaussianMixture([0.5, 0.5], [[0, 0]] * 2, [np.eye(2), -np.eye(2)]),
        r"covariances\[1\] is not positive",
    ),
    "singular": (lambda: covariance([[[1, 1], [1, 1]]]), "not positive definite"),
    "zero variance diag": (lambda: covariance([[1, 0]], "diag"), "covariances must be positive"),
    "negative spherical": (lambda: covariance([-1], "spherical"), "covariances must be positive"),
    "shape for type": (
        lambda: covariance(np.eye(2)),
        r"covariances must have shape \(1, 2, 2\), not \(2, 2\)",
    ),
    "shape for diag": (lambda: covariance([1.0], "diag"), r"covariances must have shape \(1, 2\)"),
    "covariance NaN": (lambda: covariance([NAN], "spherical"), "covariances must be finite"),
    "covariance_type": (
        lambda: covariance(np.eye(2), "Full"),
        "covariance_type must be one of 'full', 'tied', 'diag', 'spherical', not 'Full'",
    ),
    "covariance_type start": (
        lambda: GaussianMixture.start(PLANE, 1, 0, covariance_type="round"),
        "covariance_type must be one of",
    ),
}

Q = np.full((6, 2), 0.5)
BOUNDS = {
    "q sums": (
        lambda: ONE_D.elbo(LINE, with_value(Q, 0.6, 2)),
        r"q: 1 row not a distribution \(row 2\)\. Rows must",
    ),
    "q negative": (lambda: ONE_D.elbo(LINE, [[1.5, -0.5]] * 6), "q: 6 rows not a distribution"),
    "q NaN": (lambda: ONE_D.expected_log_joint(LINE, with_value(Q, NAN, 5)), r"q: .*\(row 5\)"),
    "q shape": (
        lambda: ONE_D.elbo(LINE, Q.T),
        r"q must have shape \(6, 2\), one row an observation, not \(2, 6\)",
    ),
    "q complex": (lambda: ONE_D.elbo(LINE, Q * 1j), "q must hold real numbers"),
    "q linkage": (
        lambda: GENES.elbo([125, 18, 20, 34], 1.2),
        "q must be a probability, but it is 1.2",
    ),
}

STARTS = {
    "K above N": (
        lambda: GaussianMixture1D.start(LINE, 7, 0),
        "n_components is 7, but x has only 6 rows. Use fewer",
    ),
    "K above N 2d": (lambda: GaussianMixture.start(PLANE, 7, 0, "random"), "n_components is 7"),
    "K above N coins": (lambda: BinomialMixture.start(COINS, 4, 0), "n_components is 4"),
    "K above distinct": (
        lambda: GaussianMixture1D.start([1, 1, 2, 2.0], 3, 0),
        "x has only 2 distinct rows for 3 components. Use",
    ),
    "K above distinct coins": (
        lambda: BinomialMixture.start([[1, 2], [5, 10], [1, 4]], 3, 0),
        "only 2 distinct rows",
    ),
    "K zero": (
        lambda: GaussianMixture.start(PLANE, 0, 0),
        "n_components must be a positive integer, not 0",
    ),
    "K negative": (
        lambda: initial.responsibilities(PLANE, -1, 0),
        "n_components must be a positive integer",
    ),
    "K broken": (
        lambda: GaussianMixture.start(PLANE, 2.0, 0),
        r"n_components must be a positive integer, not 2\.0",
    ),
    "method": (
        lambda: GaussianMixture1D.start(LINE, 2, 0, "em"),
        "method must be one of 'kmeans', .*, not 'em'",
    ),
    "constant column": (
        lambda: GaussianMixture.start(np.column_stack([LINE, np.ones(6)]), 2, 0),
        "x: column 1 is constant. Leave it out",
    ),
    "constant diag": (
        lambda: GaussianMixture.start(
            np.column_stack([np.ones(6), LINE]), 2, 0, covariance_type="diag"
        ),
        "x: column 0 is constant",
    ),
    "dependent column": (
        lambda: GaussianMixture.start(np.column_stack([LINE, 2 * LINE]), 1, 0),
        r"x \(6 rows, 2 columns\): .* column 1 has no spread of its own\. Use",
    ),
    "too few rows": (
        lambda: GaussianMixture.start(PLANE[:3], 2, 0),
        "no spread of its own. Use fewer",
    ),
    "no spread in groups": (
        lambda: GaussianMixture.start(PLANE[:2], 2, 0, covariance_type="spherical"),
        "no spread",
    ),
    "no spread in groups 1d": (
        lambda: GaussianMixture1D.start([1, 1, 2.0], 2, 0),
        r"x \(3 rows\): no spread is left",
    ),
    "all equal": (lambda: GaussianMixture1D.start([1, 1, 1.0], 1, 0), "all values of x are equal"),
}

TABLE = {
    name: row
    for table in (ROWS_OF_DATA, SHAPES_AND_TYPES, WEIGHTS, PARAMETERS, BOUNDS, STARTS)
    for name, row in table.items()
}


@pytest.mark.parametrize("name", TABLE)
def test_what_is_unusable_is_refused(name):
    call, message = TABLE[name]
    with pytest.raises(ValueError, match=message):
        call()


# --- and what is usable is taken


def test_rounding_in_weights_and_symmetry_is_forgiven():
    BinomialMixture([1 / 3, 1 / 3, 1 / 3], [0.1, 0.2, 0.3])
    GaussianMixture1D([0.1] * 10, np.arange(10), 1.0)
    wobble = np.array([[1, 0.5], [0.5 + 1e-15, 1]])
    covariance([wobble])
    covariance([1e-12 * wobble])


def test_very_large_finite_data_are_not_mistaken_for_infinite():
    x = np.array([1.0, 1e308, -1e308])
    model = GaussianMixture1D([1.0], [0.0], 1e300)
    with pytest.raises(ValueError, match=r"2 rows with values of 1e\+152 and more \(rows 1, 2\)"):
        model.responsibilities(x)
    np.testing.assert_array_equal(model.check(x / 1e157), x / 1e157)


def test_booleans_and_lists_are_numbers():
    assert GaussianMixture1D([1.0], [0.0], 1.0).log_likelihood([True, False]) == pytest.approx(
        GaussianMixture1D([1.0], [0.0], 1.0).log_likelihood([1.0, 0.0])
    )


def test_a_constant_column_is_fine_for_spherical_components():
    x = np.column_stack([LINE, np.ones(6)])
    assert em.fit(GaussianMixture.start(x, 1, 0, covariance_type="spherical"), x).converged


def test_rows_without_columns_are_said_to_want_columns():
    with pytest.raises(ValueError, match=r"\(5, 0\)\); at least one column is needed"):
        GaussianMixture.start(np.zeros((5, 0)), 1, rng=0)
    with pytest.raises(ValueError, match=r"\(0, 5\)\); at least one row is needed"):
        GaussianMixture.start(np.zeros((0, 5)), 1, rng=0)
