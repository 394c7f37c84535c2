"""ABO beside scipy's multinomial and optimiser, its bound, its calculus, and lost alleles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from emlib import data, em
from emlib.families.abo import ABO, GENES, GENOTYPES, PHENOTYPES

X = data.blood_groups()
START = ABO([0.3, 0.2, 0.5])
NAN = np.nan


@st.composite
def models(draw):
    odds = np.array([draw(st.floats(0.02, 1)) for _ in range(3)])
    return ABO(odds / odds.sum())


shares = st.tuples(st.floats(0, 1), st.floats(0, 1))


# --- the model


@given(model=models())
def test_genotypes_are_two_genes_drawn_independently(model):
    p = dict(zip("ABO", model.frequencies, strict=True))
    square = {}
    for first in "ABO":
        for second in "ABO":
            genotype = "".join(sorted(first + second))
            square[genotype] = square.get(genotype, 0) + p[first] * p[second]
    expected = [square[genotype] for genotype in GENOTYPES]
    np.testing.assert_allclose(model.genotype_probabilities, expected, rtol=1e-14)
    shown = {"A": ("AA", "AO"), "B": ("BB", "BO"), "AB": ("AB",), "O": ("OO",)}
    groups = [sum(square[g] for g in shown[group]) for group in PHENOTYPES]
    np.testing.assert_allclose(model.phenotype_probabilities, groups, rtol=1e-14)
    hidden = [square["AO"] / groups[0], square["BO"] / groups[1]]
    np.testing.assert_allclose(model.responsibilities, hidden, rtol=1e-13)


def test_every_genotype_has_two_genes():
    assert GENOTYPES == ("AA", "AO", "BB", "BO", "AB", "OO")
    assert PHENOTYPES == ("A", "B", "AB", "O")
    np.testing.assert_array_equal(
        GENES, [[2, 1, 0, 0, 1, 0], [0, 0, 2, 1, 1, 0], [0, 1, 0, 1, 0, 2]]
    )


@given(model=models())
def test_log_likelihood_is_that_of_scipy(model):
    oracle = stats.multinomial.logpmf(X, X.sum(), model.phenotype_probabilities)
    assert model.log_likelihood(X) == pytest.approx(oracle, rel=1e-11)
    assert model.e_step(X).log_likelihood == pytest.approx(oracle, rel=1e-11)


# --- the bound


@given(model=models(), q=shares)
def test_elbo_plus_kl_is_log_likelihood(model, q):
    assert model.elbo(X, q) + model.kl(X, q) == pytest.approx(model.log_likelihood(X), rel=1e-12)
    assert model.kl(X, q) >= 0


@given(model=models())
def test_elbo_touches_at_the_responsibilities(model):
    q = model.responsibilities
    assert model.elbo(X, q) == pytest.approx(model.log_likelihood(X), rel=1e-12)
    assert model.kl(X, q) == 0


@given(model=models(), other=models())
def test_m_step_maximises_the_bound_and_never_lowers_the_likelihood(model, other):
    q = model.responsibilities
    best = model.m_step(model.e_step(X))
    assert best.elbo(X, q) >= other.elbo(X, q) - 1e-12 * abs(other.elbo(X, q))
    assert best.log_likelihood(X) >= model.log_likelihood(X) - 1e-12


@given(model=models())
def test_fisher_identity(model):
    h, q = 1e-6, model.responsibilities

    def slope(f, direction):
        step = h * np.array(direction)
        return (f(ABO(model.frequencies + step)) - f(ABO(model.frequencies - step))) / (2 * h)

    for direction in ([1, 0, -1], [0, 1, -1]):
        of_likelihood = slope(lambda m: m.log_likelihood(X), direction)
        of_bound = slope(lambda m: m.elbo(X, q), direction)
        assert of_likelihood == pytest.approx(of_bound, rel=1e-4, abs=1e-4)


# --- the steps


def test_e_step_splits_groups_a_and_b():
    counts = ABO([0.2, 0.1, 0.7]).e_step(X).counts
    np.testing.assert_allclose(counts, [23.25, 162.75, 38 / 15, 38 * 14 / 15, 13, 284], rtol=1e-14)


@given(model=models())
def test_m_step_counts_genes(model):
    """The update of Smith (1957), written out."""
    a, b, o = model.frequencies
    n_a, n_b, n_ab, n_o = X
    aa, bb = n_a * a / (a + 2 * o), n_b * b / (b + 2 * o)
    after = model.m_step(model.e_step(X)).frequencies
    new_a, new_b = (n_a + aa + n_ab) / (2 * 521), (n_b + bb + n_ab) / (2 * 521)
    np.testing.assert_allclose(after, [new_a, new_b, 1 - new_a - new_b], rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_rows_blocks_and_weights_add(seed):
    rng = np.random.default_rng(seed)
    model = ABO(rng.dirichlet(np.full(3, 5.0)))
    x = rng.multinomial(50, [0.4, 0.1, 0.1, 0.4], size=6)
    copies = rng.integers(0, 3, 6)
    whole = model.e_step(x, copies)
    repeated = model.e_step(np.repeat(x, copies, axis=0)) if copies.any() else whole
    blocked = em.expect(model, [x[:2], x[2:]], copies)
    for other in (repeated, blocked):
        np.testing.assert_allclose(other.counts, whole.counts, rtol=1e-12, atol=1e-14)
        assert other.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)


def test_one_sample_may_be_a_row_or_a_vector_and_samples_add():
    assert START.log_likelihood(X) == START.log_likelihood(X[None])
    q = [0.3, 0.9]
    assert START.elbo([X, X], q) == pytest.approx(2 * START.elbo(X, q), rel=1e-14)
    assert START.kl([X, X], q) == pytest.approx(2 * START.kl(X, q), rel=1e-14)
    both = em.fit(START, [[100, 20, 5, 200], [86, 18, 8, 84]], tol=1e-12)
    np.testing.assert_allclose(
        both.model.frequencies, em.fit(START, X, tol=1e-12).model.frequencies, atol=1e-8
    )


# --- the limit


@given(model=models())
def test_every_start_leads_to_the_optimum_that_scipy_finds(model):
    def loss(v):
        p = np.exp([*v, 0]) / np.exp([*v, 0]).sum()
        groups = [p[0] * (p[0] + 2 * p[2]), p[1] * (p[1] + 2 * p[2]), 2 * p[0] * p[1], p[2] ** 2]
        return -X @ np.log(groups)

    best = optimize.minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-5}).x
    fit = em.fit(model, X, tol=1e-12)
    assert fit.converged
    p = np.exp([*best, 0])
    np.testing.assert_allclose(fit.model.frequencies, p / p.sum(), atol=1e-6)


def test_without_ab_and_b_there_is_a_closed_form():
    """Two alleles: group O is p_O^2 of the people."""
    fit = em.fit(START, [36, 0, 0, 64], tol=1e-13)
    assert fit.converged
    np.testing.assert_allclose(fit.model.frequencies, [0.2, 0, 0.8], atol=1e-7)
    assert fit.model.frequencies[1] == 0


@pytest.mark.parametrize(
    ("counts", "limit"),
    [([0, 0, 0, 7], [0, 0, 1]), ([0, 0, 7, 0], [0.5, 0.5, 0]), ([0, 5, 0, 20], None)],
)
def test_a_lost_allele_is_an_estimate_and_no_failure(counts, limit):
    fit = em.fit(START, counts, tol=1e-12)
    assert fit.converged
    assert (fit.model.frequencies == 0).any()
    assert np.isfinite(fit.objective).all()
    if limit is not None:
        np.testing.assert_array_equal(fit.model.frequencies, limit)


def test_a_lost_allele_stays_lost_and_its_groups_are_impossible():
    no_b = ABO([0.4, 0.0, 0.6])
    assert no_b.log_likelihood([10, 0, 0, 20]) == pytest.approx(
        stats.binom.logpmf(10, 30, 0.64), rel=1e-12
    )
    assert em.fit(no_b, [10, 0, 0, 20]).model.frequencies[1] == 0
    assert no_b.log_likelihood(X) == -np.inf
    assert no_b.elbo(X, [0.5, 0.5]) == -np.inf
    assert no_b.kl([10, 0, 0, 20], [0.5, 0.5]) < np.inf
    message = r"x: 1 row impossible under the model \(row 1\)\. Start from frequencies above zero"
    with pytest.raises(ValueError, match=message):
        em.fit(no_b, [[10, 0, 0, 20], X])
    absent = no_b.e_step([[10, 0, 0, 20], X], [1, 0])
    np.testing.assert_array_equal(absent.counts, no_b.e_step([10, 0, 0, 20]).counts)


def test_a_group_that_cannot_occur_has_no_responsibility():
    only_b = ABO([0.0, 1.0, 0.0])
    np.testing.assert_array_equal(only_b.responsibilities, [0, 0])
    np.testing.assert_array_equal(only_b.e_step([0, 9, 0, 0]).counts, [0, 0, 9, 0, 0, 0])
    assert only_b.kl([0, 9, 0, 0], [0.5, 0.0]) == 0


# --- a value, and what is refused


def test_abo_is_a_value():
    p = np.array([0.3, 0.2, 0.5])
    model = ABO(p)
    p[0] = 7.0
    assert model == START != ABO([0.2, 0.3, 0.5])
    with pytest.raises(ValueError, match="read-only"):
        model.frequencies[0] = 1.0
    with pytest.raises(AttributeError):
        model.frequencies = p
    assert model.log_prior() == 0.0


def test_bic_counts_people_and_not_tables():
    model = em.fit(START, X).model
    for x, w in ((X, None), ([X - 10, np.full(4, 10)], None), ([X, X], [1, 0])):
        wanted = -2 * model.log_likelihood(x, w) + 2 * np.log(X.sum())
        assert model.bic(x, w) == pytest.approx(wanted, rel=1e-12)
    assert model.bic(X, [3]) == pytest.approx(
        -6 * model.log_likelihood(X) + 2 * np.log(3 * X.sum()), rel=1e-12
    )


UNUSABLE = {
    "sum": (lambda: ABO([0.3, 0.2, 0.6]), r"frequencies must .* sum to 1, .* with sum 1.1\. Div"),
    "negative": (lambda: ABO([0.7, -0.2, 0.5]), "frequencies must be non-negative"),
    "NaN": (lambda: ABO([0.7, NAN, 0.5]), "frequencies must be finite"),
    "two": (lambda: ABO([0.5, 0.5]), r"frequencies must have shape \(3,\), not \(2,\)"),
    "negative count": (
        lambda: em.fit(START, [[1, 2, 3, 4], [1, 2, -3, 4]]),
        r"x: 1 row not made of non-negative whole numbers \(row 1\)\. Give counts of people",
    ),
    "half a person": (lambda: START.log_likelihood([1, 2, 3.5, 4]), r"\(row 0\)"),
    "count NaN": (lambda: START.elbo([1, 2, NAN, 4], [0.5, 0.5]), r"\(row 0\)"),
    "count infinite": (lambda: START.kl([np.inf, 2, 1, 4], [0.5, 0.5]), r"\(row 0\)"),
    "three groups": (lambda: em.fit(START, [1, 2, 3]), r"\(4,\) or \(N, 4\), not \(3,\)"),
    "cube": (lambda: em.fit(START, np.ones((2, 2, 4))), "x must have shape"),
    "empty": (lambda: em.fit(START, np.empty((0, 4))), "x must have shape"),
    "nobody": (lambda: em.fit(START, [0, 0, 0, 0]), "x counts no people"),
    "no weight": (lambda: em.fit(START, X, sample_weight=[0]), "all sample weights are zero"),
    "weights": (lambda: START.e_step(X, [1, 2]), r"sample_weight must have shape \(1,\)"),
    "one q": (lambda: START.elbo(X, 0.5), "q must be two probabilities, but it is 0.5"),
    "q above one": (lambda: START.elbo(X, [0.5, 1.5]), "q must be two probabilities"),
    "q below zero": (lambda: START.kl(X, [-0.5, 0.5]), "q must be two probabilities"),
    "q NaN": (lambda: START.kl(X, [NAN, 0.5]), "q must be two probabilities"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_the_unusable_is_refused(name):
    call, message = UNUSABLE[name]
    with pytest.raises(ValueError, match=message):
        call()
