"""Print the built web edition: `python docs/pdf.py [NN ...]`, after `python docs/build.py`.

Chromium prints each chapter with the pages' own style sheet for paper; the whole book is put
together from them, with a cover in front, and bookmarks. Both lie in docs/build/html/pdf. Numbers
of chapters stand for a book of these alone. Needs Chromium (or set CHROMIUM to its path) and
`pip install -e ".[docs]"`.
"""

import functools
import http.server
import io
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader, PdfWriter

DOCS = Path(__file__).resolve().parent
HTML = DOCS / "build" / "html"
sys.path[:0] = [str(DOCS), str(DOCS.parent / "notebooks")]

import refresh  # noqa: E402
import sources  # noqa: E402

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
MARGINS = {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"}
TEXT = int((210 - 2 * 18) / 25.4 * 96)  # pixels between the margins
SMALL = "font: 8pt 'Source Sans 3', sans-serif; color: #555; width: 100%; padding: 0 18mm;"
COVER = """<style>@page {{ margin: 0 }} body {{ margin: 0; background: #16191d }}
img {{ display: block; width: 210mm; height: 297mm; object-fit: contain }}</style>
<img src="{address}/_static/cover.png" alt="Expectation-Maximization, from the ELBO up">"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path = HTML) -> Iterator[str]:
    """Yield the address at which the built pages are served on this machine."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("no Chromium found: apt install chromium, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


# Everything is on paper: folded answers open, all formulas set, all pictures loaded.
READY = """async () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  for (const image of document.images) image.loading = "eager";
  document.documentElement.dataset.theme = "light";
  if (window.MathJax) {
    await MathJax.startup.promise;
    await MathJax.startup.document.lazyTypesetAll();
  }
  await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
}"""


def printed(browser: Browser, url: str, title: str) -> bytes:
    """Return a page as a PDF, with its title at the foot."""
    page = browser.new_page(viewport={"width": TEXT, "height": 900})  # formulas set to fit it
    page.emulate_media(media="print", color_scheme="light")
    page.goto(url, wait_until="load")
    page.evaluate(READY)
    page.wait_for_timeout(500)
    data = paper(page, title)
    page.close()
    return data


def paper(page: Page, foot: str) -> bytes:
    """Return what a page of the browser shows as a PDF, with HTML at its foot."""
    return page.pdf(
        format="A4", margin=MARGINS, display_header_footer=True, header_template="<span></span>",
        footer_template=f'<div style="{SMALL}">{foot}</div>', print_background=True,
    )  # fmt: skip


def numbers_alone(browser: Browser, n: int) -> PdfReader:
    """Return n pages with nothing but their number at the foot, to be laid over others.

    Chromium begins to count anew in each file: the book's numbers have to come from elsewhere.
    """
    page = browser.new_page()
    page.set_content("<p>&nbsp;" + '<p style="break-before: page">&nbsp;' * (n - 1))
    data = paper(page, '<span style="float: right" class="pageNumber"></span>')
    page.close()
    return PdfReader(io.BytesIO(data))


def numbered(book: PdfWriter, numbers: PdfReader, skip: int = 0) -> None:
    """Lay numbers over the pages of a book, but for so many at its beginning."""
    for page, number in zip(book.pages[skip:], numbers.pages[skip:], strict=False):
        page.merge_page(number)


def chapters(numbers: list[str]) -> list[tuple[str, str]]:
    """Return address and title of these chapters, or of all, each followed by its Deeper."""
    found = []
    for path in refresh.notebook_files():
        if numbers and path.name[:2] not in numbers:
            continue
        title = refresh.title_of(nbformat.read(path, as_version=4))
        order = path.name, path.parent != refresh.HERE
        found.append((order, sources.page_of(path), title))
    return [(page, title) for _, page, title in sorted(found)]


def write(book: PdfWriter, path: Path) -> None:
    """Write a PDF, each thing that it uses twice once."""
    book.compress_identical_objects()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        book.write(file)


def main(numbers: list[str]) -> int:
    """Run the command line; return the exit status."""
    if not (HTML / "index.html").exists():
        print("nothing is built: run python docs/build.py first", file=sys.stderr)
        return 1
    begun = time.monotonic()
    folder = HTML / "pdf"
    book = PdfWriter()
    with served() as address, chromium() as browser:
        page = browser.new_page()
        page.set_content(COVER.format(address=address), wait_until="networkidle")
        book.append(io.BytesIO(page.pdf(format="A4", print_background=True)))
        parts = {}
        for name, title in chapters(numbers):
            data = printed(browser, f"{address}/{name}.html", title)
            parts[name] = PdfReader(io.BytesIO(data))
            book.append(parts[name], outline_item=title, import_outline=False)
        numbers_of_pages = numbers_alone(browser, len(book.pages))
    numbered(book, numbers_of_pages, skip=1)  # the cover has none
    for name, part in parts.items():
        chapter = PdfWriter(part)
        numbered(chapter, numbers_of_pages)
        short = name.removeprefix(f"{sources.NOTEBOOKS}/").replace("/", "-")
        write(chapter, folder / f"{short}.pdf")
    book.add_metadata({"/Title": "Expectation-Maximization, from the ELBO up"})
    whole = folder / "expectation-maximization.pdf"
    write(book, whole)
    megabytes = whole.stat().st_size / 1e6
    seconds = time.monotonic() - begun
    print(f"{len(book.pages)} pages, {megabytes:.1f} MB, {seconds:.0f} s: {whole}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
