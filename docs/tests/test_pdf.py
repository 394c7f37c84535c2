"""The book on paper: `python docs/pdf.py 02 04` has been run, or all of it."""

from pathlib import Path

import pytest
from pypdf import PdfReader

pytestmark = pytest.mark.xdist_group("pdf")


@pytest.fixture(scope="module")
def book(html: Path) -> PdfReader:
    path = html / "pdf" / "expectation-maximization.pdf"
    if not path.exists():
        pytest.fail("nothing is printed: run python docs/pdf.py 02 04 first")
    return PdfReader(path)


@pytest.fixture(scope="module")
def texts(book: PdfReader) -> list[str]:
    """Return what is printed on each page: a quarter of a second's work each."""
    return [page.extract_text() for page in book.pages]


def test_cover_bookmarks_and_numbers(book: PdfReader, texts: list[str]) -> None:
    assert not texts[0].strip()  # the cover is a picture
    titles = [entry.title for entry in book.outline]
    assert any(title.startswith("02 · ") for title in titles)
    assert any("Deeper" in title for title in titles)
    assert "Two coins: whose heads are these?" in texts[1]


def test_pages_are_numbered_through_the_book(texts: list[str]) -> None:
    for number, text in enumerate(texts[1:], 2):
        words = text.split()
        assert str(number) in (words[0], words[-1]), f"page {number}: {words[0]}, {words[-1]}"


def test_nothing_is_folded_or_left_out(texts: list[str]) -> None:
    text = " ".join(" ".join(texts).split())
    assert "Do and Batzoglou (2008)" in text
    assert "Heads over tosses, coin by coin" in text
    assert "Run this chapter" not in text  # nothing to click
    assert "With equal coins (2.5) is zero" in text  # a folded answer
    assert text.count("(2.12)") >= 1


def test_no_page_is_empty(book: PdfReader, texts: list[str]) -> None:
    for number, (page, text) in enumerate(list(zip(book.pages, texts, strict=True))[1:], 2):
        assert len(text) > 60 or page.images, f"page {number}"
