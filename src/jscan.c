/* SPDX-License-Identifier: MIT */
/*
 * Bytes are looked at eight at a time, as one integer in the machine's lowest-byte-first order. In
 * the masks made of them the highest bit of a byte tells something of it; only the lowest such bit
 * is exact, since a subtraction may borrow from the bytes above, and only that one is used.
 */
#include "jscan.h"

#include "utf8.h"
#include <endian.h>
#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

#define WORD sizeof(uint64_t)

/* A key as read, its first bytes as two words padded with zeros. */
struct key {
    const char *text;
    size_t len;
    uint64_t head;
    uint64_t tail;
};

/* Keys of an object that nobody asked for: kept to see that none stands there twice. */
struct strangers {
    struct key list[JSCAN_KEYS_MAX];
    size_t count;
};

static uint64_t load(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

/* The first `len` bytes (up to a word's), padded. */
static uint64_t load_part(const char *p, size_t len)
{
    uint64_t word = 0;
    memcpy(&word, p, len < WORD ? len : WORD);
    return le64toh(word);
}

static uint64_t zeros(uint64_t word)
{
    return (word - EACH(0x01)) & ~word & EACH(0x80);
}

/* Bytes that end a run of plain ASCII in a string: quote, backslash, control, not ASCII. As the
 * last of these are found anyhow, it does no harm that the subtractions find some of them, too. */
static uint64_t specials(uint64_t word)
{
    uint64_t quote = (word ^ EACH('"')) - EACH(1);
    uint64_t backslash = (word ^ EACH('\\')) - EACH(1);
    uint64_t control = word - EACH(0x20);
    return (quote | backslash | control | word) & EACH(0x80);
}

static bool is_special(char c)
{
    return c == '"' || c == '\\' || (unsigned char)c < 0x20 || (unsigned char)c >= 0x80;
}

static size_t first_of(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask) / 8;
}

static inline const char *skip_plain(const char *p, const char *end)
{
    for (; (size_t)(end - p) >= WORD; p += WORD) {
        uint64_t found = specials(load(p));
        if (found)
            return p + first_of(found);
    }
    while (p < end && !is_special(*p))
        p++;
    return p;
}

static inline void skip_blanks(struct jscan *s)
{
    if (s->p < s->end && (unsigned char)*s->p > ' ')
        return; /* as nearly always */
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

bool jscan_is(struct jscan *s, char wanted)
{
    skip_blanks(s);
    if (s->p == s->end || *s->p != wanted)
        return false;
    s->p++;
    return true;
}

/* Most messages have no blanks. */
static inline bool take(struct jscan *s, char wanted)
{
    if (s->p == s->end || *s->p != wanted)
        return jscan_is(s, wanted);
    s->p++;
    return true;
}

bool jscan_is_string(struct jscan *s)
{
    skip_blanks(s);
    return s->p < s->end && *s->p == '"';
}

bool jscan_is_done(struct jscan *s)
{
    skip_blanks(s);
    return s->p == s->end;
}

/* From behind the opening quote to behind the closing one. */
static inline bool scan_string(struct jscan *s, const char **text, size_t *len)
{
    const char *start = s->p;
    const char *p = skip_plain(start, s->end);
    bool ascii = true;
    while (p < s->end && (unsigned char)*p >= 0x80) {
        ascii = false;
        p = skip_plain(p + 1, s->end);
    }
    if (p == s->end || *p != '"')
        return false;
    *text = start;
    *len = (size_t)(p - start);
    s->p = p + 1;
    return ascii || utf8_valid_prefix(start, *len) == *len;
}

/* Most keys are shorter than a word; what else stands in it is looked at if the key is a stranger.
 */
static bool scan_key(struct jscan *s, struct key *k)
{
    if (!take(s, '"'))
        return false;
    uint64_t word = (size_t)(s->end - s->p) >= WORD ? load(s->p) : 0;
    uint64_t quotes = zeros(word ^ EACH('"'));
    if (quotes) {
        uint64_t below = ((quotes & -quotes) >> 7) - 1;
        *k = (struct key){s->p, first_of(quotes), word & below, 0};
        s->p += k->len + 1;
        return take(s, ':');
    }
    if (!scan_string(s, &k->text, &k->len))
        return false;
    k->head = load_part(k->text, k->len);
    k->tail = k->len > WORD ? load_part(k->text + WORD, k->len - WORD) : 0;
    return take(s, ':');
}

static bool is_key(const struct key *k, const struct jkey *known)
{
    return k->head == load(known->name) && k->len == known->len &&
           (k->len <= WORD || k->tail == load(known->name + WORD));
}

/* True if the key stands there as it mostly does, colon and all: then there is no need to look
 * where it ends. */
static inline bool is_next(const struct jscan *s, const struct jkey *known)
{
    size_t len = known->len + strlen("\"\":");
    if ((size_t)(s->end - s->p) < (len + WORD - 1) / WORD * WORD)
        return false;
    uint64_t first = load(s->p) ^ load(known->quoted);
    if (len <= WORD)
        return first << 8 * (WORD - len) == 0;
    uint64_t second = load(s->p + WORD) ^ load(known->quoted + WORD);
    if (len <= 2 * WORD)
        return first == 0 && second << 8 * (2 * WORD - len) == 0;
    return memcmp(s->p, known->quoted, len) == 0;
}

/* The index of the key, `count` if it is none of the list. Keys mostly come in the list's order:
 * `guess` is where the search begins. */
static size_t find_key(const struct jkeys *keys, const struct key *k, size_t guess)
{
    for (size_t i = guess; i < keys->count; i++) {
        if (is_key(k, &keys->list[i]))
            return i;
    }
    for (size_t i = 0; i < guess; i++) {
        if (is_key(k, &keys->list[i]))
            return i;
    }
    return keys->count;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->len == b->len && a->head == b->head && a->tail == b->tail &&
           memcmp(a->text, b->text, a->len) == 0;
}

/* False if it is there already, or there are too many, or it is no plain text. */
static bool add_stranger(struct strangers *strangers, const struct key *k)
{
    const char *end = k->text + k->len;
    if (strangers->count == JSCAN_KEYS_MAX || (k->len < WORD && skip_plain(k->text, end) != end))
        return false;
    for (size_t i = 0; i < strangers->count; i++) {
        if (same_key(k, &strangers->list[i]))
            return false;
    }
    strangers->list[strangers->count++] = *k;
    return true;
}

static bool scan_word(struct jscan *s, const char *word, size_t len)
{
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
        return false;
    s->p += len;
    return true;
}

static bool skip_value(struct jscan *s, int depth);

static bool skip_array(struct jscan *s, int depth)
{
    if (take(s, ']'))
        return true;
    do {
        if (!skip_value(s, depth))
            return false;
    } while (take(s, ','));
    return take(s, ']');
}

static bool skip_object(struct jscan *s, int depth)
{
    __attribute__((uninitialized)) struct strangers strangers;
    struct key key;
    strangers.count = 0;
    if (take(s, '}'))
        return true;
    do {
        if (!scan_key(s, &key) || !add_stranger(&strangers, &key) || !skip_value(s, depth))
            return false;
    } while (take(s, ','));
    return take(s, '}');
}

/* Reads a value; objects and arrays only for their being well-formed, and at most `depth` deep. */
static bool scan_value(struct jscan *s, struct jvalue *v, int depth)
{
    skip_blanks(s);
    if (s->p == s->end)
        return false;
    v->kind = JKIND_OTHER;
    switch (*s->p) {
    case '"':
        s->p++;
        v->kind = JKIND_TEXT;
        return scan_string(s, &v->text, &v->len);
    case '{':
        s->p++;
        return depth > 0 && skip_object(s, depth - 1);
    case '[':
        s->p++;
        return depth > 0 && skip_array(s, depth - 1);
    case 'n':
        v->kind = JKIND_NULL;
        return scan_word(s, "null", 4);
    case 't':
        return scan_word(s, "true", 4);
    case 'f':
        return scan_word(s, "false", 5);
    default:
        v->kind = JKIND_NUMBER;
        s->p = jnumber_scan(s->p, s->end, &v->number);
        return s->p != NULL;
    }
}

static bool skip_value(struct jscan *s, int depth)
{
    struct jvalue v;
    return scan_value(s, &v, depth);
}

bool jscan_skip(struct jscan *s)
{
    return skip_value(s, JSCAN_DEPTH_MAX);
}

static inline bool take_value(struct jscan *s, const struct jkeys *keys, size_t index,
                              struct jvalue *values)
{
    if (values[index].kind != JKIND_ABSENT)
        return false;
    if (!keys->take || index + 1 < keys->count)
        return scan_value(s, &values[index], JSCAN_DEPTH_MAX);
    values[index].kind = JKIND_OTHER;
    return keys->take(keys->context, s, values);
}

/* The key and its value, if it is not the key that is guessed. */
static bool scan_member(struct jscan *s, const struct jkeys *keys, size_t *index,
                        struct jvalue *values, struct strangers *strangers)
{
    struct key key;
    if (!scan_key(s, &key))
        return false;
    *index = find_key(keys, &key, *index);
    if (*index < keys->count)
        return take_value(s, keys, *index, values);
    return add_stranger(strangers, &key) && jscan_skip(s);
}

bool jscan_object(struct jscan *s, const struct jkeys *keys, struct jvalue *values)
{
    /* Not set to zero, which would take as long as the scan. */
    __attribute__((uninitialized)) struct strangers strangers;
    size_t next = 0;
    strangers.count = 0;
    for (size_t i = 0; i < keys->count; i++)
        values[i].kind = JKIND_ABSENT;
    if (!take(s, '{'))
        return false;
    if (take(s, '}'))
        return true;
    do {
        skip_blanks(s);
        size_t index = next;
        if (is_next(s, &keys->list[index])) {
            s->p += keys->list[index].len + strlen("\"\":");
            if (!take_value(s, keys, index, values))
                return false;
        } else if (!scan_member(s, keys, &index, values, &strangers)) {
            return false;
        }
        next = index + 1 < keys->count ? index + 1 : 0;
    } while (take(s, ','));
    return take(s, '}');
}

/* What a backslash and this mean; 0 if that is not for here. */
static char escaped(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

bool jscan_escaped(struct jscan *s, char *out, size_t *len)
{
    char *to = out;
    if (!take(s, '"'))
        return false;
    for (;;) {
        const char *p = skip_plain(s->p, s->end);
        while (p < s->end && (unsigned char)*p >= 0x80)
            p = skip_plain(p + 1, s->end);
        memcpy(to, s->p, (size_t)(p - s->p));
        to += p - s->p;
        s->p = p;
        if (s->end - p < 2 || *p != '\\')
            break;
        char c = escaped(p[1]);
        if (c == 0)
            return false;
        *to++ = c;
        s->p += 2;
    }
    *len = (size_t)(to - out);
    return s->p < s->end && *s->p++ == '"';
}
