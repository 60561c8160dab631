# SPDX-License-Identifier: MIT
"""The status page, in a real browser, of a real tickd."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from lib import browser as chromium
from lib import net
from lib.flow import Flow, canonical, now_ms
from lib.schema import ROOT
from lib.web import Web

PICTURES = os.path.join(ROOT, "build", "screenshots")
AXE_VERSION = "4.10.3"
AXE_PREFIX = os.path.join(ROOT, "build", "npm", "axe")
HOSTILE = ('{"symbol":"<img src=x onerror=window.hit=1>"}</pre><script>window.hit=2</script>'
           '<svg onload=window.hit=3>')


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def flow(db_private, mock, tickd, web):
    return Flow(db_private, mock, tickd, http_listen=web.listen, schema_check_interval_ms=1000).create_topic()


@pytest.fixture
def page(scratch):
    reason = chromium.missing()
    if reason:
        pytest.skip(reason)
    made = chromium.Browser(scratch)
    yield made.new_page()
    made.close()


def address(web):
    return f"http://{web.listen}/"


def symbols_of(flow):
    return [row[0] for row in flow.db.query("SELECT symbol FROM pairs WHERE active ORDER BY 1")]


def start(flow, web, page):
    flow.start()
    flow.send_ticks(60, symbols_of(flow))
    flow.wait_consumed()
    page.go(address(web))


def wait_word(page, word, **more):
    return page.wait(f"document.getElementById('word').textContent === {json.dumps(word)}",
                     f"the word {word}", **more)


def wait_rows(page, count):
    page.wait(f"document.querySelectorAll('#pair-rows tr[data-symbol]').length === {count}",
              f"{count} rows")


def symbols_shown(page):
    return page.run("[...document.querySelectorAll('#pair-rows tr')].map((r) => r.dataset.symbol)")


def cell(symbol, css):
    return f"document.querySelector('tr[data-symbol=\"{symbol}\"] {css}').innerText"


def click(page, selector):
    page.run(f"document.querySelector({json.dumps(selector)}).click()")


def sort_by(page, key):
    click(page, f"button[data-key={key}]")


def fill(page, selector, value):
    page.run(f"{{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
             " e.dispatchEvent(new Event('input', {bubbles: true})); }")


def check_clean(page, web, daemon_was_there=True):
    """No complaint in the console, nothing asked of anybody else."""
    assert page.problems == []
    if daemon_was_there:
        assert page.network == []
    foreign = [url for url in page.requests if not url.startswith((address(web), "data:"))]
    assert foreign == [] and page.requests


# --- the document

def test_document_is_small_and_needs_nobody(tickd, web):
    daemon = tickd({"http_listen": web.listen, "require_hypertable": "no",
                    "database_url": f"postgresql://tickd@127.0.0.1:{net.free_port()}/none",
                    "kafka.bootstrap.servers": f"127.0.0.1:{net.free_port()}"})
    daemon.wait_log("event=started")
    answer = web.get("/")
    text = answer.body.decode()
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert len(answer.body) < 100_000
    policy = dict(part.strip().split(" ", 1) for part in
                  answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        inside = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(inside) == text.count(f"<{tag}") == 1
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert policy[rule] == f"'sha256-{digest}'"
    assert not re.search(r"\s(on[a-z]+|style)=", re.sub(r"<(script|style)>.*?</\1>", "", text, flags=re.DOTALL))
    assert set(re.findall(r"https?://[^\s'\"]+", text)) == {"http://www.w3.org/2000/svg"}
    assert web.request("HEAD", "/").headers["content-length"] == str(len(answer.body))


# --- in the browser

def test_pairs_tick_sort_and_filter(flow, web, page):
    start(flow, web, page)
    wait_word(page, "flowing")
    wait_rows(page, 30)
    before = page.run(cell("BTC", ".price"))
    flow.send_ticks(300, symbols_of(flow), base_ms=now_ms() + 10)
    flow.flush()
    page.wait(f"{cell('BTC', '.price')} !== {json.dumps(before)}", "BTC's price to change")
    price = web.get("/api/v1/latest-prices").json["prices"]
    price = next(entry["price"] for entry in price if entry["symbol"] == "BTC")
    page.wait(f"{cell('BTC', '.price')} === new Intl.NumberFormat('en', "
              f"{{maximumSignificantDigits: 9}}).format({price})", "BTC's last price")
    page.wait("parseFloat(document.querySelector('#tile-stored dd').innerText) > 0 ||"
              " document.querySelector('#tile-total dd').innerText.startsWith('360')", "rates")

    sort_by(page, "symbol")
    assert symbols_shown(page) == sorted(symbols_of(flow), key=str.lower)
    assert page.run("document.querySelector('[aria-sort]').getAttribute('aria-sort')") == "ascending"
    # By keyboard, back the other way.
    page.run("document.querySelector('button[data-key=symbol]').focus()")
    page.press("Enter")
    page.wait("document.querySelector('[aria-sort]').getAttribute('aria-sort') === 'descending'",
              "the other order")
    assert symbols_shown(page) == sorted(symbols_of(flow), key=str.lower, reverse=True)
    assert page.run("document.querySelectorAll('[aria-sort]').length") == 1
    sort_by(page, "price")
    prices = [float(text.replace(",", "")) for text in page.texts("#pair-rows .price")]
    assert prices == sorted(prices, reverse=True)

    fill(page, "#find", "bitcoin")
    assert "BTC" in symbols_shown(page) and len(symbols_shown(page)) < 30
    fill(page, "#find", "nothing like that")
    assert symbols_shown(page) == [None]
    fill(page, "#find", "")
    majors = [row[0] for row in flow.db.query(
        "SELECT symbol FROM pairs WHERE active AND category = 'major'")]
    fill(page, "#category", "major")
    assert sorted(symbols_shown(page)) == sorted(majors) and 0 < len(majors) < 30
    fill(page, "#category", "")
    wait_rows(page, 30)
    check_clean(page, web)


def test_it_is_painted_soon(flow, web, page):
    """In CPU time, which is the same on a busy machine: 200 ms are what the first paint may take."""
    start(flow, web, page)
    page.call("Performance.enable", timeDomain="threadTicks")
    page.go(address(web) + "?again")
    painted = page.wait("performance.getEntriesByName('first-contentful-paint')[0]?.startTime", "a paint")
    used = {each["name"]: each["value"] for each in page.call("Performance.getMetrics")["metrics"]}
    os.makedirs(PICTURES, exist_ok=True)
    with open(os.path.join(PICTURES, "paint.json"), "w", encoding="ascii") as file:
        json.dump({"first_contentful_paint_ms": painted, "cpu_s": used["TaskDuration"]}, file)
    assert used["TaskDuration"] < 0.2
    assert page.run("document.querySelectorAll('link[rel=stylesheet], script[src], img, iframe').length") == 0


def test_what_is_stale_and_what_is_hostile_is_seen(flow, web, page):
    symbols = symbols_of(flow)
    flow.start()
    flow.send_raw(HOSTILE)
    flow.send_raw(canonical(symbols[0], 1, now_ms() - 600_000))
    flow.send_ticks(58, symbols[1:], base_ms=now_ms() + 200_000)
    flow.wait_consumed()
    page.go(address(web))
    wait_rows(page, 30)
    page.wait("document.querySelectorAll('tr.stale').length === 1", "one stale pair")
    assert page.text("tr.stale").startswith(symbols[0])
    assert "stale" in page.run(cell(symbols[0], ".age")) and "10 min" in page.run(cell(symbols[0], ".age"))
    click(page, "#only-stale")
    wait_rows(page, 1)
    click(page, "#only-stale")

    page.wait("document.querySelector('#reject-list pre') !== null", "the rejected message")
    assert page.text("#reject-list pre") == HOSTILE
    assert page.run("window.hit") is None
    assert page.run("document.querySelectorAll('img, main script').length") == 0
    assert page.text("#partition-rows").split()[:2] == ["ticks", "0"]
    page.run("document.querySelector('details').open = true")
    settings = dict(zip(page.texts("#setting-rows th"), page.texts("#setting-rows td:nth-child(2)")))
    assert settings["linger_ms"] == "20" and settings["topics"] == "ticks"
    assert page.text("#version")
    check_clean(page, web)


def test_it_says_what_is_broken_and_when_tickd_is_gone(flow, web, page):
    start(flow, web, page)
    wait_word(page, "flowing")
    wait_rows(page, 30)
    flow.db.cluster.stop("fast")
    stopped = time.monotonic()
    wait_word(page, "waiting for database")
    # That is what is promised; it takes one here.
    assert time.monotonic() - stopped < 5
    assert "database" in page.text("#missing") and page.run("document.body.dataset.mood") == "bad"
    page.screenshot(os.path.join(PICTURES, "broken.png"))
    flow.db.cluster.start()
    wait_word(page, "flowing")
    check_clean(page, web)

    flow.daemon.kill9()
    wait_word(page, "lost tickd")
    assert page.run("document.title").endswith("lost tickd – tickd")
    assert len(symbols_shown(page)) == 30, "what was known stays"
    page.screenshot(os.path.join(PICTURES, "lost.png"))
    flow.start()
    wait_word(page, "flowing")
    check_clean(page, web, daemon_was_there=False)


def test_thousand_pairs(flow, web, page):
    flow.db.query("INSERT INTO pairs (symbol, display_name, category, max_leverage, min_order_size, tick_size,"
                  " whale_threshold_usd) SELECT 'P' || n, 'Pair ' || n, 'many', 1, 1, 1, 1 FROM generate_series(1, 970) n")
    start(flow, web, page)
    wait_rows(page, 1000)
    sort_by(page, "symbol")
    fill(page, "#find", "pair 97")
    wait_rows(page, 2)
    fill(page, "#find", "")
    before = page.run(cell("P970", ".price"))
    flow.send_ticks(2000, symbols_of(flow), base_ms=now_ms() + 1000)
    flow.flush()
    page.wait(f"{cell('P970', '.price')} !== {json.dumps(before)}", "the last of many to change")
    wait_rows(page, 1000)
    check_clean(page, web)


# --- for everybody

def axe_source():
    """axe-core, fetched once below build/."""
    path = os.path.join(AXE_PREFIX, "node_modules", "axe-core")
    try:
        with open(os.path.join(path, "package.json"), encoding="utf-8") as file:
            there = json.load(file)["version"] == AXE_VERSION
    except FileNotFoundError:
        there = False
    if not there:
        if shutil.which("npm") is None:
            pytest.skip("there is no npm")
        os.makedirs(AXE_PREFIX, exist_ok=True)
        done = subprocess.run(["npm", "install", "--prefix", AXE_PREFIX, "--no-save", "--no-audit",
                               "--no-fund", "--ignore-scripts", f"axe-core@{AXE_VERSION}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, text=True)
        if done.returncode != 0:
            pytest.skip(f"npm cannot install axe-core: {done.stdout[-300:]}")
    with open(os.path.join(path, "axe.min.js"), encoding="utf-8") as file:
        return file.read()


def violations(page):
    found = page.run("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.map((v) =>"
                     " v.id + ': ' + v.nodes.map((n) => n.target + ' ' + n.failureSummary).join('; ')))")
    return found


def test_everybody_can_use_it(flow, web, page):
    """axe-core finds nothing, in light, dark and on a phone, whole and broken."""
    source = axe_source()
    # For axe; that the page lives with its policy is what the other tests show.
    page.call("Page.setBypassCSP", enabled=True)
    start(flow, web, page)
    flow.send_raw(HOSTILE)
    flow.send_raw(canonical("NOSUCH", 1, now_ms()))
    flow.send_ticks(60, symbols_of(flow)[3:], base_ms=now_ms() + 1000)
    flow.wait_consumed()
    wait_word(page, "flowing")
    wait_rows(page, 30)
    page.wait("document.querySelectorAll('#reject-list pre').length === 2", "the rejects")
    page.run("document.querySelector('details').open = true")
    page.run(source + ";1")
    for name, scheme, size in (("light", "light", (1280, 900)), ("dark", "dark", (1280, 900)),
                               ("phone", "light", (390, 844, True))):
        page.prefer(scheme)
        page.resize(*size)
        assert violations(page) == [], name
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), f"{name}: too wide"
        page.screenshot(os.path.join(PICTURES, name + ".png"))
    flow.db.cluster.stop("fast")
    wait_word(page, "waiting for database")
    assert violations(page) == []
    flow.db.cluster.start()
    wait_word(page, "flowing")
