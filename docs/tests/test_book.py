"""What the pages say together: links, numbers, names, search, players."""

import re
import tomllib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import matplotlib.colors
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

import embook
import frames
import refresh
import sources
from test_pages import Watched, dress

CHAPTERS = refresh.chapter_files()
NOTEBOOKS = refresh.notebook_files()
WITH_SLIDER = [path for path in NOTEBOOKS if frames.slider_cells(nbformat.read(path, as_version=4))]


class Reader(HTMLParser):
    """Collects the ids and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.ids.append(value)
            if (name == "href" and tag in {"a", "link"}) or name == "src":
                self.links.append(value or "")


@pytest.fixture(scope="module")
def pages(html: Path) -> dict[Path, Reader]:
    return {
        path: Reader(path.read_text(encoding="utf-8"))
        for path in html.rglob("*.html")
        if "_static" not in path.parts
    }


def page_of(html: Path, chapter: Path) -> Path:
    return html / f"{sources.page_of(chapter)}.html"


# --- links and numbers


def test_internal_links_resolve(pages: dict[Path, Reader]) -> None:
    broken = []
    ids = {path: page.ids for path, page in pages.items()}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                broken.append(f"{path.name}: {link}: no such file")
            elif parts.fragment and target in ids and unquote(parts.fragment) not in ids[target]:
                broken.append(f"{path.name}: {link}: no such place")
    assert not broken, "\n".join(sorted(set(broken)))


def test_every_equation_has_its_own_address(html: Path, pages: dict[Path, Reader]) -> None:
    found = Counter(
        (name, path) for path, page in pages.items() for name in page.ids
        if re.fullmatch(r"equation-\d+-\d+", name)
    )  # fmt: skip
    assert max(Counter(name for name, _ in found.elements()).values()) == 1
    for chapter in NOTEBOOKS:
        nb = nbformat.read(chapter, as_version=4)
        text = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
        tags = [embook.equation_id(number) for number in embook.TAG.findall(text)]
        assert {(tag, page_of(html, chapter)) for tag in tags} <= set(found), chapter.name


def test_references_to_equations_are_links(html: Path) -> None:
    text = page_of(html, CHAPTERS[3]).read_text(encoding="utf-8")
    assert re.search(r'<a class="equation[^>]*href="01-the-elbo.html#equation-1-\d+"', text)
    assert re.search(r'<a class="equation[^>]*href="#equation-3-\d+"', text)
    comment = re.search(r'<span class="c1">[^\n]*?</span>(?=\n)', text)
    assert comment
    assert re.search(r'<span class="c1">[^<]*<a class="equation', text)


def test_names_lead_to_the_reference(html: Path, pages: dict[Path, Reader]) -> None:
    text = page_of(html, CHAPTERS[1]).read_text(encoding="utf-8")
    assert re.search(r'<a class="api[^>]*href="../reference/em.html#emlib.em.fit"', text)
    chapters = [pages[page_of(html, chapter)] for chapter in NOTEBOOKS]
    linked = {link.partition("#")[2] for page in chapters for link in page.links}
    import emlib

    public = {getattr(emlib, name) for name in emlib.__all__}
    missing = {f"{o.__module__}.{o.__name__}" for o in public} - linked
    # Every class and function that `emlib` offers is met in some chapter, but for these.
    assert len(missing) <= len(public) / 3, missing


def test_works_lead_to_the_bibliography(html: Path, pages: dict[Path, Reader]) -> None:
    linked = {
        link.partition("#cite-")[2]
        for page in pages.values()
        for link in page.links
        if "bibliography.html#cite-" in link
    }
    known = set(embook.works(html.parent / "source" / "references.bib"))
    assert linked == known, linked ^ known


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("as Do and Batzoglou (2008) do", ["do2008"]),
        ("A. P. Dempster, N. M. Laird and D. B. Rubin (1977)", ["dempster1977"]),
        ("Clarke et al. (1959)", ["clarke1959"]),
        ("W. Härdle (1991)", ["hardle1991"]),
        ("Haerdle (1991)", ["hardle1991"]),
        ("Biernacki and Chrétien (2003)", ["biernacki2003degeneracy"]),
        ("C. Biernacki, G. Celeux and G. Govaert (2003)", ["biernacki2003"]),
        ("X.-L. Meng and D. B. Rubin (1993)", ["meng1993"]),
        ("Laird and Rubin (1977)", []),
        ("Batzoglou (2009)", []),
    ],
)
def test_works_are_told_apart(html: Path, text: str, keys: list[str]) -> None:
    known = embook.works(html.parent / "source" / "references.bib")
    before, year = text[: text.index("(")], re.search(r"\d{4}", text)[0]
    assert [key for key, _ in embook.cited_works(before, year, known)] == keys


@pytest.mark.parametrize("chapter", NOTEBOOKS, ids=sources.page_of)
def test_launch_buttons(html: Path, pages: dict[Path, Reader], chapter: Path) -> None:
    links = pages[page_of(html, chapter)].links
    for uri in refresh.launch_links(chapter.name, refresh.folder_of(chapter)).values():
        assert links.count(uri) == 2, "in the header, and below the title"
    page = sources.page_of(chapter)
    assert "../" * page.count("/") + f"_static/{page}.ipynb" in links


def test_the_address_stands_in_pyproject_only() -> None:
    address = tomllib.loads((refresh.ROOT / "pyproject.toml").read_text())["project"]["urls"]
    name = address["Repository"].removeprefix("https://")
    for path in Path(embook.__file__).parent.iterdir():
        if path.is_file():
            assert name not in path.read_text(encoding="utf-8"), path.name


def test_glossary_is_in_two_languages(html: Path) -> None:
    text = (html / "glossary.html").read_text(encoding="utf-8")
    terms = re.findall(r"<dt id=\"term[^>]*>(.*?)</dt>", text, flags=re.DOTALL)
    assert len(terms) >= 40
    assert all(re.search(r'<span lang="zh-Hans">', term) for term in terms)


def test_published_values_stand_beside_ours(html: Path) -> None:
    import published

    text = (html / "trust.html").read_text(encoding="utf-8")
    for printed in [
        *published.LINKAGE_ITERATES, *published.COINS_RESPONSIBILITY_A, *published.ABO_FREQUENCIES,
        *published.FAITHFUL_MEANS, *published.GALAXIES_LOG_LIKELIHOOD.values(),
        *published.DEATHS_RATES,
    ]:  # fmt: skip
        assert f"<p>{printed}</p>" in text
    assert "<p>0.626821497629</p>" in text


# --- search


@pytest.mark.parametrize(
    ("query", "page"),
    [("responsibility", "02-two-coins"), ("证据下界", "glossary"), ("Mahalanobis", "04-a-mixture")],
)
def test_search(browser: Browser, address: str, query: str, page: str) -> None:
    watched = Watched(browser, address, f"search.html?q={query}")
    results = watched.page.locator("#search-results li a")
    results.first.wait_for(timeout=10_000)
    watched.page.wait_for_timeout(1000)
    found = [results.nth(i).get_attribute("href") for i in range(results.count())]
    assert any(page in link for link in found), found
    assert not watched.errors
    watched.close()


# --- players


@pytest.mark.parametrize("chapter", WITH_SLIDER, ids=sources.page_of)
def test_slider_moves_by_keyboard(browser: Browser, address: str, chapter: Path) -> None:
    watched = Watched(browser, address, f"{sources.page_of(chapter)}.html")
    figure = watched.page.locator("figure.player:has(figcaption)").first
    slider, image = figure.locator("input"), figure.locator("img").first
    assert slider.evaluate("e => e.labels[0].textContent.trim()")
    assert len(image.get_attribute("alt")) >= 40
    picture, words = image.get_attribute("src"), figure.locator("figcaption").text_content()
    slider.focus()
    watched.page.keyboard.press("ArrowRight")
    assert image.get_attribute("src") != picture
    watched.page.keyboard.press("End")
    assert figure.locator("figcaption").text_content() != words
    assert slider.get_attribute("aria-valuetext").startswith("Step ")
    watched.page.wait_for_timeout(300)
    assert image.evaluate("e => e.complete && e.naturalWidth > 0")
    assert not watched.errors
    watched.close()


def animation(browser: Browser, address: str, motion: str) -> tuple[Watched, object]:
    watched = Watched(browser, address, "index.html", reduced_motion=motion)
    figure = watched.page.locator("figure.explorable").first
    figure.scroll_into_view_if_needed()
    return watched, figure


def moment(figure: object) -> str:
    return figure.get_attribute("data-moment")


def test_animation_plays_and_pauses(browser: Browser, address: str) -> None:
    watched, figure = animation(browser, address, "no-preference")
    first = moment(figure)
    watched.page.wait_for_timeout(1700)
    assert moment(figure) != first
    figure.locator("button").click()
    assert figure.locator("button").text_content() == "Play"
    still = moment(figure)
    watched.page.wait_for_timeout(1700)
    assert moment(figure) == still
    watched.close()


def test_animation_rests_for_who_asks_for_less_motion(browser: Browser, address: str) -> None:
    watched, figure = animation(browser, address, "reduce")
    first = moment(figure)
    watched.page.wait_for_timeout(1700)
    assert moment(figure) == first
    figure.locator("button").click()  # and moves when asked to
    watched.page.wait_for_timeout(1700)
    assert moment(figure) != first
    watched.close()


@pytest.mark.parametrize("chapter", WITH_SLIDER, ids=sources.page_of)
def test_frames_are_up_to_date(chapter: Path) -> None:
    for cell_id, drawn in frames.draw_sliders(chapter).items():
        kept = frames.load(chapter, cell_id)
        assert kept is not None, "run python docs/frames.py"
        assert kept["words"] == drawn["words"], "run python docs/frames.py"
        for own, new in zip(kept["pictures"], drawn["pictures"], strict=True):
            assert frames.difference(own, new) < frames.TOLERANCE, "run python docs/frames.py"


def test_frames_that_differ_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = WITH_SLIDER[0]
    nb = nbformat.read(chapter, as_version=4)
    assert not frames.problems(chapter, nb)
    (cell_id,) = frames.slider_cells(nb)
    kept = frames.load(chapter, cell_id)
    for name, value in {
        "start": kept["start"] + 1,
        "words": ["another", *kept["words"][1:]],
        "pictures": [Image.new("RGB", kept["pictures"][0].size, "white")] * len(kept["words"]),
    }.items():
        monkeypatch.setattr(frames, "load", lambda *_, name=name, value=value: kept | {name: value})
        assert frames.problems(chapter, nb), name
    monkeypatch.setattr(frames, "load", lambda *_: None)
    assert frames.problems(chapter, nb)


# --- looks


def luminance(colour: str) -> float:
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_plot_colours() -> None:
    assert contrast("white", "black") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.01)
    with plt.style.context("emlib.book"):
        settings = dict(plt.rcParams)
    inks = ("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "text.color")
    colours = [*settings["axes.prop_cycle"].by_key()["color"], *(settings[ink] for ink in inks)]
    for ground in (settings["axes.facecolor"], settings["figure.facecolor"]):
        for colour in colours:
            assert contrast(colour, ground) >= 3, (colour, ground)


def test_pictures_keep_their_paper_in_the_dark(browser: Browser, address: str) -> None:
    watched = Watched(browser, address, "chapters/00-start-here.html")
    page: Page = watched.page
    dress(page, "dark", 1280)
    image = page.locator("figure.plot img").first
    assert image.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(253, 252, 249)"
    around = page.locator(".cell_output .text_html").first
    assert around.evaluate("e => getComputedStyle(e).backgroundColor") == "rgba(0, 0, 0, 0)"
    watched.close()


def test_folded_solution_opens_with_its_formulas(browser: Browser, address: str) -> None:
    watched = Watched(browser, address, "chapters/01-the-elbo.html")
    details = watched.page.locator("details:not(.hide):has(span.math)").first
    formula = details.locator("mjx-container").first
    assert not formula.is_visible()
    details.locator("summary").click()
    assert formula.is_visible()
    assert formula.bounding_box()["width"] > 3
    watched.close()


def test_works_from_a_folder_without_a_server(browser: Browser, html: Path) -> None:
    watched = Watched(browser, html.as_uri(), "chapters/01-the-elbo.html")
    assert watched.page.locator("mjx-container").count() > 100
    assert not watched.errors, watched.errors
    watched.page.goto(f"{html.as_uri()}/search.html?q=responsibility")
    watched.page.locator("#search-results li a").first.wait_for(timeout=10_000)
    watched.close()


# --- what is folded


def tagged(notebook: Path, tag: str) -> int:
    nb = nbformat.read(notebook, as_version=4)
    return sum(tag in cell.metadata.get("tags", []) for cell in nb.cells)


@pytest.mark.parametrize("chapter", NOTEBOOKS, ids=sources.page_of)
def test_answers_and_drawing_code_wait_behind_a_fold(
    browser: Browser, address: str, chapter: Path
) -> None:
    watched = Watched(browser, address, f"{sources.page_of(chapter)}.html")
    try:
        seen = watched.page.evaluate("""() => {
          const shown = (cell, part) => [...cell.querySelectorAll(part)].some(
            (box) => box.checkVisibility());
          const cells = (tag) => [...document.querySelectorAll(`.cell.tag_${tag}`)];
          return {
            answer: cells("answer").map((cell) => shown(cell, ".cell_output")),
            drawing: cells("drawing").map((cell) => shown(cell, ".cell_input")),
          };
        }""")
        for tag, visible in seen.items():
            assert len(visible) == tagged(chapter, tag), f"{tag}: {len(visible)} on the page"
            assert not any(visible), f"{tag}: {sum(visible)} are open"
        folds = watched.page.locator(".cell.tag_answer details > summary")
        if folds.count():
            folds.first.click()
            assert watched.page.locator(".cell.tag_answer .cell_output").first.is_visible()
    finally:
        watched.close()


# --- pages that are made from elsewhere


def test_every_data_set_is_in_the_table(html: Path) -> None:
    from emlib import data

    text = (html / "datasets.html").read_text(encoding="utf-8")
    public = [n for n, v in vars(data).items() if callable(v) and v.__module__ == data.__name__]
    for name in (n for n in public if not n.startswith("_")):
        assert f"data.{name}" in text, f"{name} is not in docs/datasets.md"


def test_how_to_cite_names_version_and_address(html: Path) -> None:
    text = (html / "cite.html").read_text(encoding="utf-8")
    assert refresh.project()["version"] in text
    assert f"{refresh.repository()}/issues/new" in text
    assert not re.search("<!-- (bibtex|report|changelog)", text)


def test_the_notation_is_the_code_s(html: Path) -> None:
    """Each name of the table is one that the library has, or an argument of it."""
    import emlib

    text = (refresh.ROOT / "docs" / "notation.md").read_text(encoding="utf-8")
    names = re.findall(r"`(\w+)`", text)
    files = (refresh.ROOT / "emlib").rglob("*.py")
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert len(names) > 12
    assert emlib and not [n for n in names if not re.search(rf"\b{n}\b", source)]
