"""Draw the pictures behind the sliders of the chapters: `python docs/frames.py`.

A notebook keeps only the picture at which its slider stands, because all of them would make
the file too large, and the web edition has no kernel to draw the others. So they are drawn
here, by running the chapter, and kept in docs/frames: one lossless WebP a slider, and its words
in a JSON file. `docs/build.py` refuses to build when they do not fit the notebook.

python docs/frames.py                        every chapter that has a slider
python docs/frames.py notebooks/04-*.ipynb   this one only
"""

import argparse
import base64
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))  # when run as a script

import refresh  # noqa: E402

FRAMES = ROOT / "docs" / "frames"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
TOLERANCE = 4.0  # another matplotlib draws edges and letters a little differently
Slider = dict  # what a slider shows: label, start, alt, words of each frame, and its pictures


def slider_cells(nb: NotebookNode) -> dict[str, NotebookNode]:
    """Return the outputs that are sliders, by the id of their cell."""
    return {
        cell.id: output
        for cell in nb.cells
        for output in cell.get("outputs", [])
        if WIDGET_VIEW in output.get("data", {})
    }


def same_size(pictures: list[Image.Image]) -> list[Image.Image]:
    """Return the pictures on canvases of one size, filled with their background."""
    size = (max(p.width for p in pictures), max(p.height for p in pictures))
    canvases = [Image.new("RGB", size, p.getpixel((0, 0))) for p in pictures]
    for canvas, picture in zip(canvases, pictures, strict=True):
        canvas.paste(picture, (0, 0))
    return canvases


def draw_sliders(path: Path) -> dict[str, Slider]:
    """Run the code of a chapter; return what its sliders show, by the id of the cell."""
    from emlib import plotting

    found: dict[str, Slider] = {}
    at = ""

    def slider(draw: Callable, n: int, label: str, alt: str, start: int = 0) -> None:
        pictures, words = [], []
        for i in range(n):
            fig, text = draw(i)
            plt.close(fig)
            pictures.append(Image.open(io.BytesIO(plotting.png(fig))).convert("RGB"))
            words.append(text)
        found[at] = {"label": label, "start": start, "alt": alt, "words": words}
        found[at]["pictures"] = same_size(pictures)

    nb = nbformat.read(path, as_version=4)
    wanted = set(slider_cells(nb))
    original, folder = plotting.slider, Path.cwd()
    space: dict = {"__name__": "__main__"}
    try:
        plotting.slider = slider
        os.chdir(path.parent)
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in nb.cells:
                if wanted <= set(found):
                    break  # what comes below the last slider is of no use here
                if cell.cell_type == "code":
                    at = cell.id
                    exec(compile(cell.source, f"{path.name}:{at}", "exec"), space)
    finally:
        plotting.slider = original
        os.chdir(folder)
        plt.close("all")
    return found


def slug(path: Path) -> str:
    """Return the name of a notebook in a file's name."""
    return f"deeper-{path.stem}" if path.parent.name == "deeper" else path.stem


def names(path: Path, cell_id: str) -> tuple[Path, Path]:
    """Return the files of one slider: its pictures, and its words."""
    stem = f"{slug(path)}-{cell_id}"
    return FRAMES / f"{stem}.webp", FRAMES / f"{stem}.json"


def save(path: Path) -> None:
    """Draw the sliders of a chapter, and replace what was kept of them."""
    for old in FRAMES.glob(f"{slug(path)}-*"):
        old.unlink()
    for cell_id, slider in draw_sliders(path).items():
        pictures = slider.pop("pictures")
        animation, words = names(path, cell_id)
        pictures[0].save(
            animation, save_all=True, append_images=pictures[1:], lossless=True, method=6
        )
        text = json.dumps(slider, ensure_ascii=False, indent=1)
        words.write_text(text + "\n", encoding="utf-8")
        print(f"{animation.name}: {len(pictures)} frames, {animation.stat().st_size} bytes")


def load(path: Path, cell_id: str) -> Slider | None:
    """Return what was kept of a slider, or None."""
    animation, words = names(path, cell_id)
    if not (animation.exists() and words.exists()):
        return None
    slider = json.loads(words.read_text(encoding="utf-8"))
    return slider | {"pictures": pictures_of(animation)}


def pictures_of(animation: Path) -> list[Image.Image]:
    """Return the frames of an animation."""
    with Image.open(animation) as stream:
        pictures = []
        for i in range(getattr(stream, "n_frames", 1)):
            stream.seek(i)
            pictures.append(stream.convert("RGB"))
    return pictures


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference in grey of two pictures, of 255, where both have pixels."""
    a, b = (np.asarray(picture.convert("L"), dtype=float) for picture in (one, other))
    height, width = (min(sizes) for sizes in zip(a.shape, b.shape, strict=True))
    return float(np.abs(a[:height, :width] - b[:height, :width]).mean())


def problems(path: Path, nb: NotebookNode) -> list[str]:
    """Return how what was kept differs from the sliders saved in a notebook."""
    state = nb.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    found = []
    for cell_id, output in slider_cells(nb).items():
        kept = load(path, cell_id)
        if kept is None:
            found.append(f"nothing is kept of the slider {cell_id}")
            continue
        box = state[output.data[WIDGET_VIEW]["model_id"]]["state"]
        control, image, caption = (
            state[child.removeprefix("IPY_MODEL_")] for child in box["children"]
        )
        control, caption = control["state"], caption["state"]
        start = kept["start"]
        if (control.get("max", 100) + 1, control.get("value", 0)) != (len(kept["words"]), start):
            found.append(f"the slider {cell_id} has another range or start")
        elif caption["value"] != kept["words"][start]:
            found.append(f"the slider {cell_id} says something else")
        else:
            saved = Image.open(io.BytesIO(base64.b64decode(image["buffers"][0]["data"])))
            if difference(saved, kept["pictures"][start]) > TOLERANCE:
                found.append(f"the slider {cell_id} shows another picture")
    return [f"{path.name}: {p}: run python docs/frames.py {path.name}" for p in found]


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("chapters", nargs="*", type=Path, help="notebooks; all when none is named")
    options = parser.parse_args(argv)
    matplotlib.use("Agg")
    FRAMES.mkdir(exist_ok=True)
    for path in options.chapters or refresh.notebook_files():
        path = path.resolve() if path.exists() else ROOT / "notebooks" / path.name
        if slider_cells(nbformat.read(path, as_version=4)):
            save(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
