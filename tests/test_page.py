# SPDX-License-Identifier: MIT
"""The status page, in a real browser, of a real tickd."""

import base64
import hashlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import time

import pytest

from lib import browser as chromium
from lib import net
from lib.flow import Flow, canonical, now_ms
from lib.need import need
from lib.schema import ROOT
from lib.wait import wait_until
from lib.web import Web

pytestmark = pytest.mark.early

# In which the page follows what happens; on an idle machine it takes a quarter of that.
SOON_MS = 20_000
PICTURES = os.path.join(ROOT, "build", "screenshots")
AXE_VERSION = "4.10.3"
AXE_PREFIX = os.path.join(ROOT, "build", "npm", "axe")
COLUMNS = ["symbol", "category", "price", "change", "bid", "ask", "age", "ticks"]
HOSTILE = ('{"symbol":"<img src=x onerror=window.hit=1>"}</pre><script>window.hit=2</script>'
           '<svg onload=window.hit=3>')


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def flow(db_private, mock, tickd, web):
    return Flow(db_private, mock, tickd, http_listen=web.listen, schema_check_interval_ms=1000).create_topic()


@pytest.fixture
def browser(scratch, web):
    """No page of it may have complained in the console, or asked anybody else for anything."""
    need("BROWSER", chromium.missing())
    made = chromium.Browser(scratch)
    yield made
    for page in made.pages:
        page.run("true")  # what it has said until now is heard
    made.close()
    for page in made.pages:
        assert page.problems == [] and page.network == []
        assert page.requests
        assert [url for url in page.requests if not url.startswith((page.origin, "data:"))] == []


@pytest.fixture
def page(browser):
    return browser.new_page()


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


def column(page, css):
    """{symbol: text} of the cells with that class."""
    return page.run("Object.fromEntries([...document.querySelectorAll('#pair-rows tr[data-symbol]')].map((r) =>"
                    f" [r.dataset.symbol, r.querySelector('.{css}').textContent]))")


def click(page, selector):
    page.run(f"document.querySelector({json.dumps(selector)}).click()")


def hover(page, selector):
    """The pointer into the middle of it."""
    x, y = page.run(f"(() => {{ const b = document.querySelector({json.dumps(selector)})"
                    ".getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)


def sort_by(page, key):
    click(page, f"button[data-key={key}]")


def fill(page, selector, value):
    page.run(f"{{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
             " e.dispatchEvent(new Event('input', {bubbles: true})); }")


def expect_refused(page):
    """Requests failed, as they had to; what the browser says of them is no problem."""
    page.run("true")  # what it has said until now is heard
    assert page.network
    page.network.clear()


def since_ms(page):
    """The beginning of the state, as shown."""
    return page.run("""(() => { const [h, m, s] = document.getElementById('since').textContent.match(
        /^since (\\d+):(\\d+):(\\d+) /).slice(1); return new Date().setHours(h, m, s, 0); })()""")


def log_words(page):
    """From now on page.run("words") has what the headline said, and when."""
    page.run("""{ window.words = [[document.getElementById('word').textContent, Date.now()]];
        new MutationObserver(() => words.push([document.getElementById('word').textContent, Date.now()]))
            .observe(document.getElementById('word'), {childList: true, characterData: true, subtree: true}); }""")


def when_said(page, word):
    """The time in ms of the last time."""
    return [said for found, said in page.run("words") if found == word][-1]


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
    before = column(page, "price")
    flow.send_ticks(300, symbols_of(flow), base_ms=now_ms() + 10)
    flow.wait_consumed()
    last = {entry["symbol"]: f"{entry['price']:,.6f}".rstrip("0").rstrip(".")
            for entry in web.get("/api/v1/latest-prices").json["prices"]}
    wait_until(lambda: column(page, "price") == last, "the last price of every pair",
               detail=lambda: column(page, "price"))
    assert not set(last.items()) & set(before.items()), "every one has changed"
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


def processor_share():
    """How much of a processor one gets at the moment: 1 where nobody else wants it."""
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < 0.02:
        pass
    return (time.process_time() - used) / (time.monotonic() - began)


def best(loads, what):
    return min(load[what] for load in loads)


def test_it_is_painted_within_200_ms(flow, web, page):
    """The best of several loads, in the time that a busy machine has for it; and in CPU time."""
    start(flow, web, page)
    loads = []
    while len(loads) < 5 or len(loads) < 20 and max(best(loads, "given_ms"), best(loads, "cpu_ms")) >= 200:
        share = processor_share()
        page.go(f"{address(web)}?{len(loads)}")
        painted = page.wait("performance.getEntriesByName('first-contentful-paint')[0]?.startTime", "a paint")
        loads.append({"first_contentful_paint_ms": painted, "given_ms": painted * share,
                      "cpu_ms": page.cpu_s() * 1000})
    os.makedirs(PICTURES, exist_ok=True)
    with open(os.path.join(PICTURES, "paint.json"), "w", encoding="ascii") as file:
        json.dump(loads, file, indent=1)
    assert best(loads, "given_ms") < 200 and best(loads, "cpu_ms") < 200, loads
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
    assert "stale" in page.run(cell(symbols[0], ".age"))
    assert re.search(r"1\d min", page.run(cell(symbols[0], ".age")))
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


def test_it_shows_what_a_pair_does_until_it_is_stale(flow, web, page):
    flow.start()
    flow.send_ticks(58, [symbol for symbol in symbols_of(flow) if symbol != "BTC"], base_ms=now_ms() + 200_000)
    flow.wait_consumed()
    page.go(address(web))
    wait_rows(page, 30)
    assert page.texts("tr.stale th") == ["BTC Bitcoin"] and "never" in page.run(cell("BTC", ".age"))
    # It will have been quiet for a minute while somebody looks.
    flow.send_raw(canonical("BTC", 65000.5, now_ms() - 45_000, bid=64999.25, ask=65001.75))
    flow.flush()
    page.wait("document.querySelectorAll('tr.stale').length === 0", "a tick of BTC")
    shown = page.texts("tr[data-symbol=BTC] td")
    assert shown[:5] == ["major", "65,000.5", "–", "64,999.25", "65,001.75"]
    assert re.fullmatch(r"[45]\d s", shown[5])
    page.wait("parseFloat(document.querySelector('tr[data-symbol=BTC] .ticks').innerText) > 0",
              "its ticks a second")
    page.wait("document.querySelector('tr.stale')?.dataset.symbol === 'BTC'", "BTC to be stale")
    assert page.text("#tile-stale dd").startswith("1")


def test_an_older_price_does_not_replace_a_newer_one(flow, web, page):
    start(flow, web, page)
    wait_rows(page, 30)
    older = web.json("/api/v1/pairs")
    flow.send_raw(canonical("BTC", 65000.5, now_ms() + 10_000))
    flow.flush()
    page.wait(f"{cell('BTC', '.price')} === '65,000.5'", "the newer price")
    next(pair for pair in older["pairs"] if pair["symbol"] == "BTC")["category"] = "of the older one"
    page.answer_next("/api/v1/pairs", json.dumps(older).encode())
    page.wait("document.querySelector('tr[data-symbol=BTC]').innerText.includes('of the older one')",
              "the older one to be taken")
    assert page.run(cell("BTC", ".price")) == "65,000.5"


def test_it_draws_the_last_15_minutes(flow, web, page):
    start(flow, web, page)
    wait_rows(page, 30)
    # One value every 5 seconds in a plot, every 15 in a sparkline.
    for _ in range(2):
        before = len(web.json("/status")["history"]["time"])
        flow.send_ticks(60, symbols_of(flow), base_ms=now_ms() + 10)
        flow.wait_consumed()
        wait_until(lambda: len(web.json("/status")["history"]["time"]) > before, "a step of the history")
    page.wait("[...document.querySelectorAll('.plot')].every((p) =>"
              " [...p.querySelectorAll('.line')].some((l) => l.getAttribute('d').split('L').length > 2))",
              "a line in each plot")
    assert len(page.texts("figure")) == 3
    hover(page, ".plot")
    page.wait("/ at \\d/.test(document.querySelector('figcaption').innerText)", "a moment of the plot")
    assert re.search(r"stored ([\d.]+/s|–)", page.text("figcaption"))
    assert page.run("document.querySelector('.plot .cursor').getAttribute('visibility')") == "visible"
    page.wait("[...document.querySelectorAll('#pair-rows svg path')].filter((p) =>"
              " p.getAttribute('d')?.includes('L')).length === 30", "a sparkline for each pair")


def test_it_says_what_is_broken_and_when_tickd_is_gone(flow, web, page):
    start(flow, web, page)
    wait_word(page, "flowing")
    wait_rows(page, 30)
    assert page.run("document.getElementById('word').closest('[aria-live=polite]') !== null")
    log_words(page)
    stopped = now_ms()
    flow.db.cluster.stop("fast")
    wait_word(page, "waiting for database")
    assert when_said(page, "waiting for database") - stopped < 5000
    assert "database" in page.text("#missing") and page.run("document.body.dataset.mood") == "bad"
    assert stopped - 1000 <= since_ms(page) <= now_ms()
    page.screenshot(os.path.join(PICTURES, "broken.png"))
    flow.db.cluster.start()
    started = now_ms()
    wait_word(page, "flowing")
    assert when_said(page, "flowing") - started < SOON_MS
    assert since_ms(page) >= stopped

    flow.daemon.kill9()
    killed = now_ms()
    wait_word(page, "lost tickd")
    assert when_said(page, "lost tickd") - killed < SOON_MS
    assert page.run("document.title").endswith("lost tickd – tickd")
    assert len(symbols_shown(page)) == 30, "what was known stays"
    assert killed - SOON_MS <= since_ms(page) <= killed + SOON_MS
    page.screenshot(os.path.join(PICTURES, "lost.png"))
    flow.start()
    wait_word(page, "flowing")
    expect_refused(page)


def test_it_names_what_is_missing_in_the_schema(flow, web, page):
    flow.db.query("ALTER TABLE rejected_ticks RENAME TO away; ALTER TABLE orders RENAME TO gone")
    flow.start().wait_log("event=started")
    page.go(address(web))
    wait_word(page, "waiting for schema")
    page.wait("document.getElementById('missing').innerText.includes('rejected_ticks: missing')", "its name")
    assert page.run("document.body.dataset.mood") == "bad"
    page.wait("document.getElementById('schema-word').innerText.includes('is missing')", "the schema's word")
    findings = page.texts("#findings li")
    assert "rejected_ticks fatal: missing" in findings and "orders warning: missing" in findings
    flow.db.query("ALTER TABLE away RENAME TO rejected_ticks")
    flow.send_ticks(60, symbols_of(flow))
    flow.wait_consumed()
    wait_word(page, "flowing")
    page.wait("document.getElementById('schema-word').innerText.includes('with remarks')", "remarks")
    assert page.texts("#findings li") == ["orders warning: missing"]
    flow.db.query("ALTER TABLE gone RENAME TO orders")
    page.wait("document.getElementById('schema-word').innerText.includes('Complete')", "a complete schema")
    assert page.texts("#missing li") == page.texts("#findings li") == []


def test_it_doubts_what_flows_without_result(flow, web, page):
    """tickd does what it can; that no ticks come of it is for the page to say, and since when."""
    start(flow, web, page)
    wait_word(page, "flowing")
    flowed = since_ms(page)

    def ticks():
        sent = now_ms()
        flow.send_ticks(60, symbols_of(flow), base_ms=sent + 10)
        flow.wait_consumed()
        return sent > flowed + 5000 and sent
    sent = wait_until(ticks, "a while of ticks")
    wait_word(page, "silent")
    assert page.run("document.body.dataset.mood") == "fair"
    assert sent - 1000 <= since_ms(page) < now_ms() - 9000

    def rejected():
        flow.send_raw(HOSTILE)
        flow.flush()
        return page.text("#word") == "degraded"
    came = now_ms()
    wait_until(rejected, "degraded")
    assert "none of them" in page.text("#why")
    assert came - 1000 < since_ms(page) < now_ms() - 9000
    mended = now_ms()
    ticks()
    wait_word(page, "flowing")
    assert since_ms(page) >= mended - 1000


def streams(web):
    return web.json("/status")["process"]["http_streams"]


def test_it_does_without_a_stream(flow, web, page):
    """As long as others have all there are, and until one is free."""
    flow.start(http_connections=8).wait_log("event=started")
    others = [web.connect() for _ in range(2)]
    for each in others:
        each.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_until(lambda: streams(web) == 2, "the streams to be taken")
    flow.send_ticks(60, symbols_of(flow))
    flow.wait_consumed()
    page.go(address(web))
    wait_word(page, "flowing")
    before = column(page, "price")
    flow.send_ticks(60, symbols_of(flow), base_ms=now_ms() + 10)
    flow.flush()
    wait_until(lambda: not set(before.items()) & set(column(page, "price").items()), "all prices to change")
    wait_until(lambda: page.run("true") and page.requests.count(address(web) + "api/v1/stream") > 2,
               "some attempts to get a stream", detail=lambda: page.requests)
    for each in others:
        each.close()
    wait_until(lambda: streams(web) == 1, "a stream of its own")
    expect_refused(page)


def test_a_hidden_tab_keeps_no_stream(flow, web, browser, page):
    """A browser has six connections to a host; but the title goes on telling."""
    start(flow, web, page)
    wait_word(page, "flowing")
    wait_until(lambda: streams(web) == 1, "its stream")
    other = browser.new_page()
    other.go(address(web) + "metrics")
    other.show()
    page.wait("document.hidden", "the tab to be hidden")
    wait_until(lambda: streams(web) == 0, "its stream to end")
    flow.db.cluster.stop("fast")
    page.wait("document.title.includes('waiting for database')", "the title to tell")
    flow.db.cluster.start()
    page.show()
    wait_until(lambda: streams(web) == 1, "a new stream")
    wait_word(page, "flowing")


def test_it_gives_up_who_never_answers(flow, web, page):
    """Connections are taken in tickd's place and not answered; tickd comes back beside them."""
    start(flow, web, page)
    wait_word(page, "flowing")
    flow.daemon.kill9()
    taken, asked = [], []
    with socket.create_server((web.host, web.port)) as deaf:
        def listen():
            while select.select([deaf], [], [], 0)[0]:
                taken.append(deaf.accept()[0])
            for each in select.select(taken, [], [], 0)[0]:
                asked.append(each.recv(100).split(b" ")[1:2])
            return [b"/api/v1/stream"] in asked and page.text("#word") == "lost tickd"
        wait_until(listen, "tickd to be lost", detail=lambda: asked)
    flow.start()
    wait_word(page, "flowing")
    wait_until(lambda: streams(web) == 1, "a stream")
    for each in taken:
        each.close()
    expect_refused(page)


def focused(page):
    return page.run("((e) => e.dataset.key ? `by ${e.dataset.key}` : e.id || e.className || e.tagName)"
                    "(document.activeElement)")


def test_keyboard_is_enough(flow, web, page):
    start(flow, web, page)
    wait_rows(page, 30)
    page.press("Tab")
    assert focused(page) == "skip"
    page.press("Enter")
    page.wait("document.activeElement.id === 'pairs'", "the pairs to have the focus")
    way = []
    while "SUMMARY" not in way:
        page.press("Tab")
        way.append(focused(page))
        assert page.run("getComputedStyle(document.activeElement).outlineStyle") != "none", way
        assert len(way) < 60, way
    assert way[:3] == ["find", "category", "only-stale"]
    assert [stop for stop in way if stop.startswith("by ")] == [f"by {name}" for name in COLUMNS]
    page.press("Enter")
    page.wait("document.querySelector('details').open", "the settings")
    page.run("document.getElementById('find').focus()")
    for key in "btc":
        page.press(key)
    wait_rows(page, 1)
    for _ in range(2):
        page.press("Tab")
    page.press(" ")
    page.wait("document.getElementById('only-stale').checked", "the box to be ticked")


def test_thousand_pairs(flow, web, page):
    flow.db.query("INSERT INTO pairs (symbol, display_name, category, max_leverage, min_order_size, tick_size,"
                  " whale_threshold_usd) SELECT 'P' || n, 'Pair ' || n, 'many', 1, 1, 1, 1 FROM generate_series(1, 970) n")
    start(flow, web, page)
    wait_rows(page, 1000)
    sort_by(page, "symbol")
    fill(page, "#find", "pair 97")
    wait_rows(page, 2)
    fill(page, "#find", "")
    before, began, used = column(page, "price"), time.monotonic(), page.cpu_s()
    for beat in range(10):  # a feed that changes each of them twice a second
        flow.send_ticks(1000, symbols_of(flow), base_ms=now_ms() + beat)
        time.sleep(0.5)
    # It has half of its time left at least, so that it answers who clicks and types.
    assert (page.cpu_s() - used) / (time.monotonic() - began) < 0.5
    wait_until(lambda: not set(before.items()) & set(column(page, "price").items()), "all of them to change")
    wait_rows(page, 1000)


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
        need("BROWSER", None if shutil.which("npm") else "there is no npm")
        os.makedirs(AXE_PREFIX, exist_ok=True)
        done = subprocess.run(["npm", "install", "--prefix", AXE_PREFIX, "--no-save", "--no-audit",
                               "--no-fund", "--ignore-scripts", f"axe-core@{AXE_VERSION}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, text=True)
        need("BROWSER", done.returncode and f"npm cannot install axe-core: {done.stdout[-300:]}")
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
