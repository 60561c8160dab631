/* SPDX-License-Identifier: MIT */
#include "web.h"

#include "api.h"
#include "metrics.h"
#include "page.h"
#include "ready.h"
#include <stdlib.h>

struct web {
    struct http *http; /* NULL: off */
    web_vitals_fn *vitals;
    void *ctx;
};

static struct vitals vitals_of(struct web *w)
{
    struct vitals v;
    w->vitals(w->ctx, &v);
    return v;
}

static unsigned choose_metrics(const char *accept)
{
    return metrics_negotiate(accept);
}

static void render_metrics(void *ctx, unsigned variant, struct http_reply *reply)
{
    struct vitals v = vitals_of(ctx);
    reply->type = metrics_content_type((enum metrics_format)variant);
    metrics_render(reply->body, &v, (enum metrics_format)variant);
}

static void render_ready(void *ctx, unsigned variant, struct http_reply *reply)
{
    (void)variant;
    struct vitals v = vitals_of(ctx);
    reply->status = ready(&v) ? 200 : 503;
    api_ready(reply->body, &v);
}

static void render_page(void *ctx, unsigned variant, struct http_reply *reply)
{
    (void)ctx, (void)variant;
    reply->type = "text/html; charset=utf-8";
    reply->policy = page_policy;
    buf_put(reply->body, (const char *)page_html, page_html_len);
}

#define DOCUMENT(name)                                                                             \
    static void render_##name(void *ctx, unsigned variant, struct http_reply *reply)               \
    {                                                                                              \
        (void)variant;                                                                             \
        struct vitals v = vitals_of(ctx);                                                          \
        api_##name(reply->body, &v);                                                               \
    }
DOCUMENT(health)
DOCUMENT(status)
DOCUMENT(pairs)
DOCUMENT(latest_prices)

static uint64_t render_events(void *ctx, uint64_t position, bool beat, struct buf *out)
{
    struct vitals v = vitals_of(ctx);
    if (beat)
        api_event_state(out, &v);
    api_event_prices(out, &v, position);
    return quotes_change(v.quotes);
}

static const struct http_route routes[] = {
    {"/", NULL, render_page},
    {"/metrics", choose_metrics, render_metrics},
    {"/healthz", NULL, render_health},
    {"/readyz", NULL, render_ready},
    {"/status", NULL, render_status},
    {"/api/v1/pairs", NULL, render_pairs},
    {"/api/v1/latest-prices", NULL, render_latest_prices},
};

struct web *web_new(struct ev_loop *loop, const struct config *config, web_vitals_fn *vitals,
                    void *ctx, bool *misconfigured, struct err *e)
{
    struct web *w = err_calloc(1, sizeof *w);
    struct http_options options = {
        .connections = (size_t)config->http_connections,
        .routes = routes,
        .route_count = sizeof routes / sizeof *routes,
        .stream = {"/api/v1/stream", render_events},
        .ctx = w,
    };
    w->vitals = vitals;
    w->ctx = ctx;
    *misconfigured = true;
    bool good = http_address_parse(&options.address, config->http_listen, e);
    if (good && !options.address.off)
        w->http = http_new(loop, &options, misconfigured, e);
    if (good && (options.address.off || w->http))
        return w;
    err_wrap(e, "http_listen = \"%s\"", config->http_listen);
    free(w);
    return NULL;
}

void web_free(struct web *w)
{
    if (!w)
        return;
    http_free(w->http);
    free(w);
}

struct http_stats web_stats(const struct web *w)
{
    return w->http ? http_stats(w->http) : (struct http_stats){0};
}
