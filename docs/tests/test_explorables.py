"""What readers play with computes what emlib does, and can be used by keyboard and by touch."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

import explorables
import refresh
import sources
from emlib import BinomialMixture, GaussianMixture1D, PoissonMixture, em, variants

SCRIPTS = Path(explorables.__file__).parent / "_static" / "explore"
NAMES = [one.name for one in explorables.EXPLORABLES]


def address_of(name: str) -> str:
    (one,) = (one for one in explorables.EXPLORABLES if one.name == name)
    (chapter,) = (p for p in refresh.chapter_files() if p.name.startswith(one.chapter))
    return f"{sources.page_of(chapter)}.html"


@pytest.fixture
def play(browser: Browser, address: str, request: pytest.FixtureRequest) -> Any:
    """The page of an explorable, and the explorable."""
    context = browser.new_context(has_touch=True, viewport={"width": 1000, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/{address_of(request.param)}")
    figure = page.locator(f'figure.explorable[data-name="{request.param}"]')
    figure.scroll_into_view_if_needed()
    yield page, figure
    assert not errors
    context.close()


def kept(figure: Any, name: str) -> Any:
    return json.loads(figure.get_attribute(f"data-{name}"))


def iterates(page: Page, family: str, model: dict, data: dict, n: int, heat: float = 1.0) -> list:
    """Return the first iterates of the script's EM, with their log-likelihoods."""
    return page.evaluate(
        """([family, model, data, n, heat]) => {
            const f = EM[family], path = [];
            for (let i = 0; i < n; i++) {
              path.push({ ...model, height: EM.logLikelihood(f, model, data) });
              model = EM.step(f, model, data, heat);
            }
            return path;
        }""",
        [family, model, data, n, heat],
    )


def agree(found: list[dict], steps: Any, names: tuple[str, ...]) -> None:
    for one, step in zip(found, steps, strict=True):
        for name in names:
            np.testing.assert_allclose(one[name], getattr(step.model, name), rtol=1e-9)
        np.testing.assert_allclose(one["height"], step.log_likelihood, rtol=1e-9)


def rows(given: dict) -> tuple[np.ndarray, np.ndarray]:
    return np.array(given["data"]["x"]), np.array(given["data"]["w"], dtype=float)


@pytest.mark.parametrize("play", ["coins"], indirect=True)
@pytest.mark.parametrize("start", [(0.6, 0.5), (0.05, 0.97), (0.31, 0.3)])
def test_the_coins_iterates(play: Any, start: tuple[float, float]) -> None:
    given = explorables.given("coins")
    model = BinomialMixture([0.5, 0.5], start, fixed_weights=True)
    plain = {"weights": [0.5, 0.5], "probabilities": list(start)}
    found = iterates(play[0], "coins", plain, given["data"], 30)
    agree(found, islice(em.iterate(model, rows(given)[0]), 30), ("probabilities",))


@pytest.mark.parametrize("play", ["waits"], indirect=True)
@pytest.mark.parametrize("means", [(62.0, 68.0), (40.0, 41.5), (99.0, 43.0)])
def test_the_geysers_iterates(play: Any, means: tuple[float, float]) -> None:
    given = explorables.given("waits")
    x, w = rows(given)
    model = GaussianMixture1D([0.5, 0.5], means, [100.0, 100.0])
    plain = {"weights": [0.5, 0.5], "means": list(means), "variances": [100.0, 100.0]}
    found = iterates(play[0], "normals", plain, given["data"], 30)
    steps = islice(em.iterate(model, x, sample_weight=w), 30)
    agree(found, steps, ("weights", "means", "variances"))


@pytest.mark.parametrize("play", ["heat"], indirect=True)
@pytest.mark.parametrize("heat", [0.05, 0.5, 1.0, 4.0])
def test_the_iterates_at_a_temperature(play: Any, heat: float) -> None:
    given = explorables.given("heat")
    x, w = rows(given)
    model = PoissonMixture(**given["start"])
    n = 30 if heat >= 1 else 8  # where it is colder, one kind loses all its days soon
    found = iterates(play[0], "poissons", given["start"], given["data"], n, heat)
    moves = variants.annealed(model, x, [heat] * n, sample_weight=w)
    agree(found, islice(moves, n), ("weights", "rates"))


@pytest.mark.parametrize("play", ["summits"], indirect=True)
@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_galaxies_runs(play: Any, k: int) -> None:
    page, figure = play
    given = explorables.given("summits")
    x, w = rows(given)
    figure.get_by_label("K").fill(str(k))
    for _ in range(5):
        figure.get_by_role("button", name="Another start").click()
        run = kept(figure, "run")
        found = iterates(page, "normals", run["begin"], given["data"], 20)
        model = GaussianMixture1D(**run["begin"])
        steps = islice(em.iterate(model, x, sample_weight=w), 20)
        agree(found, steps, ("weights", "means", "variances"))
    assert "5 of 5" in figure.inner_text() or figure.locator("li").count() > 1


@pytest.mark.parametrize("play", ["summits"], indirect=True)
def test_the_best_known_summits_are_found(play: Any) -> None:
    """The number that is called the best known is one that many starts do find."""
    _, figure = play
    figure.get_by_label("K").fill("2")
    figure.get_by_role("button", name="Twenty more").click()
    assert "the best known" in figure.inner_text()


# --- use


@pytest.mark.parametrize("play", ["coins"], indirect=True)
def test_the_start_follows_arrow_keys_and_mouse(play: Any) -> None:
    page, figure = play
    handle = figure.get_by_role("slider")
    handle.focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowUp")
    np.testing.assert_allclose(kept(figure, "path")[0], [0.5, 0.51])
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y - 60, steps=4)
    page.mouse.up()
    a, b = kept(figure, "path")[0]
    assert a < 0.45 and b > 0.55
    np.testing.assert_allclose(kept(figure, "path")[-1], [0.5196, 0.7968], atol=1e-4)
    assert "0.5196, 0.7968" in figure.locator(".explorable-words").inner_text()


def drag_by_finger(page: Page, handle: Any, dx: float, dy: float) -> None:
    """Put a finger on the middle of a handle, move it in four steps, and lift it."""
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    for i in range(5):
        point = {"x": x + i * dx / 4, "y": y + i * dy / 4}
        kind = "touchMove" if i else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize("play", ["coins"], indirect=True)
def test_the_start_follows_a_finger_and_the_page_stays(play: Any) -> None:
    page, figure = play
    before = page.evaluate("window.scrollY")
    a, b = kept(figure, "path")[0]
    drag_by_finger(page, figure.get_by_role("slider"), -80, -60)
    moved_a, moved_b = kept(figure, "path")[0]
    assert moved_a < a - 0.05 and moved_b > b + 0.05
    assert abs(page.evaluate("window.scrollY") - before) < 3  # and not 60, as when a page is moved


@pytest.mark.parametrize("play", ["waits"], indirect=True)
def test_a_mean_follows_a_finger(play: Any) -> None:
    page, figure = play
    before = kept(figure, "model")["means"][0]
    drag_by_finger(page, figure.get_by_role("slider").first, 60, 0)
    assert kept(figure, "model")["means"][0] > before + 2


@pytest.mark.parametrize("play", ["waits"], indirect=True)
def test_steps_by_hand_and_a_guess(play: Any) -> None:
    _, figure = play
    e_step = figure.get_by_role("button", name="E-step")
    m_step = figure.get_by_role("button", name="M-step")
    assert m_step.is_disabled()
    e_step.click()
    assert e_step.is_disabled()
    figure.get_by_label("Your guess").fill("60")
    m_step.click()
    first = kept(figure, "model")["means"][0]
    assert f"missed the first mean by {abs(60 - first):.2f}" in figure.inner_text()
    figure.get_by_role("button", name="To the summit").click()
    np.testing.assert_allclose(kept(figure, "model")["means"], [54.615, 80.091], atol=1e-3)


@pytest.mark.parametrize("play", ["heat"], indirect=True)
def test_hot_and_cold(play: Any) -> None:
    _, figure = play
    rest = figure.get_by_role("button", name="To rest")
    rest.click()
    np.testing.assert_allclose(kept(figure, "model")["rates"], [1.2561, 2.6634], atol=1e-3)
    figure.get_by_label("Temperature").fill("1.5")
    rest.click()
    a, b = kept(figure, "model")["rates"]
    assert abs(a - b) < 1e-3
    figure.get_by_role("button", name="Start again").click()
    figure.get_by_label("Temperature").fill("-0.7")
    rest.click()
    assert "One kind has lost all its days" in figure.inner_text()


@pytest.mark.parametrize("play", NAMES, indirect=True)
def test_everything_can_be_reached_and_has_a_name(play: Any) -> None:
    _, figure = play
    for control in figure.locator("button, input, [tabindex]").all():
        assert control.evaluate("e => e.textContent || e.ariaLabel || e.labels.length > 0")
    assert figure.locator("svg").get_attribute("aria-label")
    assert figure.locator(".explorable-words").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_it_fits(browser: Browser, address: str, name: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{address}/{address_of(name)}")
    figure = page.locator(f'figure.explorable[data-name="{name}"]')
    assert figure.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    page.close()


def test_without_scripts_a_sentence_stands_there(browser: Browser, address: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{address}/{address_of('coins')}")
    assert page.get_by_text("Something to play with stands here").is_visible()
    page.close()


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.js")), ids=lambda p: p.name)
def test_scripts_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 150


# --- boxes for guesses


def test_a_guess_is_typed_before_the_fold_opens_and_kept(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    url = f"{address}/{address_of('coins')}"
    page.goto(url)
    folds = page.locator(".cell.tag_answer details")
    assert page.locator("form.guess").count() == folds.count() > 3
    box = page.locator("form.guess").first
    box.get_by_label("Your guess").fill("coin A gets rows 2, 3 and 5")
    page.keyboard.press("Enter")
    assert folds.first.get_attribute("open") is not None
    assert "You guessed: coin A gets rows 2, 3 and 5" in box.inner_text()
    page.goto(url)
    assert box.get_by_label("Your guess").input_value() == "coin A gets rows 2, 3 and 5"
    second = page.locator("form.guess").nth(1)
    folds.nth(1).locator("summary").click()  # no guess is asked for
    assert folds.nth(1).get_attribute("open") is not None
    assert "You guessed" not in second.inner_text()
    context.close()


def test_a_strip_is_for_paper(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/chapters/01-the-elbo.html")
    strip, said = page.locator(".cell.tag_strip"), page.get_by_text("as a strip, for paper")
    assert not strip.is_visible() and not said.is_visible()
    page.emulate_media(media="print")
    assert said.is_visible()
    page.close()
