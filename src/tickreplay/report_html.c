/* SPDX-License-Identifier: MIT */
#include "report_html.h"

#include "err.h"
#include "plot.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIB 1048576.0

static const char head[] =
    "<!DOCTYPE html>\n"
    "<!-- SPDX-License-Identifier: MIT -->\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>tickreplay measure</title>\n"
    "<style>\n"
    ":root{--back:#fff;--text:#1b1f24;--faint:#626c78;--rule:#d9dee4;"
    "--c1:#0b63c5;--c2:#c2410c;--c3:#177245;--c4:#8b3fb0}\n"
    "@media (prefers-color-scheme:dark){:root{--back:#14171b;--text:#e4e8ed;--faint:#98a3b0;"
    "--rule:#333a43;--c1:#6db3ff;--c2:#ff9d5c;--c3:#5fd39a;--c4:#d9a2f5}}\n"
    "body{background:var(--back);color:var(--text);font:16px/1.45 system-ui,sans-serif;"
    "margin:0 auto;padding:1rem;max-width:72rem}\n"
    "h1{font-size:1.3rem;margin:.2rem 0}\n"
    ".note{color:var(--faint);font-size:.9rem}\n"
    ".bad{color:var(--c2);font-weight:600}\n"
    "#plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));"
    "gap:1rem;margin:1rem 0}\n"
    "figure{margin:0;border:1px solid var(--rule);border-radius:.5rem;padding:.7rem}\n"
    "figcaption{font-weight:600}\n"
    ".legend{margin:.2rem 0;font-size:.85rem;color:var(--faint)}\n"
    ".legend span{margin-right:.8rem;white-space:nowrap}\n"
    ".legend i{display:inline-block;width:.9rem;height:.2rem;margin-right:.35rem;"
    "vertical-align:middle}\n"
    "svg{width:100%;height:auto;display:block}\n"
    "svg text{font:11px system-ui,sans-serif;fill:var(--faint)}\n"
    ".grid{stroke:var(--rule);stroke-width:.7}\n"
    ".axis{stroke:var(--faint);stroke-width:1}\n"
    "path{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}\n"
    ".line1{stroke:var(--c1)}.line2{stroke:var(--c2)}.line3{stroke:var(--c3)}"
    ".line4{stroke:var(--c4)}\n"
    ".key1{background:var(--c1)}.key2{background:var(--c2)}.key3{background:var(--c3)}"
    ".key4{background:var(--c4)}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:right;padding:.2rem .7rem;border-bottom:1px solid var(--rule)}\n"
    "th:first-child,td:first-child,#figures td{text-align:left}\n"
    "</style></head><body>\n";

/* Text from outside. */
static void put_escaped(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '<' || *s == '>' || *s == '&' || *s == '"')
            plot_print(out, "&#%d;", *s);
        else
            buf_put_u8(out, (uint8_t)*s);
    }
}

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

static void put_verdict(const struct measurement *m, struct buf *out)
{
    plot_print(out, "<p id=\"verdict\"%s>", measurement_is_good(m) ? "" : " class=\"bad\"");
    if (measurement_is_good(m))
        plot_print(out, "All %" PRIu64 " messages became visible.", m->sent);
    if (m->waiting > 0)
        plot_print(out, "%" PRIu64 " of %" PRIu64 " messages did not become visible. ", m->waiting,
                   m->sent);
    if (m->audits_failed > 0)
        plot_print(out, "Rows and books did not agree in %" PRIu64 " of %" PRIu64 " queries. ",
                   m->audits_failed, m->audits);
    if (m->sender_code != 0)
        plot_print(out, "The sender failed.");
    plot_print(out, "</p>\n");
}

static void put_figures(const struct measurement *m, struct buf *out)
{
    const struct hist *h = &m->latency;
    plot_print(out, "<div class=\"scroll\"><table id=\"figures\">\n");
    plot_print(out, "<tr><td>sent</td><td>%" PRIu64 " messages, %.1f a second for %.1f s</td></tr>",
               m->sent, measurement_rate(m), m->sending_s);
    plot_print(out,
               "<tr><td>ticks</td><td>%" PRId64 " stored, %" PRId64 " rejected, %" PRId64
               " ignored, %" PRId64 " dropped</td></tr>\n",
               m->seen.stored, m->seen.rejected, m->seen.ignored, m->seen.dropped);
    plot_print(out,
               "<tr><td>visible after</td><td>p50 %.1f, p90 %.1f, p99 %.1f, p99.9 %.1f, p99.99 "
               "%.1f, max %.1f ms</td></tr>\n",
               ms(hist_percentile(h, 50)), ms(hist_percentile(h, 90)), ms(hist_percentile(h, 99)),
               ms(hist_percentile(h, 99.9)), ms(hist_percentile(h, 99.99)), ms(h->max));
    if (m->process_known)
        plot_print(out,
                   "<tr><td>tickd</td><td>%.2f %% of a core, %.1f MiB, at most %.1f MiB</td></tr>",
                   m->cpu_pct, (double)m->rss_bytes / MIB, (double)m->rss_peak_bytes / MIB);
    plot_print(out,
               "<tr><td>grown</td><td>database %.1f MiB, ticks with indexes %.1f MiB</td></tr>\n"
               "</table></div>\n",
               (double)m->database_growth / MIB, (double)m->ticks_growth / MIB);
}

/* --- plots: columns of the samples as arrays */

typedef double column_fn(const struct measurement *m, size_t i);

static double *column(const struct measurement *m, column_fn *fn)
{
    double *values = err_calloc(m->count + 1, sizeof *values);
    for (size_t i = 0; i < m->count; i++)
        values[i] = fn(m, i);
    return values;
}

static double at(const struct measurement *m, size_t i)
{
    return m->samples[i].at_s;
}

static double sent_rate(const struct measurement *m, size_t i)
{
    uint64_t before = i > 0 ? m->samples[i - 1].sent : 0;
    return (double)(m->samples[i].sent - before) / m->samples[i].length_s;
}

static double visible_rate(const struct measurement *m, size_t i)
{
    int64_t before = i > 0 ? m->samples[i - 1].seen.messages : 0;
    return (double)(m->samples[i].seen.messages - before) / m->samples[i].length_s;
}

static double waiting(const struct measurement *m, size_t i)
{
    return (double)m->samples[i].waiting;
}

/* Nothing became visible in that second: no latency either. */
static double latency(const struct sample *s, uint64_t us)
{
    return s->latencies > 0 ? ms(us) : NAN;
}

static double p50(const struct measurement *m, size_t i)
{
    return latency(&m->samples[i], m->samples[i].p50_us);
}

static double p99(const struct measurement *m, size_t i)
{
    return latency(&m->samples[i], m->samples[i].p99_us);
}

static double worst(const struct measurement *m, size_t i)
{
    return latency(&m->samples[i], m->samples[i].max_us);
}

static double cpu(const struct measurement *m, size_t i)
{
    return m->samples[i].cpu_pct >= 0 ? m->samples[i].cpu_pct : NAN;
}

static double rss(const struct measurement *m, size_t i)
{
    return m->samples[i].rss_bytes > 0 ? (double)m->samples[i].rss_bytes / MIB : NAN;
}

struct plan {
    const char *id, *title, *left_unit, *right_unit;
    struct {
        const char *name;
        column_fn *fn;
        bool right;
    } lines[3];
};

static const struct plan plans[] = {
    {"throughput",
     "Throughput",
     "messages/s",
     "",
     {{"sent", sent_rate, false}, {"visible", visible_rate, false}}},
    {"lag", "Lag", "messages", "", {{"sent and not visible", waiting, false}}},
    {"latency",
     "Latency, from produce to visible",
     "ms",
     "",
     {{"p50", p50, false}, {"p99", p99, false}, {"max", worst, false}}},
    {"process", "CPU and memory of tickd", "%", "MiB", {{"CPU", cpu, false}, {"RSS", rss, true}}},
};

static void put_plot(const struct measurement *m, const struct plan *plan, struct buf *out)
{
    double *values[3] = {NULL, NULL, NULL};
    struct plot_line lines[3];
    size_t count = 0;
    double *x = column(m, at);
    for (; count < 3 && plan->lines[count].fn; count++) {
        values[count] = column(m, plan->lines[count].fn);
        lines[count] =
            (struct plot_line){plan->lines[count].name, values[count], plan->lines[count].right};
    }
    const struct plot p = {plan->id, plan->title, plan->left_unit, plan->right_unit,
                           x,        m->count,    lines,           count};
    plot_put(&p, out);
    for (size_t i = 0; i < count; i++)
        free(values[i]);
    free(x);
}

/* --- the figures behind the plots */

static void put_samples(const struct measurement *m, struct buf *out)
{
    plot_print(out, "<details><summary>Second by second</summary><div class=\"scroll\">"
                    "<table id=\"samples\"><thead><tr><th>s</th><th>sent</th><th>visible</th>"
                    "<th>stored</th><th>waiting</th><th>p50 ms</th><th>p99 ms</th><th>max ms</th>"
                    "<th>CPU %%</th><th>RSS MiB</th><th>ticks MiB</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < m->count; i++) {
        const struct sample *s = &m->samples[i];
        plot_print(out,
                   "<tr><td>%.0f</td><td>%" PRIu64 "</td><td>%" PRId64 "</td><td>%" PRId64
                   "</td><td>%" PRIu64 "</td>",
                   s->at_s, s->sent, s->seen.messages, s->seen.stored, s->waiting);
        plot_print(out,
                   "<td>%.1f</td><td>%.1f</td><td>%.1f</td><td>%.1f</td><td>%.1f</td>"
                   "<td>%.2f</td></tr>\n",
                   ms(s->p50_us), ms(s->p99_us), ms(s->max_us), s->cpu_pct < 0 ? 0 : s->cpu_pct,
                   (double)s->rss_bytes / MIB, (double)s->ticks_bytes / MIB);
    }
    plot_print(out, "</tbody></table></div></details>\n");
}

void report_html(const struct measurement *m, struct buf *out)
{
    buf_put(out, head, strlen(head));
    plot_print(out, "<h1>tickreplay measure</h1>\n<p class=\"note\">%s, topic ", m->started);
    put_escaped(out, m->topic);
    plot_print(out, ", group ");
    put_escaped(out, m->group);
    plot_print(out, "</p>\n");
    put_verdict(m, out);
    put_figures(m, out);
    plot_print(out, "<div id=\"plots\">\n");
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        put_plot(m, &plans[i], out);
    plot_print(out, "</div>\n");
    put_samples(m, out);
    plot_print(out,
               "<p class=\"note\">A message is visible when a query sees its partition's offset "
               "past it; rows and offsets are one transaction, and %" PRIu64
               " queries counted both at once. The database was looked at every %.3g ms, which is "
               "part of every latency.</p>\n</body></html>\n",
               m->audits, m->poll_ms);
}
