"""How heavy pages are, in bytes and requests, and how many stops the tab key makes on them."""

import pytest
from playwright.sync_api import Browser, expect

import weights

LIMITS = {  # page: kB of its own and of what it asks for, as a host sends it; requests
    "index.html": (600, 30),
    "chapters/01-the-elbo.html": (900, 45),
    "chapters/04-a-mixture-in-space.html": (900, 45),
}


@pytest.fixture(scope="module")
def table() -> dict[str, list[str]]:
    """The rows of docs/weights.md, by page."""
    rows = [line.split(" | ") for line in weights.WEIGHTS.read_text("utf-8").splitlines()]
    return {row[0].lstrip("| "): row for row in rows if row[0].endswith(".html")}


@pytest.mark.parametrize("name", LIMITS)
def test_pages_stay_light_and_as_the_table_says(
    browser: Browser, address: str, table: dict[str, list[str]], name: str
) -> None:
    measured = weights.visit(browser, f"{address}/{name}")
    most_kb, most_requests = LIMITS[name]
    assert measured.requests <= most_requests
    assert measured.size <= 1000 * most_kb, f"{measured.size / 1000:.0f} kB"
    size, requests = float(table[name][1]), int(table[name][2])
    assert measured.size / 1000 == pytest.approx(size, rel=0.1), "run python docs/weights.py"
    assert measured.requests == requests


def test_the_table_has_all_chapters(table: dict[str, list[str]]) -> None:
    assert list(table) == weights.names(), "run python docs/weights.py"
    assert float(table["chapters/04-a-mixture-in-space.html"][3]) < 2.5


@pytest.mark.parametrize("name", list(LIMITS)[1:])
def test_formulas_are_no_stops_of_the_tab_key(browser: Browser, address: str, name: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/{name}", wait_until="load")
    page.evaluate("""async () => {
      await MathJax.startup.promise;
      await MathJax.startup.document.lazyTypesetAll();
    }""")
    page.wait_for_timeout(600)
    formulas = page.locator("mjx-container").count()
    stops = page.locator(
        ".bd-article mjx-container[tabindex], .bd-article mjx-container [tabindex]"
    )
    assert formulas > 300
    expect(stops).to_have_count(0, timeout=10_000)  # some lean out until their fonts have come
    page.close()


def test_a_search_leads_to_the_section(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/search.html?q=responsibility")
    page.locator("#search-results li a").first.wait_for(timeout=10_000)
    page.wait_for_timeout(2500)
    links = page.locator("#search-results li > a")
    hits = [links.nth(i).get_attribute("href") for i in range(links.count())]
    inside = [hit for hit in hits if "chapters/" in hit]
    assert inside and all("#" in hit for hit in inside), hits
    said = " ".join(page.locator("#search-results p.context").all_text_contents())
    assert "\\(" not in said and "\\frac" not in said
    first = next(hit for hit in inside)
    page.goto(f"{address}/{first.split('/', 3)[-1] if '://' in first else first}")
    assert page.locator(f"[id='{first.split('#')[1]}']").count() == 1
    page.close()
