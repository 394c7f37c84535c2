"""Sphinx extension of the book: what pages get once their text is there.

* words for search engines and for who shares a link; a map of the site;
* the theme's dozen icons as masks of one style sheet, in place of a script of 1.5 MB; and the
  index of the search where one searches, not on every page;
* the reference: signatures without the names that Python gives to its own objects, formulas that
  are set, and from each name the way to the chapter that explains it.
"""

import html
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

import refresh
import sources

ALIAS = re.compile(r"TypeAliasForwardRef\('([^']*)'\)")
SYMBOLS = "Sigma|sigma|Lambda|lambda|Theta|theta|mu|pi|psi|Psi|nu|rho"
# Sigma_k, theta, r_nk, L_k^T, D^2: a Greek letter, or a letter with something at its foot or head.
FORMULA = re.compile(
    rf"(?<![\w`*.\\/|-])(?:(?P<greek>{SYMBOLS})|(?P<letter>[A-Za-z]))"
    r"(?P<foot>_[a-z0-9]{1,2})?(?P<head>\^(?:-?\d|[A-Z]|\{-1\}))?(?![\w`*(=/|]|\.\w)"
)
ICON_FONT = re.compile(r"@font-face\s*\{[^}]*Font Awesome[^}]*\}")
ICON_NAMES = re.compile(r'(?:\.fa-[a-z0-9-]+,?)+\{--fa:"[^"]*"\}')
SEARCH_SCRIPT = re.compile(
    r"\s*<script[^>]*(?:searchtools|language_data|searchindex|sphinx_highlight)\.js[^>]*></script>"
)
ICON_SCRIPT = re.compile(r"\s*<(?:script|link)[^>]*fontawesome[^>]*>(?:</script>)?")


# --- the head of a page


def described(app: Sphinx, pagename: str, doctree: nodes.document | None) -> str:
    """Return what a page is about, in a sentence: of a chapter, what the reader will learn."""
    if pagename.startswith(f"{sources.NOTEBOOKS}/"):
        path = refresh.HERE / f"{pagename.removeprefix(f'{sources.NOTEBOOKS}/')}.ipynb"
        first = nbformat.read(path, as_version=4).cells[0].source
        found = re.search(r"\*\*What you will learn\.\*\* (.+)", first)
        text = found[1] if found else first.split("\n\n")[1]
        return sources.plain(text)
    paragraph = next(iter(doctree.findall(nodes.paragraph)), None) if doctree else None
    return paragraph.astext() if paragraph is not None else app.config.project


def head(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Put description, picture and address of a page into its head."""
    text = " ".join(described(app, pagename, doctree).split())
    text = text if len(text) <= 200 else text[:197].rsplit(" ", 1)[0] + " ..."
    title = re.sub(r"<[^>]+>", "", context.get("title", app.config.project))
    where = urljoin(base(), "" if pagename == "index" else f"{pagename}.html")
    tags = {
        "og:title": title, "og:description": text, "og:type": "book", "og:url": where,
        "og:image": urljoin(base(), "_static/cover.png"), "twitter:card": "summary_large_image",
    }  # fmt: skip
    lines = [f'<meta name="description" content="{html.escape(text)}">']
    lines += [f'<link rel="canonical" href="{where}">']
    lines += [f'<meta property="{k}" content="{html.escape(v)}">' for k, v in tags.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def base() -> str:
    """Return the public address of the web edition."""
    return refresh.project()["urls"]["Documentation"].rstrip("/") + "/"


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Write the map of the site; take icons and search out of pages that do not need them."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = [p for p in sorted(out.rglob("*.html")) if "_static" not in p.parts]
    for page in pages:
        text = ICON_SCRIPT.sub("", page.read_text(encoding="utf-8"))
        sources.write(page, text if page.name == "search.html" else SEARCH_SCRIPT.sub("", text))
    for style in (out / "_static" / "styles").glob("*.css"):
        text = ICON_FONT.sub("", style.read_text(encoding="utf-8"))
        sources.write(style, ICON_NAMES.sub("", text))
    (out / "_static" / "scripts" / "fontawesome.js").unlink(missing_ok=True)
    shutil.rmtree(out / "_static" / "vendor" / "fontawesome", ignore_errors=True)
    shown = [p for p in pages if "_modules" not in p.parts and p.name != "search.html"]
    places = [urljoin(base(), p.relative_to(out).as_posix()) for p in shown]
    urls = "\n".join(f"<url><loc>{html.escape(place)}</loc></url>" for place in places)
    sources.write(
        out / "sitemap.xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}\n</urlset>\n',
    )


# --- the reference


def clean_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> tuple[str | None, str | None]:
    """Return a signature with the names of types as we write them."""
    return tuple(part and ALIAS.sub(r"\1", part) for part in (signature, returns))  # type: ignore


def formula(found: re.Match) -> str:
    """Return a symbol as TeX, if it is one."""
    greek, letter, foot, top = (found[n] for n in ("greek", "letter", "foot", "head"))
    if not greek and not foot and not top:
        return found[0]
    text = f"\\{greek}" if greek else letter
    text += "_{" + foot[1:] + "}" if foot else ""
    text += "^{" + top[1:].strip("{}") + "}" if top else ""
    return f":math:`{text}`"


def set_formulas(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Set symbols in the text of a docstring: not in code, and not in examples."""
    for i, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...", ":", "..")):
            continue
        pieces = re.split(r"(``[^`]*``|:[\w:]+:`[^`]*`|`[^`]*`_*)", line)
        lines[i] = "".join(
            p if p.startswith(("`", ":")) else FORMULA.sub(formula, p) for p in pieces
        )


@cache
def homes() -> dict[str, tuple[str, str]]:
    """Return page and title of the first chapter that imports a name, by its full name."""
    import emlib

    found: dict[str, tuple[str, str]] = {}
    for path in refresh.notebook_files():
        nb = nbformat.read(path, as_version=4)
        title = refresh.title_of(nb)
        for full in sources.imported_names(nb).values():
            short = full.rpartition(".")[2]
            value = getattr(emlib, short, None)
            where = f"{value.__module__}.{short}" if hasattr(value, "__module__") else full
            found.setdefault(where, (sources.page_of(path), title))
    return found


def say_where(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Add the chapter that explains a name."""
    if what in {"class", "function"} and name in homes():
        page, title = homes()[name]
        lines += ["", f"*First used in* :doc:`{title} </{page}>`.", ""]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", head)
    app.connect("build-finished", finish)
    app.connect("autodoc-process-signature", clean_signature)
    app.connect("autodoc-process-docstring", set_formulas, priority=650)
    app.connect("autodoc-process-docstring", say_where, priority=660)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
