"""Draw the figures that stand outside a notebook: `python figures/draw.py`.

signature.png   the recurring picture of the book, for README: the log-likelihood, the bound that
                touches it at the current point, and where the M-step goes
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from emlib import Linkage, data, plotting

HERE = Path(__file__).resolve().parent


def signature() -> plt.Figure:
    """Return one step of EM on the linkage data of chapter 1."""
    y = data.linkage()
    now = Linkage(0.2)
    after = now.m_step(now.e_step(y))
    grid = np.linspace(0.1, 0.93, 400)
    curve = [Linkage(t).log_likelihood(y) for t in grid]
    bound = [Linkage(t).elbo(y, now.responsibility) for t in grid]
    fig, ax = plt.subplots(figsize=(8, 4.2))
    plotting.bound(ax, grid, curve, bound, now.theta, after.theta)
    ax.set_ylim(-48, -3)
    ax.text(0.33, -11, "log-likelihood", ha="center")
    ax.text(0.4, -29, "bound", color=plotting.COLOURS[1], ha="center")
    ax.text(0.215, -40.5, "E: touch here", color=plotting.COLOURS[0])
    ax.text(0.545, -21, "M: climb the bound", color=plotting.COLOURS[1], ha="center")
    ax.text(0.545, -6, "and land higher still", color=plotting.COLOURS[0], ha="center")
    ax.set_title("One step of EM: the bound is climbed, the log-likelihood cannot fall")
    return fig


if __name__ == "__main__":
    plt.style.use("emlib.book")
    (HERE / "signature.png").write_bytes(plotting.png(signature()))
