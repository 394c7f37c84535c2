"""Figures of the book: each draws on an `ax`, and returns what it drew with a description.

The description (`alt`) is made from the data, so that it says what the figure shows.
The style sheet is `plt.style.use("emlib.book")`; nothing here changes global state.
"""

from __future__ import annotations

import io
import itertools
import math
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike
from scipy.special import fdtri

from emlib._machinery.validation import data_matrix, data_vector, one_of, sample_weights
from emlib._machinery.value import FloatArray
from emlib.bootstrap import BootstrapLRT
from emlib.families.gaussian import GaussianMixture
from emlib.families.gaussian1d import GaussianMixture1D
from emlib.families.student import StudentTMixture
from emlib.known import Labelled
from emlib.selection import CRITERIA, Row, Selection

# Colour k always comes with marker k and line style k.
COLOURS = ("#005b96", "#b34700", "#00704a", "#9a48da", "#5a3300", "#333333")
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
INK = "#222222"
DATA = "#8a8373"  # at 3:1 on the paper; where curves lie over the data, it is their outline
# Pixels of a stored figure for each one of the page: 160 dpi. The 53 figures of chapters 0 to 11
# are 1.5 MB so, 2.0 MB at twice, and 5.0 MB as SVG: chapter 2 would pass 400 kB by either.
SHARP = 1.6


@dataclass(frozen=True)
class Drawing:
    """What a plot function drew.

    Attributes
    ----------
    artists : tuple
        The matplotlib artists, in drawing order.
    alt : str
        What the figure shows, in words, for readers who cannot see it.
    """

    artists: tuple[Any, ...]
    alt: str


def look(k: int) -> dict[str, Any]:
    """Return colour, marker and line style of component k, as keywords for `Axes.plot`."""
    n = len(COLOURS)
    return {"color": COLOURS[k % n], "marker": MARKERS[k % n], "linestyle": LINES[k % n]}


def _said(value: float, spread: float, least: int) -> str:
    """Return a number with the decimals in which a spread shows, and at least so many."""
    if not 1e-6 <= spread < 1e9:
        return f"{value:.4g}"
    return f"{value:.{max(least, -math.floor(math.log10(spread)))}f}"


def _top(values: np.ndarray) -> int:
    """Return where, counted flat, the highest number is: the first place, where several tie.

    Rounding, which differs from machine to machine, makes no difference.
    """
    flat = np.where(np.isnan(values), -np.inf, values).ravel()
    top = flat.max()
    return int(((flat == top) | (flat >= top - 1e-9 * abs(top))).argmax())


# ---------------------------------------------------------------------------------------------
# Showing figures, with words
# ---------------------------------------------------------------------------------------------


def show(fig: Figure, alt: str) -> None:
    """Display a figure in a notebook with its alt text, and close it.

    Parameters
    ----------
    fig : Figure
        The figure.
    alt : str
        What it shows; stored in the output's metadata, where nbconvert and the web edition
        find it.
    """
    from IPython.display import display

    plt.close(fig)  # or the inline backend would show it a second time, without words
    drawn = png(fig)
    display(
        {"image/png": drawn, "text/plain": f"<Figure: {alt}>"},
        raw=True,
        metadata={"image/png": {"alt": alt, **_size(drawn)}},
    )


def png(fig: Figure, sharp: float = SHARP) -> bytes:
    """Return a figure as PNG, the same bytes for the same figure.

    It has `sharp` pixels for each one of the page. A palette makes the file a third of the size;
    with 256 colours the smallest marker on the busiest map keeps its own to one unit.
    """
    from PIL import Image  # comes with matplotlib

    drawn, reduced = io.BytesIO(), io.BytesIO()
    quick = {"compress_level": 1}  # it is read again at once
    fig.savefig(drawn, format="png", dpi=sharp * fig.get_dpi(), pil_kwargs=quick)
    true = Image.open(drawn).convert("RGB")
    method = Image.Quantize.FASTOCTREE
    true.quantize(256, method, dither=Image.Dither.NONE).save(reduced, format="PNG", optimize=True)
    return reduced.getvalue()


def slider(
    draw: Callable[[int], tuple[Figure, str]], n: int, label: str, alt: str, start: int = 0
) -> None:
    """Display a slider over n pictures, each with its description below it.

    Parameters
    ----------
    draw : callable
        ``draw(i)`` returns a figure and a description of it, for i = 0, ..., n - 1.
    n : int
        Number of pictures.
    label : str
        What the slider moves along, such as "Step".
    alt : str
        What the whole shows.
    start : int
        The picture to begin with.
    """
    import ipywidgets as widgets
    from IPython.display import display

    control = widgets.IntSlider(start, 0, n - 1, description=label, continuous_update=True)
    first, words = _frame(draw, start)
    still = _size(first)
    natural = widgets.Layout(align_self="flex-start", max_width="100%")  # else it is stretched
    image = widgets.Image(value=first, format="png", width=str(still["width"]), layout=natural)
    caption = widgets.HTML(words)

    def move(change: dict[str, Any]) -> None:
        image.value, caption.value = _frame(draw, change["new"])

    control.observe(move, names="value")
    box = widgets.VBox([control, image, caption])
    mime = "application/vnd.jupyter.widget-view+json"
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display(
        # The still picture is for where no widget can live: GitHub, or a Lab that trusts nobody.
        {mime: view, "image/png": b64encode(first).decode(), "text/plain": f"<Slider: {alt}>"},
        raw=True,
        metadata={mime: {"alt": alt}, "image/png": {"alt": alt, **still}},
    )


def _frame(
    draw: Callable[[int], tuple[Figure, str]], i: int, sharp: float = SHARP
) -> tuple[bytes, str]:
    fig, words = draw(i)
    plt.close(fig)
    return png(fig, sharp), words


def _size(drawn: bytes) -> dict[str, int]:
    """Return how large a stored figure stands on the page, in its pixels."""
    from PIL import Image

    width, height = Image.open(io.BytesIO(drawn)).size
    return {"width": round(width / SHARP), "height": round(height / SHARP)}


# ---------------------------------------------------------------------------------------------
# The signature figure
# ---------------------------------------------------------------------------------------------


def bound(
    ax: Axes,
    theta: ArrayLike,
    log_likelihood: ArrayLike,
    lower_bound: ArrayLike,
    current: float,
    maximiser: float | None = None,
    symbol: str = r"\theta",
) -> Drawing:
    """Draw the log-likelihood, and the bound that touches it at the current point.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    theta : array_like, shape (G,)
        Grid of the parameter, in ascending order.
    log_likelihood, lower_bound : array_like, shape (G,)
        l(theta) and L(q, theta) on the grid, in nats, with q the posterior at `current`.
    current : float
        The current point, where the two touch.
    maximiser : float, optional
        Where the bound is highest: the next point.
    symbol : str
        The parameter, in TeX.

    Raises
    ------
    ValueError
        If the grid does not ascend, or a point lies outside it.
    """
    grid = np.asarray(theta, dtype=float)
    ll = np.asarray(log_likelihood, dtype=float)
    lb = np.asarray(lower_bound, dtype=float)
    if grid.ndim != 1 or not grid.size:
        raise ValueError(f"theta must have shape (G,), at least one point, not {grid.shape}.")
    for name, curve in (("log_likelihood", ll), ("lower_bound", lb)):
        if curve.shape != grid.shape:
            raise ValueError(f"{name} must have shape {grid.shape}, as theta, not {curve.shape}.")
        if np.isnan(curve).all():
            raise ValueError(f"{name} is NaN throughout: there is nothing to draw.")
    if not (np.diff(grid) >= 0).all():  # between its points nothing could be read off
        raise ValueError("theta must be in ascending order.")
    for name, point in (("current", current), ("maximiser", maximiser)):
        if point is not None and not grid[0] <= point <= grid[-1]:
            raise ValueError(f"{name} is {point}, outside theta, {grid[0]} to {grid[-1]}.")
    span = grid[-1] - grid[0]
    low_end, high_end, top_at = (_said(v, span, 2) for v in (grid[0], grid[-1], grid[_top(ll)]))

    def at(curve: np.ndarray, point: float) -> float:
        return float(np.interp(point, grid, curve))

    (top,) = ax.plot(grid, ll, color=INK, linestyle="-", label="log-likelihood")
    (low,) = ax.plot(grid, lb, color=COLOURS[1], linestyle="--", label="bound")
    gap = ax.fill_between(grid, lb, ll, color=COLOURS[1], alpha=0.08, linewidth=0)
    (here,) = ax.plot([current], [at(ll, current)], "o", color=COLOURS[0], zorder=5)
    artists: list[Any] = [top, low, gap, here]
    words = (
        f"The log-likelihood as a curve over the parameter from {low_end} to {high_end}, "
        f"highest near {top_at}, and below it the bound, which touches it at the "
        f"current point {_said(current, span, 3)}"
    )
    if maximiser is not None:
        before, after = at(lb, current), at(lb, maximiser)
        (peak,) = ax.plot([maximiser], [after], "^", color=COLOURS[1], ms=6, zorder=6)
        (onto,) = ax.plot(
            [maximiser], [at(ll, maximiser)], "o", mfc="white", mec=COLOURS[0], ms=10, zorder=4
        )
        rise = ax.vlines(maximiser, after, at(ll, maximiser), color=COLOURS[0], linestyle=":")
        artists += [peak, onto, rise]
        words += (
            f" and has its own summit at {_said(maximiser, span, 3)}, "
            f"{after - before:.3g} nats higher; "
            f"there the log-likelihood is another {at(ll, maximiser) - after:.3g} nats above it"
        )
    ax.set_xlabel(f"${symbol}$")
    ax.set_ylabel("nats")
    return Drawing(tuple(artists), words + ".")


# ---------------------------------------------------------------------------------------------
# Fits and their progress
# ---------------------------------------------------------------------------------------------


def climb(ax: Axes, objective: ArrayLike, label: str | None = None, k: int = 0) -> Drawing:
    """Draw how far below its last value the objective is at each step, on a log scale.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    objective : array_like, shape (n,)
        One value a step, in nats; the last is taken as the summit.
    label : str, optional
        Written at the end of the line.
    k : int
        Which of the book's colours and markers to use.
    """
    values = np.asarray(objective, dtype=float)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError("objective must be finite numbers, one a step.")
    gap = values[-1] - values[:-1]
    steps = np.flatnonzero(gap > 0)
    if steps.size == 0:
        raise ValueError("objective does not rise to its last value: there is no climb to draw.")
    (line,) = ax.semilogy(steps, gap[steps], **look(k), markersize=4)
    artists: list[Any] = [line]
    if label is not None:
        artists.append(
            ax.annotate(
                label, (steps[-1], gap[steps[-1]]), (4, 4), textcoords="offset points",
                color=line.get_color(),
            )
        )  # fmt: skip
    ax.set_xlabel("step")
    ax.set_ylabel("nats below the end")
    first = gap[steps[0]]
    small = steps[gap[steps] < first / 1000]
    end = (
        f"less than a thousandth of that by step {small[0]}"
        if small.size
        else f"{gap[steps[-1]]:.2g} at step {steps[-1]}"
    )
    return Drawing(
        tuple(artists),
        "Distance of the objective from its final value on a logarithmic axis, falling from "
        f"{first:.2g} nats at step {steps[0]} to {end}.",
    )


def surface(
    ax: Axes,
    a: ArrayLike,
    b: ArrayLike,
    values: ArrayLike,
    levels: ArrayLike | None = None,
    paths: Sequence[ArrayLike] = (),
    what: str = "the log-likelihood",
) -> Drawing:
    """Draw contours of a function of two parameters, and paths on it.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    a, b : array_like, shape (A,) and (B,)
        Grids of the horizontal and of the vertical parameter.
    values : array_like, shape (B, A)
        The function on the grid, in nats; NaN where it is not defined.
    levels : array_like, optional
        Heights of the contours, in any order; by default chosen close near the maximum. What lies
        above the highest value is left out.
    paths : sequence of array_like, shape (n, 2)
        Each a sequence of points, drawn from its start (open) to its end (filled).
    what : str
        What the function is, for the description.

    Raises
    ------
    ValueError
        If shapes disagree, or no value or no level is left to be drawn.
    """
    horizontal, vertical, v = np.asarray(a), np.asarray(b), np.asarray(values)
    wanted = (vertical.size, horizontal.size)
    if v.shape != wanted:
        raise ValueError(f"values must have shape {wanted}, (b, a), not {v.shape}.")
    if np.isnan(v).all():
        raise ValueError("values are NaN throughout: there is nothing to draw.")
    top = float(np.nanmax(v))
    given = top - np.array([30, 20, 12, 8, 5, 3, 2, 1.2, 0.6, 0.2]) if levels is None else levels
    heights = np.unique(np.asarray(given, dtype=float))
    heights = heights[heights < top]
    if not heights.size:
        raise ValueError(f"levels must lie below the highest of values, {top:.6g}.")
    filled = ax.contourf(
        horizontal, vertical, v, levels=[*heights, top + 1e-9], extend="min",
        cmap="cividis", alpha=0.55,
    )  # fmt: skip
    lines = ax.contour(
        horizontal, vertical, v, levels=heights, colors=INK, linewidths=0.6, linestyles="-"
    )
    artists: list[Any] = [filled, lines]
    words = []

    def point(one: float, other: float) -> str:
        return f"({_said(one, np.ptp(horizontal), 2)}, {_said(other, np.ptp(vertical), 2)})"

    for k, path in enumerate(paths):
        p = np.asarray(path, dtype=float)
        style = look(k + 1)
        artists += ax.plot(p[:, 0], p[:, 1], **style, markersize=4, linewidth=1.5)
        artists += ax.plot(*p[0], style["marker"], color=style["color"], mfc="white", markersize=9)
        artists += ax.plot(*p[-1], style["marker"], color=style["color"], markersize=9)
        words.append(f" Path {k + 1} leads from {point(*p[0])} to {point(*p[-1])}.")
    row, column = np.unravel_index(_top(v), v.shape)
    alt = (
        f"Contours of {what}; its highest grid point is at "
        f"{point(horizontal[column], vertical[row])}." + "".join(words)
    )
    return Drawing(tuple(artists), alt)


# ---------------------------------------------------------------------------------------------
# Mixtures
# ---------------------------------------------------------------------------------------------


def mixture_1d(
    ax: Axes,
    model: GaussianMixture1D,
    x: ArrayLike,
    bins: int | ArrayLike = 25,
    unit: str = "",
    sample_weight: ArrayLike | None = None,
) -> Drawing:
    """Draw a histogram of x, the mixture density, and its components times their weights.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    model : GaussianMixture1D
        The mixture.
    x : array_like, shape (N,)
        Data.
    bins : int or array_like
        Number of bars, or their edges: for whole numbers, halves such as 42.5, 44.5, ...
    unit : str
        Unit of x, for the description.
    sample_weight : array_like, shape (N,), optional
        Weights: the bars and the description count copies.
    """
    _require_line(model)
    values, w, n = _present(data_vector(x), sample_weight)
    given = None if sample_weight is None else w
    edges = (
        int(bins) if isinstance(bins, (int, np.integer)) else list(np.asarray(bins, dtype=float))
    )
    if isinstance(edges, list) and not ((min(edges) <= values) & (values <= max(edges))).any():
        raise ValueError(f"the bins, {min(edges)} to {max(edges)}, hold no value of x.")
    _, _, bars = ax.hist(
        values, bins=edges, density=True, color="#e9e6dd", edgecolor=DATA, weights=given
    )
    margin = 0.08 * np.ptp(values)
    grid = _grid(model, values.min() - margin, values.max() + margin)
    joint = np.exp(model.log_joint(grid))
    artists: list[Any] = [bars, *ax.plot(grid, joint.sum(axis=1), color=INK, linestyle="-")]
    for k in range(model.n_components):
        style = look(k)
        artists += ax.plot(grid, joint[:, k], color=style["color"], linestyle=LINES[(k + 1) % 4])
        at = _top(joint[:, k])
        artists.append(
            ax.annotate(f"{k}", (grid[at], joint[at].sum()), (0, 5), textcoords="offset points",
                        color=style["color"], ha="center", weight="bold")
        )  # fmt: skip
    parts = "; ".join(
        f"component {k} with weight {w:.2f} centred at {_said(m, s, 1)}{unit}, "
        f"standard deviation {_said(s, s, 1)}"
        for k, (w, m, s) in enumerate(
            zip(model.weights, model.means, np.sqrt(model.variances), strict=True)
        )
    )
    alt = f"Histogram of {_count(n)} values with the density of a mixture over it: {parts}."
    return Drawing(tuple(artists), alt)


def _require_line(model: Any) -> None:
    """Refuse what is no mixture of normals on the line."""
    if np.ndim(getattr(model, "variances", 0)) != 1 or model.row_ndim:
        hint = " Give its .model." if isinstance(model, Labelled) else ""
        kind = type(model).__name__
        raise ValueError(f"mixture_1d needs a mixture of normals on the line, not {kind}.{hint}")


def _grid(model: GaussianMixture1D, low: float, high: float) -> FloatArray:
    """Return places at which to draw a density: even ones, and more where it is a needle."""
    even, step = np.linspace(low, high, 400, retstep=True)
    sd = np.sqrt(model.variances)
    needles = sd < 2 * step
    around = model.means[needles] + np.linspace(-5, 5, 101)[:, None] * sd[needles]
    return np.union1d(even, around[(low < around) & (around < high)])


def _present(
    x: FloatArray, sample_weight: ArrayLike | None
) -> tuple[FloatArray, FloatArray, float]:
    """Return the rows that have any weight, their weights, and how many copies that makes."""
    w = sample_weights(sample_weight, len(x))
    w = np.ones(len(x)) if w is None else w
    if not w.any():
        raise ValueError("all sample weights are zero, so there is nothing to draw.")
    return x[w > 0], w[w > 0], float(w.sum())


def _count(n: float) -> str:
    """Return a number of copies in figures: all of them if it is whole."""
    return f"{n:.0f}" if n == round(n) else f"{n:.4g}"


def clusters(
    ax: Axes, x: ArrayLike, labels: ArrayLike, sample_weight: ArrayLike | None = None
) -> Drawing:
    """Draw points in the plane, with colour and marker by label.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    x : array_like, shape (N, 2)
        Points.
    labels : array_like, shape (N,)
        A whole number for each point.
    sample_weight : array_like, shape (N,), optional
        Weights: the areas of the points, on average the usual one; the description counts copies.
    """
    points = data_matrix(x)
    if points.shape[1] != 2:
        wanted = "shape (N, 2): x[:, [0, 1]] has the first two columns"
        raise ValueError(f"x must be points in the plane, {wanted}, not {points.shape}.")
    z, w, n = _present(_whole_labels(labels, len(points)), sample_weight)
    points, _, _ = _present(points, sample_weight)
    artists = []
    parts = []
    spread = np.ptp(points, axis=0) / 4
    for k in np.unique(z).astype(int):
        style = look(k)
        own, copies = points[z == k], w[z == k]
        areas = 16 if sample_weight is None else 16 * copies / w.mean()
        artists.append(
            ax.scatter(own[:, 0], own[:, 1], s=areas, c=style["color"], marker=style["marker"],
                       alpha=0.6, linewidths=0)
        )  # fmt: skip
        centre = np.average(own, axis=0, weights=copies)
        place = ", ".join(_said(c, s, 1) for c, s in zip(centre, spread, strict=True))
        parts.append(f"{_count(copies.sum())} in group {k} around ({place})")
    return Drawing(tuple(artists), f"Scatter plot of {_count(n)} points: {', '.join(parts)}.")


def _whole_labels(labels: ArrayLike, n: int) -> FloatArray:
    """Return labels (N,) as whole numbers."""
    z = np.asarray(labels)
    if z.shape != (n,):
        raise ValueError(f"labels must have shape ({n},), one for each row of x, not {z.shape}.")
    if z.dtype.kind not in "biuf" or not np.array_equal(z, np.round(z)):
        raise ValueError(
            "labels must be whole numbers. Use np.unique(labels, return_inverse=True)."
        )
    return z.astype(np.float64)


def ellipses(
    ax: Axes,
    model: GaussianMixture | StudentTMixture,
    content: Sequence[float] = (0.5, 0.95),
) -> Drawing:
    """Draw for each component the ellipses that hold given shares of its probability.

    The half-axes of the ellipse of content c are sqrt(chi2_2(c) lambda_i) along the
    eigenvectors of the covariance: square roots of eigenvalues, standard deviations. Of a t they
    are sqrt(2 F_{2, nu}(c) lambda_i) along those of the scale.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    model : GaussianMixture, IncompleteGaussianMixture or StudentTMixture
        A mixture in two dimensions.
    content : sequence of float
        Shares of probability, each between 0 and 1.
    """
    features = model.means.shape[1] if np.ndim(getattr(model, "means", 0)) == 2 else 1
    if features != 2:
        raise ValueError(f"ellipses needs two features, but the model has {features}.")
    if not np.ndim(content) or not len(content) or not all(0 < share < 1 for share in content):
        raise ValueError(
            f"content must be shares between 0 and 1, such as (0.95,), not {content!r}."
        )
    artists: list[Any] = []
    for k, (mean, covariance) in enumerate(
        zip(model.means, model.covariance_matrices, strict=True)
    ):
        variances, axes = np.linalg.eigh(covariance)
        angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
        style = look(k)
        for share in content:
            width, height = 2 * np.sqrt(_reach(model, k, share) * variances[::-1])
            patch = Ellipse(
                tuple(mean), width, height, angle=angle, fill=False, lw=2,
                edgecolor=style["color"], linestyle=style["linestyle"],
            )  # fmt: skip
            artists.append(ax.add_patch(patch))
        artists += ax.plot(*mean, "X", color=style["color"], mec="white", markersize=11, zorder=6)
    ax.autoscale_view()
    parts = "; ".join(
        f"component {k} (weight {w:.2f}) at ({m[0]:.2f}, {m[1]:.2f})"
        for k, (w, m) in enumerate(zip(model.weights, model.means, strict=True))
    )
    shares = " and ".join(f"{100 * c:g}%" for c in content)
    return Drawing(tuple(artists), f"Ellipses that hold {shares} of each component: {parts}.")


def _reach(model: GaussianMixture | StudentTMixture, k: int, share: float) -> float:
    """Return the squared Mahalanobis distance within which a share of component k lies."""
    if hasattr(model, "degrees_of_freedom"):  # also of a mixture of t with something held
        return float(2 * fdtri(2, model.degrees_of_freedom[k], share))
    return float(-2 * np.log1p(-share))  # chi-squared with two degrees of freedom


def criteria(
    ax: Axes, selection: Selection, names: Sequence[str] = ("aic", "bic", "icl")
) -> Drawing:
    """Draw criteria against K, one line for each criterion and choice of options.

    The best point of each criterion is large; open points have doubts.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    selection : Selection
        What `select` returned.
    names : sequence of {"aic", "bic", "icl"}
        What to draw.
    """
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        one_of(name, "names", list(CRITERIA))
    artists: list[Any] = []
    choices = list(dict.fromkeys(tuple(row.options.items()) for row in selection.rows))
    for k, (name, choice) in enumerate(itertools.product(names, choices)):
        rows = [row for row in selection.rows if tuple(row.options.items()) == choice]
        label = " ".join([CRITERIA[name], *(str(value) for _, value in choice)])
        artists += _criterion(ax, rows, name, label, selection.best(name), k)
    words = []
    for name in names:
        row = selection.best(name)
        options = "".join(f", {value}" for value in row.options.values())
        words.append(
            f"{CRITERIA[name]} is best, {getattr(row, name):.1f}, "
            f"at {row.n_components} components{options}"
        )
    ax.set_xlabel("components K")
    ax.set_ylabel("criterion")
    ax.set_xticks(sorted({row.n_components for row in selection.rows}))
    return Drawing(tuple(artists), f"Criteria against K: {'; '.join(words)}.")


def _criterion(
    ax: Axes, rows: Sequence[Row], name: str, label: str, best: Row, k: int
) -> list[Any]:
    """Draw one criterion of some rows, labelled at its last point."""
    style = look(k)
    sizes = [row.n_components for row in rows]
    values = [getattr(row, name) for row in rows]
    artists: list[Any] = list(ax.plot(sizes, values, color=style["color"], ls=style["linestyle"]))
    for row, size, value in zip(rows, sizes, values, strict=True):
        fill = "white" if row.doubts else style["color"]
        artists += ax.plot(
            [size], [value], style["marker"], color=style["color"], mfc=fill,
            markersize=10 if row is best else 5,
        )  # fmt: skip
    for last in np.flatnonzero(np.isfinite(values))[-1:]:  # none where every fit has failed
        artists.append(
            ax.annotate(label, (sizes[last], values[last]), (8, 0), textcoords="offset points",
                        color=style["color"], va="center")
        )  # fmt: skip
    return artists


def bootstrap(ax: Axes, test: BootstrapLRT, bins: int = 20) -> Drawing:
    """Draw a histogram of the replicates, the observed statistic, and the wrong chi-square.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    test : BootstrapLRT
        What `bootstrap_lrt` returned.
    bins : int
        Number of bars.
    """
    from scipy.stats import chi2  # here: it takes as long to import as all else in emlib

    values = test.replicates[np.isfinite(test.replicates)]
    if not values.size:
        raise ValueError("no replicate has a statistic, so there is nothing to draw.")
    top = 1.05 * max(values.max(initial=1.0), test.statistic)
    edges = np.linspace(min(0.0, values.min(initial=0.0)), top, bins + 1)
    _, _, bars = ax.hist(values, bins=list(edges), density=True, color="#e9e6dd", edgecolor=DATA)
    grid = np.linspace(0.02 * top, top, 300)
    curve = chi2.pdf(grid, test.degrees_of_freedom)
    (wrong,) = ax.plot(grid, curve, ls="--", color=COLOURS[1], label="chi-square")
    line = ax.axvline(test.statistic, color=COLOURS[0], label="observed")
    ax.set_xlabel("2 × difference in log-likelihood (nats)")
    ax.set_ylabel("density")
    few, many = test.n_components
    alt = (
        f"Histogram of {len(values)} bootstrap statistics of {few} against {many} components, "
        f"with median {np.median(values):.1f} and largest {values.max():.1f}; the observed "
        f"statistic is {test.statistic:.1f}. A chi-square density with "
        f"{test.degrees_of_freedom} degrees of freedom lies over it."
    )
    return Drawing((bars, wrong, line), alt)
