"""The figures outside the notebooks are those that figures/draw.py draws."""

import importlib.util
import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import refresh

FIGURES = refresh.ROOT / "figures"


def test_the_picture_of_readme_is_up_to_date():
    """Compared as thumbnails: another matplotlib moves pixels, but not the picture."""
    spec = importlib.util.spec_from_file_location("draw", FIGURES / "draw.py")
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    with plt.style.context("emlib.book"):
        drawn = draw.plotting.png(draw.signature())
    plt.close("all")
    fresh, kept = (
        np.asarray(Image.open(source).convert("L").resize((80, 40)), dtype=float)
        for source in (io.BytesIO(drawn), FIGURES / "signature.png")
    )
    assert np.abs(fresh - kept).mean() < 2, "run python figures/draw.py"
