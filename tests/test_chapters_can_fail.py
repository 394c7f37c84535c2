r"""Each check of chapters.py finds its defect: it is given a sound chapter, then a broken one."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import chapters
import refresh

NAME = "03-sample.ipynb"
ALT = "A curve that rises from left to right and then stays level."

TITLE = """# Why does it rise?

- **What you will do.** This.
- **What you will learn.** That.
- **What you need.** Chapter 2.
- **How long it takes.** About 4 minutes."""

TEXT = r"""## Exercises
### Warm-up
### Core
### Stretch
## Summary
## In practice
## Further reading
## Equation to code

| equation | code |
|---|---|
| (3.1), $p(x \mid z)$ | `f(1.23)` |

$$
\begin{aligned} x &= 0.111 \end{aligned} \tag{3.1}
$$

By (3.1) the rate is $0.1328$; version 1.9.1, [here](https://example.org/1.55), starts at 0.6."""

FOLDED = "<details>\n<summary>Answer</summary>\n\nYes.\n</details>\n"


def sound() -> nbformat.NotebookNode:
    """Return a small chapter to which no check objects."""
    figure = new_output(
        "display_data",
        data={"image/png": "aGVsbG8=", "text/plain": "<Figure>"},
        metadata={"image/png": {"alt": ALT}},
    )
    printed = new_output("stream", name="stdout", text="rate 0.1328\n")
    cells = [
        new_markdown_cell(TITLE, id="title"),
        new_markdown_cell(refresh.badges_source(NAME), id="badges"),
        new_code_cell(refresh.setup_source(), id="setup", execution_count=1),
        new_markdown_cell(TEXT, id="text"),
        new_code_cell(
            "theta = 0.6  # eq. (3.1)", id="run", execution_count=2, outputs=[printed, figure]
        ),
        new_markdown_cell("\n".join([FOLDED] * 4), id="folded"),
    ]
    return new_notebook(cells=cells, metadata=copy.deepcopy(refresh.METADATA))


def cell(nb: nbformat.NotebookNode, cell_id: str) -> nbformat.NotebookNode:
    return next(c for c in nb.cells if c.id == cell_id)


def text(addition: str):
    """Return a defect: this text is added to the chapter."""

    def break_it(nb):
        cell(nb, "text").source += "\n\n" + addition

    return break_it


def code(addition: str):
    """Return a defect: these lines are added to a code cell."""

    def break_it(nb):
        cell(nb, "run").source += "\n" + addition

    return break_it


def replace(cell_id: str, old: str, new: str):
    """Return a defect: these words of a cell are replaced."""

    def break_it(nb):
        assert old in cell(nb, cell_id).source
        cell(nb, cell_id).source = cell(nb, cell_id).source.replace(old, new)

    return break_it


def output(**fields):
    """Return a defect: a cell has this output too."""

    def break_it(nb):
        cell(nb, "run").outputs.append(new_output(**fields))

    return break_it


def shown(data: dict, alt: str = ""):
    """Return a defect: a cell shows this, with this alt text."""
    return output(
        output_type="display_data", data=data, metadata={mime: {"alt": alt} for mime in data}
    )


def set_count(count):
    def break_it(nb):
        cell(nb, "run").execution_count = count

    return break_it


def drop(cell_id: str):
    def break_it(nb):
        nb.cells.remove(cell(nb, cell_id))

    return break_it


def rename(cell_id: str, new: str):
    def break_it(nb):
        cell(nb, cell_id).id = new

    return break_it


def tag_listings(nb):
    for cell_id in ("setup", "run"):
        cell(nb, cell_id).metadata.tags = ["listing"]


def add_metadata(nb):
    nb.metadata.jupytext = {"formats": "md"}


def make_invalid(nb):
    cell(nb, "run").execution_count = "two"


def predict(*tags: str):
    """Return a defect: a prediction, and below it a cell with these tags."""

    def break_it(nb):
        nb.cells += [
            new_markdown_cell("**Predict.** Will it rise?", id="predict"),
            new_code_cell("1 + 1", id="answer", metadata={"tags": list(tags)}),
        ]

    return break_it


def long_drawing(nb):
    drawn = copy.deepcopy(cell(nb, "run"))
    drawn.id, drawn.outputs = "drawn", drawn.outputs[1:]
    drawn.source = "fig, ax = plt.subplots()\n" + "ax.plot(x, y)\n" * 4
    nb.cells += [drawn]


def unfold(nb):
    cell(nb, "run").metadata.tags = ["answer"]


DEFECTS = [
    (chapters.evening_problems, replace("title", "About 4 minutes", "An hour")),
    (chapters.evening_problems, replace("title", "About 4 minutes", "About 40 minutes")),
    (chapters.evening_problems, text("word " * 4500)),
    (
        chapters.evening_problems,
        lambda nb: nb.cells.__setitem__(slice(3, 3), [new_markdown_cell("-")] * 80),
    ),
    (chapters.answer_problems, predict()),
    (chapters.answer_problems, text("**Predict.** Will it rise?")),
    (chapters.drawing_problems, long_drawing),
    (chapters.fold_problems, unfold),
    (chapters.execution_problems, set_count(None)),
    (chapters.execution_problems, set_count(7)),
    (chapters.output_problems, output(output_type="stream", name="stderr", text="Warning")),
    (chapters.output_problems, output(output_type="error", ename="E", evalue="", traceback=[])),
    (chapters.generated_problems, drop("badges")),
    (chapters.generated_problems, drop("setup")),
    (chapters.generated_problems, rename("setup", "other")),
    (chapters.generated_problems, replace("setup", "import numpy as np", "import numpy")),
    (chapters.generated_problems, replace("badges", NAME, "02-other.ipynb")),
    (chapters.cell_length_problems, code("x = 1\n" * 15)),
    (chapters.cell_length_problems, tag_listings),
    (chapters.cell_order_problems, drop("text")),
    (chapters.cell_order_problems, drop("folded")),
    (chapters.alt_text_problems, shown({"image/png": "aGVsbG8="})),
    (chapters.alt_text_problems, shown({"image/gif": "aGVsbG8="}, "A figure")),
    (chapters.alt_text_problems, shown({"image/svg+xml": "<svg/>"})),
    (chapters.alt_text_problems, shown({chapters.WIDGET_VIEW: {"model_id": "1"}})),
    (chapters.alt_text_problems, shown({"text/html": "<img src='a.png'>"})),
    (chapters.alt_text_problems, text("![](picture.png)")),
    (chapters.number_problems, text("It is 0.25.")),
    (chapters.number_problems, text("It is 0.13, or so.")),
    (chapters.number_problems, text("It is 0.13280.")),
    (chapters.number_problems, text(r"It is $\theta=0.25$.")),
    (chapters.number_problems, text("<details>\n<summary>A</summary>\n\n0.25\n</details>")),
    (chapters.number_problems, text("| a | 0.25 |")),
    (chapters.tag_problems, text(r"$$x \tag{3.1}$$")),
    (chapters.tag_problems, replace("text", r"\tag{3.1}", r"\tag{3.x}")),
    (chapters.tag_problems, text(r"$$x \tag{2.2}$$")),
    (chapters.maths_problems, text(r"$$\begin{align} x \end{align}$$")),
    (chapters.maths_problems, text(r"\begin{aligned} x \end{aligned}")),
    (chapters.maths_problems, text(r"$\newcommand{\a}{b}$")),
    (chapters.maths_problems, text(r"$\require{cancel}$")),
    (chapters.maths_problems, text(r"$$x \label{a}$$")),
    (chapters.maths_problems, text(r"see $\eqref{a}$")),
    (chapters.maths_problems, text(r"$\operatorname{KL}$")),
    (chapters.maths_problems, text(r"\[ x \]")),
    (chapters.maths_problems, text("$$ x")),
    (chapters.maths_problems, text("| $p(x|z)$ | b |")),
    (chapters.details_problems, text("<details>\n<summary>A</summary>\n\nYes.")),
    (chapters.details_problems, text("<details>\n<summary>A</summary>\nYes.\n</details>")),
    (chapters.link_problems, text("[next](99-missing.ipynb)")),
    (chapters.link_problems, text("[file](../missing/file.py)")),
    (chapters.link_problems, text("[section](#missing)")),
    (chapters.private_problems, text("in /home/ann/book")),
    (chapters.private_problems, code("open('/tmp/x')")),
    (chapters.private_problems, output(output_type="stream", text="<f at 0x7f00aa11>")),
    (chapters.private_problems, output(output_type="stream", text="2026-01-02 03:04:05")),
    (chapters.network_problems, code("!ls")),
    (chapters.network_problems, code("%pip install emlib")),
    (chapters.network_problems, code("import urllib.request")),
    (chapters.network_problems, code("read_csv('https://example.org/data.csv')")),
    (chapters.format_problems, rename("run", "text")),
    (chapters.format_problems, rename("run", "0a1b2c3d")),
    (chapters.format_problems, add_metadata),
    (chapters.format_problems, make_invalid),
    (chapters.anatomy_problems, drop("folded")),
    (chapters.anatomy_problems, replace("title", "# Why", "Why")),
    *((chapters.anatomy_problems, replace("title", f"**{o}.**", "-")) for o in chapters.OPENING),
    *((chapters.anatomy_problems, replace("text", f"# {s}\n", "#\n")) for s in chapters.SECTIONS),
    (chapters.anatomy_problems, replace("text", "|---|---|", "")),
]


@pytest.mark.parametrize("check", chapters.CHECKS, ids=lambda check: check.__name__)
def test_a_sound_chapter_passes(check):
    assert check(sound(), NAME) == []


@pytest.mark.parametrize(
    ("check", "defect"),
    [pytest.param(c, d, id=f"{c.__name__}-{n}") for n, (c, d) in enumerate(DEFECTS)],
)
def test_a_defect_is_found(check, defect):
    nb = sound()
    defect(nb)
    assert check(nb, NAME)


def test_every_check_has_a_defect():
    assert {check for check, _ in DEFECTS} == set(chapters.CHECKS)


def test_a_folded_answer_is_sound():
    nb = sound()
    predict("answer")(nb)
    assert chapters.answer_problems(nb, NAME) == []


def test_exercises_take_no_time():
    nb = sound()
    before = chapters.n_words(nb), chapters.n_cells(nb)
    nb.cells.insert(3, new_markdown_cell("## Exercises\n\n" + "word " * 900))
    nb.cells.insert(4, new_markdown_cell("word " * 900))
    assert (chapters.n_words(nb), chapters.n_cells(nb)) == before


def test_numbers_of_a_chapter():
    assert chapters.numbering_problems(["3.1", "3.3", "3.2"], "equation") == []
    assert chapters.numbering_problems(["3.1", "3.3"], "equation")
    assert chapters.numbering_problems(["3.1", "3.2", "3.2"], "exercise")


SECTION = "## Two steps at once\n\n**Why read this.** To go faster."


def deeper(*cells) -> nbformat.NotebookNode:
    """Return optional sections: the opening, then these cells."""
    start = [new_markdown_cell("# 03 · Deeper: faster"), new_code_cell(refresh.setup_source())]
    return new_notebook(cells=start + list(cells))


def test_sound_optional_sections():
    nb = deeper(new_markdown_cell(SECTION), new_markdown_cell("### Exercises"))
    assert chapters.anatomy_problems(nb, f"deeper/{NAME}") == []


@pytest.mark.parametrize(
    "cells",
    [
        [],
        [SECTION],
        ["## Two steps at once\n\nFaster.", "### Exercises"],
        [SECTION, "### Exercises", SECTION.replace("Two", "Three")],
    ],
)
def test_defects_of_optional_sections(cells):
    nb = deeper(*map(new_markdown_cell, cells))
    assert chapters.anatomy_problems(nb, f"deeper/{NAME}")


def test_the_code_of_a_section_is_told_apart():
    one, two = new_code_cell("one = 1"), new_code_cell("two = one")
    nb = deeper(new_markdown_cell(SECTION), one, new_markdown_cell("## Another"), two)
    code = chapters.section_code(nb)
    assert list(code) == ["Two steps at once", "Another"]
    assert code["Another"].endswith("\ntwo = one\n")
    assert "one = 1" not in code["Another"]


def test_a_quoted_number_is_allowed():
    nb = sound()
    text("They print 0.25.")(nb)
    cell(nb, "text").metadata.quoted = ["0.25"]
    assert chapters.number_problems(nb, NAME) == []


def test_one_long_listing_is_allowed():
    nb = sound()
    code("x = 1\n" * 30)(nb)
    cell(nb, "run").metadata.tags = ["listing"]
    assert chapters.cell_length_problems(nb, NAME) == []


@pytest.mark.parametrize(
    "prose",
    [
        "`x = 0.25`",
        "```\n0.25\n```",
        "$$x = 0.25$$",
        "## 1.2 Title",
        "see https://example.org/0.25",
        "doi 10.1111/j.2517-6161.1977.tb01600.x",
        "NumPy 2.0 and Python 3.11",
        "by (1.2)",
        "version 1.9.1",
    ],
)
def test_not_a_number_of_the_story(prose):
    assert chapters.numbers_in(prose) == set()


@pytest.mark.parametrize(
    "words", ["eq. (3.4)", "(eq. 3.4)", "Equation 3.4", "equations (3.1), (3.2) and (3.4)"]
)
def test_references_by_name(words):
    assert "3.4" in chapters.references_by_name(words)


def test_references_are_found_in_text_and_in_comments():
    nb = sound()
    text(r"By (3.7) and $p(3.8)$, since $$a = b \quad \text{by (3.9)}.$$")(nb)
    code("f(3.5)  # (3.6)")(nb)
    assert chapters.equation_references(nb) == {"3.1", "3.6", "3.7", "3.9"}


def test_an_unknown_equation_is_found():
    assert chapters.reference_problems({"3.4"}, {"3.4"}) == []
    assert chapters.reference_problems({"3.4", "3.5"}, {"3.4"})


def test_a_large_file_is_found():
    assert chapters.size_problems(chapters.MAX_BYTES) == []
    assert chapters.size_problems(chapters.MAX_BYTES + 1)
