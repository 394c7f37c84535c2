r"""The form of a chapter, as checks.

Each check takes a notebook (and its name below notebooks/, such as `01-the-elbo.ipynb` or
`deeper/01-the-elbo.ipynb`) and returns a list of problems, each a sentence that says what to do.
`test_chapters.py` runs them on the book; `test_chapters_can_fail.py` shows that each can fail.
"""

import re
from collections import Counter
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import refresh

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 15
MAX_BYTES = 400_000
MIN_ALT = 40
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# One evening with the main line of a chapter, without its exercises.
MAX_WORDS = 4500
MAX_CELLS = 80
MAX_MINUTES = 90


# --- parts of a notebook


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def markdown_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "markdown"]


def markdown(nb: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in markdown_cells(nb))


def outputs(nb: NotebookNode) -> list[tuple[NotebookNode, NotebookNode]]:
    """Return every output with its cell."""
    return [(cell, output) for cell in code_cells(nb) for output in cell.outputs]


def output_text(output: NotebookNode) -> str:
    """Return all that an output says in words."""
    texts = [output.get("text", ""), *output.get("traceback", [])]
    texts += [str(v) for k, v in output.get("data", {}).items() if k.startswith("text/")]
    return "\n".join(texts)


def without_code(text: str) -> str:
    """Return Markdown without its code fences and code spans."""
    text = re.sub(r"^(```|~~~).*?^\1\s*$", " ", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", " ", text, flags=re.DOTALL)


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:60]


def is_deeper(name: str) -> bool:
    return name.startswith("deeper/")


def chapter_number(name: str) -> int:
    return int(name.removeprefix("deeper/")[:2])


def tags_of(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def has_picture(output: NotebookNode) -> bool:
    return any(m.startswith("image/") or m == WIDGET_VIEW for m in output.get("data", {}))


# --- it has run, and runs clean


def execution_problems(nb: NotebookNode, name: str) -> list[str]:
    counts = [cell.execution_count for cell in code_cells(nb)]
    if counts != list(range(1, len(counts) + 1)):
        return [f"cells were not run once each, in order: run notebooks/refresh.py ({counts})"]
    return []


def output_problems(nb: NotebookNode, name: str) -> list[str]:
    return [
        f"output of '{first_line(cell.source)}' is an error or on stderr: mend the cell"
        for cell, output in outputs(nb)
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def generated_problems(nb: NotebookNode, name: str) -> list[str]:
    folder, _, file = f"notebooks/{name}".rpartition("/")
    return refresh.stale_generated(nb, file, folder)


# --- what a cell looks like


def cell_length_problems(nb: NotebookNode, name: str) -> list[str]:
    def is_listing(cell: NotebookNode) -> bool:
        return "listing" in cell.metadata.get("tags", [])

    problems = [
        f"'{first_line(cell.source)}' has more than {MAX_LINES} lines: split the cell, or tag the "
        f"one complete listing of the chapter 'listing'"
        for cell in code_cells(nb)
        if cell.source.count("\n") >= MAX_LINES and not is_listing(cell)
    ]
    if sum(map(is_listing, code_cells(nb))) > 1:
        problems.append("more than one cell is tagged 'listing': a chapter has one")
    return problems


def cell_order_problems(nb: NotebookNode, name: str) -> list[str]:
    kinds = ["start", *(cell.cell_type for cell in nb.cells), "end"]
    problems = [
        f"no text before '{first_line(cell.source)}': say in a Markdown cell what it is for"
        for before, cell in zip(kinds, nb.cells, strict=False)
        if cell.cell_type == "code" and before != "markdown"
    ]
    if kinds[-2] == "code":
        problems.append("the last cell is code: say in a Markdown cell what to see")
    return problems


def alt_text_problems(nb: NotebookNode, name: str) -> list[str]:
    problems = []
    for cell, output in outputs(nb):
        for mime in output.get("data", {}):
            alt = output.metadata.get(mime, {}).get("alt", "")
            if (mime.startswith("image/") or mime == WIDGET_VIEW) and len(alt) < MIN_ALT:
                problems.append(
                    f"{mime} of '{first_line(cell.source)}' has no alt text of {MIN_ALT} "
                    f"characters: show it through emlib.plotting"
                )
        if re.search(r"<img(?![^>]*\balt=)", output_text(output)):
            problems.append(f"an <img> of '{first_line(cell.source)}' has no alt attribute")
    for image in re.findall(r"!\[\s*\]\([^)]*\)", without_code(markdown(nb))):
        problems.append(f"{image} has no alt text: write it between the brackets")
    return problems


# --- numbers in the prose

NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?!\d|\.\d)")
NOT_NUMBERS = [
    r"\$\$.*?\$\$",  # displayed equations
    r"<!--.*?-->",
    r"<[a-zA-Z/][^>]*>",  # HTML tags and their attributes
    r"\]\([^)]*\)",  # targets of links
    r"https?://\S+",
    r"\b10\.\d{4,}/\S+",  # DOIs
    r"^#+ \d+(\.\d+)*\b",  # numbers of sections
    r"(?<![\w}])\([1-9]\d?\.[1-9]\d?\)",  # equations: see equation_problems
    r"(?i)\b(sections?|exercises?|figures?|tables?|versions?|cc by|python|numpy|scipy|matplotlib"
    r"|scikit-learn)[ -]v?\d+\.\d+",
]


def numbers_in(text: str) -> set[str]:
    """Return the decimal numbers of a piece of prose, as they are written."""
    text = without_code(text)
    for pattern in NOT_NUMBERS:
        text = re.sub(pattern, " ", text, flags=re.MULTILINE | re.DOTALL)
    return set(NUMBER.findall(text))


def number_problems(nb: NotebookNode, name: str) -> list[str]:
    printed = {n for _, out in outputs(nb) for n in re.findall(r"\d+\.\d+", output_text(out))}
    typed = {n for cell in code_cells(nb) for n in re.findall(r"\d+\.\d+", cell.source)}
    return [
        f"{number} stands in the text '{first_line(cell.source)}' but no cell prints it: print "
        f"it, at this precision, or list it in the cell's metadata under 'quoted'"
        for cell in markdown_cells(nb)
        for number in sorted(numbers_in(cell.source))
        if number not in printed | typed | set(cell.metadata.get("quoted", []))
    ]


# --- equations

TAG = re.compile(r"\\tag\{([^}]*)\}")
IN_BRACKETS = re.compile(r"(?<![\w}])\(([1-9]\d?\.[1-9]\d?)\)")
BY_NAME = re.compile(
    r"\b(?:eqs?\.|equations?)\s+((?:\(?\d+\.\d+\)?(?:,? and |, | to |-|–)?)+)", re.IGNORECASE
)


def equation_tags(nb: NotebookNode) -> list[str]:
    """Return the numbers of a chapter's equations, such as "3.4", in order."""
    return TAG.findall(without_code(markdown(nb)))


def references_by_name(text: str) -> list[str]:
    """Return the equations that a text names: "eq. (3.4)", "equations 3.4 and 3.5"."""
    return [number for found in BY_NAME.findall(text) for number in re.findall(r"\d+\.\d+", found)]


def equation_references(nb: NotebookNode) -> set[str]:
    """Return the equations that a chapter's text and the comments in its code refer to."""
    text = TAG.sub("", without_code(markdown(nb)))
    comments = "\n".join(re.findall(r"#.*", "\n".join(c.source for c in code_cells(nb))))
    both = text + "\n" + comments
    return set(IN_BRACKETS.findall(both)) | set(references_by_name(both))


def tag_problems(nb: NotebookNode, name: str) -> list[str]:
    """Return what is wrong with the numbers within one notebook: the other may have the rest."""
    problems, last = [], 0
    for tag in equation_tags(nb):
        chapter, _, number = tag.partition(".")
        if chapter != str(chapter_number(name)) or not number.isdigit():
            problems.append(f"equation \\tag{{{tag}}} is not of chapter {chapter_number(name)}")
        elif int(number) <= last:
            problems.append(f"equation \\tag{{{tag}}} is out of order: numbers rise")
        else:
            last = int(number)
    return problems


def numbering_problems(numbers: list[str], what: str) -> list[str]:
    """Return what is wrong with the numbers of a chapter, both notebooks together."""
    found = Counter(int(number.partition(".")[2]) for number in numbers)
    twice = [f"{what} {n} stands twice" for n, times in sorted(found.items()) if times > 1]
    missing = sorted(set(range(1, max(found, default=0) + 1)) - set(found))
    return twice + [f"there is no {what} {n}: number without gaps" for n in missing]


def reference_problems(references: set[str], known: set[str]) -> list[str]:
    return [
        f"equation ({number}) does not exist: mend the reference, or do not put a number that "
        f"is none alone in brackets"
        for number in sorted(references - known)
    ]


# --- Markdown and maths that JupyterLab, GitHub, Colab and the web edition all render

NOT_EVERYWHERE = {
    r"\\begin\{(align|equation|gather|eqnarray|multline)\*?\}": "use $$ with \\begin{aligned}",
    r"\\(require|newcommand|renewcommand|def|DeclareMathOperator)\b": "define no commands",
    r"\\(label|eqref|ref)\b": "write \\tag{3.4}, and (3.4) in the text",
    r"\\(operatorname|mbox|phantom)\b": "GitHub refuses it: use \\mathrm or \\text",
    r"\\bm\b": "MathJax has none: use \\boldsymbol",
    r"(?<!\\)\\[\[(]": "write $...$ and $$...$$",
}


def maths_problems(nb: NotebookNode, name: str) -> list[str]:
    problems = []
    for cell in markdown_cells(nb):
        text = without_code(cell.source)
        where = f"in '{first_line(cell.source)}'"
        if text.count("$$") % 2:
            problems.append(f"a $$ {where} has no partner")
        for pattern, advice in NOT_EVERYWHERE.items():
            if found := re.search(pattern, text):
                problems.append(f"{found[0]} {where} does not render everywhere: {advice}")
        outside = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", "", text, flags=re.DOTALL)
        if r"\begin{" in outside:
            problems.append(f"\\begin {where} stands outside $$ and $")
        for row in re.findall(r"^\s*\|.*", text, flags=re.MULTILINE):
            for formula in re.findall(r"\$[^$]*\$", row):
                if "|" in formula:
                    problems.append(f"{formula} {where} has a | in a table: use \\mid or \\Vert")
    return problems


def details_problems(nb: NotebookNode, name: str) -> list[str]:
    problems = []
    for cell in markdown_cells(nb):
        where = f"in '{first_line(cell.source)}'"
        if cell.source.count("<details") != cell.source.count("</details>"):
            problems.append(f"<details> {where} are not all closed in the same cell")
        if re.search(r"</summary>[^\n]*\n(?!\s*\n)", cell.source):
            problems.append(f"</summary> {where} needs a blank line after it, or no Markdown works")
    return problems


def heading_slugs(nb: NotebookNode) -> set[str]:
    """Return the anchors of a notebook's headings, in lower case."""
    headings = re.findall(r"^#+ (.+)$", without_code(markdown(nb)), flags=re.MULTILINE)
    return {re.sub(r"\s+", "-", heading.strip()).lower() for heading in headings}


def link_problems(nb: NotebookNode, name: str, folder: Path = refresh.HERE) -> list[str]:
    problems = []
    folder = (folder / name).parent
    for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", without_code(markdown(nb))):
        if re.match(r"[a-z]+:", target):  # another site, or an attachment
            continue
        path, _, anchor = target.partition("#")
        file = folder / path if path else None
        if file and not file.exists():
            problems.append(f"the link to {target} leads nowhere: mend or remove it")
            continue
        there = nbformat.read(file, as_version=4) if path.endswith(".ipynb") else nb
        if anchor and anchor.lower() not in heading_slugs(there):
            problems.append(f"the link to {target} leads to no heading: mend or remove it")
    return problems


# --- nothing of one machine, nothing from the network

PRIVATE = {
    r"/(home|Users)/\w+|/root\b|/tmp/|[A-Z]:\\Users|site-packages": "a path of one machine",
    r"\bat 0x[0-9a-f]{6,}": "an address in memory",
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d": "a time stamp",
}
SHELL = r"^\s*(!|%%?(bash|sh|system|sx|cmd|script|pip|conda|mamba|uv)\b)"
NETWORK = (
    r"\b(urllib|requests|httpx|aiohttp|ftplib|urlopen|urlretrieve|wget|curl|fetch_\w+|socket)\b"
    r"|\bsubprocess\b|os\.system|[\"'](https?|ftp)://"
)


def private_problems(nb: NotebookNode, name: str) -> list[str]:
    texts = [cell.source for cell in nb.cells] + [output_text(out) for _, out in outputs(nb)]
    return [
        f"'{found[0]}' is {what}: take it out"
        for text in texts
        for pattern, what in PRIVATE.items()
        if (found := re.search(pattern, text))
    ]


def network_problems(nb: NotebookNode, name: str) -> list[str]:
    return [
        f"'{first_line(cell.source)}' runs a shell or asks the network: a chapter runs alone"
        for cell in code_cells(nb)
        if not cell.source.startswith(refresh.SETUP_MARK)
        and re.search(f"{SHELL}|{NETWORK}", cell.source, flags=re.MULTILINE)
    ]


# --- the file


def format_problems(nb: NotebookNode, name: str) -> list[str]:
    twice = [i for i, n in Counter(cell.get("id") for cell in nb.cells).items() if n > 1]
    problems = [f"the cell id {i} stands twice: run notebooks/refresh.py" for i in twice]
    if any(refresh.RANDOM_ID.fullmatch(cell.get("id", "")) for cell in nb.cells):
        problems.append("cells have random ids: run notebooks/refresh.py")
    if set(nb.metadata) - {"kernelspec", "language_info", "widgets"}:
        problems.append("the notebook's metadata is not in normal form: run notebooks/refresh.py")
    try:
        if not twice:  # nbformat would mend it, with a warning
            nbformat.validate(nb)
    except nbformat.ValidationError as error:
        problems.append(f"not a valid notebook: {error.message}")
    return problems


def size_problems(n_bytes: int) -> list[str]:
    if n_bytes <= MAX_BYTES:
        return []
    return [f"{n_bytes} bytes, of {MAX_BYTES} at most: draw fewer, smaller or simpler pictures"]


# --- one evening


def main_line(nb: NotebookNode) -> str:
    """Return the text of a chapter without its exercises."""
    return re.sub(r"^## Exercises.*?(?=^## |\Z)", "", markdown(nb), flags=re.MULTILINE | re.DOTALL)


def n_words(nb: NotebookNode) -> int:
    """Return how many words of prose are read: folded answers too, but no displayed equation."""
    return len(re.sub(r"\$\$.*?\$\$", " ", without_code(main_line(nb)), flags=re.DOTALL).split())


def n_cells(nb: NotebookNode) -> int:
    """Return how many cells there are outside the exercises."""
    heading, count = "", 0
    for cell in nb.cells:
        if cell.cell_type == "markdown" and (found := re.match(r"## (.+)", cell.source)):
            heading = found[1]
        count += heading != "Exercises"
    return count


def predictions(nb: NotebookNode) -> list[NotebookNode]:
    """Return the cells that ask the reader to predict."""
    return [cell for cell in markdown_cells(nb) if "**Predict" in cell.source]


def honest_minutes(nb: NotebookNode) -> float:
    """Return how long the main line takes, by the measure of readers who were timed."""
    figures = sum(has_picture(output) for _, output in outputs(nb))
    equations = len(TAG.findall(without_code(main_line(nb))))
    return n_words(nb) / 130 + 2 * equations + figures + len(predictions(nb))


def evening_problems(nb: NotebookNode, name: str) -> list[str]:
    if is_deeper(name):
        return []
    minutes, said = honest_minutes(nb), refresh.TIME.search(nb.cells[0].source)
    counts = [
        (n_words(nb), MAX_WORDS, "words"),
        (n_cells(nb), MAX_CELLS, "cells without the exercises"),
        (round(minutes), MAX_MINUTES, "minutes"),
    ]
    problems = [
        f"{count} {what}, of {most} at most: cut, or move what can wait to deeper/"
        for count, most, what in counts
        if count > most
    ]
    if not said:
        problems.append("the first cell must say '**How long it takes.** About N minutes'")
    elif not minutes - 3 <= int(said[1]) <= minutes + 8:
        problems.append(f"{said[1]} minutes are announced, but it takes {minutes:.0f}")
    return problems


# --- what is folded


def answer_problems(nb: NotebookNode, name: str) -> list[str]:
    """Return which predictions are answered before the reader has made them."""
    after = dict(zip([cell.id for cell in nb.cells], [*nb.cells[1:], None], strict=True))
    return [
        f"'{first_line(cell.source)}' asks for a prediction: the next cell must be code that is "
        f"tagged 'answer', so that its output is folded"
        for cell in predictions(nb)
        if (then := after[cell.id]) is None
        or then.cell_type != "code"
        or "answer" not in tags_of(then)
    ]


def drawing_problems(nb: NotebookNode, name: str) -> list[str]:
    """Return which cells only draw and are not folded."""
    return [
        f"'{first_line(cell.source)}' only draws: tag it 'drawing', or cite in a comment the "
        f"equation that it carries"
        for cell in code_cells(nb)
        if any(map(has_picture, cell.outputs))
        and all(map(has_picture, cell.outputs))
        and cell.source.count("\n") >= 4
        and not re.search(rf"#.*{IN_BRACKETS.pattern}", cell.source)
        and not {"drawing", "open"} & set(tags_of(cell))
    ]


def fold_problems(nb: NotebookNode, name: str) -> list[str]:
    return [
        f"'{first_line(cell.source)}' is not folded as its tags say: run notebooks/refresh.py"
        for cell in nb.cells
        if cell.metadata != refresh.normal_metadata(cell)
    ]


# --- the anatomy of a chapter (chapter 0, the way in, has its own)

OPENING = ["What you will do", "What you will learn", "What you need", "How long it takes"]
SECTIONS = [
    "Exercises",
    "Warm-up",
    "Core",
    "Stretch",
    "Summary",
    "In practice",
    "Further reading",
    "Equation to code",
]


def anatomy_problems(nb: NotebookNode, name: str) -> list[str]:
    if is_deeper(name):
        return deeper_anatomy_problems(nb)
    if chapter_number(name) == 0:
        return []
    text = without_code(markdown(nb))
    headings = " / ".join(re.findall(r"^#{2,} (.+)$", text, flags=re.MULTILINE)).lower()
    problems = []
    if not nb.cells or not re.match(r"# \S", nb.cells[0].source):
        problems.append("the first cell must begin with the title: '# A verb or a question'")
    problems += [
        f"no line begins '**{words}**': see the anatomy of a chapter"
        for words in OPENING
        if not re.search(rf"^[-*]?\s*\*\*{words}[.:]?\*\*", text, flags=re.MULTILINE)
    ]
    problems += [
        f"no heading says '{words}': see the anatomy of a chapter"
        for words in SECTIONS
        if words.lower() not in headings
    ]
    if not re.search(r"^\|[-: |]+\|\s*$", text, flags=re.MULTILINE):
        problems.append("no table: a chapter ends with one from equations to code")
    if text.count("<details") < 4:
        problems.append("fewer than 4 <details>: fold away answers to checkpoints and exercises")
    return problems


# Headings in deeper/ that are no sections of their own.
AT_THE_END = ("Further reading",)


def deeper_sections(nb: NotebookNode) -> list[tuple[str, list[NotebookNode]]]:
    """Return the optional sections of a notebook in deeper/: heading and cells of each."""
    found: list[tuple[str, list[NotebookNode]]] = []
    for cell in nb.cells:
        if heading := re.match(r"## (.+)", cell.source if cell.cell_type == "markdown" else ""):
            found.append((heading[1], []))
        if found:
            found[-1][1].append(cell)
    return [(heading, cells) for heading, cells in found if heading not in AT_THE_END]


def deeper_anatomy_problems(nb: NotebookNode) -> list[str]:
    problems = []
    if not re.match(r"# \d\d · Deeper: \S", nb.cells[0].source):
        problems.append("the first cell must begin with the title: '# 01 · Deeper: ...'")
    if not deeper_sections(nb):
        problems.append("no section: each begins with '## '")
    for heading, cells in deeper_sections(nb):
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        if not re.match(r"## .+\n+\*\*Why read this\.\*\* ", text):
            problems.append(f"section '{heading}' must open with '**Why read this.** ...'")
        if not re.search(r"^### Exercises?$", text, flags=re.MULTILINE):
            problems.append(f"section '{heading}' has no '### Exercises' at its end")
    return problems


def section_code(nb: NotebookNode) -> dict[str, str]:
    """Return the code of each optional section, behind the set-up cell: it needs no other."""
    [setup] = [cell.source for cell in code_cells(nb) if cell.source.startswith(refresh.SETUP_MARK)]
    return {
        heading: "\n".join([setup, *(c.source for c in cells if c.cell_type == "code")]) + "\n"
        for heading, cells in deeper_sections(nb)
    }


CHECKS = [
    evening_problems,
    answer_problems,
    drawing_problems,
    fold_problems,
    execution_problems,
    output_problems,
    generated_problems,
    cell_length_problems,
    cell_order_problems,
    alt_text_problems,
    number_problems,
    tag_problems,
    maths_problems,
    details_problems,
    link_problems,
    private_problems,
    network_problems,
    format_problems,
    anatomy_problems,
]
