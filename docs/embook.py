"""Sphinx extension of the book: what the text says in words becomes links.

The chapters are plain Markdown, so that they read the same everywhere. Here
* an equation with \\tag{3.4} gets an address, and "(3.4)" or "eq. 3.4", in text and in the
  comments of code, leads to it;
* a name of emlib, in text and in code, leads to the reference;
* "Neal and Hinton (1998)" leads to the bibliography.
"""

import html
import importlib
import inspect
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from pybtex.database import parse_file
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import refresh
import sources
import trust

logger = logging.getLogger(__name__)

TAG = re.compile(r"\s*\\tag\{([^}]*)\}")
EQUATION = re.compile(r"(?<![\w}])\(([1-9]\d?\.[1-9]\d?)\)")
BY_NAME = re.compile(r"\b(?:[Ee]qs?\.|[Ee]quations?)\s+(\d+\.\d+)")
YEAR = re.compile(r"\(((?:18|19|20)\d\d)(?:, [^()]*)?\)")
NAME = re.compile(r"([A-Za-z_][\w.]*)(\(.*\))?", re.DOTALL)
NO_LINKS_IN = (
    nodes.reference, nodes.literal, nodes.literal_block, nodes.math, nodes.math_block,
    nodes.title, nodes.raw, nodes.citation, nodes.comment,
)  # fmt: skip


# --- equations


def equation_id(number: str) -> str:
    return "equation-" + number.replace(".", "-")


class NumberEquations(SphinxTransform):
    """Take \\tag{3.4} out of an equation, and give it that number and an address."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        seen: Counter[str] = Counter()
        for node in self.document.findall(nodes.math_block):
            tags = TAG.findall(node.astext())
            if not tags:
                continue
            latex = TAG.sub("", node.astext())
            node[:] = [nodes.Text(latex)]
            node.rawsource = latex
            node["number"] = tags[0]
            node["ids"].append(equation_id(tags[0]))
            seen.update(tags)
        for number, times in seen.items():
            home = self.app.embook.equations.get(number)
            if times > 1 or home != self.env.docname:
                logger.warning("equation %s stands twice", number, location=self.env.docname)


# --- names of emlib


def member_names(cls: type) -> list[str]:
    return [n for n in vars(cls) if not n.startswith("_")]


def name_table() -> dict[str, str]:
    """Return the full name in the reference of every name that the book may write in code."""
    import emlib
    from emlib.em import EMModel, Fit, Step
    from emlib.mixture import Mixture
    from emlib.selection import Row, Selection

    full: dict[str, str] = {}
    bare: dict[str, set[str]] = {}
    for module_name in sources.modules():
        module = importlib.import_module(module_name)
        full[module_name] = module_name
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module_name:
                continue
            target = f"{module_name}.{name}"
            short = module_name.rpartition(".")[2]
            full |= {target: target, f"{short}.{name}": target}
            if not module_name.startswith("emlib.checks"):
                bare.setdefault(name, set()).add(target)
            if inspect.isclass(value):
                for member in member_names(value):
                    full |= {
                        f"{prefix}{name}.{member}": f"{target}.{member}"
                        for prefix in ("", f"{module_name}.", f"{short}.", "emlib.")
                    }
    for name in emlib.__all__:
        value = getattr(emlib, name)
        full[f"emlib.{name}"] = full[name] = f"{value.__module__}.{value.__name__}"
    for name, targets in bare.items():
        if len(targets) == 1 and len(name) > 1:
            full.setdefault(name, targets.pop())
    # What every model and every mixture has, and the usual names of results.
    for cls in (EMModel, Mixture):
        for member in member_names(cls):
            target = f"{cls.__module__}.{cls.__name__}.{member}"
            full.setdefault(member, target)
            full.setdefault(f"model.{member}", target)
    for cls, variables in ((Fit, ("result", "fit")), (Step, ("step",)), (Row, ("row",)),
                           (Selection, ("table",))):  # fmt: skip
        for variable in variables:
            fields = [*member_names(cls), *getattr(cls, "__dataclass_fields__", ())]
            for member in fields:
                target = f"{cls.__module__}.{cls.__name__}.{member}"
                full.setdefault(f"{variable}.{member}", target)
    return full


class Book:
    """What the links are made from: the chapters' equations, code and names, and the works."""

    def __init__(self, app: Sphinx) -> None:
        self.app = app
        self.names = name_table()
        self.equations: dict[str, str] = {}
        self.imports: dict[str, dict[str, str]] = {}
        self.defined: dict[str, set[str]] = {}
        for path in refresh.notebook_files():
            nb = nbformat.read(path, as_version=4)
            doc = sources.page_of(path)
            self.imports[doc] = sources.imported_names(nb)
            self.defined[doc] = sources.defined_names(nb)
            for cell in nb.cells:
                if cell.cell_type == "markdown":
                    for number in TAG.findall(cell.source):
                        self.equations.setdefault(number, doc)
        self.works = works(Path(app.srcdir) / "references.bib")

    def address(self, here: str, doc: str, fragment: str = "") -> str:
        if here == doc:
            return f"#{fragment}"
        uri = self.app.builder.get_relative_uri(here, doc)
        return f"{uri}#{fragment}" if fragment else uri

    def equation_address(self, here: str, number: str) -> str | None:
        doc = self.equations.get(number)
        return None if doc is None else self.address(here, doc, equation_id(number))

    def documented(self, here: str, target: str) -> str | None:
        """Return the address of a full name in the reference, or of the class it belongs to."""
        objects = self.app.env.domains.python_domain.objects
        while target not in objects and target.count(".") > 2:
            target = target.rpartition(".")[0]
        if target not in objects:
            return None
        entry = objects[target]
        return self.address(here, entry.docname, entry.node_id)

    def resolve(self, here: str, name: str) -> str | None:
        """Return the full name that a name written on a page stands for, if it is one of ours."""
        first, dot, rest = name.partition(".")
        imports = self.imports.get(here, {})
        if first in imports:
            written = imports[first] + dot + rest
            return self.names.get(written, written)
        if first in self.defined.get(here, ()) and first != "emlib" and not dot:
            return None
        return self.names.get(name)


def link(text: str, uri: str, *classes: str) -> nodes.reference:
    return nodes.reference("", text, internal=True, refuri=uri, classes=list(classes))


def link_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link code in text to the reference."""
    if docname.startswith("reference/"):
        return  # Sphinx does it there
    for node in list(doctree.findall(nodes.literal)):
        found = NAME.fullmatch(node.astext())
        inside = node.parent
        while inside is not None and not isinstance(inside, nodes.reference | nodes.title):
            inside = inside.parent
        if not found or inside is not None:
            continue
        target = app.embook.resolve(docname, found[1])
        uri = target and app.embook.documented(docname, target)
        if uri:
            reference = nodes.reference("", "", internal=True, refuri=uri, classes=["api"])
            reference["reftitle"] = target
            node.replace_self(reference)
            reference += node


# --- works


def spelling(surname: str) -> str:
    """Return a pattern for a surname, with its accents or without: Härdle, Hardle, Haerdle."""
    pattern = ""
    for letter in surname:
        base = unicodedata.normalize("NFD", letter)[0]
        if base == letter:
            pattern += re.escape(letter)
        else:
            pattern += f"(?:{letter}|{base}e?)" if letter in "äöü" else f"[{letter}{base}]"
    return rf"\b{pattern}\b"


def works(path: Path) -> dict[str, tuple[str, re.Pattern]]:
    """Return the year of every work, and a pattern of how a text names its authors, by its key."""
    found = {}
    for key, entry in parse_file(str(path)).entries.items():
        people = entry.persons.get("author") or entry.persons["editor"]
        names = [spelling(" ".join([*p.prelast_names, *p.last_names])) for p in people]
        all_of_them = ".{1,40}?".join(names)
        pattern = rf"(?:{all_of_them}|{names[0]}(?: et al\.| and others)) $"
        found[key] = entry.fields["year"], re.compile(pattern)
    return found


def cited_works(
    before: str, year: str, known: dict[str, tuple[str, re.Pattern]]
) -> list[tuple[str, int]]:
    """Return the works that a text cites with this year, and where their authors' names begin.

    Those with the longest list of authors: "Meng and Rubin (1993)" is no work by Rubin alone.
    """
    found = [
        (match.start(), key)
        for key, (when, authors) in known.items()
        if when == year and (match := authors.search(before))
    ]
    return [(key, start) for start, key in found if start == min(found)[0]]


# --- text


def link_text(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link numbers of equations, and names with a year, wherever they stand in text."""
    for node in list(doctree.findall(nodes.Text)):
        parent = node.parent
        while parent is not None and not isinstance(parent, NO_LINKS_IN):
            parent = parent.parent
        if parent is None and node.parent is not None:
            pieces = linked(app, node.astext().replace("\n", " "), docname)
            if len(pieces) > 1 or not isinstance(pieces[0], nodes.Text):
                node.parent.replace(node, pieces)


def linked(app: Sphinx, text: str, docname: str) -> list[nodes.Node]:
    spans: list[tuple[int, int, str, str]] = []
    cited = []
    for found in YEAR.finditer(text):
        before = text[: found.start()]
        matches = cited_works(before, found[1], app.embook.works)
        if len(matches) == 1:
            key, begin = matches[0]
            uri = app.embook.address(docname, "bibliography", f"cite-{key}")
            spans.append((begin, found.end(), uri, "work"))
        elif re.search(r"[A-Z][\w’'-]+(?: et al\.| and others)? $", before):
            logger.warning(
                "'%s%s' is %s in docs/references.bib",
                before[-50:], found[0], "not" if not matches else "more than one work",
                location=docname,
            )  # fmt: skip
        cited.append(found.end())
    for found in [*EQUATION.finditer(text), *BY_NAME.finditer(text)]:
        # The number of an equation in a paper: "Dempster (1977), equation (2.2)".
        since = [end for end in cited if end <= found.start()]
        if since and not re.search(r"[;.:] ?[a-z]|[;:]", text[since[-1] : found.start()]):
            continue
        uri = app.embook.equation_address(docname, found[1])
        if uri:
            spans.append((found.start(), found.end(), uri, "equation"))
    pieces: list[nodes.Node] = []
    done = 0
    for begin, end, uri, kind in sorted(spans):
        if begin < done:
            continue
        if begin > done:
            pieces.append(nodes.Text(text[done:begin]))
        pieces.append(link(text[begin:end], uri, kind))
        done = end
    if done < len(text) or not pieces:
        pieces.append(nodes.Text(text[done:]))
    return pieces


# --- code

CODE_NAME = re.compile(
    r'<span class="(?:n|nn|nc|nf)">(?:\w|\.)+</span>'
    r'(?:<span class="o">\.</span><span class="(?:n|nn|nf)">\w+</span>)*'
)
COMMENT = re.compile(r'<span class="c1">.*?</span>', re.DOTALL)


class LinkedCode:
    """The highlighter of a builder, whose code leads to the reference and to equations."""

    def __init__(self, app: Sphinx, highlighter: Any) -> None:
        self.app, self.highlighter = app, highlighter

    def __getattr__(self, name: str) -> Any:
        return getattr(self.highlighter, name)

    def highlight_block(self, source: str, lang: str, *args: Any, **options: Any) -> str:
        text = self.highlighter.highlight_block(source, lang, *args, **options)
        here = self.app.builder.current_docname
        if lang not in {"python", "ipython3", "python3"} or here not in self.app.embook.imports:
            return text
        return COMMENT.sub(self.comment, CODE_NAME.sub(self.name, text))

    def name(self, found: re.Match) -> str:
        here = self.app.builder.current_docname
        name = re.sub(r"<[^>]+>", "", found[0])
        if name.partition(".")[0] not in self.app.embook.imports[here]:
            return found[0]
        target = self.app.embook.resolve(here, name)
        uri = target and self.app.embook.documented(here, target)
        return self.wrap(found[0], uri, "api") if uri else found[0]

    def comment(self, found: re.Match) -> str:
        def equation(number: re.Match) -> str:
            uri = self.app.embook.equation_address(self.app.builder.current_docname, number[1])
            return self.wrap(number[0], uri, "equation") if uri else number[0]

        return EQUATION.sub(equation, found[0])

    @staticmethod
    def wrap(text: str, uri: str, kind: str) -> str:
        return f'<a class="{kind} reference internal" href="{html.escape(uri)}">{text}</a>'


# --- pages


class Published(SphinxDirective):
    """`{published}`: the published results, the printed value beside ours."""

    def run(self) -> list[nodes.Node]:
        for name in ("published.py", "test_published.py"):
            self.env.note_dependency(str(refresh.ROOT / "tests" / name))
        return self.parse_text_to_nodes(trust.page(), allow_section_headings=True)


def launch_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Put Binder and Colab into the header of a chapter."""
    if not pagename.startswith(f"{sources.NOTEBOOKS}/"):
        return
    path = refresh.HERE / f"{pagename.removeprefix(f'{sources.NOTEBOOKS}/')}.ipynb"
    links = refresh.launch_links(path.name, refresh.folder_of(path))
    buttons = [
        {"type": "link", "text": where, "tooltip": f"Run this chapter in {where}", "url": uri}
        for where, uri in links.items()
    ]
    context["header_buttons"].append(
        {
            "type": "group",
            "buttons": buttons,
            "icon": "fas fa-rocket",
            "tooltip": "Run this chapter",
            "label": "launch-buttons",
        }
    )


class Plain:
    """Keep Napoleon away from properties: it takes "What EM climbs: ..." for a type."""

    def __init__(self) -> None:
        self.kept: dict[str, list[str]] = {}

    def hide(
        self, app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
    ) -> None:
        if what == "property" and not any(line.startswith("---") for line in lines):
            self.kept[name] = lines[:]
            lines[:] = ["."]

    def show(
        self, app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
    ) -> None:
        if name in self.kept:
            lines[:] = self.kept.pop(name)


HAN, SIGNS = r"\u4e00-\u9fff", r"\u3000-\u303f\uff00-\uffef"
CHINESE = re.compile(f"[{HAN}](?:[{HAN}{SIGNS}\\w ]*[{HAN}{SIGNS}])?")


def speak(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Tell screen readers which words are Chinese, and of no list that has no items."""

    def between_tags(found: re.Match) -> str:
        return CHINESE.sub(lambda m: f'<span lang="zh-Hans">{m[0]}</span>', found[0])

    if pagename in {"glossary", "index"}:
        context["body"] = re.sub(r">[^<]+<", between_tags, context["body"])
    if pagename == "bibliography":
        context["body"] = context["body"].replace('<div role="list" ', "<div ")


def escape_bars(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Keep |Sigma| in a docstring a determinant: to reStructuredText it is a substitution."""
    lines[:] = [re.sub(r"(?<![`\\|])\|(?=\w)", r"\\|", line) for line in lines]


def begin(app: Sphinx) -> None:
    app.embook = Book(app)
    if app.builder.format == "html":
        app.builder.highlighter = LinkedCode(app, app.builder.highlighter)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", begin)
    app.add_transform(NumberEquations)
    app.add_directive("published", Published)
    plain_properties = Plain()
    app.connect("autodoc-process-docstring", plain_properties.hide, priority=400)
    app.connect("autodoc-process-docstring", plain_properties.show, priority=600)
    app.connect("autodoc-process-docstring", escape_bars, priority=700)
    app.connect("doctree-resolved", link_names)
    app.connect("doctree-resolved", link_text)
    app.connect("html-page-context", speak)
    app.connect("html-page-context", launch_buttons, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
