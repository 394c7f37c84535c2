"""The figures outside the notebooks are those that figures/draw.py draws.

Compared as thumbnails: another matplotlib moves letters by a pixel, but not the picture. Between
3.8 and 3.11 they differ by 1.07 levels of grey at most.
"""

import importlib.util

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

import refresh

FIGURES = refresh.ROOT / "figures"


@pytest.fixture(scope="module")
def draw():
    spec = importlib.util.spec_from_file_location("draw", FIGURES / "draw.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with plt.style.context("emlib.book"):
        yield module


def thumbnail(picture):
    return np.asarray(picture.convert("L").resize((80, 44)), dtype=float)


def same(fresh, kept):
    return np.abs(thumbnail(fresh) - thumbnail(kept)).mean() < 1.25


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_pictures_of_readme_are_up_to_date(draw, look):
    with Image.open(FIGURES / f"signature-{look}.png") as kept:
        assert same(draw.signature(draw.LOOKS[look]), kept), "run python figures/draw.py"


def test_the_cover_is_up_to_date(draw):
    with Image.open(FIGURES / "cover.png") as kept:
        assert same(draw.cover(), kept), "run python figures/draw.py"


def test_the_animation_tells_the_truth(draw):
    """The bound stays below the curve, rises in every frame, touches after E, and ends on top."""
    before = -np.inf
    for moment in draw.moments():
        here = draw.bound(moment.q, np.array([moment.mean]))[0]
        assert (draw.bound(moment.q, draw.GRID[::10]) <= draw.CURVE[::10] + 1e-9).all()
        assert here >= before - 1e-9
        if moment.milliseconds == 900:
            assert here == pytest.approx(draw.log_likelihood(moment.mean), abs=1e-9)
        before = here
    assert before == pytest.approx(draw.CURVE.max(), abs=0.5)


def luminance(colour):
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_every_colour_stands_out_from_the_page(draw):
    for look in draw.LOOKS.values():
        for colour in (look.ink, look.point, look.bound):
            darker, lighter = sorted([luminance(colour), luminance(look.page)])
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5
