// SPDX-License-Identifier: MIT
//
// Usual path: the stream's `state` (once a second) drives the headline and the rates, its `prices` the table;
// /status is fetched every few seconds for the rest, /api/v1/pairs now and then for sparklines and categories.
//
// Possible failures: without a stream (there is room for a few only; a hidden tab gives its own up) both are
// fetched more often and do for it. When no answer comes for LOST_MS, tickd is lost; the page says so, keeps
// what it knows, and asks on.
//
// Whatever comes from tickd becomes text, never markup: the policy of this page forbids everything else.
"use strict";
(() => {
  const STALE_S = 60;
  const SILENT_MS = 10000; // flowing, but no message comes, or nothing of them is stored
  const LOST_MS = 3500; // an answer is due
  const QUIET_MS = 2000; // a stream that brings nothing for so long is not counted on
  const STREAM_MS = 3000; // from the end of a stream to the next
  const STATUS_MS = 5000;
  const PAIRS_MS = 15000;
  const POLL_MS = 1000; // for both, without a stream
  const STEADY_MS = 500; // clocks may differ by so much more or less than before

  const $ = (id) => document.getElementById(id);

  // --- making elements

  const SVG = "http://www.w3.org/2000/svg";

  const fill = (made, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) {
      made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };
  const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS(SVG, tag), attributes, children);

  // Touches the document only where something changes.
  const say = (element, text) => {
    if (element.textContent !== text) {
      element.textContent = text;
    }
  };
  const mark = (element, name, on) => {
    if (element.classList.contains(name) !== on) {
      element.classList.toggle(name, on);
    }
  };
  // Replaces what is there if `key` is another than last time, so that focus and selection stay.
  const redraw = (element, key, make) => {
    const text = JSON.stringify(key);
    if (element.drawn !== text) {
      element.drawn = text;
      element.replaceChildren(...make());
    }
  };

  // --- numbers

  const NONE = "–";
  const known = (value) => typeof value === "number" && isFinite(value);
  const formats = new Map();
  const format = (value, options) => {
    const key = JSON.stringify(options);
    if (!formats.has(key)) {
      formats.set(key, new Intl.NumberFormat("en", options));
    }
    return formats.get(key).format(value);
  };
  const whole = (value) => known(value) ? format(value, {maximumFractionDigits: 0}) : NONE;
  const price = (value) => known(value) ? format(value, {maximumSignificantDigits: 9}) : NONE;
  const rate = (value) => known(value)
    ? format(value, {maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0}) : NONE;
  const short = (value) => known(value)
    ? format(value, {notation: "compact", maximumSignificantDigits: 3}) : NONE;
  const percent = (value) => known(value)
    ? format(value, {signDisplay: "exceptZero", minimumFractionDigits: 2, maximumFractionDigits: 2}) + " %" : NONE;

  // A measured duration: 12 ms, 1.25 s.
  const brief = (s) => {
    if (!known(s)) {
      return NONE;
    }
    if (s < 1) {
      return format(s * 1000, {maximumSignificantDigits: 3}) + " ms";
    }
    return s < 120 ? format(s, {maximumSignificantDigits: 3}) + " s" : span(s);
  };
  // How long ago: 3 s, 4 min 12 s, 5 h 3 min, 2 d 4 h.
  const span = (seconds) => {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) {
      return `${s} s`;
    }
    if (s < 3600) {
      return `${Math.floor(s / 60)} min ${s % 60} s`;
    }
    if (s < 86400) {
      return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
    }
    return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
  };
  const bytes = (value) => {
    if (!known(value)) {
      return NONE;
    }
    const units = ["B", "kB", "MB", "GB", "TB"];
    let at = 0;
    while (Math.abs(value) >= 1000 && at < units.length - 1) {
      value /= 1000;
      at++;
    }
    return format(value, {maximumSignificantDigits: 3}) + " " + units[at];
  };
  const clock = (ms) => {
    const when = new Date(ms);
    const time = when.toLocaleTimeString("en-GB");
    return when.toDateString() === new Date().toDateString()
      ? time : `${when.toLocaleDateString("en-CA")} ${time}`;
  };
  const yes = (value) => value ? "yes" : "no";

  // Intervals are measured by a clock that does not jump; wallOf() says when that was.
  const now = () => performance.now();
  const wallOf = (ms) => Date.now() - (now() - ms);

  // --- what is known

  let state = null; // the last `state` event
  let status = null; // the last /status
  let skewMs = 0; // tickd's clock minus the browser's
  let dueMs = now(); // since when an answer is due; Infinity: nothing was asked
  let lost = false;
  let cameMs = 0; // when messages last came
  let idleMs = 0; // since when messages come of which nothing is stored; 0: something is
  let verdict = {}; // what the headline says
  let mendedMs = 0; // when the last trouble ended that only this page had seen; 0: there was none
  const pairs = new Map(); // symbol -> what is known, and its row
  const order = {key: "ticks", down: true};

  const nowMs = () => Date.now() + skewMs;
  const ageOf = (pair) => pair.timeMs === null ? null : Math.max(0, (nowMs() - pair.timeMs) / 1000);
  const isStale = (pair) => {
    const age = ageOf(pair);
    return age === null || age > STALE_S;
  };

  // --- headline

  const MOODS = {
    unknown: ["…", "gray"], good: ["✓", "#128a4c"], fair: ["!", "#d18a00"], bad: ["✕", "#c8232f"], lost: ["?", "#c8232f"],
  };

  const fair = (why, sinceMs = now(), word = "degraded") => ({mood: "fair", word, why, sinceMs});

  // Mood, word, reason; and what tickd does not say itself: since when.
  const judge = () => {
    if (lost) {
      return {mood: "lost", word: "lost tickd", sinceMs: dueMs,
        why: "It does not answer. What stands below is what was last known."};
    }
    if (!state) {
      return {mood: "unknown", word: "connecting", why: ""};
    }
    const word = state.state || "starting";
    if (word.startsWith("degraded")) {
      return {mood: "fair", word: "degraded", why: word.replace(/^degraded: /, "")};
    }
    return word === "flowing" ? judgeFlow() : {mood: "bad", word, why: ""};
  };

  // tickd says that ticks flow. Do they?
  const judgeFlow = () => {
    if (state.missing.length) {
      return fair("ticks flow, but not everything is as it should be");
    }
    if (status && status.batches.backpressure) {
      return fair("the database is slower than the ticks come");
    }
    if (now() - cameMs > SILENT_MS) {
      return fair("connected to both sides, but no message comes from Kafka" +
        (state.lag > 0 ? ", where some wait" : ""), cameMs, "silent");
    }
    if (idleMs && now() - idleMs > SILENT_MS) {
      return fair("messages come, but none of them becomes a stored tick", idleMs);
    }
    if (status && status.database.archive_fails) {
      return fair("the database cannot archive its WAL: backups are at risk");
    }
    return {mood: "good", word: "flowing", why: ""};
  };

  // A trouble that goes on keeps its beginning. tickd does not know that it is over: the page does.
  const decide = () => {
    const next = judge();
    if (next.sinceMs && next.word === verdict.word) {
      next.sinceMs = verdict.sinceMs || next.sinceMs;
    }
    if (verdict.sinceMs && !next.sinceMs) {
      mendedMs = verdict.mood === "lost" ? 0 : now();
    }
    verdict = next;
  };

  const drawMissing = (entries) => entries.flatMap((entry) => {
    const lines = [el("li", {}, el("b", {}, entry.name), ": " + entry.text +
      (entry.waits_for ? ` (${entry.waits_for})` : ""))];
    for (const found of entry.objects || []) {
      lines.push(el("li", {}, el("code", {}, found.object), `: ${found.text}`));
    }
    return lines;
  });

  const drawHeadline = () => {
    decide();
    const {mood, word, why} = verdict;
    const body = document.body;
    if (body.dataset.mood !== mood) {
      body.dataset.mood = mood;
      const [, colour] = MOODS[mood];
      $("icon").href = "data:image/svg+xml," + encodeURIComponent(
        `<svg xmlns='${SVG}' viewBox='0 0 8 8'><circle cx='4' cy='4' r='4' fill='${colour}'/></svg>`);
    }
    say($("sign"), MOODS[mood][0]);
    say($("word"), word);
    say($("why"), why);
    const title = `${MOODS[mood][0]} ${word} – tickd`;
    if (document.title !== title) {
      document.title = title;
    }
    const missing = lost || !state ? [] : state.missing;
    redraw($("missing"), missing, () => drawMissing(missing));
    drawSince();
  };

  const drawSince = () => {
    let since = verdict.sinceMs ? wallOf(verdict.sinceMs) : null;
    if (!since && state && state.since) {
      since = Math.max(Date.parse(state.since) - skewMs, mendedMs && wallOf(mendedMs));
    }
    say($("since"), since ? `since ${clock(since)} (${span((Date.now() - since) / 1000)})` : "");
  };

  // --- tiles

  const last = (list) => {
    for (let i = list.length - 1; i >= 0 && i >= list.length - 6; i--) {
      if (known(list[i])) {
        return list[i];
      }
    }
    return null;
  };

  // id, title, value and unit, whether it is a warning
  const TILES = [
    ["stored", "Ticks stored", () => [rate(state && state.rates.stored_per_s), "a second"]],
    ["messages", "Messages read", () => [rate(state && state.rates.messages_per_s), "a second"]],
    ["rejected", "Ticks rejected", () => [rate(state && state.rates.rejected_per_s), "a second"],
      () => state && state.rates.rejected_per_s > 0],
    ["lag", "Waiting in Kafka", () => [whole(state && state.lag), "messages"]],
    ["latency", "Event to commit", () => [brief(status && last(status.history.latency_p50_s)),
      status ? `99 % in ${brief(last(status.history.latency_p99_s))}` : "median"]],
    ["total", "Stored since start", () => [short(state && state.totals.stored), "ticks"]],
    ["stale", "Stale pairs", () => [whole(countStale()), `of ${whole(pairs.size)}`], () => countStale() > 0],
  ];

  const countStale = () => {
    let count = 0;
    for (const pair of pairs.values()) {
      count += isStale(pair) ? 1 : 0;
    }
    return count;
  };

  const makeTiles = () => {
    for (const tile of TILES) {
      const value = document.createTextNode(NONE);
      const unit = el("small");
      const box = el("div", {id: `tile-${tile[0]}`}, el("dt", {}, tile[1]), el("dd", {}, value, " ", unit));
      tile.put = () => {
        const [text, after] = tile[2]();
        if (value.data !== text) {
          value.data = text;
        }
        say(unit, after);
        mark(box, "warn", Boolean(tile[3] && tile[3]()));
      };
      $("tiles").append(box);
    }
  };

  // --- plots

  const WIDTH = 400;
  const HEIGHT = 130;
  const LEFT = 46;
  const RIGHT = WIDTH - 6;
  const TOP = 8;
  const BOTTOM = HEIGHT - 18;
  const WINDOW_S = 900;

  // title, lines (column, name, colour class), how values are written
  const PLOTS = [
    {name: "throughput", title: "Throughput", show: (v) => known(v) ? rate(v) + "/s" : NONE, axis: short, least: 10,
      lines: [["stored_per_s", "stored", "one"], ["rejected_per_s", "rejected", "two"]]},
    {name: "lag", title: "Lag", show: whole, axis: short, least: 10,
      lines: [["lag", "messages in Kafka", "one"]]},
    {name: "latency", title: "Latency from event to commit", show: brief, axis: brief, least: .01,
      lines: [["latency_p50_s", "median", "one"], ["latency_p99_s", "99 %", "two"]]},
  ];

  // The next round number: 1, 2 or 5 times a power of ten.
  const roundUp = (value) => {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= value * 0.9999) || value;
  };

  const makePlot = (plot) => {
    plot.caption = el("figcaption", {id: `plot-${plot.name}`});
    plot.grid = svg("g");
    plot.cursor = svg("line", {class: "cursor", y1: TOP, y2: BOTTOM, visibility: "hidden"});
    plot.area = svg("path", {class: `area ${plot.lines[0][2]}`});
    plot.paths = plot.lines.map(([, , colour]) => svg("path", {class: `line ${colour}`}));
    plot.picture = svg("svg", {class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-labelledby": `plot-${plot.name}`}, plot.grid, plot.area, ...plot.paths, plot.cursor);
    plot.picture.addEventListener("pointermove", (event) => pointAt(plot, event));
    plot.picture.addEventListener("pointerleave", () => {
      plot.at = null;
      drawPlot(plot);
    });
    $("plots").append(el("figure", {}, plot.caption, plot.picture));
  };

  const pointAt = (plot, event) => {
    if (!status) {
      return;
    }
    const box = plot.picture.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * WIDTH;
    const time = xToTime(x);
    const times = status.history.time;
    let best = null;
    times.forEach((t, i) => {
      if (best === null || Math.abs(t - time) < Math.abs(times[best] - time)) {
        best = i;
      }
    });
    plot.at = best === null ? null : times[best];
    drawPlot(plot);
  };

  const endOfPlot = () => Date.parse(status.now) / 1000;
  const timeToX = (time) => RIGHT - (endOfPlot() - time) / WINDOW_S * (RIGHT - LEFT);
  const xToTime = (x) => endOfPlot() - (RIGHT - x) / (RIGHT - LEFT) * WINDOW_S;

  const drawGrid = (plot, top) => {
    const parts = [];
    for (const share of [0, .5, 1]) {
      const y = BOTTOM - share * (BOTTOM - TOP);
      parts.push(svg("line", {class: "grid", x1: LEFT, x2: RIGHT, y1: y, y2: y}));
      parts.push(svg("text", {x: LEFT - 5, y: y + 4, "text-anchor": "end"}, plot.axis(top * share)));
    }
    for (const minutes of [15, 10, 5, 0]) {
      const x = RIGHT - minutes * 60 / WINDOW_S * (RIGHT - LEFT);
      parts.push(svg("text", {x, y: HEIGHT - 4, "text-anchor": minutes === 15 ? "start" : minutes ? "middle" : "end"},
        minutes ? `−${minutes} min` : "now"));
    }
    plot.grid.replaceChildren(...parts);
  };

  // A gap where nothing is known; a dot for what stands alone.
  const lineOf = (times, values, top) => {
    let path = "";
    let pen = false;
    values.forEach((value, i) => {
      const x = timeToX(times[i]);
      if (!known(value) || x < LEFT - 1) {
        pen = false;
        return;
      }
      const point = `${x.toFixed(1)} ${(BOTTOM - value / top * (BOTTOM - TOP)).toFixed(1)}`;
      path += pen ? `L${point}` : `M${point}L${point}`;
      pen = true;
    });
    return path;
  };

  // What is under a line: each of its pieces, closed along the axis.
  const areaOf = (line) => line.split("M").filter(Boolean).map((piece) => {
    const points = piece.split("L");
    const [from, to] = [points[0], points.at(-1)].map((point) => point.split(" ")[0]);
    return `M${from} ${BOTTOM}L${piece}L${to} ${BOTTOM}Z`;
  }).join("");

  const highest = (values) => values.reduce((most, v) => known(v) && v > most ? v : most, 0);

  const drawPlot = (plot) => {
    const history = status.history;
    const top = roundUp(Math.max(highest(plot.lines.flatMap(([column]) => history[column])), plot.least));
    if (plot.top !== top) {
      plot.top = top;
      drawGrid(plot, top);
    }
    const at = plot.at ? history.time.indexOf(plot.at) : -1;
    plot.area.setAttribute("d", areaOf(lineOf(history.time, history[plot.lines[0][0]], top)));
    plot.lines.forEach(([column], i) => plot.paths[i].setAttribute("d", lineOf(history.time, history[column], top)));
    if (at >= 0) {
      const x = timeToX(history.time[at]);
      plot.cursor.setAttribute("x1", x);
      plot.cursor.setAttribute("x2", x);
    }
    plot.cursor.setAttribute("visibility", at >= 0 ? "visible" : "hidden");
    const moment = at >= 0 ? ` at ${clock(history.time[at] * 1000 - skewMs)}` : "";
    plot.caption.replaceChildren(
      el("b", {}, plot.title, el("span", {class: "soft"}, moment)),
      ...plot.lines.map(([column, name, colour]) => {
        const value = at >= 0 ? history[column][at] : last(history[column]);
        const most = at >= 0 ? "" : `, at most ${plot.show(highest(history[column]))}`;
        return el("span", {class: "entry"}, el("i", {class: colour}, name), ` ${plot.show(value)}${most}`);
      }));
  };

  // --- pairs

  // key, title, classes, what it is sorted by, how a cell is drawn
  const COLUMNS = [
    {key: "symbol", title: "Pair", css: "pair", by: (p) => p.symbol},
    {key: "category", title: "Category", css: "wide category", by: (p) => p.category || "",
      text: (p) => p.category || NONE},
    {key: "price", title: "Price", css: "n price", by: (p) => p.price, text: (p) => price(p.price)},
    {key: "change", title: "24 h", css: "n wide change", by: (p) => p.change, text: (p) => percent(p.change)},
    {key: "bid", title: "Bid", css: "n wide", by: (p) => p.bid, text: (p) => price(p.bid)},
    {key: "ask", title: "Ask", css: "n wide", by: (p) => p.ask, text: (p) => price(p.ask)},
    {key: "age", title: "Age", css: "n age", by: ageOf},
    {key: "ticks", title: "Ticks/s", css: "n ticks", by: (p) => p.rate, text: (p) => rate(p.rate)},
    {key: "spark", title: "15 min", css: "n spark"},
  ];

  const makeHeads = () => {
    for (const column of COLUMNS) {
      column.head = el("th", {scope: "col", class: column.css || ""});
      if (column.by) {
        const button = el("button", {type: "button", "data-key": column.key}, column.title);
        button.addEventListener("click", () => sortBy(column));
        column.head.append(button);
      } else {
        column.head.append(column.title);
      }
      $("pair-heads").append(column.head);
    }
    showOrder();
  };

  const sortBy = (column) => {
    const words = column.key === "symbol" || column.key === "category";
    order.down = order.key === column.key ? !order.down : !words;
    order.key = column.key;
    showOrder();
    arrange();
  };

  const showOrder = () => {
    for (const column of COLUMNS) {
      if (column.key === order.key) {
        column.head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      } else {
        column.head.removeAttribute("aria-sort");
      }
    }
  };

  const makeRow = (pair) => {
    pair.row = el("tr", {"data-symbol": pair.symbol});
    pair.cells = {};
    for (const column of COLUMNS) {
      const cell = column.key === "symbol" ? el("th", {scope: "row"}) : el("td", {class: column.css});
      pair.cells[column.key] = cell;
      pair.row.append(cell);
    }
    pair.name = el("span");
    pair.cells.symbol.append(pair.symbol, " ", pair.name);
    pair.ageText = document.createTextNode("");
    pair.tag = el("span", {class: "tag", hidden: ""}, "stale");
    pair.cells.age.append(pair.ageText, pair.tag);
    pair.line = svg("path");
    pair.cells.spark.append(svg("svg", {viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true"},
      pair.line));
  };

  const pairOf = (symbol) => {
    let pair = pairs.get(symbol);
    if (!pair) {
      pair = {symbol, display: "", category: "", price: null, bid: null, ask: null, change: null, timeMs: null,
        rate: null, spark: []};
      pairs.set(symbol, pair);
      makeRow(pair);
    }
    return pair;
  };

  // Answers overtake each other: an older price does not replace a newer one.
  const take = (found) => {
    const pair = pairOf(found.symbol);
    const timeMs = found.time === null ? null : Date.parse(found.time);
    pair.display = found.display_name || "";
    pair.category = found.category || "";
    pair.rate = found.ticks_per_s;
    if (pair.timeMs === null || timeMs >= pair.timeMs) {
      pair.price = found.price;
      pair.bid = found.bid;
      pair.ask = found.ask;
      pair.change = found.change_24h_pct;
      pair.timeMs = timeMs;
    }
    return pair;
  };

  const drawPair = (pair) => {
    for (const column of COLUMNS) {
      if (column.text) {
        say(pair.cells[column.key], column.text(pair));
      }
    }
    say(pair.name, pair.display === pair.symbol ? "" : pair.display);
    mark(pair.cells.change, "up", pair.change > 0);
    mark(pair.cells.change, "down", pair.change < 0);
    drawAge(pair);
  };

  const drawAge = (pair) => {
    const age = ageOf(pair);
    const stale = isStale(pair);
    const text = age === null ? "never" : span(age).split(" ", 2).join(" ");
    if (pair.ageText.data !== text) {
      pair.ageText.data = text;
    }
    if (pair.tag.hidden === stale) {
      pair.tag.hidden = !stale;
    }
    mark(pair.row, "stale", stale);
  };

  const drawSpark = (pair) => {
    const points = known(pair.price) ? [...pair.spark, pair.price] : pair.spark;
    const low = Math.min(...points);
    const height = Math.max(...points) - low;
    const path = points.length < 2 ? "" : points.map((value, i) => {
      const x = i / (points.length - 1) * 100;
      const y = height > 0 ? 22 - (value - low) / height * 20 : 12;
      return `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    }).join("");
    if (pair.path !== path) {
      pair.path = path;
      pair.line.setAttribute("d", path);
    }
  };

  const collator = new Intl.Collator("en", {numeric: true});

  const compare = (a, b) => {
    const column = COLUMNS.find((c) => c.key === order.key);
    const [x, y] = [column.by(a), column.by(b)];
    let found;
    if (typeof x === "string" || typeof y === "string") {
      found = collator.compare(x, y);
    } else if (!known(x) || !known(y)) {
      // What is not known comes last, whichever way round.
      return known(x) ? -1 : known(y) ? 1 : collator.compare(a.symbol, b.symbol);
    } else {
      found = x - y;
    }
    return (order.down ? -found : found) || collator.compare(a.symbol, b.symbol);
  };

  const isWanted = (pair) => {
    const text = $("find").value.trim().toLowerCase();
    const category = $("category").value;
    return (!text || pair.symbol.toLowerCase().includes(text) || pair.display.toLowerCase().includes(text)) &&
      (!category || pair.category === category) && (!$("only-stale").checked || isStale(pair));
  };

  // Puts the rows that are wanted in order. Rows that are where they belong are not touched.
  const arrange = () => {
    const wanted = [...pairs.values()].filter(isWanted).sort(compare);
    const body = $("pair-rows");
    let next = body.firstElementChild;
    for (const pair of wanted) {
      if (pair.row === next) {
        next = next.nextElementSibling;
      } else {
        body.insertBefore(pair.row, next);
      }
    }
    while (next) {
      const after = next.nextElementSibling;
      next.remove();
      next = after;
    }
    if (!wanted.length) {
      body.append(el("tr", {}, el("td", {class: "empty", colspan: COLUMNS.length},
        pairs.size ? "No pair is like that." : "No pair is known yet.")));
    }
    say($("pairs-count"), wanted.length === pairs.size ? `${pairs.size}` : `${wanted.length} of ${pairs.size}`);
    return wanted.length;
  };

  const drawCategories = () => {
    const found = [...new Set([...pairs.values()].map((p) => p.category).filter(Boolean))].sort();
    const choice = $("category");
    redraw(choice, found, () => {
      const chosen = choice.value;
      const options = [el("option", {value: ""}, "all"), ...found.map((c) => el("option", {value: c}, c))];
      (options.find((o) => o.value === chosen) || options[0]).selected = true;
      return options;
    });
  };

  const takePairs = (found) => {
    const there = new Set();
    for (const entry of found.pairs) {
      const pair = take(entry);
      pair.spark = entry.spark;
      there.add(entry.symbol);
      drawPair(pair);
      drawSpark(pair);
    }
    for (const symbol of [...pairs.keys()]) {
      if (!there.has(symbol)) {
        pairs.delete(symbol);
      }
    }
    drawCategories();
    arrange();
  };

  // --- the rest of /status

  const cell = (text, css = "") => el("td", css ? {class: css} : {}, text);

  const drawPartitions = (list) => redraw($("partition-rows"), list, () => list.length ? list.map((p) =>
    el("tr", {}, el("th", {scope: "row"}, p.topic), cell(whole(p.partition), "n"), cell(whole(p.stored_offset), "n"),
      cell(whole(p.log_begin), "n"), cell(whole(p.log_end), "n"), cell(whole(p.lag), "n"),
      p.stopped ? cell("stopped", "bad") : cell("reading", "good")))
    : [el("tr", {}, el("td", {class: "empty", colspan: 7}, "None is assigned."))]);

  const drawReject = (reject) => {
    const item = el("li", {}, el("h3", {}, el("b", {}, whole(reject.count)), el("code", {}, reject.reason)),
      el("p", {}, reject.text));
    const found = reject.last;
    if (found) {
      item.append(el("p", {class: "soft"}, `last at ${clock(Date.parse(found.time) - skewMs)}, partition ` +
        `${found.partition}, offset ${found.offset}` + (found.detail ? `: ${found.detail}` : "")));
      const cut = found.payload_bytes > found.payload.length ? ` … (${bytes(found.payload_bytes)})` : "";
      item.append(el("pre", {tabindex: "0", "aria-label": `message rejected as ${reject.reason}`},
        found.payload + cut));
    }
    return item;
  };

  const drawRejects = (list) => {
    $("no-rejects").hidden = list.length > 0;
    redraw($("reject-list"), list, () => [...list].sort((a, b) => b.count - a.count).map(drawReject));
  };

  const drawSchema = (schema) => {
    const word = $("schema-word");
    say(word, !schema.checked ? "Not checked yet." : !schema.usable ? "✕ Something that tickd needs is missing."
      : schema.findings.length ? "! Usable, with remarks." : "✓ Complete.");
    word.className = !schema.checked ? "soft" : !schema.usable ? "bad" : schema.findings.length ? "fair" : "good";
    redraw($("findings"), schema.findings, () => schema.findings.map((f) =>
      el("li", {}, el("code", {}, f.object), " ", el("span", {class: f.severity === "fatal" ? "bad" : "fair"},
        f.severity), `: ${f.text}`)));
  };

  const drawFacts = (s) => {
    const d = s.database;
    const facts = [
      ["Writing connection", d.connected ? "up" : "down"],
      ["Service connection", d.service_connected ? "up" : "down"],
      ["Kafka", s.kafka.connected ? "up" : "down"],
      ["ticks is a hypertable", s.schema.checked ? yes(s.schema.hypertable) : NONE],
      ["TimescaleDB", s.schema.timescaledb || NONE],
      ["Foreign key checked", s.schema.fk_check || NONE],
      ["Size of the database", bytes(d.database_bytes)],
      ["Size of ticks", bytes(d.ticks_bytes)],
      ["Growth of ticks", known(d.ticks_growth_bytes_per_s) ? bytes(d.ticks_growth_bytes_per_s * 86400) + " a day" : NONE],
      ["Chunks", whole(d.chunks)],
      ["WAL archived", !d.archiving ? "off" : d.archive_fails ? "fails" :
        d.last_archived ? clock(Date.parse(d.last_archived) - skewMs) : "not yet"],
      ["Batch filling", `${whole(s.batches.filling.rows)} rows, ${bytes(s.batches.filling.bytes)}`],
      ["Being written", `${whole(s.batches.flying.rows)} rows, ${bytes(s.batches.flying.bytes)}`],
      ["Backpressure so far", brief(s.batches.backpressure_s)],
      ["Commit, median", brief(s.commit.p50_s)],
      ["Commit, 99 %", brief(s.commit.p99_s)],
      ["Ties spread", whole(s.totals.ties_spread)],
      ["Repeats dropped", whole(s.totals.dropped)],
      ["Memory", bytes(s.process.resident_bytes)],
      ["CPU time", brief(s.process.cpu_s)],
    ];
    redraw($("facts"), facts, () => facts.map(([name, value]) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  };

  const drawSettings = (settings) => {
    const list = Object.entries(settings);
    say($("settings-count"), `(${list.length})`);
    redraw($("setting-rows"), list, () => list.map(([name, setting]) =>
      el("tr", {}, el("th", {scope: "row"}, name), cell(setting.value === null ? "" : String(setting.value)),
        cell(setting.origin || ""))));
  };

  const drawStatus = () => {
    say($("version"), status.version);
    say($("as-of"), `Started ${clock(Date.parse(status.started) - skewMs)}`);
    PLOTS.forEach(drawPlot);
    drawPartitions(status.kafka.partitions);
    drawRejects(status.rejects);
    drawSchema(status.schema);
    drawFacts(status);
    drawSettings(status.settings);
  };

  // --- what comes from tickd

  // Whether messages come, and become rows. Totals, for a rate knows its last second only.
  const takeTotals = (found, before) => {
    const flowed = found.state === "flowing" && before && before.state === "flowing";
    const came = !flowed || found.totals.messages !== before.totals.messages;
    if (came) {
      cameMs = now();
    }
    if (!flowed || found.totals.stored !== before.totals.stored) {
      idleMs = 0;
    } else if (came && !idleMs) {
      idleMs = now();
    }
  };

  const takeState = (found) => {
    takeTotals(found, state);
    const skew = Date.parse(found.now) - Date.now();
    skewMs = Math.abs(skew - skewMs) < STEADY_MS ? skewMs : skew;
    state = found;
    lost = false;
    dueMs = document.hidden ? Infinity : now();
    drawHeadline();
    if (!document.hidden) {
      drawTable();
    }
  };

  const takeStatus = (found) => {
    status = found;
    if (!isStreaming()) {
      takeState({...found, lag: found.kafka.lag});
    }
    if (!document.hidden) {
      drawStatus();
    }
  };

  const takeRates = (rates) => {
    for (const [symbol, ticks] of Object.entries(rates)) {
      if (pairs.has(symbol)) {
        pairs.get(symbol).rate = ticks;
      } else {
        askPairs();
      }
    }
  };

  const takePrices = (found) => {
    for (const entry of found.prices) {
      const pair = take(entry);
      if (!document.hidden) {
        drawPair(pair);
        drawSpark(pair);
      }
    }
  };

  // Once a second. Rows stay where they are while somebody points at one.
  const drawTable = () => {
    pairs.forEach(drawPair);
    if (!$("pair-rows").matches(":hover")) {
      arrange();
    }
    TILES.forEach((tile) => tile.put());
  };

  // --- asking tickd

  // At most one request of a kind at a time; a failed one is made good by the next. again() does not wait for
  // one that was asked of a tickd that is no more.
  const asker = (path, takeFound) => {
    let pending = null;
    const ask = async () => {
      if (pending) {
        return;
      }
      const mine = pending = new AbortController();
      const timer = setTimeout(() => mine.abort(), LOST_MS);
      ask.askedMs = now();
      dueMs = Math.min(dueMs, ask.askedMs);
      let found = null;
      try {
        const answer = await fetch(path, {signal: mine.signal, cache: "no-store"});
        found = answer.ok ? await answer.json() : null;
      } catch {
        // watch() sees that no answer comes.
      }
      clearTimeout(timer);
      pending = pending === mine ? null : pending;
      if (found && !mine.signal.aborted) {
        takeFound(found);
      }
    };
    ask.again = () => {
      if (pending) {
        pending.abort();
        pending = null;
      }
      ask();
    };
    return ask;
  };
  const askStatus = asker("/status", takeStatus);
  const askPairs = asker("/api/v1/pairs", takePairs);

  let stream = null;
  let streamMs = 0; // when it began, ended, or last brought something
  let streamedMs = -Infinity; // when one last brought a state
  const isStreaming = () => now() - streamedMs < QUIET_MS;

  const connect = () => {
    streamMs = now();
    stream = new EventSource("/api/v1/stream");
    stream.addEventListener("state", (event) => {
      const wasLost = lost;
      const found = JSON.parse(event.data);
      streamMs = streamedMs = now();
      takeRates(found.ticks_per_s);
      takeState(found);
      if (wasLost) {
        askStatus.again();
        askPairs.again();
      }
    });
    stream.addEventListener("prices", (event) => takePrices(JSON.parse(event.data)));
    stream.addEventListener("error", disconnect);
  };

  const disconnect = () => {
    if (stream) {
      stream.close();
      stream = null;
      streamMs = now();
      streamedMs = -Infinity;
    }
  };

  // A stream that says nothing is given up, were it not even open yet.
  const watchStream = () => {
    const silence = now() - streamMs;
    if (stream && silence > LOST_MS) {
      disconnect();
    } else if (!stream && !document.hidden && silence > STREAM_MS) {
      connect();
    }
  };

  const askWhatIsDue = () => {
    const poll = !isStreaming() && !document.hidden;
    if (now() - askStatus.askedMs >= (poll ? POLL_MS : STATUS_MS)) {
      askStatus();
    }
    if (!document.hidden && now() - askPairs.askedMs >= (poll ? POLL_MS : PAIRS_MS)) {
      askPairs();
    }
  };

  const watch = () => {
    watchStream();
    askWhatIsDue();
    if (!lost && now() - dueMs > LOST_MS) {
      lost = true;
      drawHeadline();
    }
    drawSince();
    if (lost && !document.hidden) {
      pairs.forEach(drawAge);
    }
  };

  // A hidden tab keeps no stream: a browser has six connections to one host, for all tabs together. It asks
  // now and then, for its title and icon.
  const onVisibility = () => {
    if (!lost) {
      dueMs = document.hidden ? Infinity : now();
    }
    if (document.hidden) {
      disconnect();
      return;
    }
    if (!stream) {
      connect();
    }
    askStatus.again();
    askPairs.again();
    drawTable();
  };

  // --- start

  const onFilter = () => {
    const count = arrange();
    say($("shown"), `${count} of ${pairs.size} pairs shown`);
  };

  $("filters").addEventListener("input", onFilter);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("visibilitychange", onVisibility);
  makeTiles();
  makeHeads();
  PLOTS.forEach(makePlot);
  connect();
  askStatus();
  askPairs();
  setInterval(watch, 500);
})();
