"""Laws as functions of a `Case` and a random generator: of every model, and of every mixture.

The data of a case are an array of rows, or a list of sequences; either way they are made of
pieces that are independent of one another (`take`, `pieces`), each with a weight of its own.
"""

import os
import pickle
from dataclasses import replace
from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr

from cases import Case, parameters, relabel
from emlib import Mixture, em
from emlib.coordinates import pack, pull, unpack
from emlib.differences import gradient
from emlib.em import Expectation

# --- comparing


def assert_same_model(a, b, tol=1e-9):
    """Compare all parameters, relative to the largest of each."""
    assert type(a) is type(b)
    for (name, left), right in zip(parameters(a).items(), parameters(b).values(), strict=True):
        if isinstance(left, np.ndarray):
            assert left.shape == right.shape, name
            scale = max(1.0, np.abs(left).max())
            np.testing.assert_allclose(left, right, rtol=0, atol=tol * scale, err_msg=name)
        elif hasattr(left, "m_step"):
            assert_same_model(left, right, tol)
        elif isinstance(left, float):
            assert abs(left - right) <= tol, name
        else:
            assert left == right, name


def assert_same_expectation(a, b, tol=1e-12):
    pairs = zip(
        (a.log_likelihood, a.counts, *a.statistics),
        (b.log_likelihood, b.counts, *b.statistics),
        strict=True,
    )
    for left, right in pairs:
        if isinstance(left, Expectation):
            assert_same_expectation(left, right, tol)
            continue
        scale = max(1.0, np.abs(left).max(initial=0.0))
        np.testing.assert_allclose(left, right, rtol=0, atol=tol * scale)


def assert_same_fit(fit, wanted):
    assert fit.status == wanted.status
    assert fit.n_iter == wanted.n_iter
    assert_same_model(fit.model, wanted.model, 1e-9)
    np.testing.assert_allclose(fit.objective, wanted.objective, rtol=1e-12)


def slopes(rng, function, vector, h=1e-5):
    """Return central differences along some random orthogonal directions (six at most)."""
    n = len(vector)
    directions = np.linalg.qr(rng.standard_normal((n, min(n, 6))))[0].T
    return np.array(
        [(function(vector + h * e) - function(vector - h * e)) / (2 * h) for e in directions]
    )


def random_distributions(rng, n, k):
    """Return q (N, K) with rows that sum to one, some of them with exact zeros."""
    q = rng.dirichlet(np.ones(k), n)
    q[: n // 4] = np.eye(k)[rng.integers(k, size=n // 4)]
    return q


def take(x, index):
    """Return some rows of an array, or entries of a list, by their numbers."""
    return x[index] if isinstance(x, np.ndarray) else [x[i] for i in index]


def pieces(rng, x, *more):
    """Cut the data, and `more` alike, into blocks of random sizes."""
    cuts = np.sort(rng.choice(np.arange(1, len(x)), size=rng.integers(1, 4), replace=False))
    index = np.split(np.arange(len(x)), cuts)
    cut = [[take(array, i) for i in index] for array in (x, *more)]
    return cut if more else cut[0]


class Again:
    """A re-iterable that is no list."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


def objective(model, x):
    """Return what EM climbs."""
    return em.expect(model, x).log_likelihood + model.log_prior()


# ---------------------------------------------------------------------------------------------
# Of every model
# ---------------------------------------------------------------------------------------------


def expectations_add_over_blocks(case: Case, rng):
    model, x = case.draw(rng)
    first, *others = (em.expect(model, block) for block in pieces(rng, x))
    assert_same_expectation(em.expect(model, x), sum(others, first))


def blocks_of_any_sizes_give_the_model_of_the_whole(case: Case, rng):
    start, x = case.clear(rng)
    w = rng.uniform(0.5, 2, len(x))
    steps: dict[str, list[em.Step]] = {"whole": [], "blocked": []}
    whole = em.fit(start, x, sample_weight=w, callback=steps["whole"].append)
    assert whole.converged
    if isinstance(x, np.ndarray):
        parts, weights = pieces(rng, x, w)
        weights = w if rng.random() < 0.5 else weights
    else:  # a sequence cannot be cut: each is a block
        parts, weights = Again(x), Again([np.array([one]) for one in w])
    blocked = em.fit(start, parts, sample_weight=weights, callback=steps["blocked"].append)
    assert blocked.converged
    # Where gains are rounding, the number of steps is too: compare those that both took.
    n = min(blocked.n_iter, whole.n_iter)
    assert_same_model(steps["blocked"][n].model, steps["whole"][n].model, tol=1e-12)
    np.testing.assert_allclose(blocked.objective[: n + 1], whole.objective[: n + 1], rtol=1e-12)


def an_integer_weight_is_that_many_copies(case: Case, rng):
    model, x = case.draw(rng)
    copies = rng.integers(0, 4, len(x))
    copies[0] = 1  # at least one is left
    repeated = take(x, np.repeat(np.arange(len(x)), copies))
    assert_same_expectation(em.expect(model, x, copies), em.expect(model, repeated))


def zero_weight_is_absence(case: Case, rng):
    model, x = case.draw(rng)
    keep = rng.random(len(x)) < rng.choice([0.1, 0.7])
    keep[0] = True
    kept = take(x, np.flatnonzero(keep))
    weights = np.full(keep.sum(), 1.5)
    assert_same_expectation(em.expect(model, x, keep * 1.5), em.expect(model, kept, weights))


def weights_scale_the_statistics_and_nothing_else(case: Case, rng):
    """Without a prior: with one, half the data leave half as much said against it."""
    model, x = case.draw(rng)
    whole, half = em.expect(model, x), em.expect(model, x, np.full(len(x), 0.5))
    assert_same_expectation(half + half, whole)
    assert_same_expectation(half, 0.5 * whole)
    alone = model if getattr(model, "prior", None) is None else replace(model, prior=None)
    assert_same_model(alone.m_step(half), alone.m_step(whole))


def the_pieces_may_come_in_any_order(case: Case, rng):
    model, x = case.draw(rng)
    order = rng.permutation(len(x))
    assert_same_expectation(em.expect(model, x), em.expect(model, take(x, order)))


def em_never_falls(case: Case, rng):
    model, x = case.draw(rng)
    steps = list(islice(em.iterate(model, x), 5))
    own = np.array([objective(step.model, x) for step in steps])
    np.testing.assert_allclose([step.objective for step in steps], own, rtol=1e-12)
    assert (np.diff(own) >= -1e-12 * np.abs(own[1:])).all()


def em_follows_when_the_data_are_moved(case: Case, rng):
    if case.move is None:
        return
    model, x = case.draw(rng)
    seed = rng.integers(2**32)
    moved, y, log_factor = case.move(np.random.default_rng(seed), model, x)
    here, there = em.expect(model, x), em.expect(moved, y)
    n_rows = len(x) if isinstance(x, np.ndarray) else sum(map(len, x))
    shrunk = here.log_likelihood - np.broadcast_to(log_factor, n_rows).sum()
    assert np.isclose(there.log_likelihood, shrunk, rtol=1e-11, atol=1e-8 * n_rows)
    if isinstance(model, Mixture):
        np.testing.assert_allclose(
            moved.log_joint(y), model.log_joint(x) - np.reshape(log_factor, (-1, 1)), atol=1e-8
        )
    after, moved_after = model.m_step(here), moved.m_step(there)
    assert_same_model(moved_after, case.move(np.random.default_rng(seed), after, x)[0])
    # A density of parameters shrinks by a factor that is the same for all of them.
    gain = after.log_prior() - model.log_prior()
    moved_gain = moved_after.log_prior() - moved.log_prior()
    assert np.isclose(gain, moved_gain, rtol=1e-8, atol=1e-7)


def n_parameters_counts_the_free_ones(case: Case, rng):
    model, _ = case.draw(rng)
    vector = pack(model)
    assert getattr(model, "n_parameters", len(vector)) == len(vector)
    assert_same_model(unpack(model, vector), model)


def the_limit_is_a_stationary_fixed_point(case: Case, rng):
    start, x = case.clear(rng)
    fit = em.fit(start, x, tol=0, max_iter=3000)
    assert fit.converged
    limit = fit.model
    assert_same_model(limit.m_step(em.expect(limit, x)), limit, tol=1e-6)
    slope = slopes(rng, lambda v: objective(unpack(limit, v), x), pack(limit))
    np.testing.assert_allclose(slope, 0, atol=1e-6 * len(x))


def a_model_is_a_value(case: Case, rng):
    model, x = case.draw(rng)
    after = model.m_step(em.expect(model, x))
    assert model == pickle.loads(pickle.dumps(model)) == replace(model) != after


# ---------------------------------------------------------------------------------------------
# Of every mixture
# ---------------------------------------------------------------------------------------------


def elbo_plus_kl_is_log_likelihood(case: Case, rng):
    model, x = case.draw(rng)
    r = model.responsibilities(x)
    q = random_distributions(rng, *r.shape)
    kl = rel_entr(q, r).sum()
    assert np.isclose(model.elbo(x, q) + kl, model.log_likelihood(x), rtol=1e-12, atol=1e-10)


def elbo_touches_at_the_responsibilities(case: Case, rng):
    model, x = case.draw(rng)
    elbo = model.elbo(x, model.responsibilities(x))
    assert np.isclose(elbo, model.log_likelihood(x), rtol=1e-13, atol=1e-11)


def responsibilities_are_bayes_rule(case: Case, rng):
    model, x = case.draw(rng)
    joint = np.exp(model.log_joint(x))
    r = model.responsibilities(x)
    np.testing.assert_allclose(r, joint / joint.sum(axis=1, keepdims=True), rtol=1e-10)
    np.testing.assert_allclose(np.exp(model.log_density(x)), joint.sum(axis=1), rtol=1e-10)
    assert (model.predict(x) == r.argmax(axis=1)).all()


def e_step_is_weighted_by_the_responsibilities(case: Case, rng):
    model, x = case.draw(rng)
    r = model.responsibilities(x)
    direct = Expectation(model.log_likelihood(x), r.sum(axis=0), model.statistics(x, r))
    assert_same_expectation(model.e_step(x), direct)


def m_step_maximises_q(case: Case, rng):
    """Or Q + log prior, which is Q without one."""
    model, x = case.draw(rng)
    r = model.responsibilities(x)
    best = model.m_step(model.e_step(x))
    assert best.prior == model.prior

    expectation = em.expect(model, x)

    def goal(v):
        other = unpack(best, v)
        if not case.labels_alone:
            return other.complete_log_likelihood(expectation) + other.log_prior()
        return other.expected_log_joint(x, r) + other.log_prior()

    at = pack(best)
    summit = goal(at)
    for scale in (1e-3, 1e-2, 0.1, 1.0):
        nearby = goal(at + scale * rng.standard_normal(len(at)))
        assert nearby <= summit + 1e-12 * abs(summit)
    np.testing.assert_allclose(slopes(rng, goal, at), 0, atol=1e-5 * len(x))


def m_step_forgets_where_it_came_from(case: Case, rng):
    """Two models with the same responsibilities have the same successor."""
    if not case.labels_alone:
        return  # what else is hidden depends on the model
    model, x = case.draw(rng)
    other = unpack(model, pack(model) + 0.3 * rng.standard_normal(len(pack(model))))
    r = rng.dirichlet(np.full(model.n_components, 3.0), len(x))
    here, there = (m.m_step(Expectation(0.0, r.sum(axis=0), m.statistics(m.check(x), r)))
                   for m in (model, other))  # fmt: skip
    if getattr(model, "fixed_weights", False):
        np.testing.assert_array_equal(here.weights, model.weights)
        np.testing.assert_allclose(here.probabilities, there.probabilities, rtol=1e-12)
    else:
        assert_same_model(here, there)


def rows_may_come_in_any_order(case: Case, rng):
    model, x = case.draw(rng)
    order = rng.permutation(len(x))
    np.testing.assert_array_equal(model.log_joint(x)[order], model.log_joint(x[order]))
    assert_same_expectation(model.e_step(x), model.e_step(x[order]))


def components_have_no_order(case: Case, rng):
    model, x = case.draw(rng)
    order = rng.permutation(model.n_components)
    other = relabel(model, order)
    np.testing.assert_allclose(other.log_joint(x), model.log_joint(x)[:, order], rtol=1e-10)
    assert np.isclose(other.log_prior(), model.log_prior(), rtol=1e-12, atol=1e-12)
    assert_same_model(other.m_step(other.e_step(x)), relabel(model.m_step(model.e_step(x)), order))


def fisher_identity(case: Case, rng):
    """The gradients of log-likelihood and of Q agree where Q was made."""
    model, x = case.draw(rng)
    r, at = model.responsibilities(x), pack(model)

    def difference(v):
        other = unpack(model, v)
        return other.log_likelihood(x) - other.expected_log_joint(x, r)

    np.testing.assert_allclose(slopes(rng, difference, at), 0, atol=1e-6 * len(x))


def statistics_give_q_up_to_a_constant(case: Case, rng):
    """And so its slope, which is that of the log-likelihood: weights included. If they can."""
    model, x = case.draw(rng)
    if type(model).complete_components is Mixture.complete_components:
        return
    w = rng.integers(1, 4, len(x)).astype(float)
    e, at = em.expect(model, x, w), pack(model)
    other = unpack(model, at + 0.3 * rng.standard_normal(len(at)))
    r = model.responsibilities(x)
    higher = other.complete_log_likelihood(e) - model.complete_log_likelihood(e)
    wanted = other.elbo(x, r, 0.0, w) - model.elbo(x, r, 0.0, w)
    if case.labels_alone:
        assert np.isclose(higher, wanted, rtol=1e-9, atol=1e-8)

    def difference(v):
        near = unpack(model, v)
        return near.log_likelihood(x, w) - near.complete_log_likelihood(e)

    np.testing.assert_allclose(slopes(rng, difference, at), 0, atol=1e-6 * w.sum())


def score_is_the_slope_of_q(case: Case, rng):
    """With the log prior; by all free coordinates, anywhere. If the family has formulas for it."""
    model, x = case.draw(rng)
    e, at = em.expect(model, x, rng.integers(1, 4, len(x)).astype(float)), pack(model)
    try:
        model.score(e)
    except NotImplementedError:
        return

    def q(v):
        other = unpack(model, v)
        return other.complete_log_likelihood(e) + other.log_prior()

    there = at + 0.2 * rng.standard_normal(len(at))
    other = unpack(model, there)
    wanted = gradient(q, there)
    close = 1e-8 * max(1.0, abs(wanted).max())
    np.testing.assert_allclose(pull(other, other.score(e)), wanted, rtol=0, atol=close)


def criteria_are_minus_twice_log_likelihood_plus_penalty(case: Case, rng):
    model, x = case.draw(rng)
    deviance, p = -2 * model.log_likelihood(x), model.n_parameters
    r = model.responsibilities(x)
    entropy = -sum(value * np.log(value) for value in r.ravel() if value > 0)
    assert np.isclose(model.aic(x), deviance + 2 * p, rtol=1e-12)
    assert np.isclose(model.bic(x), deviance + p * np.log(len(x)), rtol=1e-12)
    assert np.isclose(model.icl(x), deviance + p * np.log(len(x)) + 2 * entropy, rtol=1e-12)


def criteria_count_copies(case: Case, rng):
    """Weights are copies in the log-likelihood and in every criterion, N included."""
    model, x = case.draw(rng)
    copies = rng.integers(0, 4, len(x))
    copies[0] = 1
    repeated = np.repeat(x, copies, axis=0)
    for name in ("log_likelihood", "aic", "bic", "icl"):
        score = getattr(model, name)
        assert np.isclose(score(x, copies), score(repeated), rtol=1e-12), name
    hard = model.icl(x, copies, labels="hard")
    largest = model.responsibilities(repeated).max(axis=1)
    assert np.isclose(hard, model.bic(repeated) - 2 * np.log(largest).sum(), rtol=1e-12)
    assert hard <= model.icl(x, copies) + 1e-9


MODEL_LAWS = [
    expectations_add_over_blocks,
    blocks_of_any_sizes_give_the_model_of_the_whole,
    an_integer_weight_is_that_many_copies,
    zero_weight_is_absence,
    weights_scale_the_statistics_and_nothing_else,
    the_pieces_may_come_in_any_order,
    em_never_falls,
    em_follows_when_the_data_are_moved,
    n_parameters_counts_the_free_ones,
    the_limit_is_a_stationary_fixed_point,
    a_model_is_a_value,
]
MIXTURE_LAWS = [
    elbo_plus_kl_is_log_likelihood,
    elbo_touches_at_the_responsibilities,
    responsibilities_are_bayes_rule,
    e_step_is_weighted_by_the_responsibilities,
    m_step_maximises_q,
    m_step_forgets_where_it_came_from,
    rows_may_come_in_any_order,
    components_have_no_order,
    fisher_identity,
    statistics_give_q_up_to_a_constant,
    score_is_the_slope_of_q,
    criteria_are_minus_twice_log_likelihood_plus_penalty,
    criteria_count_copies,
]
LAWS = MODEL_LAWS + MIXTURE_LAWS
CLIMBS = [blocks_of_any_sizes_give_the_model_of_the_whole, the_limit_is_a_stationary_fixed_point]


def _seeds():
    """Return three rounds of three seeds, each with 1, 2 and 3 both as first and as second draw.

    Most cases draw the number of components first and then that of features; the rounds together
    hold every pair.
    """
    rounds = [{}, {}, {}]
    for seed in range(1000):
        k, d = np.random.default_rng(seed).integers(1, 4, size=2)
        rounds[(k + d) % 3].setdefault(k, seed)
    return [seed for done in rounds for seed in done.values()]


SEEDS = _seeds()
EXAMPLES = int(os.environ.get("LAW_EXAMPLES", "0"))


def assert_law(law, case: Case, n, climbs=2):
    """Try a law with n seeds.

    A law that climbs is tried with fewer: each costs a whole fit, and data that are clear are
    always of one kind.
    """

    def holds(seed):
        law(case, np.random.default_rng(seed))

    if law in CLIMBS:
        on_seeds(holds, range(climbs), EXAMPLES // 3)
    else:
        on_seeds(holds, SEEDS[:n])


def on_seeds(holds, seeds, examples=EXAMPLES):
    """Try these seeds; a failure says with which.

    With LAW_EXAMPLES=15 in the environment hypothesis chooses as many, as in a part of .ci/run.
    """
    if examples:
        settings(max_examples=examples)(given(seed=st.integers(0, 2**32 - 1))(holds))()
        return
    for seed in seeds:
        try:
            holds(seed)
        except Exception as error:
            error.add_note(f"with seed {seed}")
            raise
