"""What readers can play with on the web: where each one stands, and the numbers it is given.

The scripts are docs/_static/explore/NAME.js; what they compute, docs/tests/test_explorables.py
compares with emlib.
"""

import html
import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from emlib import BinomialMixture, data, em


@dataclass(frozen=True)
class Explorable:
    """A script's name, the chapter and heading below which it stands, and its words."""

    name: str
    chapter: str
    heading: str
    label: str
    invitation: str


EXPLORABLES = [
    Explorable(
        "coins",
        "02",
        "## Twin summits",
        "Map of the two coins' log-likelihood with the path of EM",
        "Drag the ringed point, or move it with the arrow keys: EM starts there. Before you let "
        "go, say on which summit it will end. Can you make it end on neither?",
    ),
    Explorable(
        "waits",
        "03",
        "## The fit, in motion",
        "The geyser's waits with two kinds of wait",
        "Take the steps yourself. Place the two means as badly as you like; before each M-step, "
        "put your guess where the first mean will go.",
    ),
    Explorable(
        "summits",
        "06",
        "## The more, the better?",
        "The galaxies' velocities with the fit of the last run",
        "Choose K and start again and again. How many starts will it take to find the best known "
        "summit, and how many different ends are there?",
    ),
    Explorable(
        "heat",
        "07",
        "## One function, and a temperature",
        "Responsibilities of kind 2 for each number of death notices",
        "Before you move the slider: what will the curve be like when it is very cold, and what "
        "when it is hot? Let EM come to rest at both ends.",
    ),
]
FIRST_PAGE = Explorable(
    "signature",
    "",
    "",
    "EM at work on one parameter. Below the curve of the log-likelihood lies a second curve, the "
    "bound, which touches it at the current point. The point moves to the summit of the bound; "
    "then a new bound touches the curve there, and so on up to the top of the log-likelihood.",
    "",
)
SCRIPTS = ("em.js", "stage.js")  # before each explorable's own
FIGURES = Path(__file__).resolve().parent.parent / "figures"


def table(x: np.ndarray, w: np.ndarray | None = None) -> dict[str, list]:
    """Return rows and how often each occurs, as the scripts take them."""
    if w is None:
        x, w = np.unique(x, return_counts=True)
    return {"x": x.tolist(), "w": w.tolist()}


@cache
def given(name: str) -> dict[str, Any]:
    """Return the numbers that the page hands to a script."""
    if name == "signature":
        return climb()
    if name == "coins":
        x = data.two_coins()
        start = BinomialMixture([0.5, 0.5], [0.6, 0.5], fixed_weights=True)
        end = em.fit(start, x, tol=1e-12).model.probabilities.tolist()
        levels = {"summits": [end, end[::-1]], "below": [25, 12, 6, 3, 1.5, 0.7, 0.25]}
        return {"data": table(x, np.ones(len(x))), "levels": levels, "start": [0.6, 0.5]}
    if name == "waits":
        start = {"means": [62.0, 68.0], "variance": 100.0}
        return {"data": table(data.old_faithful()[:, 1]), "start": start}
    if name == "summits":
        x = data.galaxies()
        best = {2: -220.1931, 3: -203.4820, 4: -197.7103}  # of benchmarks/best_maxima.json
        start = {"k": 3, "variance": float(x.var())}
        return {"data": table(x, np.ones(len(x))), "start": start, "best": best}
    deaths, days = data.death_notices()
    model = {"weights": [0.3, 0.7], "rates": [1.0, 2.5]}
    return {"data": table(deaths, days), "start": model}


def climb() -> dict[str, Any]:
    """Return the moments of the climb that figures/draw.py tells, in numbers of few digits."""
    spec = importlib.util.spec_from_file_location("draw", FIGURES / "draw.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(FIGURES / "draw.py")
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    some = slice(None, None, 3)
    bounds: list[list[float]] = []
    moments = []
    for moment in draw.moments():
        low = draw.bound(moment.q, draw.GRID[some]).round(1).tolist()
        if not bounds or low != bounds[-1]:
            bounds.append(low)
        point = moment.mean, draw.bound(moment.q, np.array([moment.mean]))[0]
        seen = [[round(m, 2), round(draw.log_likelihood(m), 1)] for m in moment.seen]
        moments.append(
            {"bound": len(bounds) - 1, "mean": round(point[0], 2), "height": round(point[1], 1),
             "phase": moment.phase, "step": moment.step, "seen": seen, "ms": moment.milliseconds}
        )  # fmt: skip
    plt.close("all")
    grid, curve = draw.GRID[some].round(2).tolist(), draw.CURVE[some].round(1).tolist()
    return {"grid": grid, "curve": curve, "bounds": bounds, "moments": moments,
            "start": len(moments) // 2}  # fmt: skip


def placed(chapter: str, source: str, up: str) -> str:
    """Return a Markdown cell with what stands below its heading, if anything does."""
    for one in EXPLORABLES:
        if chapter == one.chapter and one.heading in source.splitlines():
            return f"{source}\n\n{figure(one, up)}"
    return source


def figure(one: Explorable, up: str) -> str:
    """Return an explorable as one stream of HTML: a blank line would end it in Markdown."""
    numbers = json.dumps(given(one.name)).replace("</", "<\\/")
    scripts = "".join(
        f'<script defer src="{up}_static/explore/{file}"></script>'
        for file in (*SCRIPTS, f"{one.name}.js")
    )
    said = f"<figcaption><b>Play.</b> {html.escape(one.invitation)}</figcaption>"
    off = "(Something to play with stands here where a browser runs JavaScript.)"
    return (
        f'<figure class="explorable" data-name="{one.name}" data-label="{html.escape(one.label)}">'
        f"{said if one.invitation else ''}"
        f'<p class="explorable-off">{off if one.invitation else html.escape(one.label)}</p>'
        f'<script type="application/json">{numbers}</script>{scripts}</figure>'
    )
