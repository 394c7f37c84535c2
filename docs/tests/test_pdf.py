"""The book on paper: `python docs/pdf.py 02 04` has been run, or all of it."""

from pathlib import Path

import pytest
from pypdf import PdfReader


@pytest.fixture(scope="module")
def book(html: Path) -> PdfReader:
    path = html / "pdf" / "expectation-maximization.pdf"
    if not path.exists():
        pytest.fail("nothing is printed: run python docs/pdf.py 02 04 first")
    return PdfReader(path)


def test_cover_bookmarks_and_numbers(book: PdfReader) -> None:
    assert not book.pages[0].extract_text().strip()  # the cover is a picture
    titles = [entry.title for entry in book.outline]
    assert any(title.startswith("02 · ") for title in titles)
    assert any("Deeper" in title for title in titles)
    assert "Two coins: whose heads are these?" in book.pages[1].extract_text()


def test_pages_are_numbered_through_the_book(book: PdfReader) -> None:
    last = [page.extract_text().split()[-1] for page in book.pages[1:]]
    first = [page.extract_text().split()[0] for page in book.pages[1:]]
    for number, both in enumerate(zip(first, last, strict=True), 2):
        assert str(number) in both, f"page {number}: {both}"


def test_nothing_is_folded_or_left_out(book: PdfReader) -> None:
    text = " ".join(" ".join(page.extract_text() for page in book.pages).split())
    assert "Do and Batzoglou (2008)" in text
    assert "Heads over tosses, coin by coin" in text
    assert "Run this chapter" not in text  # nothing to click
    assert "With equal coins (2.5) is zero" in text  # a folded answer
    assert text.count("(2.12)") >= 1


def test_no_page_is_empty(book: PdfReader) -> None:
    for number, page in enumerate(book.pages[1:], 2):
        assert len(page.extract_text()) > 60 or page.images, f"page {number}"
