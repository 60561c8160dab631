// SPDX-License-Identifier: MIT
//
// Usual path: the stream's `state` (once a second) drives the headline and the rates, its `prices` the table;
// /status is fetched every few seconds for the rest, /api/v1/pairs now and then for sparklines and categories.
//
// Possible failures: no `state` for LOST_MS means that tickd is lost; the page says so, keeps what it knows,
// and knocks until somebody answers.
//
// Whatever comes from tickd becomes text, never markup: the policy of this page forbids everything else.
"use strict";
(() => {
  const STALE_S = 60;
  const SILENT_S = 10; // flowing, but no message comes
  const LOST_MS = 3500;
  const KNOCK_MS = 1000;
  const STATUS_MS = 5000;
  const PAIRS_MS = 15000;

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

  // --- what is known

  let state = null; // the last `state` event
  let status = null; // the last /status
  let skewMs = 0; // tickd's clock minus the browser's
  let heardMs = -Infinity; // when the stream last gave a sign of life, by performance.now()
  let lost = false;
  let lostSince = 0;
  let silentSince = 0; // by performance.now(); 0: messages come
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

  // Mood, word, reason.
  const judge = () => {
    if (lost) {
      return ["lost", "lost tickd", "It does not answer. What stands below is what was last known."];
    }
    if (!state) {
      return ["unknown", "connecting", ""];
    }
    const word = state.state || "starting";
    if (word.startsWith("degraded")) {
      return ["fair", "degraded", word.replace(/^degraded: /, "")];
    }
    if (word !== "flowing") {
      return ["bad", word, ""];
    }
    if (state.missing.length) {
      return ["fair", "degraded", "ticks flow, but not everything is as it should be"];
    }
    if (silentSince && performance.now() - silentSince > SILENT_S * 1000) {
      return ["fair", "silent", "connected to both sides, but no message comes from Kafka"];
    }
    if (status && status.batches.backpressure) {
      return ["fair", "degraded", "the database is slower than the ticks come"];
    }
    if (status && status.database.archive_fails) {
      return ["fair", "degraded", "the database cannot archive its WAL: backups are at risk"];
    }
    return ["good", "flowing", ""];
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
    const [mood, word, why] = judge();
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
    let since = null;
    if (lost) {
      since = lostSince;
    } else if (state && state.since) {
      since = Date.parse(state.since) - skewMs;
    }
    say($("since"), since === null ? "" : `since ${clock(since)} (${span((Date.now() - since) / 1000)})`);
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
      status ? `median; 99 % ${brief(last(status.history.latency_p99_s))}` : ""]],
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
    {name: "throughput", title: "Throughput", show: (v) => known(v) ? rate(v) + "/s" : NONE, axis: short,
      least: 10,
      lines: [["stored_per_s", "stored", "one"], ["rejected_per_s", "rejected", "two"]]},
    {name: "lag", title: "Lag", show: (v) => known(v) ? whole(v) + " messages" : NONE, axis: short,
      least: 10,
      lines: [["lag", "waiting in Kafka", "one"]]},
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
    plot.paths = plot.lines.map(([, , colour]) => svg("path", {class: `line ${colour}`}));
    plot.picture = svg("svg", {class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-labelledby": `plot-${plot.name}`}, plot.grid, ...plot.paths, plot.cursor);
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

  // A gap where nothing is known.
  const lineOf = (times, values, top) => {
    let path = "";
    let pen = false;
    values.forEach((value, i) => {
      const x = timeToX(times[i]);
      if (!known(value) || x < LEFT - 1) {
        pen = false;
        return;
      }
      path += `${pen ? "L" : "M"}${x.toFixed(1)} ${(BOTTOM - value / top * (BOTTOM - TOP)).toFixed(1)}`;
      pen = true;
    });
    return path;
  };

  const highest = (values) => values.reduce((most, v) => known(v) && v > most ? v : most, 0);

  const drawPlot = (plot) => {
    const history = status.history;
    const top = roundUp(Math.max(highest(plot.lines.flatMap(([column]) => history[column])), plot.least));
    if (plot.top !== top) {
      plot.top = top;
      drawGrid(plot, top);
    }
    const at = plot.at ? history.time.indexOf(plot.at) : -1;
    plot.lines.forEach(([column], i) => plot.paths[i].setAttribute("d", lineOf(history.time, history[column], top)));
    if (at >= 0) {
      const x = timeToX(history.time[at]);
      plot.cursor.setAttribute("x1", x);
      plot.cursor.setAttribute("x2", x);
    }
    plot.cursor.setAttribute("visibility", at >= 0 ? "visible" : "hidden");
    plot.caption.replaceChildren(
      el("b", {}, plot.title), at >= 0 ? `at ${clock(history.time[at] * 1000 - skewMs)}` : "now, and the most in 15 min",
      ...plot.lines.map(([column, name, colour]) => {
        const value = at >= 0 ? history[column][at] : last(history[column]);
        const most = at >= 0 ? "" : `, at most ${plot.show(highest(history[column]))}`;
        return el("span", {class: "entry"}, el("i", {class: colour}, name), ` ${plot.show(value)}${most}`);
      }));
  };

  // --- pairs

  // key, title, classes, what it is sorted by, how a cell is drawn
  const COLUMNS = [
    {key: "symbol", title: "Pair", by: (p) => p.symbol},
    {key: "category", title: "Category", css: "wide", by: (p) => p.category || "", text: (p) => p.category || NONE},
    {key: "price", title: "Price", css: "n price", by: (p) => p.price, text: (p) => price(p.price)},
    {key: "change", title: "24 h", css: "n wide", by: (p) => p.change, text: (p) => percent(p.change)},
    {key: "bid", title: "Bid", css: "n wide", by: (p) => p.bid, text: (p) => price(p.bid)},
    {key: "ask", title: "Ask", css: "n wide", by: (p) => p.ask, text: (p) => price(p.ask)},
    {key: "age", title: "Age", css: "n age", by: ageOf},
    {key: "ticks", title: "Ticks/s", css: "n", by: (p) => p.rate, text: (p) => rate(p.rate)},
    {key: "spark", title: "15 minutes", css: "n"},
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
    pair.cells.symbol.append(pair.symbol, pair.name);
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

  const take = (found) => {
    const pair = pairOf(found.symbol);
    pair.display = found.display_name || "";
    pair.category = found.category || "";
    pair.price = found.price;
    pair.bid = found.bid;
    pair.ask = found.ask;
    pair.change = found.change_24h_pct;
    pair.timeMs = found.time === null ? null : Date.parse(found.time);
    if ("ticks_per_s" in found) {
      pair.rate = found.ticks_per_s;
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
    const text = age === null ? "never" : span(age);
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

  const takeStatus = (found) => {
    status = found;
    say($("version"), found.version);
    say($("as-of"), `Started ${clock(Date.parse(found.started) - skewMs)}`);
    PLOTS.forEach(drawPlot);
    drawPartitions(found.kafka.partitions);
    drawRejects(found.rejects);
    drawSchema(found.schema);
    drawFacts(found);
    drawSettings(found.settings);
    TILES.forEach((tile) => tile.put());
    drawHeadline();
  };

  // --- asking tickd

  // At most one request of a kind at a time; a failed one is made good by the next.
  const asker = (path, takeFound) => {
    let busy = false;
    return async () => {
      if (busy) {
        return;
      }
      busy = true;
      try {
        const answer = await fetch(path, {signal: AbortSignal.timeout(8000), cache: "no-store"});
        if (answer.ok) {
          takeFound(await answer.json());
        }
      } catch (problem) {
        // The stream tells whether tickd is there; a mistake of this page's own must be seen.
        if (problem instanceof TypeError && !/fetch|network/i.test(problem.message)) {
          throw problem;
        }
      } finally {
        busy = false;
      }
    };
  };
  const askStatus = asker("/status", takeStatus);
  const askPairs = asker("/api/v1/pairs", takePairs);

  const takeState = (found) => {
    const first = !state || lost;
    heardMs = performance.now();
    state = found;
    lost = false;
    skewMs = Date.parse(found.now) - Date.now();
    silentSince = found.state !== "flowing" || found.rates.messages_per_s > 0 ? 0 : silentSince || heardMs;
    let strangers = first;
    for (const [symbol, ticks] of Object.entries(found.ticks_per_s)) {
      const pair = pairs.get(symbol);
      if (pair) {
        pair.rate = ticks;
      } else {
        strangers = true;
      }
    }
    if (strangers) {
      askPairs();
    }
    if (first) {
      askStatus();
    }
    drawHeadline();
    if (!document.hidden) {
      drawTable();
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

  const takePrices = (found) => {
    for (const entry of found.prices) {
      const pair = take(entry);
      if (!document.hidden) {
        drawPair(pair);
        drawSpark(pair);
      }
    }
  };

  let stream = null;
  const connect = () => {
    stream = new EventSource("/api/v1/stream");
    const bornMs = performance.now();
    stream.isOld = () => performance.now() - bornMs > LOST_MS;
    stream.addEventListener("state", (event) => takeState(JSON.parse(event.data)));
    stream.addEventListener("prices", (event) => takePrices(JSON.parse(event.data)));
    stream.addEventListener("error", () => {
      stream.close();
      stream = null;
      setTimeout(connect, KNOCK_MS);
    });
  };

  // A connection that is open and silent is given up as well.
  const watch = () => {
    const silence = performance.now() - Math.max(heardMs, 0);
    if (silence > LOST_MS && !lost) {
      lost = true;
      lostSince = Date.now() - silence;
      drawHeadline();
    }
    if (lost && stream && stream.readyState === EventSource.OPEN && stream.isOld()) {
      stream.dispatchEvent(new Event("error"));
    }
    drawSince();
    if (lost && !document.hidden) {
      pairs.forEach(drawAge);
    }
  };

  // --- start

  const onFilter = () => {
    const count = arrange();
    say($("shown"), `${count} of ${pairs.size} pairs shown`);
  };

  $("filters").addEventListener("input", onFilter);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("visibilitychange", () => document.hidden || drawTable());
  makeTiles();
  makeHeads();
  PLOTS.forEach(makePlot);
  connect();
  askStatus();
  askPairs();
  setInterval(watch, 500);
  setInterval(askStatus, STATUS_MS);
  setInterval(askPairs, PAIRS_MS);
})();
