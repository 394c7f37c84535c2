"""Every page, in a real browser: light and dark, on a desk and on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import pdf

DOCS = Path(__file__).resolve().parent.parent
HTML = DOCS / "build" / "html"
AXE = DOCS / "build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = sorted(str(path.relative_to(HTML)) for path in HTML.rglob("*.html"))
PAGES = [page for page in PAGES if not page.startswith("_static/")]
# One page of highlighted source stands for all: they differ in nothing but their text.
SOURCES = [page for page in PAGES if page.startswith("_modules/")]
PAGES = [page for page in PAGES if page not in SOURCES[1:]]
COLOURS = ["color-contrast", "link-in-text-block"]
WIDTHS = {1280: 900, 360: 780}
LOOKS = [(look, width) for width in WIDTHS for look in ("light", "dark")]
WHOLE = "chapters/deeper/11-heavy-tails.html"  # its formulas and code stand for all, to axe
PLAIN = """() => {
  for (const formula of document.querySelectorAll("mjx-container")) formula.replaceWith("formula");
  for (const code of document.querySelectorAll(".highlight pre")) code.textContent = "code";
}"""

# Text that a reader sees outside code, and that looks like TeX.
SOURCE_LEFT = r"""() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const left = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest("pre, code, script, style, mjx-container, dl.py")) continue;
    if (/\\\(|\\\[|\$\$|\\(frac|begin|sum|log|theta|mathrm|tag)\b|\$[^$]*\\[a-z]/.test(node.data))
      left.push(node.data.slice(0, 80));
  }
  return left;
}"""
TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  return document.documentElement.scrollWidth > room
    ? [...document.body.querySelectorAll("*")].filter(
        (e) => e.getBoundingClientRect().right > room + 1).slice(0, 8).map(
        (e) => e.tagName + "." + e.className) : [];
}"""
# What hides a part of itself at the right. A hat may lean out of a formula by a pixel or two.
CUT = """() => [...document.querySelectorAll(".bd-article :is(pre, table, figure, mjx-container, "
  + ".picture, .pst-scrollable-table-container, dt.sig)")].filter((e) => e.clientWidth > 0
    && e.scrollWidth > e.clientWidth + (e.matches("mjx-container") ? 4 : 1)
    && !["visible", "inline"].includes(getComputedStyle(e).overflowX)).map((e) => ({
      box: e.tagName + " " + e.textContent.trim().slice(0, 60), said: e.getAttribute("role") }))"""
# Displayed formulas that are broken into lines, in which a fraction reads as another, or tiny.
MANGLED = """() => [...document.querySelectorAll('mjx-container[display="true"]')].filter((e) =>
  e.getAttribute("overflow") === "linebreak" || parseFloat(e.style.fontSize) < 75).map(
  (e) => e.textContent.slice(0, 60))"""
AXE_RUN = """(rules) => axe.run(document, {
  resultTypes: ["violations"], ...(rules ? {runOnly: rules} : {})}).then((r) => r.violations
  .filter((v) => v.impact === "serious" || v.impact === "critical")
  .map((v) => v.id + ": " + v.nodes.length + " x " + v.nodes.slice(0, 3).map(
    (n) => n.html.slice(0, 160) + " | " + n.target.join(" ")).join(" || ")))"""


class Watched:
    """A page of which everything that goes wrong is written down."""

    def __init__(self, browser: Browser, address: str, name: str, **options: object) -> None:
        self.errors: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        self.page.on("console", self.console)
        self.page.on("pageerror", lambda error: self.errors.append(f"error: {error}"))
        self.page.on("requestfailed", lambda r: self.errors.append(f"failed: {r.url}"))
        self.page.on("request", lambda r: self.request(r.url, address))
        self.page.on("response", self.response)
        self.page.goto(f"{address}/{name}", wait_until="load")
        self.settle()

    def console(self, message: object) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"console: {message.text}")

    def request(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.errors.append(f"leaves the machine: {url}")

    def response(self, response: object) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status}: {response.url}")

    def settle(self) -> None:
        """Have all formulas set, in view or not, and wait for it."""
        self.page.evaluate("""async () => {
          if (!window.MathJax) return;
          await MathJax.startup.promise;
          await MathJax.startup.document.lazyTypesetAll();
        }""")
        self.page.wait_for_timeout(100)

    def close(self) -> None:
        self.page.close()


def dress(page: Page, look: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    page.evaluate("look => { document.documentElement.dataset.theme = look; }", look)
    page.wait_for_timeout(350)  # colours fade, boxes are measured again


def test_long_formulas_are_whole_on_a_phone_and_on_paper(browser: Browser, address: str) -> None:
    """On a phone they scroll; on paper, which cannot, they are set smaller."""
    for width, media, overflow in ((390, "screen", "overflow"), (658, "print", "scale")):
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.emulate_media(media=media)
        page.goto(f"{address}/chapters/02-two-coins.html", wait_until="load")
        page.evaluate(pdf.READY)
        page.wait_for_timeout(1000)
        formula = page.locator("#equation-2-4 mjx-container")
        assert formula.get_attribute("overflow") == overflow
        hidden = formula.evaluate("e => e.scrollWidth - e.clientWidth")
        if media == "print":
            assert hidden <= 4
        else:
            assert hidden > 100 and formula.get_attribute("role") == "region"  # and says so
        assert not page.evaluate(MANGLED)
        page.close()


@pytest.mark.parametrize("name", PAGES)
def test_page(browser: Browser, address: str, name: str) -> None:
    watched = Watched(browser, address, name)
    page = watched.page
    try:
        # Lazy pictures load, folded answers open.
        page.evaluate("""() => {
          for (const image of document.images) image.loading = "eager";
          for (const details of document.querySelectorAll("details")) details.open = true;
        }""")
        page.wait_for_function("() => [...document.images].every((i) => i.complete)")
        problems = [f"formula left as source: {text}" for text in page.evaluate(SOURCE_LEFT)]
        formulas = page.locator(".math").count()
        typeset = page.locator(".math mjx-container").count()
        if typeset < formulas:
            problems.append(f"{formulas - typeset} formulas of {formulas} are not set")
        problems += [
            f"formula with an error: {text}"
            for text in page.locator("mjx-merror").all_text_contents()
        ]
        problems += [f"formula broken, or too small: {text}" for text in page.evaluate(MANGLED)]
        problems += [
            f"picture without words: {source}"
            for source in page.evaluate("""() => [...document.images].filter(
              (i) => !i.hasAttribute("alt") || (i.closest("figure") && i.alt.length < 40)
                || !i.naturalWidth).map((i) => i.src)""")
        ]
        for look, width in LOOKS:
            dress(page, look, width)
            where = f"{look}, {width} pixels"
            page.wait_for_timeout(450)  # until what scrolls has been told
            cut = [b["box"] for b in page.evaluate(CUT) if width == 1280 or not b["said"]]
            problems += [f"{where}: cut at the right: {box}" for box in cut]
            wide = page.evaluate(TOO_WIDE)
            if wide:
                problems.append(f"{where}: scrolls sideways: {wide}")
        if name != WHOLE:
            page.evaluate(PLAIN)
        page.add_script_tag(path=str(AXE))
        for look, width in LOOKS:
            dress(page, look, width)
            # All rules once on a desk and once on a phone; colours in all four.
            rules = None if (look, width) in {("light", 1280), ("dark", 360)} else COLOURS
            found = page.evaluate(AXE_RUN, rules)
            problems += [f"{look}, {width} pixels: {fault}" for fault in found]
        assert not problems + watched.errors, "\n".join(problems + watched.errors)
    finally:
        watched.close()
