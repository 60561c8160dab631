/* SPDX-License-Identifier: MIT */
#include "plot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Units of the picture: about a phone's pixels, so that its text is readable there. */
#define WIDTH        360.0
#define HEIGHT       210.0
#define MARGIN_LEFT  44.0
#define MARGIN_RIGHT 10.0
#define MARGIN_TOP   10.0
#define BOTTOM       (HEIGHT - 24.0)

void plot_print(struct buf *out, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        buf_put(out, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

double plot_step(double max)
{
    double power = pow(10, floor(log10(max)));
    double scaled = max / power; /* 1 to 10 */
    if (scaled < 1.5)
        return power / 4;
    if (scaled < 3)
        return power / 2;
    return scaled < 6 ? power : power * 2;
}

/* An axis from 0 to `top`. */
struct axis {
    double top;
    double step;
};

struct frame {
    struct axis left, right;
    double x0, x1; /* values at the sides */
    double right_edge;
};

static struct axis make_axis(const struct plot *p, bool right)
{
    double max = 0;
    for (size_t i = 0; i < p->line_count; i++) {
        for (size_t k = 0; k < p->count && p->lines[i].right == right; k++) {
            double v = p->lines[i].values[k];
            if (!isnan(v) && v > max)
                max = v;
        }
    }
    if (max <= 0)
        max = 1;
    double step = plot_step(max);
    return (struct axis){ceil(max / step - 1e-9) * step, step};
}

static struct frame make_frame(const struct plot *p)
{
    struct frame f = {.left = make_axis(p, false), .right = make_axis(p, true)};
    f.x0 = 0;
    f.x1 = p->count > 0 && p->x[p->count - 1] > 0 ? p->x[p->count - 1] : 1;
    f.right_edge = WIDTH - (p->right_unit[0] ? MARGIN_LEFT : MARGIN_RIGHT);
    return f;
}

static double place_x(const struct frame *f, double x)
{
    return MARGIN_LEFT + (x - f->x0) / (f->x1 - f->x0) * (f->right_edge - MARGIN_LEFT);
}

static double place_y(const struct axis *a, double v)
{
    return BOTTOM - v / a->top * (BOTTOM - MARGIN_TOP);
}

/* "1.5k", "20M", "0.25". */
static void put_number(struct buf *out, double v)
{
    if (v >= 1e6)
        plot_print(out, "%.4gM", v / 1e6);
    else if (v >= 1e4)
        plot_print(out, "%.4gk", v / 1e3);
    else
        plot_print(out, "%.4g", v);
}

static void put_marks(struct buf *out, const struct frame *f, const struct axis *a, bool right)
{
    for (int i = 0; i * a->step <= a->top * 1.001; i++) {
        double y = place_y(a, i * a->step);
        if (!right)
            plot_print(out,
                       "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                       MARGIN_LEFT, f->right_edge, y, y);
        plot_print(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
                   right ? f->right_edge + 5 : MARGIN_LEFT - 5, y + 4, right ? "start" : "end");
        put_number(out, i * a->step);
        plot_print(out, "</text>");
    }
}

static void put_seconds(struct buf *out, const struct frame *f)
{
    double step = plot_step(f->x1);
    for (int i = 0; i * step <= f->x1 * 1.001; i++) {
        plot_print(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", place_x(f, i * step),
                   HEIGHT - 8);
        put_number(out, i * step);
        plot_print(out, "%s</text>", i == 0 ? " s" : "");
    }
}

static void put_line(struct buf *out, const struct plot *p, const struct frame *f, size_t index)
{
    const struct plot_line *line = &p->lines[index];
    const struct axis *a = line->right ? &f->right : &f->left;
    bool drawing = false;
    plot_print(out, "<path class=\"line%zu\" d=\"", index + 1);
    for (size_t k = 0; k < p->count; k++) {
        if (!isnan(line->values[k]))
            plot_print(out, "%c%.1f %.1f", drawing ? 'L' : 'M', place_x(f, p->x[k]),
                       place_y(a, line->values[k]));
        drawing = !isnan(line->values[k]);
    }
    plot_print(out, "\"/>");
}

static void put_legend(struct buf *out, const struct plot *p)
{
    plot_print(out, "<p class=\"legend\">");
    for (size_t i = 0; i < p->line_count; i++)
        plot_print(out, "<span><i class=\"key%zu\"></i>%s, %s</span> ", i + 1, p->lines[i].name,
                   p->lines[i].right ? p->right_unit : p->left_unit);
    plot_print(out, "</p>");
}

void plot_put(const struct plot *p, struct buf *out)
{
    struct frame f = make_frame(p);
    plot_print(out, "<figure id=\"%s\"><figcaption>%s</figcaption>", p->id, p->title);
    put_legend(out, p);
    plot_print(out, "<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">", WIDTH, HEIGHT,
               p->title);
    put_marks(out, &f, &f.left, false);
    if (p->right_unit[0])
        put_marks(out, &f, &f.right, true);
    put_seconds(out, &f);
    plot_print(out, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
               MARGIN_LEFT, f.right_edge, BOTTOM, BOTTOM);
    for (size_t i = 0; i < p->line_count; i++)
        put_line(out, p, &f, i);
    plot_print(out, "</svg></figure>\n");
}
