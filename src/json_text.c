/* SPDX-License-Identifier: MIT */
#include "json_text.h"

#include "buf.h"
#include "err.h"
#include "number.h"
#include "utf8.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PARSE_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL)

#define STRING_SHOWN_MAX 60

void json_text_init(void)
{
    json_set_alloc_funcs(err_malloc, free);
}

/* The end of the string whose opening quote is at `p`: past its closing quote, or `end`. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
    }
    return p < end ? p + 1 : end;
}

static bool is_number_byte(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* Copies the token, or writes in its place what jansson can read. */
static void put_number(struct buf *out, const char *token, size_t len)
{
    static const char huge[] = "-1.7976931348623157e308";
    double value;
    int64_t integer;
    if (!number_parse(token, len, &value)) {
        buf_put(out, token, len); /* not a number: jansson will say so */
    } else if (isinf(value)) {
        buf_put(out, huge, strlen(huge));
    } else {
        buf_put(out, token, len);
        if (number_is_integer(token, len) && !number_parse_int64(token, len, &integer))
            buf_put(out, ".0", 2);
    }
}

/* Rewrites the text so that each number in it is one for jansson. */
static void fit_numbers(const char *text, size_t len, struct buf *out)
{
    const char *p = text;
    const char *end = text + len;
    while (p < end) {
        const char *start = p;
        if (*p == '"') {
            p = skip_string(p, end);
            buf_put(out, start, (size_t)(p - start));
        } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
            while (p < end && is_number_byte(*p))
                p++;
            put_number(out, start, (size_t)(p - start));
        } else {
            buf_put(out, p++, 1);
        }
    }
}

/* True if the NUL byte at `nul` is inside a string, as far as one can tell. */
static bool is_in_string(const char *text, const char *end, const char *nul)
{
    const char *p = text;
    while (p < nul) {
        if (*p != '"') {
            p++;
            continue;
        }
        p = skip_string(p, end);
        if (p > nul)
            return true;
    }
    return false;
}

static enum reject_reason explain_nul(const char *text, size_t len, const char *nul,
                                      struct detail *why)
{
    bool in_string = is_in_string(text, text + len, nul);
    detail_print(why, "NUL byte %s string, at byte %zu", in_string ? "in a" : "outside a",
                 (size_t)(nul - text));
    return in_string ? REJECT_NUL_BYTE : REJECT_BAD_JSON;
}

static enum reject_reason reason_of(enum json_error_code code)
{
    switch (code) {
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return REJECT_NUL_BYTE;
    case json_error_stack_overflow:
        return REJECT_TOO_DEEP;
    case json_error_invalid_utf8:
        return REJECT_BAD_UTF8;
    case json_error_unknown:
    case json_error_out_of_memory:
    case json_error_cannot_open_file:
    case json_error_invalid_argument:
    case json_error_premature_end_of_input:
    case json_error_end_of_input_expected:
    case json_error_invalid_syntax:
    case json_error_invalid_format:
    case json_error_wrong_type:
    case json_error_null_value:
    case json_error_duplicate_key:
    case json_error_numeric_overflow:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
        break;
    }
    return REJECT_BAD_JSON;
}

static json_t *parse(const char *text, size_t len, json_error_t *error)
{
    *error = (json_error_t){.line = 0}; /* jansson leaves the code as it was when it sets none */
    return json_loadb(text, len, PARSE_FLAGS, error);
}

/* Parses again with numbers that jansson can read. */
static json_t *parse_huge(const char *text, size_t len, json_error_t *error)
{
    struct buf fitted;
    buf_init(&fitted);
    fit_numbers(text, len, &fitted);
    json_t *value = parse((const char *)fitted.data, fitted.len, error);
    error->position = -1; /* one in another text than the sender's */
    buf_fini(&fitted);
    return value;
}

json_t *json_text_parse(const char *text, size_t len, enum reject_reason *reason,
                        struct detail *why)
{
    const char *nul = memchr(text, '\0', len);
    json_error_t error;
    json_t *value = nul ? NULL : parse(text, len, &error);
    if (!value && !nul && json_error_code(&error) == json_error_numeric_overflow)
        value = parse_huge(text, len, &error);
    if (value)
        return value;

    size_t valid = utf8_valid_prefix(text, len);
    if (valid < len) {
        *reason = REJECT_BAD_UTF8;
        detail_print(why, "byte 0x%02x at byte %zu", (unsigned)(unsigned char)text[valid], valid);
    } else if (nul) {
        *reason = explain_nul(text, len, nul, why);
    } else {
        *reason = reason_of(json_error_code(&error));
        detail_print(why, "%s", error.text);
        if (error.position >= 0)
            detail_print(why, ", at byte %d", error.position);
    }
    return NULL;
}

void json_text_describe(const json_t *value, struct detail *d)
{
    if (!value) {
        detail_print(d, "nothing");
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        detail_print(d, "an object");
        break;
    case JSON_ARRAY:
        detail_print(d, "an array");
        break;
    case JSON_STRING:
        detail_quote(d, json_string_value(value), json_string_length(value), STRING_SHOWN_MAX);
        break;
    case JSON_INTEGER:
        detail_print(d, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        if (json_real_value(value) <= JSON_TEXT_HUGE)
            detail_print(d, "a number beyond the range of a double");
        else
            detail_print(d, "%.17g", json_real_value(value));
        break;
    case JSON_TRUE:
        detail_print(d, "true");
        break;
    case JSON_FALSE:
        detail_print(d, "false");
        break;
    case JSON_NULL:
        detail_print(d, "null");
        break;
    }
}
