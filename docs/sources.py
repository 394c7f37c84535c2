"""The source tree of the web edition, made from docs/, the notebooks and emlib.

The notebooks are copied as they are, but for what a page shows differently: pictures become
files with their alt text, sliders and animations become players that need no kernel, the
badges become buttons, and the set-up cell is folded.
"""

import ast
import base64
import hashlib
import html
import io
import json
import pkgutil
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode
from PIL import Image

import explorables
import frames
import refresh
from emlib import plotting
from modules import house

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
FIGURES = ROOT / "figures"
NOTEBOOKS = "chapters"  # the folder of their pages
# The number of the first chapter of each part, and the part's name.
PARTS = {0: "The algorithm", 8: "EM at work"}


def page_of(path: Path) -> str:
    """Return where the page of a notebook stands, without its ending."""
    return f"{NOTEBOOKS}/{path.relative_to(refresh.HERE).with_suffix('').as_posix()}"


def write(path: Path, content: str | bytes) -> None:
    """Write a file if it would change: Sphinx reads again what has a new time stamp."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def make(source: Path, static: Path) -> list[str]:
    """Write the source tree and the generated static files; return problems."""
    shutil.rmtree(static / NOTEBOOKS, ignore_errors=True)
    problems, written = [], set()

    def page(name: str, content: str | bytes) -> None:
        write(source / name, content)
        written.add(source / name)

    notebooks = {path: nbformat.read(path, as_version=4) for path in refresh.notebook_files()}
    chapters = {path: notebooks[path] for path in refresh.chapter_files()}
    for path, nb in notebooks.items():
        problems += frames.problems(path, nb)
    if problems:
        return problems
    for path in DOCS.glob("*.md"):
        page(path.name, path.read_text(encoding="utf-8"))
    page("references.bib", (DOCS / "references.bib").read_bytes())
    page("index.md", landing(DOCS / "index.md", chapters, static))
    page("cite.md", cite_page((DOCS / "cite.md").read_text(encoding="utf-8")))
    page("benchmarks.md", benchmarks_page())
    page("formulas.md", formulas_page(chapters))
    write(static / "cover.png", (FIGURES / "cover.png").read_bytes())
    for name, text in reference_pages().items():
        page(f"reference/{name}.md", text)
    for path, nb in notebooks.items():
        name = page_of(path)
        (static / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, (static / name).with_suffix(".ipynb"))
        page(f"{name}.ipynb", nbformat.writes(chapter_page(path, nb, static)))
    for path in source.rglob("*"):
        if path.is_file() and path not in written:
            path.unlink()
    return []


# --- pictures and players


def picture_file(picture: Image.Image, static: Path) -> str:
    """Write a picture into the static files, named by its content; return its name."""
    stream = io.BytesIO()
    few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(stream, format="PNG", optimize=False)
    data = stream.getvalue()
    name = f"pictures/{hashlib.sha256(data).hexdigest()[:16]}.png"
    write(static / name, data)
    return name


def figure(data: bytes, shown: NotebookNode, static: Path, up: str) -> str:
    """Return a still picture as HTML; `shown` is its size on the page, if known, and alt text."""
    with Image.open(io.BytesIO(data)) as picture:
        kind, alt = picture.format.lower(), shown.get("alt", "")
        width, height = shown.get("width", picture.width), shown.get("height", picture.height)
    name = f"pictures/{hashlib.sha256(data).hexdigest()[:16]}.{kind}"
    write(static / name, data)
    return (
        f'<figure class="plot"><div class="picture" style="--width: {width}px">'
        f'<img src="{up}_static/{name}" alt="{html.escape(alt)}" '
        f'width="{width}" height="{height}" loading="lazy"></div></figure>'
    )


def player(
    pictures: list[str],
    size: tuple[int, int],
    label: str,
    alt: str,
    words: list[str],
    *,
    up: str,
    start: int = 0,
) -> str:
    """Return pictures with a slider, as HTML.

    Without JavaScript the picture `start` stands there, and no controls.
    """
    data = {"pictures": [f"{up}_static/{name}" for name in pictures], "words": words}
    # One stream of HTML without blank lines: a blank line would end it in Markdown.
    return (
        f'<figure class="player plot"><div class="picture" style="--width: {size[0]}px">'
        f'<img class="dark-light" src="{up}_static/{pictures[start]}" alt="{html.escape(alt)}" '
        f'width="{size[0]}" height="{size[1]}"></div>'
        f'<div class="player-controls" hidden><label>{html.escape(label)} '
        f'<input type="range" min="0" max="{len(pictures) - 1}" value="{start}"></label>'
        f'<output aria-hidden="true">{start}</output></div>'
        f'<figcaption aria-live="polite">{html.escape(words[start])}</figcaption>'
        '<script type="application/json">'
        + json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
        + "</script></figure>"
    )


# --- chapters


def rendered(cell_id: str, output: NotebookNode, path: Path, static: Path) -> str | None:
    """Return an output as HTML if it is a picture, an animation or a slider."""
    up = "../" * (page_of(path).count("/"))
    for mime, data in output.get("data", {}).items():
        if mime == frames.WIDGET_VIEW:
            kept = frames.load(path, cell_id)
            pictures = [picture_file(picture, static) for picture in kept["pictures"]]
            size = tuple(round(n / plotting.SHARP) for n in kept["pictures"][0].size)
            words = [re.sub(r"<[^>]+>", "", text) for text in kept["words"]]
            return player(
                pictures, size, kept["label"], kept["alt"], words, up=up, start=kept["start"]
            )
        if mime.startswith("image/") and mime != "image/svg+xml":
            return figure(base64.b64decode(data), output.metadata.get(mime, {}), static, up)
    return None


def launch_html(path: Path) -> str:
    """Return the buttons that open or download a notebook."""
    links = [
        f'<a class="launch-link" href="{html.escape(link)}">{where}</a>'
        for where, link in refresh.launch_links(path.name, refresh.folder_of(path)).items()
    ]
    page = page_of(path)
    here = "../" * page.count("/") + f"_static/{page}.ipynb"
    links.append(f'<a class="launch-link" href="{here}" download>Download</a>')
    name = html.escape(page.removeprefix(f"{NOTEBOOKS}/"))
    report = f"{refresh.repository()}/issues/new?title={name}:%20"
    links.append(f'<a class="launch-link" href="{report}">Report an error</a>')
    return f'<p class="launch"><span>Run this chapter:</span> {" ".join(links)}</p>'


HEADING_LINK = re.compile(r"\]\(((?!https?:)[^()#\s]*)#([^()\s]+)\)")


def sphinx_anchor(found: re.Match) -> str:
    """Return a link to a heading as these pages name it: in small letters, without signs.

    JupyterLab and Colab keep a heading as it is, with hyphens for spaces.
    """
    anchor = re.sub(r"[^\w-]", "", unquote(found[2]).lower())
    return f"]({found[1]}#{anchor})"


def folded(cell: NotebookNode) -> tuple[str, str] | None:
    """Return by which tag of MyST-NB a cell is folded, if it is, and the words on the fold."""
    tags = cell.metadata.get("tags", [])
    if "answer" in tags:
        return "hide-cell" if "drawing" in tags else "hide-output", "What happens"
    if cell.id == "setup":
        return "hide-input", "Set-up cell"
    return ("hide-input", "The code of this figure") if "drawing" in tags else None


def chapter_page(path: Path, nb: NotebookNode, static: Path) -> NotebookNode:
    """Return a notebook as its page shows it."""
    nb = nbformat.from_dict(json.loads(json.dumps(nb)))
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = HEADING_LINK.sub(sphinx_anchor, cell.source)
            if path.parent == refresh.HERE:
                up = "../" * page_of(path).count("/")
                cell.source = explorables.placed(path.name[:2], cell.source, up)
        if cell.id == "badges":
            cell.source = launch_html(path)
        if fold := folded(cell):
            tag, words = fold
            cell.metadata.tags = [*cell.metadata.get("tags", []), tag]
            cell.metadata.mystnb = {"code_prompt_show": words, "code_prompt_hide": words}
        for output in cell.get("outputs", []):
            if text := rendered(cell.id, output, path, static):
                output["data"] = {"text/html": text}
                output["metadata"] = {}
    nb.metadata.pop("widgets", None)
    return nb


def opening(nb: NotebookNode, words: str) -> str:
    """Return what a chapter says after **What you will learn.**, and the like."""
    return re.search(rf"\*\*{words}\.\*\* (.+)", nb.cells[0].source)[1]


def landing(path: Path, chapters: dict[Path, NotebookNode], static: Path) -> str:
    """Return the first page, with the moving figure and the parts and chapters put in."""
    text = path.read_text(encoding="utf-8")
    parts: dict[str, list[str]] = {}
    trees: dict[str, list[str]] = {}
    for file, nb in chapters.items():
        number = int(file.name[:2])
        part = PARTS[max(first for first in PARTS if first <= number)]
        title = refresh.title_of(nb).partition("·")[2].strip()
        parts.setdefault(part, []).append(
            f'<li><a href="{NOTEBOOKS}/{file.stem}.html"><span class="number">{number}</span>'
            f"<span><b>{html.escape(title)}</b>"
            f"<span>{html.escape(plain(opening(nb, 'What you will do')))}</span></span></a></li>"
        )
        trees.setdefault(part, []).append(f"{NOTEBOOKS}/{file.stem}")
    roman = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII"]
    cards = "\n\n".join(
        f'## Part {n}: {part}\n\n<ol class="chapters">\n' + "\n".join(items) + "\n</ol>"
        for n, (part, items) in zip(roman, parts.items(), strict=False)
    )
    toctrees = "\n\n".join(
        f'```{{toctree}}\n:hidden:\n:caption: "Part {n}: {part}"\n\n' + "\n".join(pages) + "\n```"
        for n, (part, pages) in zip(roman, trees.items(), strict=False)
    )
    if deeper := [page_of(path) for path in map(refresh.deeper_file, chapters) if path]:
        toctrees += '\n\n```{toctree}\n:hidden:\n:caption: "Deeper"\n\n'
        toctrees += "\n".join(deeper) + "\n```"
    filled = {
        "signature": explorables.figure(explorables.FIRST_PAGE, ""),
        "parts": cards,
        "toctrees": toctrees,
    }
    for name, content in filled.items():
        mark = f"<!-- {name} -->"
        if mark not in text:
            raise ValueError(f"{path.name} has no line {mark}")
        text = text.replace(mark, content)
    return text


def cite_page(text: str) -> str:
    """Return the page that says how to cite and to report, with what it takes from elsewhere."""
    project, address = refresh.project(), refresh.repository()
    bibtex = f"""```bibtex
@misc{{embook,
  author = {{{{The EM book authors}}}},
  title = {{Expectation-Maximization, from the {{ELBO}} up}},
  note = {{Version {project["version"]}}},
  url = {{{address}}},
}}
```"""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n")[2]
    for mark, content in {
        "<!-- bibtex -->": bibtex,
        "<!-- report -->": f"[Open an issue]({address}/issues/new).",
        "<!-- changelog -->": re.sub(r"^## ", "### ", changes, flags=re.MULTILINE),
    }.items():
        text = text.replace(mark, content)
    return text


def benchmarks_page() -> str:
    """Return the tables of benchmarks/, as the scripts there have written them."""
    folder = ROOT / "benchmarks"
    results = (folder / "results.md").read_text(encoding="utf-8")
    climbs = (folder / "climbs.md").read_text(encoding="utf-8")
    return f"""{results}
## Climbs of other kinds

Written by `python benchmarks/climbs.py`; the last column is from a review of R's package.

{climbs}"""


TABLE_HEADING = re.compile(r"^## .*quation to code", re.MULTILINE)


def formulas_page(chapters: dict[Path, NotebookNode]) -> str:
    """Return the tables "From equation to code" of all chapters on one page."""
    parts = []
    for path, nb in chapters.items():
        for cell in nb.cells:
            if cell.cell_type == "markdown" and re.search(
                r"^## .*quation to code", cell.source, re.M
            ):
                table = "\n".join(line for line in cell.source.splitlines() if line.startswith("|"))
                table = re.sub(r"\]\((?=[\w/-]+\.ipynb)", f"]({NOTEBOOKS}/", table)
                title = refresh.title_of(nb)
                if table:
                    parts.append(f"## [{title}]({NOTEBOOKS}/{path.stem}.ipynb)\n\n{table}")
    intro = (DOCS / "formulas.in").read_text(encoding="utf-8")
    return "\n\n".join([intro, *parts]) + "\n"


def plain(text: str) -> str:
    """Return Markdown without backticks, asterisks and links."""
    return re.sub(r"[`*]", "", re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text))


# --- the reference


def modules() -> list[str]:
    """Return the public modules of emlib, the algorithm first."""
    import emlib

    names = [m.name for m in pkgutil.walk_packages(emlib.__path__, "emlib.")]
    public = [n for n in names if not any(part.startswith("_") for part in n.split("."))]
    return sorted(public, key=lambda n: (n != "emlib.em", n != "emlib.mixture", n))


def reference_pages() -> dict[str, str]:
    """Return one page of the reference a module, and an overview; the exercises' on one."""
    pages = {}
    checks = [m for m in modules() if m.startswith("emlib.checks")]
    for name in [m for m in modules() if m not in checks] + ["emlib.checks"]:
        short = name.removeprefix("emlib.")
        body = [automodule(name)]
        if name == "emlib.checks":
            body += [f"## {m}\n\n{automodule(m)}" for m in checks if m != name]
        pages[short] = f"# {name}\n\n" + "\n\n".join(body) + "\n"
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```"
    intro = (DOCS / "reference.in").read_text(encoding="utf-8")
    house_map = f"```{{raw}} html\n{house()}\n```"
    pages["index"] = "\n\n".join([intro, house_map, tree]) + "\n"
    return pages


def automodule(name: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n   :member-order: bysource\n```"


# --- what the chapters define and import: used by the links to the reference


def imported_names(nb: NotebookNode) -> dict[str, str]:
    """Return what a chapter imports from emlib, by the name under which it does."""
    found = {}
    for node in ast.walk(chapter_tree(nb)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "emlib":
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        if isinstance(node, ast.Import):
            found |= {a.asname or a.name: a.name for a in node.names if a.name == "emlib"}
    return found


def defined_names(nb: NotebookNode) -> set[str]:
    """Return every name that a chapter's code binds itself."""
    found = set()
    for node in ast.walk(chapter_tree(nb)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def chapter_tree(nb: NotebookNode) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in nb.cells if cell.cell_type == "code"))
