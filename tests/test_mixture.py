"""Every law for every mixture family, and what `Mixture` itself promises."""

from dataclasses import replace

import numpy as np
import pytest

from cases import CASES, parameters
from emlib import BinomialMixture, DegenerateError, GaussianMixture1D, Mixture, PoissonMixture, em
from emlib import mixture as mixture_module
from emlib import rows as rows_module
from laws import LAWS, assert_law, assert_same_expectation, assert_same_model

families = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@families
def test_law(law, case):
    assert_law(law, case, 9)


# --- data in blocks


class Reader:
    """A custom re-iterable, as for a memory-mapped file: blocks of rows, read when needed."""

    def __init__(self, array, size):
        self.array, self.size = array, size

    def __iter__(self):
        for start in range(0, len(self.array), self.size):
            yield self.array[start : start + self.size]


@families
def test_a_memory_mapped_reader_gives_the_model_of_the_whole(case, tmp_path):
    start, x = case.clear(np.random.default_rng(0))
    np.save(tmp_path / "x.npy", x)
    reader = Reader(np.load(tmp_path / "x.npy", mmap_mode="r"), 7)
    whole, blocked = em.fit(start, x, tol=1e-9), em.fit(start, reader, tol=1e-9)
    assert blocked.n_iter == whole.n_iter
    assert_same_model(blocked.model, whole.model, tol=1e-12)
    np.testing.assert_allclose(blocked.objective, whole.objective, rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 3, 24, 25, 1000])
@families
def test_e_step_works_block_by_block_inside(case, rows, monkeypatch):
    model, x = case.draw(np.random.default_rng(1))
    w = np.arange(len(x)) % 3
    whole = model.e_step(x, w)
    numbers = model.n_components * (x.shape[1] if x.ndim == 2 else 1)
    monkeypatch.setattr(rows_module, "BLOCK", rows * numbers)
    monkeypatch.setattr(rows_module, "LONG", 1)
    monkeypatch.setattr(rows_module, "FEWEST", 1)
    log_joint_sizes = []
    original = mixture_module.posterior

    def spy(log_joint):
        log_joint_sizes.append(len(log_joint))
        return original(log_joint)

    monkeypatch.setattr(mixture_module, "posterior", spy)
    for family in ("gaussian", "incomplete", "student"):
        monkeypatch.setattr(f"emlib.families.{family}.posterior", spy)
    assert_same_expectation(model.e_step(x, w), whole)
    assert max(log_joint_sizes) <= rows
    assert sum(log_joint_sizes) == (w > 0).sum()


@families
def test_a_block_of_weight_zero_is_absent(case):
    model, x = case.draw(np.random.default_rng(0))
    w = np.ones(len(x))
    w[:5] = 0
    parts = em.expect(model, [x[:5], x[5:]], w)
    assert_same_expectation(parts, model.e_step(x[5:]))
    assert_same_expectation(parts, em.expect(model, [x[5:], x[:5]], np.roll(w, -5)))


# --- models are values


@families
def test_a_model_copies_what_it_is_given_and_cannot_be_changed(case):
    model, _ = case.draw(np.random.default_rng(2))
    arrays = {n: np.array(v) for n, v in parameters(model).items() if isinstance(v, np.ndarray)}
    twin = replace(model, **arrays)
    assert twin == model
    for name, array in arrays.items():
        assert not np.shares_memory(getattr(twin, name), array)
        array[...] = 7.0
        with pytest.raises(ValueError, match="read-only"):
            getattr(twin, name)[...] = 7.0
        with pytest.raises(AttributeError):
            setattr(twin, name, array)
    assert twin == model


@families
def test_models_are_equal_only_if_all_parameters_are(case):
    model, x = case.draw(np.random.default_rng(3))
    assert model == replace(model)
    assert model != model.m_step(model.e_step(x))
    assert model != "a model"
    for other in CASES:
        if type(other.draw(np.random.default_rng(3))[0]) is not type(model):
            assert model != other.draw(np.random.default_rng(3))[0]


def test_options_are_part_of_a_model():
    assert BinomialMixture([1.0], [0.5]) != BinomialMixture([1.0], [0.5], fixed_weights=True)
    assert GaussianMixture1D([1.0], [0.0], 1.0) != GaussianMixture1D([1.0], [0.0], 1.0, True)


@families
def test_fitting_changes_neither_model_nor_data(case):
    model, x = case.clear(np.random.default_rng(4))
    before, w = parameters(model), np.ones(len(x))
    before = {name: np.copy(value) for name, value in before.items()}
    x.setflags(write=False)
    w.setflags(write=False)
    em.fit(model, x, sample_weight=w, max_iter=3)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(model, name), value)


# --- samples


@families
def test_samples_follow_the_model(case):
    model, x = case.draw(np.random.default_rng(5))
    n = 40_000
    y, z = model.sample(n, 6)
    assert len(y) == len(z) == n
    assert y.shape[1:] == x.shape[1:]
    share = np.bincount(z, minlength=model.n_components) / n
    np.testing.assert_allclose(share, model.weights, atol=5 * 0.5 / np.sqrt(n))
    # The score has mean zero under the model: one M-step on its own sample moves nothing.
    assert_same_model(model.m_step(model.e_step(y)), model, tol=0.1)
    of_own = np.eye(model.n_components)[z]
    refit = model.m_step(
        em.Expectation(0.0, of_own.sum(axis=0), model.statistics(model.check(y), of_own))
    )
    assert_same_model(refit, model, tol=0.1)


@families
def test_samples_are_reproducible_and_seed_0_is_a_seed(case):
    model, _ = case.draw(np.random.default_rng(7))
    first, again, other = (model.sample(50, seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(first, model.sample(50, np.random.default_rng(0))[0])


# --- edges


def test_a_component_of_weight_zero_is_legitimate():
    one = GaussianMixture1D([1.0], [0.5], 2.0)
    two = GaussianMixture1D([1.0, 0.0], [0.5, 9.0], 2.0)
    x = np.array([-1.0, 0.0, 3.0])
    assert two.log_likelihood(x) == pytest.approx(one.log_likelihood(x), rel=1e-14)
    assert (two.responsibilities(x)[:, 1] == 0).all()
    assert two.elbo(x, two.responsibilities(x)) == pytest.approx(one.log_likelihood(x), rel=1e-14)


def test_an_impossible_row_of_weight_zero_is_absent():
    model = BinomialMixture([0.5, 0.5], [1.0, 1.0])
    expectation = model.e_step([[3, 3], [1, 3]], [1, 0])
    assert_same_expectation(expectation, model.e_step([[3, 3]]))


def test_the_bound_is_minus_infinity_if_q_allows_the_impossible():
    two = GaussianMixture1D([1.0, 0.0], [0.5, 9.0], 2.0)
    assert two.elbo([0.0], [[0.5, 0.5]]) == -np.inf


def test_far_outliers_do_not_underflow():
    model = GaussianMixture1D([0.5, 0.5], [0.0, 1.0], 1e-4)
    x = np.array([1e3, -1e3])
    np.testing.assert_array_equal(model.responsibilities(x), [[0.0, 1.0], [1.0, 0.0]])
    assert np.isfinite(model.log_likelihood(x))


def test_an_emptied_component_is_degenerate():
    with pytest.raises(DegenerateError, match=r"component 1 is empty.*chapter 5") as caught:
        mixture_module.mixing(np.array([5.0, 0.0]))
    assert caught.value.component == 1


def test_a_family_must_define_its_four_methods():
    class Nothing(Mixture):
        weights = np.ones(1)

    nothing = Nothing()
    for call in (
        lambda: nothing.log_joint([1.0]),
        lambda: nothing.statistics(np.ones(1), np.ones((1, 1))),
        lambda: nothing.m_step(em.Expectation(0.0, np.ones(1))),
        lambda: nothing.n_parameters,
        lambda: nothing.draw(np.zeros(1, int), np.random.default_rng(0)),
    ):
        with pytest.raises(NotImplementedError, match="Nothing"):
            call()
    assert nothing.log_prior() == 0.0


@pytest.mark.parametrize("labels", ["soft", "hard"])
def test_icl_passes_over_the_data_once(labels):
    passes = []

    class Reader:
        def __iter__(self):
            passes.append(1)
            return iter([np.array([1.0, 2.0]), np.array([7.0])])

    model = PoissonMixture([0.4, 0.6], [1.0, 5.0])
    whole = model.icl([1.0, 2.0, 7.0], labels=labels)
    passes.clear()
    assert model.icl(Reader(), labels=labels) == pytest.approx(whole)
    assert len(passes) == 2  # one of them to see what kind of thing it is


@pytest.mark.parametrize(
    ("q", "words"),
    [
        (np.ones((99_999, 2)), r"q must have shape \(100000, 2\).* not \(99999, 2\)"),
        (np.ones((100_001, 2)), r"q must have shape \(100000, 2\).* not \(100001, 2\)"),
        (np.ones((100_000, 3)), r"q must have shape \(100000, 2\).* not \(100000, 3\)"),
        (np.ones(100_000), r"q must have shape \(100000, 2\).* not \(100000,\)"),
        (np.where(np.arange(200_000) == 1, np.nan, 1.0).reshape(-1, 2), r"q: 1 row .*\(row 0\)"),
        (np.eye(100_000, 2) - [0, 1], r"q: 99999 rows .*\(rows 0, 2, 3, 4, 5"),
    ],
)
def test_a_q_that_is_none_is_refused(q, words):
    with pytest.raises(ValueError, match=words):
        GaussianMixture1D([0.5, 0.5], [0.0, 1.0], 1.0).expect_under(np.zeros(100_000), q)


def test_bad_rows_under_any_q_are_those_of_x():
    x = np.zeros(100_000)
    x[[3, 99_998]] = np.nan
    for data in (x, [x[:5], x[5:]]):
        with pytest.raises(ValueError, match="NaN"):
            GaussianMixture1D([1.0], [0.0], 1.0).expect_under(data, np.ones((100_000, 1)))
    with pytest.raises(ValueError, match=r"1 row with NaN .*\(row 99998\)"):
        GaussianMixture1D([1.0], [0.0], 1.0).expect_under(
            np.where(np.arange(100_000) == 3, 0.0, x), np.ones((100_000, 1))
        )


@pytest.mark.parametrize("temperature", [-1.0, np.nan, np.inf])
def test_a_temperature_is_no_less_than_zero(temperature):
    model = GaussianMixture1D([0.5, 0.5], [0.0, 1.0], 1.0)
    with pytest.raises(ValueError, match="temperature must"):
        model.elbo([0.0], [[0.5, 0.5]], temperature)


def test_what_is_impossible_has_no_most_probable_component():
    model = PoissonMixture([0.5, 0.5], [0.0, 0.0])
    assert model.predict([0]) == [0]
    for ask in (model.predict, model.responsibilities, model.e_step):
        with pytest.raises(ValueError, match=r"impossible under every component \(row 1\)"):
            ask([0, 3])
