"""The built pages, served on this machine, and Debian's Chromium to look at them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import pdf


@pytest.fixture(scope="session")
def html() -> Path:
    if not (pdf.HTML / "index.html").exists():
        pytest.fail("nothing is built: run python docs/build.py first")
    return pdf.HTML


@pytest.fixture(scope="session")
def address(html: Path) -> Iterator[str]:
    with pdf.served(html) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with pdf.chromium() as browser:
        yield browser
