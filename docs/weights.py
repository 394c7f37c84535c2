"""Measure pages of the built web edition: `python docs/weights.py`, after `python docs/build.py`.

Writes docs/weights.md: for each page the bytes as a host sends them, the requests, and the
processor time of the page's main thread until it is set and still. Needs what docs/pdf.py needs.
"""

import gzip
import statistics
import sys
from dataclasses import dataclass

from playwright.sync_api import Browser, CDPSession, Response

import pdf

WEIGHTS = pdf.DOCS / "weights.md"
SETTLED = 1500  # milliseconds after which nothing more is asked for and nothing more is set
RUNS = 3
INTRO = """# The weight of a page

Written by `python docs/weights.py`: Chromium, a window of 1280 by 900, nothing in its cache. Sizes
are what a host sends, with text compressed. The seconds are processor time of the page's main
thread until the page is set and still, the median of {runs} visits; they depend on the machine,
and were measured on one of two cores of a rented server. All formulas, and not only those near the
window, are set in the last column, as for printing.

| Page | kB | Requests | Seconds | With all formulas |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Visit:
    """What one visit to a page took."""

    size: int  # bytes
    requests: int
    seconds: float
    seconds_all: float  # with all formulas set


def sent(response: Response) -> int:
    """Return the bytes of an answer, text compressed as hosts of pages do."""
    body = response.body()
    kind = response.headers.get("content-type", "")
    text = kind.startswith(("text/", "application/javascript", "application/json", "image/svg"))
    return len(gzip.compress(body)) if text else len(body)


def cpu_seconds(session: CDPSession) -> float:
    """Return the processor time that the main thread of a page has taken so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


def visit(browser: Browser, url: str) -> Visit:
    """Go to a page with an empty cache, wait until it is still, and set all its formulas."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # a builtin would be refused
    page.goto(url, wait_until="load")
    page.wait_for_timeout(SETTLED)
    size, requests, seconds = sum(map(sent, answers)), len(answers), cpu_seconds(session)
    page.evaluate(pdf.READY)
    page.wait_for_timeout(SETTLED)
    seconds_all = cpu_seconds(session)
    page.close()
    return Visit(size, requests, seconds, seconds_all)


def names() -> list[str]:
    """Return the pages that are measured: the first one and all chapters."""
    chapters = sorted((pdf.HTML / "chapters").glob("[0-9]*.html"))
    return ["index.html", *(f"chapters/{path.name}" for path in chapters)]


def row(name: str, visits: list[Visit]) -> str:
    """Return a page's line of the table."""
    first = visits[0]
    seconds = statistics.median(v.seconds for v in visits)
    seconds_all = statistics.median(v.seconds_all for v in visits)
    return (
        f"| {name} | {first.size / 1000:.0f} | {first.requests} "
        f"| {seconds:.1f} | {seconds_all:.1f} |"
    )


def main() -> int:
    with pdf.served() as address, pdf.chromium() as browser:
        rows = [
            row(name, [visit(browser, f"{address}/{name}") for _ in range(RUNS)])
            for name in names()
        ]
    WEIGHTS.write_text(INTRO.format(runs=RUNS) + "\n".join(rows) + "\n", encoding="utf-8")
    print(WEIGHTS.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
