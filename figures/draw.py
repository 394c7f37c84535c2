"""Draw the pictures that stand outside a notebook: `python figures/draw.py`.

signature-light.png, signature-dark.png   one step of EM, for README
cover.png                                 the log-likelihood as the roof over all its bounds

`moments` is a whole climb, which the first page of the web edition plays.

The model is that of chapter 3 on the waiting times of the Old Faithful geyser: two groups of
waits, of which only the mean of the early group is unknown; the rest stays as fitted.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from emlib import data, em
from emlib.families.gaussian1d import GaussianMixture1D

HERE = Path(__file__).resolve().parent
WAITS = data.old_faithful()[:, 1]
FITTED = em.fit(
    GaussianMixture1D(np.array([0.4, 0.6]), np.array([55.0, 80.0]), np.array([36.0, 36.0])), WAITS
).model
GRID = np.linspace(44, 94, 151)
DPI = 130


@dataclass(frozen=True)
class Look:
    """Colours on the page, at night or by day."""

    page: str
    ink: str
    faint: str
    point: str
    bound: str


LOOKS = {
    "light": Look("#fdfcf9", "#222222", "#e3e0d8", "#005b96", "#b34700"),
    "dark": Look("#16191d", "#eceae4", "#30353c", "#6fb7f2", "#f2a065"),
}


# --- the model, with one parameter


def model(mean: float) -> GaussianMixture1D:
    return replace(FITTED, means=np.array([mean, FITTED.means[1]]))


def log_likelihood(mean: float) -> float:
    return model(mean).log_likelihood(WAITS)


def e_step(mean: float) -> np.ndarray:
    return model(mean).responsibilities(WAITS)


def m_step(mean: float) -> float:
    """Return the summit of the bound that touches the log-likelihood at `mean`."""
    now = model(mean)
    return float(now.m_step(now.e_step(WAITS)).means[0])


def bound(q: np.ndarray, means: np.ndarray) -> np.ndarray:
    return np.array([model(mean).elbo(WAITS, q) for mean in means])


CURVE = np.array([log_likelihood(mean) for mean in GRID])
START = 79.0


# --- the picture


def stage(look: Look, title: str) -> tuple[plt.Figure, plt.Axes]:
    """Return axes with the log-likelihood on them."""
    fig, ax = plt.subplots(figsize=(8, 4.4), dpi=DPI, facecolor=look.page)
    ax.set_facecolor(look.page)
    ax.grid(color=look.faint)
    ax.tick_params(colors=look.ink)
    for spine in ax.spines.values():
        spine.set_color(look.ink)
    ax.plot(GRID, CURVE, color=look.ink, linestyle="-")
    ax.set_xlim(GRID[0], GRID[-1])
    ax.set_ylim(-1950, -950)
    ax.set_xlabel("mean wait in the early group, in minutes", color=look.ink)
    ax.set_ylabel("nats", color=look.ink)
    ax.set_title(title, color=look.ink)
    ax.text(44.4, -1012, "log-likelihood", color=look.ink)
    return fig, ax


def dot(ax: plt.Axes, look: Look, x: float, y: float, **style: object) -> None:
    ax.plot([x], [y], **({"color": look.point, "marker": "o", "ms": 9, "zorder": 5} | style))


def pixels(fig: plt.Figure) -> Image.Image:
    fig.canvas.draw()
    picture = Image.fromarray(np.asarray(fig.canvas.buffer_rgba())).convert("RGB")
    plt.close(fig)
    return picture


def signature(look: Look) -> Image.Image:
    """Draw one step of EM."""
    fig, ax = stage(look, "One step of EM: climb the bound, and the log-likelihood rises with it")
    now, after = START, m_step(START)
    q = e_step(now)
    low = bound(q, GRID)
    top, high = bound(q, np.array([after]))[0], log_likelihood(after)
    ax.plot(GRID, low, color=look.bound, linestyle="--")
    ax.fill_between(GRID, low, CURVE, color=look.bound, alpha=0.1, linewidth=0)
    way = np.linspace(now, after, 40)
    ax.plot(way, bound(q, way), color=look.bound, linewidth=5, alpha=0.45, linestyle="-")
    ax.plot([after, after], [top, high], color=look.point, linestyle=":")
    dot(ax, look, now, log_likelihood(now))
    dot(ax, look, after, top, marker="^", color=look.bound)
    dot(ax, look, after, high, mfc=look.page, mew=2)
    ax.text(now + 1.2, -1745, "E: the bound touches here", color=look.point,
            bbox={"facecolor": look.page, "edgecolor": "none", "pad": 1})  # fmt: skip
    ax.text(after - 0.8, top + 28, "M: climb to its summit", color=look.bound, ha="right")
    ax.text(after + 1.2, high + 10, "here the log-likelihood is higher still", color=look.point)
    ax.text(54.4, -1790, "bound", color=look.bound, ha="right")
    return pixels(fig)


# --- the climb


@dataclass(frozen=True)
class Moment:
    """One frame: the bound by its q, the current point, and how long it stays."""

    q: np.ndarray
    mean: float
    phase: str
    step: int
    seen: tuple[float, ...]  # where the points before this one touched the curve
    milliseconds: int


def moments(lift: int = 7, walk: int = 9, steps: int = 4) -> Iterator[Moment]:
    """Yield the frames: E lifts the bound, M walks along it, and so on; the last one holds.

    Between two E-steps q moves in a straight line. Each q on it gives a true bound too, which
    touches nowhere until q is the posterior: that is what lifting means.
    """
    mean, q = START, np.tile([0.8, 0.2], (len(WAITS), 1))
    seen: tuple[float, ...] = ()
    for step in range(steps + 1):
        target = e_step(mean)
        for i in range(1, lift + 1):
            rest = 900 if i == lift else 70
            yield Moment(q + ease(i / lift) * (target - q), mean, "E", step, seen, rest)
        q, seen = target, (*seen, mean)
        if step == steps:
            break
        summit = m_step(mean)
        paces = walk if step < steps - 1 else 4  # the last way is too short for more
        for i in range(1, paces + 1):
            rest = 600 if i == paces else 60
            at = mean + ease(i / paces) * (summit - mean)
            yield Moment(q, at, "M", step, seen, rest)
        mean = summit
    yield Moment(q, mean, "end", steps, seen, 3500)


def ease(t: float) -> float:
    """Return t, but slow at both ends."""
    return float((1 - np.cos(np.pi * t)) / 2)


# --- the cover


def cover() -> Image.Image:
    """Draw bounds that touch the log-likelihood at many points: together they make its shape."""
    look = LOOKS["dark"]
    fig = plt.figure(figsize=(9, 12), dpi=DPI, facecolor=look.page, layout="none")
    ax = fig.add_axes((0, 0, 1, 0.72))
    ax.axis("off")
    touches = np.linspace(46.5, 92, 54)
    colours = plt.get_cmap("plasma")(np.linspace(0.92, 0.3, len(touches)))
    for mean, colour in zip(touches, colours, strict=True):
        ax.plot(GRID, bound(e_step(mean), GRID), color=colour, linewidth=0.9, linestyle="-")
    ax.plot(GRID, CURVE, color=look.ink, linewidth=3.2, linestyle="-")
    mean = START
    for _ in range(6):
        dot(ax, look, mean, log_likelihood(mean), ms=12, mec=look.page, mew=2, zorder=9)
        mean = m_step(mean)
    ax.set_xlim(45, 93)
    ax.set_ylim(-2350, -1000)
    for height, text, size, weight in [
        (0.915, "Expectation-", 43, "bold"),
        (0.86, "Maximization", 43, "bold"),
        (0.81, "from the ELBO up", 25, "normal"),
    ]:
        fig.text(0.08, height, text, color=look.ink, size=size, weight=weight)
    return pixels(fig)


def save(picture: Image.Image, name: str) -> None:
    """Write a PNG; a palette of 128 colours is plenty for line art."""
    reduced = picture.quantize(128, dither=Image.Dither.NONE)
    reduced.save(HERE / name, format="PNG", optimize=True)


def main() -> int:
    plt.style.use("emlib.book")
    for name, look in LOOKS.items():
        save(signature(look), f"signature-{name}.png")
    save(cover(), "cover.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
