"""Figures: drawn where asked, described from the data, geometrically right, and seen by all."""

import io
import json
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Ellipse
from matplotlib.text import Annotation

from emlib import (
    BootstrapLRT,
    GaussianMixture,
    GaussianMixture1D,
    PoissonMixture,
    StudentTMixture,
    data,
    em,
    hold,
    labelled,
    plotting,
    select,
)

STYLE = Path(plotting.__file__).with_name("book.mplstyle")
GRID = np.linspace(0.1, 0.9, 81)
FLAT = np.ones((81, 81))
LINE = GaussianMixture1D([1.0], [0.0], 1.0)


@pytest.fixture
def axes():
    fig, pair = plt.subplots(1, 2)
    yield pair
    plt.close(fig)


@pytest.fixture
def ax(axes):
    return axes[0]


def parabola(top, height):
    return height - (GRID - top) ** 2


def model_2d(shift=0.0):
    return GaussianMixture(
        [0.3, 0.7], [[0, 0], [3 + shift, 1]], [[[1, 0.8], [0.8, 2]], [[0.5, -0.2], [-0.2, 0.3]]]
    )


def draw_bound(ax, v):
    return plotting.bound(ax, GRID, parabola(v, 1), parabola(v, 0.5), 0.3, v)


def draw_climb(ax, v):
    return plotting.climb(ax, -np.array([8.0 * v, 2, 0.5, 0.1, 0]), label="EM")


def draw_surface(ax, v):
    values = -((GRID[None] - v) ** 2) - (GRID[:, None] - 0.5) ** 2
    return plotting.surface(ax, GRID, GRID, values, paths=[[[v, 0.2], [0.5, 0.5]]])


def draw_mixture_1d(ax, v):
    x = data.old_faithful()[:, 1]
    model = GaussianMixture1D([0.4, 0.6], [55 * v, 80], [25.0, 36.0])
    return plotting.mixture_1d(ax, model, x, unit=" min")


def draw_clusters(ax, v):
    x, z = data.four_clusters(30, 0)
    return plotting.clusters(ax, x * v, z)


def draw_ellipses(ax, v):
    return plotting.ellipses(ax, model_2d(v))


DRAWINGS = {
    f.__name__.removeprefix("draw_"): f
    for f in (draw_bound, draw_climb, draw_surface, draw_mixture_1d, draw_clusters, draw_ellipses)
}
every_drawing = pytest.mark.parametrize("name", DRAWINGS)


# --- the contract of all plot functions


@every_drawing
def test_the_description_comes_from_the_data(name, axes):
    one, same, other = (
        DRAWINGS[name](ax, v) for ax, v in zip([*axes, axes[0]], (0.4, 0.4, 0.7), strict=True)
    )
    assert one.alt == same.alt != other.alt
    assert len(one.alt) > 50 and one.alt.endswith(".")
    assert any(character.isdigit() for character in one.alt)


@every_drawing
def test_everything_is_drawn_on_the_given_axes_and_nothing_else_changes(name, axes):
    plt.figure()  # the current figure is another one
    before, open_figures = mpl.rcParams.copy(), plt.get_fignums()
    current = plt.gcf()
    drawing = DRAWINGS[name](axes[0], 0.4)
    assert isinstance(drawing, plotting.Drawing)
    assert drawing.artists
    assert axes[0].has_data() and not axes[1].has_data()
    assert mpl.rcParams == before
    assert plt.get_fignums() == open_figures and plt.gcf() is current
    assert not current.axes
    plt.close(current)


@every_drawing
def test_what_is_returned_is_what_was_drawn(name, ax):
    drawing = DRAWINGS[name](ax, 0.4)
    children = set(map(id, ax.get_children()))
    for artist in drawing.artists:
        parts = artist if hasattr(artist, "__iter__") else [artist]
        assert all(id(part) in children for part in parts)


@every_drawing
def test_a_figure_has_always_the_same_bytes(name):
    def picture():
        with plt.style.context(STYLE):
            fig, ax = plt.subplots()
            DRAWINGS[name](ax, 0.4)
            plt.close(fig)
            return plotting.png(fig)

    first = picture()
    assert first.startswith(b"\x89PNG") and first == picture()
    assert b"Software" not in first


# --- what each one shows


def test_bound_touches_and_says_where(ax):
    ll, lower = parabola(0.6, 1.0), parabola(0.6, 1.0) - 2 * (GRID - 0.3) ** 2
    drawing = plotting.bound(ax, GRID, ll, lower, 0.3, 0.4, symbol="t")
    assert "from 0.10 to 0.90, highest near 0.60" in drawing.alt
    assert "current point 0.300" in drawing.alt
    # ll(0.3) = 0.91; the bound rises from there to 0.96 - 0.02; ll is 0.02 above that.
    assert "summit at 0.400, 0.03 nats higher" in drawing.alt
    assert "another 0.02 nats above it" in drawing.alt
    here = drawing.artists[3]
    assert (here.get_xdata()[0], here.get_ydata()[0]) == (0.3, pytest.approx(0.91))
    assert ax.get_xlabel() == "$t$" and ax.get_ylabel() == "nats"
    assert "summit" not in plotting.bound(ax, GRID, ll, lower, 0.3).alt


def test_climb_is_the_distance_from_the_end(ax):
    fit = em.fit(GaussianMixture1D([0.4, 0.6], [55, 80], 36.0), data.old_faithful()[:, 1])
    drawing = plotting.climb(ax, fit.objective)
    (line,) = drawing.artists
    np.testing.assert_array_equal(line.get_xdata(), np.arange(fit.n_iter))
    np.testing.assert_allclose(line.get_ydata(), fit.objective[-1] - fit.objective[:-1])
    assert ax.get_yscale() == "log"
    assert "from 1.1 nats at step 0 to less than a thousandth of that by step 5" in drawing.alt
    with_label = plotting.climb(ax, fit.objective, label="plain EM", k=1)
    assert with_label.artists[-1].get_text() == "plain EM"


@pytest.mark.parametrize("off", [0.0, 1e-12, -1e-12])
def test_of_two_summits_that_rounding_tells_apart_the_first_is_named(ax, off):
    a = np.linspace(-1, 1, 21)
    values = -10 - (a[None] ** 2 - 0.25) ** 2 - a[:, None] ** 2
    values[:, :10] += off
    drawing = plotting.surface(ax, a, a, values)
    assert "highest grid point is at (-0.50, 0.00)" in drawing.alt


def test_surface_names_the_summit_and_the_ends_of_paths(ax):
    a, b = np.linspace(0, 1, 11), np.linspace(2, 4, 21)
    values = -((a[None] - 0.3) ** 2) - (b[:, None] - 3.5) ** 2
    path = [[0.1, 2.2], [0.2, 3.0], [0.3, 3.5]]
    drawing = plotting.surface(ax, a, b, values, paths=[path, path[::-1]])
    assert "highest grid point is at (0.30, 3.50)" in drawing.alt
    assert "Path 1 leads from (0.10, 2.20) to (0.30, 3.50)" in drawing.alt
    assert "Path 2 leads from (0.30, 3.50) to (0.10, 2.20)" in drawing.alt
    np.testing.assert_array_equal(np.column_stack(drawing.artists[2].get_data()), path)


def test_levels_in_any_order_and_too_high_are_drawn_as_far_as_there_is_a_surface(axes):
    values = -((GRID[None] - 0.3) ** 2) - (GRID[:, None] - 0.5) ** 2
    tidy, wild = (plotting.surface(ax, GRID, GRID, values, levels) for ax, levels in zip(
        axes, ([-0.2, -0.1], [1.0, -0.1, -0.2, 0.0]), strict=True))  # fmt: skip
    for one, other in zip(tidy.artists, wild.artists, strict=True):
        np.testing.assert_array_equal(one.levels, other.levels)


def test_mixture_1d_draws_a_density(ax):
    x = data.old_faithful()[:, 1]
    model = GaussianMixture1D([0.36, 0.64], [54.6, 80.1], 34.4)
    drawing = plotting.mixture_1d(ax, model, x, bins=20, unit=" min")
    assert "Histogram of 272 values" in drawing.alt
    assert "component 0 with weight 0.36 centred at 54.6 min, standard deviation 5.9" in drawing.alt
    total, *components = ax.get_lines()
    np.testing.assert_allclose(total.get_ydata(), np.exp(model.log_density(total.get_xdata())))
    np.testing.assert_allclose(sum(c.get_ydata() for c in components), total.get_ydata())
    bars = drawing.artists[0]
    assert len(bars) == 20
    assert to_hex(bars[0].get_edgecolor()) == plotting.DATA
    assert sum(b.get_height() * b.get_width() for b in bars) == pytest.approx(1)


def test_a_needle_is_drawn_to_its_top_and_is_no_wider_than_it_is(ax):
    x = data.old_faithful()[:, 1]
    model = GaussianMixture1D([0.5, 0.5], [54.0, 80.0], [1e-4, 30.0])
    alt = plotting.mixture_1d(ax, model, x, bins=np.int64(20)).alt
    places, heights = ax.get_lines()[0].get_data()
    assert heights.max() == pytest.approx(0.5 / np.sqrt(2 * np.pi * 1e-4), rel=1e-3)
    assert np.trapezoid(heights, places) == pytest.approx(1, abs=0.01)
    assert "centred at 54.00, standard deviation 0.01;" in alt


def test_words_have_the_digits_that_the_units_ask_for(axes):
    x, z = data.four_clusters(30, 0)
    assert "group 3 around (0.002, 0.002)" in plotting.clusters(axes[0], x / 1000, z).alt
    rows = data.old_faithful()[:, 1]
    one = GaussianMixture1D([1.0], [7e100], 36e198)
    assert "centred at 7e+100, standard" in plotting.mixture_1d(axes[0], one, rows * 1e99).alt
    few = plotting.bound(axes[1], GRID / 1000, parabola(0.6, 1), parabola(0.6, 0), 4e-4, 6e-4)
    assert "from 0.0001 to 0.0009, highest near 0.0006" in few.alt
    values = -((GRID[None] - 0.3) ** 2) - (GRID[:, None] - 0.5) ** 2
    assert "at (0.0003, 0.50)" in plotting.surface(axes[1], GRID / 1000, GRID, values).alt


def test_a_curve_may_have_holes(axes):
    ll = np.where(GRID < 0.2, np.nan, parabola(0.6, 1))
    assert "highest near 0.60" in plotting.bound(axes[0], GRID, ll, ll - 1, 0.5).alt
    values = ll[None] - (GRID[:, None] - 0.5) ** 2
    assert "is at (0.60, 0.50)" in plotting.surface(axes[1], GRID, GRID, values).alt


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda ax: plotting.bound(ax, GRID[::-1], GRID, GRID, 0.3), "ascending order"),
        (lambda ax: plotting.bound(ax, GRID, GRID, GRID, 0.05), "current is 0.05, outside theta"),
        (lambda ax: plotting.bound(ax, GRID, GRID, GRID, 0.3, 7), "maximiser is 7, outside theta"),
        (
            lambda ax: plotting.bound(ax, GRID, GRID[1:], GRID, 0.3),
            r"log_likelihood must .*\(81,\)",
        ),
        (lambda ax: plotting.bound(ax, GRID, GRID, GRID[1:], 0.3), r"lower_bound must .*\(81,\)"),
        (lambda ax: plotting.bound(ax, [], [], [], 0.3), "theta must"),
        (lambda ax: plotting.bound(ax, GRID, GRID * np.nan, GRID, 0.3), "log_likelihood is NaN"),
        (lambda ax: plotting.surface(ax, GRID, GRID[1:], FLAT), r"values must have shape \(80, 81"),
        (lambda ax: plotting.surface(ax, GRID, GRID, FLAT * np.nan), "values are NaN throughout"),
        (lambda ax: plotting.surface(ax, GRID, GRID, FLAT, [2, 3]), "levels .* below .* 1"),
        (lambda ax: plotting.clusters(ax, np.eye(3), [0, 1, 2]), r"points in the plane.*\(3, 3\)"),
        (
            lambda ax: plotting.mixture_1d(ax, PoissonMixture([1], [2]), [1]),
            "needs a mixture of norm",
        ),
        (lambda ax: plotting.mixture_1d(ax, labelled(LINE), [1]), r"Labelled\. .*\.model"),
        (lambda ax: plotting.mixture_1d(ax, LINE, [1], bins=[2, 3]), "bins, 2.0 to 3.0, hold no"),
        (lambda ax: plotting.climb(ax, []), "finite numbers, one a step"),
        (lambda ax: plotting.climb(ax, [-np.inf, 0.0, 1.0]), "finite numbers, one a step"),
        (lambda ax: plotting.clusters(ax, np.eye(2), [0]), r"shape \(2,\), one for each row"),
        (lambda ax: plotting.clusters(ax, np.eye(2), ["a", "b"]), "labels must be whole numbers"),
        (lambda ax: plotting.clusters(ax, np.eye(2), [0.5, np.nan]), "labels must be whole"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, words, ax):
    with pytest.raises(ValueError, match=words):
        draw(ax)


def test_criteria_are_named_one_or_more(axes):
    table = select(PoissonMixture, [1, 2, 3, 9, 11, 12], [1, 2], rng=0, n_starts=1)
    one, two = (plotting.criteria(ax, table, names) for ax, names in zip(
        axes, ("bic", (name for name in ("aic", "bic"))), strict=True))  # fmt: skip
    assert one.alt.startswith("Criteria against K: BIC is best") and "AIC" not in one.alt
    assert "AIC is best" in two.alt and "BIC is best" in two.alt
    with pytest.raises(ValueError, match=r"names must be one of 'aic', .* not 'dic'"):
        plotting.criteria(axes[0], table, ("bic", "dic"))


def test_a_line_is_named_at_its_last_point_and_not_where_a_fit_has_failed(ax):
    table = select(PoissonMixture, [1, 2, 3, 9, 11, 12], [1, 2, 7], rng=0, n_starts=1)
    assert table.row(7).status == "failed"
    named = [a for a in plotting.criteria(ax, table).artists if isinstance(a, Annotation)]
    assert [a.get_text() for a in named] == ["AIC", "BIC", "ICL"]
    for text, name in zip(named, ("aic", "bic", "icl"), strict=True):
        assert text.xy == (2, getattr(table.row(2), name))


def test_a_bootstrap_without_statistics_is_nothing_to_draw(ax):
    fit = em.fit(PoissonMixture([1.0], [2.0]), [1, 2, 3])
    test = BootstrapLRT((1, 2), 3.0, np.full(4, np.nan), ("degenerate",) * 4, fit, fit)
    with pytest.raises(ValueError, match="no replicate has a statistic"):
        plotting.bootstrap(ax, test)


def test_weights_are_copies_in_figures(axes):
    x, w = np.array([1.0, 2.0, 2.5, 7.0, 1000.0]), np.array([3, 1, 2, 4, 0])
    model = GaussianMixture1D([0.5, 0.5], [2.0, 7.0], 1.0)
    one, other = (
        plotting.mixture_1d(ax, model, rows, sample_weight=weights)
        for ax, rows, weights in zip(axes, (x, np.repeat(x, w)), (w, None), strict=True)
    )
    assert one.alt == other.alt and "10 values" in one.alt
    heights = [[bar.get_height() for bar in drawing.artists[0]] for drawing in (one, other)]
    np.testing.assert_allclose(*heights)
    points, z = np.column_stack([x, x]), np.array([0, 0, 1, 1, 1])
    one, other = (
        plotting.clusters(ax, *pair, sample_weight=weights)
        for ax, pair, weights in zip(
            axes, ((points, z), (np.repeat(points, w, axis=0), np.repeat(z, w))), (w, None),
            strict=True,
        )
    )  # fmt: skip
    assert one.alt == other.alt and "10 points" in one.alt and "6 in group 1" in one.alt
    np.testing.assert_allclose(one.artists[0].get_sizes(), 16 * np.array([3, 1]) / 2.5)
    half = plotting.mixture_1d(axes[0], model, x, sample_weight=w / 4).alt
    assert "Histogram of 2.5 values" in half
    with pytest.raises(ValueError, match="nothing to draw"):
        plotting.mixture_1d(axes[0], model, x, sample_weight=0 * w)


def test_clusters_draws_each_label_in_its_own_look(ax):
    x, z = data.four_clusters(30, 0)
    drawing = plotting.clusters(ax, x, z)
    assert "Scatter plot of 120 points" in drawing.alt
    mean = x[z == 3].mean(axis=0)
    assert f"30 in group 3 around ({mean[0]:.1f}, {mean[1]:.1f})" in drawing.alt
    for k, points in enumerate(drawing.artists):
        np.testing.assert_array_equal(points.get_offsets(), x[z == k])
        assert to_rgb(points.get_facecolor()[0][:3]) == to_rgb(plotting.COLOURS[k])


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_ellipses_hold_the_share_they_promise(kind, ax):
    rng = np.random.default_rng(0)
    covariances = {
        "full": [[[1, 0.8], [0.8, 2]], [[5, -1.2], [-1.2, 0.4]]],
        "tied": [[1, 0.8], [0.8, 2]],
        "diag": [[1, 9], [0.2, 0.1]],
        "spherical": [4, 0.1],
    }[kind]
    model = GaussianMixture([0.3, 0.7], [[0, 0], [3, 1]], covariances, kind)
    drawing = plotting.ellipses(ax, model, content=(0.5, 0.95))
    patches = [artist for artist in drawing.artists if isinstance(artist, Ellipse)]
    assert len(patches) == 4
    x, z = model.sample(40_000, rng)
    for k in range(2):
        for patch, share in zip(patches[2 * k : 2 * k + 2], (0.5, 0.95), strict=True):
            # Into the coordinates in which the ellipse is the unit circle.
            inside = patch.get_patch_transform().inverted().transform(x[z == k])
            assert np.mean((inside**2).sum(axis=1) < 1) == pytest.approx(share, abs=0.01)
    assert "50% and 95%" in drawing.alt
    assert "component 1 (weight 0.70) at (3.00, 1.00)" in drawing.alt


def test_ellipses_of_a_t_hold_the_share_they_promise(ax):
    scales = [[[1, 0.8], [0.8, 2]], [[0.5, -0.2], [-0.2, 0.3]]]
    model = StudentTMixture([0.4, 0.6], [[0, 0], [3, 1]], scales, [1.5, 8.0])
    patches = [p for p in plotting.ellipses(ax, model).artists if isinstance(p, Ellipse)]
    x, z = model.sample(40_000, np.random.default_rng(0))
    for k in range(2):
        for patch, share in zip(patches[2 * k : 2 * k + 2], (0.5, 0.95), strict=True):
            inside = patch.get_patch_transform().inverted().transform(x[z == k])
            assert np.mean((inside**2).sum(axis=1) < 1) == pytest.approx(share, abs=0.01)


def test_ellipses_of_a_t_are_a_t_s_around_a_mixture_too(axes):
    model = StudentTMixture([1.0], [[0, 0]], [np.eye(2)], [1.5])
    plain, held = (plotting.ellipses(ax, m) for ax, m in zip(
        axes, (model, hold(model, "means")), strict=True))  # fmt: skip
    for one, other in zip(plain.artists[:2], held.artists[:2], strict=True):
        assert (one.width, one.height) == (other.width, other.height)


def test_ellipses_lie_along_the_long_axis(ax):
    long_axis = np.array([np.cos(0.5), np.sin(0.5)])
    covariance = np.eye(2) + 24 * np.outer(long_axis, long_axis)
    patch = plotting.ellipses(ax, GaussianMixture([1.0], [[0, 0]], [covariance]), (0.95,)).artists[
        0
    ]
    assert patch.width == pytest.approx(5 * patch.height)
    assert np.tan(np.radians(patch.angle)) == pytest.approx(np.tan(0.5))


def test_ellipses_needs_a_plane(ax):
    with pytest.raises(ValueError, match="ellipses needs two features, but the model has 3"):
        plotting.ellipses(ax, GaussianMixture([1.0], [[0, 0, 0]], [1.0], "spherical"))
    with pytest.raises(ValueError, match="ellipses needs two features, but the model has 1"):
        plotting.ellipses(ax, GaussianMixture1D([1.0], [0.0], 1.0))


def test_content_is_shares_and_they_are_not_rounded(ax):
    assert "hold 57% and 99.9% of" in plotting.ellipses(ax, model_2d(), (0.57, 0.999)).alt
    for wrong in (0.95, (), (95,), (c for c in (0.5, 0.9))):
        with pytest.raises(ValueError, match=r"content must be shares .* such as \(0.95,\)"):
            plotting.ellipses(ax, model_2d(), wrong)


# --- showing


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: one (bundle, metadata) a call."""
    calls = []

    def display(bundle, raw, metadata):
        assert raw
        calls.append((bundle, metadata))

    monkeypatch.setattr("IPython.display.display", display)
    return calls


def draw_page(i):
    fig, ax = plt.subplots(figsize=(2, 2))
    ax.plot([0, i])
    return fig, f"page {i}"


def test_a_marker_keeps_its_colour_on_a_busy_map():
    image = pytest.importorskip("PIL.Image")
    fig, ax = plt.subplots(figsize=(4, 3), dpi=100)
    x, y = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 60))
    ax.contourf(x, y, np.sin(9 * x) * y + x, 40, cmap="viridis")
    ax.plot(0.5, 0.5, "^", color=plotting.COLOURS[1], markersize=9)
    with image.open(io.BytesIO(plotting.png(fig))) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=int).reshape(-1, 3)
    plt.close(fig)
    wanted = [int(plotting.COLOURS[1][i : i + 2], 16) for i in (1, 3, 5)]
    assert np.abs(pixels - wanted).max(axis=1).min() <= 1


def test_show_displays_the_words_with_the_picture_and_closes_it(shown):
    image = pytest.importorskip("PIL.Image")
    fig = plt.figure(figsize=(5, 3), dpi=100)
    plotting.show(fig, "A finding.")
    ((bundle, metadata),) = shown
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "A finding." in bundle["text/plain"]
    with image.open(io.BytesIO(bundle["image/png"])) as picture:
        assert picture.size == (800, 480)  # 160 dots an inch
    assert metadata == {"image/png": {"alt": "A finding.", "width": 500, "height": 300}}
    assert not plt.fignum_exists(fig.number)


def test_slider_moves_through_the_pictures(shown, monkeypatch):
    widgets = pytest.importorskip("ipywidgets")
    made = []

    class Recorded(widgets.VBox):
        def __init__(self, children):
            super().__init__(children)
            made.append(children)

    monkeypatch.setattr(widgets, "VBox", Recorded)
    plotting.slider(draw_page, 4, "Step", "Pages by hand.", start=1)
    control, image, caption = made[0]
    first = image.value
    assert (control.min, control.max, control.value) == (0, 3, 1)
    assert control.description == "Step" and caption.value == "page 1"
    control.value = 3
    assert caption.value == "page 3" and image.value != first
    ((bundle, metadata),) = shown
    assert "Pages by hand." in bundle["text/plain"]
    assert [entry["alt"] for entry in metadata.values()] == ["Pages by hand."] * 2
    json.dumps(bundle)


# --- colours for all eyes


def linear(colour):
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2 contrast ratio."""
    light, dark = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    """CIE L*a*b* (D65) of linear RGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.maximum(np.array(to_xyz) @ rgb / [0.9505, 1.0, 1.089], 0.0088))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# Linear RGB as seen by dichromats: Vienot, Brettel and Mollon (1999), Color Res. Appl. 24:243.
EYES = {
    "all cones": np.eye(3),
    "protanopia": [[0.1124, 0.8876, 0.0], [0.1124, 0.8876, 0.0], [0.0040, -0.0040, 1.0]],
    "deuteranopia": [[0.2927, 0.7073, 0.0], [0.2927, 0.7073, 0.0], [-0.0223, 0.0223, 1.0]],
}


@pytest.fixture(scope="module")
def style():
    return mpl.rc_params_from_file(STYLE, use_default_template=False)


@pytest.mark.parametrize("colour", plotting.COLOURS)
def test_colours_stand_out_from_the_background(colour, style):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for background in (style["axes.facecolor"], style["figure.facecolor"]):
        assert contrast(colour, background) >= 4.5  # the style sheet's own promise; WCAG asks 3


@pytest.mark.parametrize("eye", EYES)
def test_colours_can_be_told_apart(eye):
    seen = [lab(np.clip(np.array(EYES[eye]) @ linear(c), 0, 1)) for c in plotting.COLOURS]
    nearest = min(np.linalg.norm(a - b) for a, b in combinations(seen, 2))
    assert nearest > 15  # a just noticeable difference is about 2.3


def test_every_look_is_doubled_by_marker_and_line():
    looks = [plotting.look(k) for k in range(len(plotting.COLOURS))]
    for part in ("color", "marker", "linestyle"):
        assert len({str(look[part]) for look in looks}) == len(looks)
    assert plotting.look(len(looks)) == looks[0]


def test_the_style_cycles_through_the_same_looks(style):
    cycle = style["axes.prop_cycle"].by_key()
    assert [f"#{c}" if c[0] != "#" else c for c in cycle["color"]] == list(plotting.COLOURS)
    assert list(map(str, cycle["linestyle"])) == list(map(str, plotting.LINES))


def test_the_style_is_found_by_its_name():
    with plt.style.context("emlib.book"):
        assert mpl.rcParams["image.cmap"] == "cividis"


def test_mixture_1d_takes_the_edges_of_whole_number_bins(ax):
    model = GaussianMixture1D([0.5, 0.5], [3.0, 8.0], 1.0)
    drawing = plotting.mixture_1d(ax, model, [1.0, 2, 3, 8, 9], bins=np.arange(0.5, 10))
    bars = [b for b in drawing.artists[0] if b.get_height()]
    assert [b.get_x() for b in bars] == [0.5, 1.5, 2.5, 7.5, 8.5]
