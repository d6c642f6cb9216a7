"""The page to step through backprop, in a real browser: headless Chromium."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import Value, grad, leaves, topological_order, where
from engine.text.sheet import short
from tests.engine.drawing.networks import NASTY, Network, expression
from tests.engine.drawing.test_renderers import needs_some
from tests.needs import needs

webdriver = needs("selenium.webdriver")
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = [
    needs_some,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="chromium and chromedriver are not installed"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "disable-dev-shm-usage",
        "force-prefers-reduced-motion",
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):  # the driver runs on this machine
            patch.setenv(name, "*")
        try:
            driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        except WebDriverException as error:
            pytest.skip(f"chromium does not start: {error.msg}")
        yield driver
        driver.quit()


class Page:
    """The page of a graph, open in the browser."""

    def __init__(self, browser: Any, root: Value, folder: Path, **options: Any) -> None:
        self.browser = browser
        self.root = root
        self.order = topological_order(root)
        self.index = {node: i for i, node in enumerate(self.order)}
        browser.get_log("browser")
        self.resize(1200, 800)
        browser.get(root.stepper().save(folder / "steps.html", **options).as_uri())

    def resize(self, width: int, height: int, theme: str = "light") -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def find(self, selector: str) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.find(selector).text)

    def node(self, node: Value) -> Any:
        return self.find(f"#n{self.index[node]}")

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()

    def click_node(self, node: Value) -> None:
        webdriver.ActionChains(self.browser).click(self.node(node)).perform()

    def run(self, script: str) -> Any:
        return self.browser.execute_script(script)

    def position(self) -> int:
        return int(self.text("#position").split()[0])

    def exact_gradient(self, node: Value) -> float:
        self.click_node(node)
        text = self.text('[data-fact="gradient"]')
        self.click_node(node)
        return float(text)

    def errors(self) -> list[Any]:
        return list(self.browser.get_log("browser"))


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Page:
    return Page(browser, expression()[0], tmp_path)


def test_the_gradients_at_the_end_are_those_of_backward(browser: Any, tmp_path: Path) -> None:
    a, b, c = Value(0.3, "a"), Value(-1.7, "b"), Value(2.5, "c")
    root = ((a * b).tanh() + (a / c).exp() * a) ** 2
    page = Page(browser, root, tmp_path)
    page.press(Keys.END)
    expected = grad(root, [a, b, c])
    assert [page.exact_gradient(leaf) for leaf in (a, b, c)] == expected
    root.backward()
    results = [node for node in page.order if node.primitive is not None]
    assert [page.exact_gradient(node) for node in results] == [node.grad for node in results]
    assert page.errors() == []


def test_buttons_step_through_both_passes(page: Page) -> None:
    assert page.position() == 0
    assert "before anything is computed" in page.text("#step")
    next_, back = page.find("#next"), page.find("#back")
    assert not back.is_enabled()
    next_.click()
    assert "a*b = -6" in page.text("#step")
    next_.click()
    next_.click()
    assert "L = (a*b + 10) * a = 8" in page.text("#step")
    next_.click()
    assert "∂L/∂L = 1" in page.text("#step")
    next_.click()
    assert "upstream: ∂L/∂L = 1" in page.text("#step")
    assert "a += 1 × 4 = 4" in page.text("#step")
    assert "gradient 0 → 4, partial: path 1 of 2" in page.text("#step")
    back.click()
    assert "∂L/∂L = 1" in page.text("#step")
    page.find("#end").click()
    assert page.text("#position") == "7 of 7"
    assert "a += 2 × (-3) = -6" in page.text("#step")
    assert "gradient 4 → -2, final: path 2 of 2" in page.text("#step")
    assert re.search(r"a 2 -2\nb -3 4", page.text("#leaves"))
    assert not next_.is_enabled()
    page.find("#start").click()
    assert page.position() == 0
    assert "∇ ·" in page.node(page.order[0]).text
    assert page.errors() == []


def test_keys(page: Page) -> None:
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.position() == 3
    page.press(Keys.ARROW_LEFT)
    assert page.position() == 2
    page.press(Keys.END)
    assert page.position() == 7
    page.press(Keys.ARROW_RIGHT)
    assert page.position() == 7
    page.press(Keys.HOME)
    assert page.position() == 0
    page.press(Keys.ARROW_LEFT)
    assert page.position() == 0
    page.find("#slider").send_keys(Keys.ARROW_RIGHT)
    assert page.position() == 1
    assert page.find("#slider").get_attribute("aria-valuetext") == "forward pass, operation 1 of 3"
    assert page.errors() == []


def test_play_and_pause(page: Page) -> None:
    page.press(" ")
    assert page.text("#play") == "Pause"
    page.browser.implicitly_wait(60)
    assert page.find("#n2.current")
    page.browser.implicitly_wait(0)
    page.press(" ")
    assert page.text("#play") == "Play"
    assert page.position() >= 1


def test_breakpoints(page: Page) -> None:
    _, b, product, *_ = page.order
    page.click_node(product)
    assert "a*b" in page.text("#facts h2")
    page.find("#breakpoint").click()
    assert "breakpoint" in page.node(product).get_attribute("class")
    page.find("#run").click()
    assert page.position() == 1
    page.press("r")
    assert page.text("#step").startswith("Backward pass, step 2 of 3")
    page.press("r")
    assert page.text("#step").startswith("Backward pass, step 3 of 3")
    page.find("#breakpoint").click()
    page.click_node(product)
    page.press(Keys.HOME, "r")
    assert page.position() == 7
    page.click_node(b)
    page.press("b", Keys.HOME, "r")
    assert "b += 2 × 2 = 4" in page.text("#step")
    assert page.errors() == []


def test_the_graph_by_keyboard_and_for_screen_readers(page: Page) -> None:
    page.press(Keys.END)
    page.run("document.getElementById('area').focus()")
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.run("return document.activeElement.id") == "n1"
    assert page.run("return document.activeElement.getAttribute('aria-label')") == "b, value -3, gradient 4"
    page.press(Keys.ENTER)
    assert page.text("#facts h2") == "b"
    page.press("b")
    assert "Remove breakpoint" in page.text("#facts")
    assert page.find("#status").get_attribute("aria-live") == "polite"
    said = page.find("#status").get_attribute("textContent")
    assert said.startswith("backward pass, step 3 of 3, through a*b: a gets 2 times -3 = -6, its gradient is -2, final")
    unnamed = page.run(
        "return [...document.querySelectorAll('button, input, [role]')]"
        ".filter(e => !(e.getAttribute('aria-label') || e.textContent.trim())).map(e => e.outerHTML)"
    )
    assert unnamed == []


CLIPPED = """
const wide = [];
for (const box of document.querySelectorAll('.node')) {
  const frame = box.querySelector('rect').getBoundingClientRect();
  for (const text of box.querySelectorAll('text')) {
    const r = text.getBoundingClientRect();
    if (r.width && (r.left < frame.left || r.right > frame.right || r.top < frame.top || r.bottom > frame.bottom + 1))
      wide.push(box.id + ' ' + text.textContent);
  }
}
for (const e of document.querySelectorAll('button, h1, #position, aside *')) {
  if (e.offsetParent && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')
    wide.push(e.outerHTML);
}
for (const e of document.querySelectorAll('header, footer, footer *')) {
  const r = e.getBoundingClientRect();
  if (r.right > innerWidth + 1 || r.bottom > innerHeight + 1 || r.left < 0) wide.push('outside: ' + e.outerHTML);
}
if (document.documentElement.scrollWidth > innerWidth) wide.push('the page scrolls sideways');
return wide;
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1400, 900), (800, 600), (390, 800), (320, 640)])
def test_nothing_is_clipped(browser: Any, tmp_path: Path, width: int, height: int, theme: str) -> None:
    model = Network(2, 3, 1)
    loss = model.loss(1) * 1.23456e-7
    page = Page(browser, loss, tmp_path, names=model)
    page.resize(width, height, theme)
    for key in (Keys.HOME, Keys.ARROW_RIGHT, Keys.END):
        page.press(key)
        page.click_node(page.root) if key == Keys.END else None
        assert page.run(CLIPPED) == []
    background = page.run("return getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if theme == "light" else "rgb(20, 23, 28)")
    page.find("#theme").click()
    assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.errors() == []


def test_the_current_box_is_always_in_sight(browser: Any, tmp_path: Path) -> None:
    model = Network(3, 6, 6, 1)
    page = Page(browser, model.loss(1), tmp_path, names=model)
    page.resize(700, 500)
    for _ in range(12):
        page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        inside = page.run(
            "const box = document.querySelector('.node.current').getBoundingClientRect(),"
            "at = document.getElementById('area').getBoundingClientRect();"
            "return box.left >= at.left && box.right <= at.right && box.top >= at.top && box.bottom <= at.bottom"
        )
        assert inside


def test_nasty_labels_run_nothing(browser: Any, tmp_path: Path) -> None:
    root = Value(1.0, "start")
    for label in NASTY:
        root = root + Value(1.0, label)
    page = Page(browser, root, tmp_path)
    page.press(Keys.END)
    assert page.errors() == []
    assert page.run("return document.querySelectorAll('script').length") == 2
    shown = page.run("return [...document.querySelectorAll('.head')].map(e => e.textContent)")
    assert "</script><script>alert…" in "".join(shown) or "</script><script>aler" in "".join(shown)


def test_nan_and_what_was_not_selected(browser: Any, tmp_path: Path) -> None:
    a, b = Value(0.0, "a"), Value(2.0, "b")
    page = Page(browser, where(1.0, a.log() * a, b), tmp_path)
    page.press(Keys.HOME, *[Keys.ARROW_RIGHT] * 5)
    assert "nothing: this operand was not selected" in page.text("#step")
    page.press(Keys.END)
    assert "nan" in page.node(a).get_attribute("class")
    page.click_node(a)
    assert page.text('[data-fact="gradient"]') == "nan"
    page.click_node(b)
    assert [page.text(f'[data-fact="{fact}"]') for fact in ("gradient", "state")] == ["0", "no gradient: not selected"]
    assert "∇ 0" in page.node(b).text
    assert page.errors() == []


def test_a_thousand_nodes(browser: Any, tmp_path: Path) -> None:
    x = Value(0.5, "x")
    loss = x
    for k in range(240):
        loss = loss + (x * Value(k / 240, f"w{k}")).tanh()
    assert 950 < len(topological_order(loss)) < 1050
    page = Page(browser, loss, tmp_path)
    page.press(Keys.END)
    loss.backward()
    for leaf in leaves(loss)[:3]:
        page.run(f"byId('n{page.index[leaf]}').scrollIntoView({{block: 'center', inline: 'center'}})")
        assert page.exact_gradient(leaf) == leaf.grad
    assert page.errors() == []


def test_the_page_works_inside_a_cell(browser: Any, tmp_path: Path) -> None:
    root, _, _ = expression()
    stepper = root.stepper()
    stepper.next()
    (tmp_path / "cell.html").write_text(f"<!doctype html><p>Out[3]:</p>{stepper._repr_html_()}", encoding="utf-8")
    browser.get_log("browser")
    browser.get((tmp_path / "cell.html").as_uri())
    browser.switch_to.frame(0)
    try:
        assert browser.find_element(By.ID, "position").text == "5 of 7"
        browser.find_element(By.ID, "next").click()
        assert "a*b += 2 × 1 = 2" in browser.find_element(By.ID, "step").text
        browser.find_element(By.ID, "backward").click()
        assert browser.find_element(By.ID, "position").text == "4 of 7"
    finally:
        browser.switch_to.default_content()
    assert browser.get_log("browser") == []
    assert len(stepper._repr_html_()) < 200_000


def test_the_backward_pass_is_a_jump_away_and_flows_back(page: Page) -> None:
    page.find("#backward").click()
    assert page.position() == 4
    assert not page.find("#backward").is_enabled()
    page.press(Keys.HOME, "g")
    assert page.position() == 4
    page.press(Keys.ARROW_RIGHT)
    hot = "getComputedStyle(document.querySelector('.edge.hot'))"
    assert "tip-hot" in page.run(f"return {hot}.markerStart")
    assert page.run(f"return {hot}.markerEnd") == "none"
    page.press(Keys.HOME, Keys.ARROW_RIGHT)
    assert "tip-forward" in page.run("return getComputedStyle(document.querySelector('.edge.ahead')).markerEnd")
    assert "gradient final" in page.text("#legend")
    assert page.run("return document.getElementById('notes').hidden")


def test_a_leaf_that_was_changed_since(browser: Any, tmp_path: Path) -> None:
    root, a, _ = expression()
    a.data = 7
    page = Page(browser, root, tmp_path)
    assert "a was 2 when this was computed (now 7): evaluate again" in page.text("#notes")
    assert "2" in page.node(a).text
    assert a.data == 7
    page.press(Keys.END)
    assert "a += 2 × (-3) = -6" in page.text("#step")


def test_numbers_are_written_as_in_pictures(browser: Any, tmp_path: Path) -> None:
    """None looks like another: 0.99999 is no 1. And 8.0625 is 8.062 in both."""
    numbers = [
        0.99999,
        0.19661193,
        -8.0,
        123.0001,
        999.96,
        -1234.04,
        9999.5,
        67303.8,
        1e9,
        2.5e300,
        1e-12,
        1e-4,
        0.00012345,
        8.0625,  # half-way, where JavaScript rounds up and Python to the even digit
        -9990.25,
        8.0635,
        123450000000.0,
        5e-324,
        -0.0,
        math.nan,
    ]
    leaves = [Value(x, f"x{k}") for k, x in enumerate(numbers)]
    page = Page(browser, engine.sum(leaves), tmp_path)
    assert [page.node(leaf).text.split("\n")[1] for leaf in leaves] == list(map(short, numbers))
    page.click_node(leaves[numbers.index(-0.0)])
    assert page.text('[data-fact="value"]') == "-0"  # by which 1 / x is -inf


def test_many_operands_are_folded_and_unfold(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, engine.sum([Value(float(k), f"x{k}") for k in range(60)]), tmp_path)
    for key, rows in (("", "th"), ("g", ".rule")):
        page.press(*([key] if key else []), Keys.ARROW_RIGHT)
        assert (
            len([row for row in page.browser.find_elements(By.CSS_SELECTOR, f"#step {rows}") if row.is_displayed()])
            == 20
        )
        fold = page.find("#step summary")
        assert fold.text == "40 more operands"
        fold.click()
        names = [
            row.text.split()[0]
            for row in page.browser.find_elements(By.CSS_SELECTOR, f"#step {rows}")
            if row.is_displayed()
        ]
        assert names == [f"x{k}" for k in range(60)]
    assert page.errors() == []
