/* SPDX-License-Identifier: MIT */
/* links: decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_item.o decode_canonical.o decode_frame.o json_text.o number.o timestamp.o detail.o utf8.o buf.o err.o */
/*
 * CPU time per tick of the decoder, scanning and parsing, for each shape of message:
 *
 *     bench_decode [--json] [--rounds N]
 *
 * In each round every shape is decoded both ways, one after the other, so that whatever disturbs
 * the machine disturbs both; what is printed are medians. The canonical shape is first; in JSON its
 * numbers are decode_ns, decode_jansson_ns and decode_vs_jansson. Ends with 1 if a message is not
 * the ticks it ought to be, or is not scanned.
 */
#include "decode_fast.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGES     1024 /* of each shape */
#define ITEMS        30   /* in a message of the channel prices */
#define TEXT_MAX     (ITEMS * 400)
#define TICKS_A_TURN 20480
#define ROUNDS_MAX   99

/* What a message is made of; differs from message to message. */
struct sample {
    int i;
    const char *symbol;
    double price;
    double volume;
};

typedef int write_fn(char *to, size_t size, const struct sample *s);

__attribute__((format(printf, 3, 4))) static int text(char *to, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(to, size, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= size)
        abort();
    return len;
}

static long long ms_of(const struct sample *s)
{
    return 1763225136209LL + s->i * 4;
}

static int write_canonical(char *to, size_t size, const struct sample *s)
{
    return text(to, size,
                "{\"time\":\"2025-11-15T16:%02d:%02d.%06d+00:00\",\"symbol\":\"%s\",\"price\":%.2f,"
                "\"volume\":%.3f,\"bid\":%.1f,\"ask\":%.1f,\"exchange\":\"pacifica\"}",
                s->i / 60 % 60, s->i % 60, s->i * 977 % 1000000, s->symbol, s->price, s->volume,
                s->price - 1, s->price + 1);
}

/* As Python's json.dumps() writes it, with numbers that have all the digits of a double. */
static int write_spaced(char *to, size_t size, const struct sample *s)
{
    return text(to, size,
                "{\"time\": \"2025-11-15T16:%02d:%02d.%06d+00:00\", \"symbol\": \"%s\", "
                "\"price\": %.17g, \"volume\": %.3f, \"bid\": %.17g, \"ask\": %.17g, "
                "\"exchange\": \"pacifica\"}",
                s->i / 60 % 60, s->i % 60, s->i * 977 % 1000000, s->symbol, s->price, s->volume,
                s->price * 0.9999, s->price * 1.0001);
}

static int write_strings(char *to, size_t size, const struct sample *s)
{
    return text(to, size,
                "{\"timestamp\":%lld,\"symbol\":\"%s\",\"price\":\"%.2f\",\"volume\":\"%.3f\","
                "\"bid\":\"%.1f\",\"ask\":\"%.1f\"}",
                ms_of(s), s->symbol, s->price, s->volume, s->price - 1, s->price + 1);
}

static int write_bbo(char *to, size_t size, const struct sample *s)
{
    return text(to, size,
                "{\"channel\":\"bbo\",\"data\":{\"s\":\"%s\",\"i\":5123125041685,"
                "\"li\":10000000001,\"t\":%lld,\"b\":\"%.2f\",\"B\":\"45.377\",\"a\":\"%.2f\","
                "\"A\":\"5.135\"}}",
                s->symbol, ms_of(s), s->price - 1, s->price + 1);
}

static int write_trade(char *to, size_t size, const struct sample *s)
{
    return text(to, size,
                "{\"channel\":\"trades\",\"data\":[{\"h\":5266594471,\"s\":\"%s\",\"a\":\"%.3f\","
                "\"p\":\"%.2f\",\"d\":\"open_short\",\"tc\":\"normal\",\"t\":%lld,"
                "\"li\":10000000004,\"it\":0}]}",
                s->symbol, s->volume, s->price, ms_of(s));
}

/* `q` is what stands for a quote. */
static int write_item(char *to, size_t size, const struct sample *s, const char *q)
{
    return text(to, size,
                "{%sfunding%s:%s0.0000125%s,%smark%s:%s%.2f%s,%smid%s:%s%.2f%s,"
                "%snext_funding%s:%s0.0000125%s,%sopen_interest%s:%s3634796%s,"
                "%soracle%s:%s%.2f%s,%ssymbol%s:%s%s%s,%stimestamp%s:%lld,"
                "%svolume_24h%s:%s20896698.0672%s,%syesterday_price%s:%s1.3412%s}",
                q, q, q, q, q, q, q, s->price, q, q, q, q, s->price + 1, q, q, q, q, q, q, q, q, q,
                q, q, q, s->price - 1, q, q, q, q, s->symbol, q, q, q, ms_of(s), q, q, q, q, q, q,
                q, q);
}

static int write_prices(char *to, size_t size, const struct sample *s)
{
    int len = text(to, size, "{\"channel\":\"prices\",\"data\":[");
    for (int i = 0; i < ITEMS; i++) {
        len += write_item(to + len, size - (size_t)len, s, "\"");
        len += text(to + len, size - (size_t)len, i + 1 < ITEMS ? "," : "]}");
    }
    return len;
}

static int write_relay(char *to, size_t size, const struct sample *s, bool as_string)
{
    int len = text(to, size,
                   "{\"timestamp\":\"2025-11-08T12:00:00.123456\",\"symbol\":\"%s\","
                   "\"channel\":\"prices\",\"data\":%s",
                   s->symbol, as_string ? "\"" : "");
    len += write_item(to + len, size - (size_t)len, s, as_string ? "\\\"" : "\"");
    return len + text(to + len, size - (size_t)len, as_string ? "\"}" : "}");
}

static int write_relay_object(char *to, size_t size, const struct sample *s)
{
    return write_relay(to, size, s, false);
}

static int write_relay_string(char *to, size_t size, const struct sample *s)
{
    return write_relay(to, size, s, true);
}

static const struct shape {
    const char *name;
    write_fn *write;
    int ticks; /* in one message */
} shapes[] = {
    {"canonical", write_canonical, 1},
    {"spaced", write_spaced, 1},
    {"strings", write_strings, 1},
    {"bbo", write_bbo, 1},
    {"trades", write_trade, 1},
    {"prices", write_prices, ITEMS},
    {"relay_object", write_relay_object, 1},
    {"relay_string", write_relay_string, 1},
};
#define SHAPES (sizeof shapes / sizeof *shapes)

enum way { SCANNED, PARSED, WAYS };

/* Messages of one shape, and what the rounds have found. */
struct run {
    struct message message[MESSAGES];
    double bytes; /* per tick */
    double ns[WAYS][ROUNDS_MAX];
};

static struct run runs[SHAPES];
static struct decoded decoded;

static struct decode_options options_of(enum way way)
{
    return (struct decode_options){.max_message_bytes = (size_t)1 << 20,
                                   .max_ticks = 1000,
                                   .synthetic_spread_bps = 1,
                                   .default_exchange = "pacifica",
                                   .parse_all = way == PARSED};
}

static void make_messages(const struct shape *shape, struct run *run)
{
    static const char *const symbols[] = {"BTC", "ETH", "SOL", "kBONK", "HYPE", "2Z", "SOL-USDC"};
    static char line[TEXT_MAX];
    double bytes = 0;
    for (int i = 0; i < MESSAGES; i++) {
        const struct sample s = {.i = i,
                                 .symbol = symbols[i % (int)(sizeof symbols / sizeof *symbols)],
                                 .price = 95993.66 + i * 0.37,
                                 .volume = 0.25 + i * 0.013};
        size_t len = (size_t)shape->write(line, sizeof line, &s);
        char *payload = malloc(len);
        if (!payload)
            abort();
        memcpy(payload, line, len);
        run->message[i] = (struct message){
            .offset = i, .timestamp_ms = ms_of(&s), .payload = payload, .payload_len = len};
        bytes += (double)len;
    }
    run->bytes = bytes / MESSAGES / shape->ticks;
}

/* Both ways give ticks, and the scanner does not leave them to the parser. */
static bool looks_right(const struct shape *shape, const struct run *run)
{
    const struct decode_options options = options_of(SCANNED);
    for (int i = 0; i < MESSAGES; i++) {
        const struct decode_job job = {&options, &run->message[i], &decoded};
        decoded.count = 0;
        if (!decode_fast(&job) || decoded.count != (size_t)shape->ticks ||
            decoded.items[0].verdict != DECODE_TICK)
            return false;
    }
    return true;
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* CPU time per tick. */
static double measure(const struct shape *shape, const struct run *run, enum way way)
{
    const struct decode_options options = options_of(way);
    int count = TICKS_A_TURN / shape->ticks;
    double start = cpu_ns();
    for (int i = 0; i < count; i++)
        decode_message(&options, &run->message[i % MESSAGES], &decoded);
    return (cpu_ns() - start) / count / shape->ticks;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void print_json(int rounds)
{
    printf("{\"rounds\": %d", rounds);
    for (size_t i = 0; i < SHAPES; i++) {
        double scanned = median(runs[i].ns[SCANNED], rounds);
        double parsed = median(runs[i].ns[PARSED], rounds);
        if (i == 0)
            printf(", \"decode_ns\": %.1f, \"decode_jansson_ns\": %.1f, "
                   "\"decode_vs_jansson\": %.2f, \"shapes\": {",
                   scanned, parsed, parsed / scanned);
        printf("%s\"%s\": {\"bytes\": %.0f, \"scanned_ns\": %.1f, \"parsed_ns\": %.1f, "
               "\"ratio\": %.2f}",
               i ? ", " : "", shapes[i].name, runs[i].bytes, scanned, parsed, parsed / scanned);
    }
    printf("}}\n");
}

static void print_table(int rounds)
{
    printf("%-14s %10s %12s %12s %7s\n", "shape", "bytes/tick", "scanned, ns", "parsed, ns",
           "ratio");
    for (size_t i = 0; i < SHAPES; i++) {
        double scanned = median(runs[i].ns[SCANNED], rounds);
        double parsed = median(runs[i].ns[PARSED], rounds);
        printf("%-14s %10.0f %12.1f %12.1f %7.1f\n", shapes[i].name, runs[i].bytes, scanned, parsed,
               parsed / scanned);
    }
}

static int usage(void)
{
    fputs("usage: bench_decode [--json] [--rounds N]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    bool json = false;
    int rounds = 7;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            rounds = atoi(argv[++i]);
        else
            return usage();
    }
    if (rounds < 1 || rounds > ROUNDS_MAX)
        return usage();

    decoded_init(&decoded);
    for (size_t i = 0; i < SHAPES; i++) {
        make_messages(&shapes[i], &runs[i]);
        if (!looks_right(&shapes[i], &runs[i])) {
            fprintf(stderr, "bench_decode: %s is not scanned to ticks\n", shapes[i].name);
            return 1;
        }
    }
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < SHAPES; i++) {
            runs[i].ns[SCANNED][round] = measure(&shapes[i], &runs[i], SCANNED);
            runs[i].ns[PARSED][round] = measure(&shapes[i], &runs[i], PARSED);
        }
    }
    if (json)
        print_json(rounds);
    else
        print_table(rounds);
    return 0;
}
