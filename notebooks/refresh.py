"""Refresh the book: write what is generated, run the notebooks, save them in one form.

python notebooks/refresh.py                       every notebook; generated parts of other files
python notebooks/refresh.py notebooks/01-*.ipynb  these only; generated parts of other files
python notebooks/refresh.py --check               run nothing, write nothing; fail if stale

Two cells are generated, the same in all notebooks but for the links. A new chapter holds
a markdown cell that begins `<!-- badges -->` and a code cell that begins `# Set-up`; the
rest of both is written here. So is that of a markdown cell that begins `<!-- map -->`, where
there is one: a line for each chapter. Running refresh twice gives the same bytes.

What is folded is said by tags, from which refresh writes what JupyterLab and Colab read:
`answer`, the output of this cell answers a prediction; `drawing`, this cell only draws.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
README = ROOT / "README.md"
CITATION = ROOT / "CITATION.cff"

BADGES_MARK = "<!-- badges -->"
SETUP_MARK = "# Set-up"
MAP_MARK = "<!-- map -->"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
KEPT_CELL_METADATA = {"tags", "quoted"}
# How JupyterLab and, beside it, Colab are told what to fold.
FOLDED = {
    "answer": {"jupyter": {"outputs_hidden": True}, "collapsed": True},
    "drawing": {"jupyter": {"source_hidden": True}, "cellView": "form"},
}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# How the first cell of a chapter announces how long its main line takes.
TIME = re.compile(r"\*\*How long it takes[.:]?\*\*\s+(?:About )?(\d+) minutes")
# What nbformat and jupytext give (8 hex digits) and what JupyterLab gives (a UUID).
RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?")


class Stale(Exception):
    """A notebook or another file that refresh cannot mend, or that did not run clean."""


# --- the public address, and what is made from it


def project() -> dict:
    """Return what pyproject.toml says of the project."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def repository() -> str:
    """Return the book's public address, which stands in pyproject.toml only."""
    return project()["urls"]["Repository"].rstrip("/")


def web_edition() -> str:
    """Return the address of the web edition, which stands in pyproject.toml only."""
    return project()["urls"]["Documentation"].rstrip("/")


def launch_links(name: str, folder: str = "notebooks") -> dict[str, str]:
    """Return where the notebook `name` opens in Binder and in Colab."""
    tree = f"lab/tree/{folder}/{name}"
    host, _, path = repository().removeprefix("https://").partition("/")
    if host != "github.com":  # Binder builds from any git address, Colab only from GitHub
        spec = "git/" + quote(repository(), safe="")
        return {"Binder": f"https://mybinder.org/v2/{spec}/HEAD?urlpath={tree}"}
    return {
        "Binder": f"https://mybinder.org/v2/gh/{path}/HEAD?urlpath={tree}",
        "Colab": f"https://colab.research.google.com/github/{path}/blob/main/{folder}/{name}",
    }


def badges_source(name: str, folder: str = "notebooks") -> str:
    """Return the badges cell. Links of text, not pictures: a notebook must read offline."""
    links = " · ".join(f"[{where}]({link})" for where, link in launch_links(name, folder).items())
    return f"{BADGES_MARK}\n**Run this chapter in your browser:** {links}"


def setup_source() -> str:
    """Return the set-up cell, the same in every notebook."""
    # --no-deps: what Colab brings is new enough, and numpy must not change under it.
    # The address, never a bare name: another project owns `emlib` on the package index.
    # Not %pip: it prints a note on success and raises nothing on failure.
    return f"""\
{SETUP_MARK}, the same in every chapter: imports, and the style of the figures.
import os
import subprocess
import sys

try:
    import emlib
except ModuleNotFoundError:  # as in Colab, which opens this notebook alone
    book = os.environ.get("EM_BOOK_SOURCE", "git+{repository()}")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", book], check=True)
    import emlib
import matplotlib.pyplot as plt
import numpy as np

plt.style.use("emlib.book")"""


# --- the chapters, and the maps of them


def chapter_files() -> list[Path]:
    """Return the notebooks of the main line, in order."""
    return sorted(HERE.glob("[0-9][0-9]-*.ipynb"))


def deeper_file(chapter: Path) -> Path | None:
    """Return the notebook with the optional sections of a chapter, if it has one."""
    path = chapter.parent / "deeper" / chapter.name
    return path if path.exists() else None


def notebook_files() -> list[Path]:
    """Return every notebook of the book, in order: a chapter, then its optional sections."""
    pairs = [(chapter, deeper_file(chapter)) for chapter in chapter_files()]
    return [path for pair in pairs for path in pair if path]


def folder_of(path: Path) -> str:
    """Return the folder of a notebook, as seen from the root of the project."""
    return "notebooks/deeper" if path.parent.name == "deeper" else "notebooks"


def title_of(nb: NotebookNode) -> str:
    """Return the first heading of a notebook."""
    for cell in nb.cells:
        heading = re.search(r"^# (.+)$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and heading:
            return heading[1].strip()
    raise Stale("no title: the notebook needs a markdown cell with a line '# Title'")


def deeper_link(chapter: Path, folder: str = "") -> str:
    """Return the link to the optional sections of a chapter, or nothing if it has none."""
    return f"[Deeper]({folder}deeper/{chapter.name})" if deeper_file(chapter) else ""


def minutes_of(nb: NotebookNode) -> str:
    """Return how long a chapter says that it takes, or nothing if it does not say."""
    said = TIME.search(nb.cells[0].source)
    return f"{said[1]} minutes" if said else ""


def map_source() -> str:
    """Return the map of the book: a line for each chapter but the one that holds the map."""
    rows = ["| Chapter | The main line takes about | For another evening |", "|---|---|---|"]
    for path in chapter_files():
        nb = nbformat.read(path, as_version=4)
        if not any(is_map(cell) for cell in nb.cells):
            title = f"[{title_of(nb)}]({path.name})"
            rows.append(f"| {title} | {minutes_of(nb)} | {deeper_link(path)} |")
    return "\n".join([MAP_MARK, "", *rows])


def is_map(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and cell.source.startswith(MAP_MARK)


# --- README's generated parts


def web_page(path: Path) -> str:
    """Return the address of a notebook's page in the web edition."""
    below = path.relative_to(HERE).with_suffix(".html").as_posix()
    return f"{web_edition()}/chapters/{below}"


def chapter_table() -> str:
    """Return README's map of the chapters: what to read, and where to run it."""
    rows = ["| Chapter | Read | Run |", "|---|---|---|"]
    for path in chapter_files():
        title = title_of(nbformat.read(path, as_version=4))
        read, deeper = [f"[chapter]({web_page(path)})"], deeper_file(path)
        if deeper:
            read.append(f"[deeper]({web_page(deeper)})")
        places = {"notebook": f"notebooks/{path.name}", **launch_links(path.name)}
        run = [f"[{where}]({link})" for where, link in places.items()]
        rows.append(f"| {title} | {' · '.join(read)} | {' · '.join(run)} |")
    return "\n".join(rows)


def read_now() -> str:
    """Return README's first link, and the picture above it."""
    return (
        f"**[Read it now]({web_edition()}/)**, in your browser, with nothing installed.\n\n"
        f'<a href="{web_edition()}/"><img src="figures/cover.png" width="280" alt="The cover: a '
        "white curve, the log-likelihood, over a fan of bounds that touch it from below; five blue "
        'points climb it to its summit."></a>'
    )


def clone_command() -> str:
    """Return the fenced command that brings the book to the reader's machine."""
    address = repository()
    return f"```bash\ngit clone {address} && cd {address.rsplit('/', 1)[-1]}\n```"


def readme_text(text: str) -> str:
    """Return README with its generated parts written afresh."""
    parts = [("read-now", read_now()), ("clone", clone_command()), ("chapters", chapter_table())]
    for name, body in parts:
        start, end = f"<!-- generated: {name} -->", "<!-- end generated -->"
        pattern = re.compile(re.escape(start) + r"\n.*?" + re.escape(end), re.DOTALL)
        if not pattern.search(text):
            raise Stale(f"README.md has no part between '{start}' and '{end}'")
        text = pattern.sub(lambda _, new=f"{start}\n{body}\n{end}": new, text, count=1)
    return text


def citation_text(text: str) -> str:
    """Return CITATION.cff with the version and the address written afresh."""
    for key, value in [("version", project()["version"]), ("repository-code", repository())]:
        text, found = re.subn(f"^{key}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
        if found != 1:
            raise Stale(f"CITATION.cff has {found} lines '{key}: ...': there must be one")
    return text


def stale_files() -> dict[Path, str]:
    """Return the files with generated parts that are stale, and what they should say."""
    fresh = {
        path: write(path.read_text(encoding="utf-8"))
        for path, write in [(README, readme_text), (CITATION, citation_text)]
    }
    return {p: text for p, text in fresh.items() if text != p.read_text(encoding="utf-8")}


# --- one notebook


def find_generated(nb: NotebookNode) -> dict[str, NotebookNode]:
    """Return the generated cells of a notebook by their fixed ids, found by how they begin."""
    marks = {"badges": ("markdown", BADGES_MARK), "setup": ("code", SETUP_MARK)}
    found = {}
    for cell_id, (kind, mark) in marks.items():
        cells = [c for c in nb.cells if c.cell_type == kind and c.source.startswith(mark)]
        if len(cells) != 1:
            raise Stale(f"{len(cells)} {kind} cells begin with '{mark}': there must be one")
        found[cell_id] = cells[0]
    maps = [cell for cell in nb.cells if is_map(cell)]
    if len(maps) > 1:
        raise Stale(f"{len(maps)} cells begin with '{MAP_MARK}': there must be one at most")
    if maps:
        found["map"] = maps[0]
    return found


def generated_source(cell_id: str, name: str, folder: str) -> str:
    """Return what a generated cell should say."""
    if cell_id == "badges":
        return badges_source(name, folder)
    return map_source() if cell_id == "map" else setup_source()


def write_generated(nb: NotebookNode, name: str, folder: str = "notebooks") -> None:
    """Write the generated cells, and give them their fixed ids."""
    for cell_id, cell in find_generated(nb).items():
        cell.source = generated_source(cell_id, name, folder)
        cell.id = cell_id


def stale_generated(nb: NotebookNode, name: str, folder: str = "notebooks") -> list[str]:
    """Return what is wrong with the generated cells of a notebook."""
    try:
        found = find_generated(nb)
    except Stale as error:
        return [str(error)]
    return [
        f"the {cell_id} cell is not what refresh.py writes: run python notebooks/refresh.py"
        for cell_id, cell in found.items()
        if cell.source != generated_source(cell_id, name, folder) or cell.id != cell_id
    ]


def committed_ids(path: Path) -> dict[tuple[str, str], str]:
    """Return the ids of the notebook in git's HEAD, by kind and source of the cell."""
    command = ["git", "show", f"HEAD:./{path.name}"]
    git = subprocess.run(command, cwd=path.parent, capture_output=True, check=False)
    if git.returncode != 0:  # a new notebook, or no repository at all
        return {}
    cells = json.loads(git.stdout)["cells"]
    return {(c["cell_type"], "".join(c["source"])): c["id"] for c in cells if "id" in c}


def settle_ids(nb: NotebookNode, known: dict[tuple[str, str], str]) -> None:
    """Replace random cell ids by the committed ones, or else by a hash of the source."""
    taken = {cell.id for cell in nb.cells if not RANDOM_ID.fullmatch(cell.id)}
    for cell in nb.cells:
        if not RANDOM_ID.fullmatch(cell.id):
            continue
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:6]
        base = known.get((cell.cell_type, cell.source), f"{cell.cell_type}-{digest}")
        copies = (f"{base}-{n}" for n in range(2, 1000))
        cell.id = base if base not in taken else next(c for c in copies if c not in taken)
        taken.add(cell.id)


def execute(nb: NotebookNode, folder: Path) -> None:
    """Run a notebook from top to bottom in a new kernel."""
    client = NotebookClient(
        nb,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise Stale(f"stderr output, which a chapter must not have:\n{output.text}")


def normal_metadata(cell: NotebookNode) -> dict:
    """Return what a cell's metadata should be: what is kept, and what its tags fold."""
    kept = {k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA}
    folds = [fold for tag, fold in FOLDED.items() if tag in kept.get("tags", [])]
    jupyter = {key: value for fold in folds for key, value in fold["jupyter"].items()}
    rest = {key: value for fold in folds for key, value in fold.items() if key != "jupyter"}
    return nbformat.from_dict(kept | rest | ({"jupyter": jupyter} if jupyter else {}))


def normalise(nb: NotebookNode) -> NotebookNode:
    """Return the notebook with nothing in it that differs from run to run."""
    widgets = nb.metadata.get("widgets", {}).get(WIDGET_STATE)
    nb.metadata = nbformat.from_dict(METADATA)
    if widgets:
        nb.metadata.widgets = {WIDGET_STATE: widgets}
    for cell in nb.cells:
        cell.metadata = normal_metadata(cell)
    nb.nbformat, nb.nbformat_minor = 4, 5  # the version that has cell ids
    # The ids of widgets are random UUIDs: number them in the order of their creation.
    text = nbformat.writes(nb)
    for number, model_id in enumerate(widgets["state"] if widgets else []):
        text = text.replace(model_id, f"{number:032x}")
    return nbformat.reads(text, as_version=4)


def refresh(path: Path) -> None:
    """Write the generated cells of a notebook, run it and save it."""
    nb = nbformat.read(path, as_version=4)
    nb.metadata = nbformat.from_dict(METADATA)
    write_generated(nb, path.name, folder_of(path.resolve()))
    settle_ids(nb, committed_ids(path))
    execute(nb, path.parent)
    nb = normalise(nb)
    nbformat.validate(nb)
    path.write_text(nbformat.writes(nb) + "\n", encoding="utf-8", newline="\n")


# --- the command


def check(paths: list[Path]) -> list[str]:
    """Return everything generated that is stale."""
    problems = [
        f"{path.name}: {problem}"
        for path in paths
        for problem in stale_generated(
            nbformat.read(path, as_version=4), path.name, folder_of(path.resolve())
        )
    ]
    return problems + [
        f"{path.name}: generated parts are stale: run python notebooks/refresh.py"
        for path in stale_files()
    ]


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("chapters", nargs="*", type=Path, help="notebooks; all when none is named")
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    options = parser.parse_args(argv)
    paths = options.chapters or notebook_files()
    failed = False
    if options.check:
        problems = check(paths)
        print("\n".join(problems) or "Everything generated is up to date.")
        return 1 if problems else 0
    for path in paths:
        try:
            refresh(path)
            print(f"refreshed {path.name}")
        except (Stale, CellExecutionError) as error:
            failed = True
            plain = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # tracebacks come coloured
            print(f"{path.name}: left as it was\n{plain}", file=sys.stderr)
    for path, text in stale_files().items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
