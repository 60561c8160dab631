/* SPDX-License-Identifier: MIT */
/*
 * Reads JSON where it stands, without copying, without allocating, for messages whose keys are
 * known. It takes less than JSON: whatever it cannot read exactly it declines, and the message is
 * for json_text.h. Declined are, among others:
 *
 *     escapes in strings and keys            not UTF-8, control characters
 *     a key twice in an object               more than JSCAN_KEYS_MAX unknown keys in one
 *     nesting below JSCAN_DEPTH_MAX      everything that is not JSON
 *
 * What it takes is JSON, and means what it means to any parser. All texts it yields are borrowed
 * from the message. Functions that return bool: false = declined, and where the scan stands is
 * undefined.
 */
#ifndef TICKD_JSCAN_H
#define TICKD_JSCAN_H

#include "jnumber.h"
#include <stdbool.h>
#include <stddef.h>

#define JSCAN_KEYS_MAX  32
#define JSCAN_DEPTH_MAX 8
#define JKEY_MAX        16

/* What is left to read. */
struct jscan {
    const char *p;
    const char *end;
};

enum jkind {
    JKIND_ABSENT,
    JKIND_NULL,
    JKIND_TEXT,
    JKIND_NUMBER,
    JKIND_OTHER, /* true, false, an object or an array: known to be well-formed, no more */
};

struct jvalue {
    enum jkind kind;
    union {
        struct {
            const char *text; /* between the quotes; valid UTF-8, no control characters */
            size_t len;
        };
        struct jnumber number;
    };
};

/* A key of at most JKEY_MAX bytes, as it is and as it mostly stands in a message; both padded with
 * zeros. */
struct jkey {
    char name[JKEY_MAX];
    char quoted[JKEY_MAX + 8]; /* with quotes and colon */
    size_t len;                /* of the name */
};
#define JKEY(literal)                                                                              \
    {                                                                                              \
        .name = literal, .quoted = "\"" literal "\":", .len = sizeof(literal) - 1                  \
    }

/* Reads one value in a caller's way, from its first byte (blanks are skipped) to behind its last.
 * `values` are those of the object so far. */
typedef bool jtake_fn(void *context, struct jscan *s, const struct jvalue *values);

/* The keys that are read, best in the order in which they usually stand. */
struct jkeys {
    const struct jkey *list;
    size_t count;
    jtake_fn *take; /* if not NULL, reads the value of the last key of the list, which is then */
    void *context;  /* JKIND_OTHER */
};

/* Moves past blanks; true if `wanted` stands there, which is then skipped, too. */
bool jscan_is(struct jscan *s, char wanted);

/* Moves past blanks; true if a string begins there. */
bool jscan_is_string(struct jscan *s);

/* True if nothing but blanks is left. */
bool jscan_is_done(struct jscan *s);

/* Reads an object: values[i] is the value of the i-th key, JKIND_ABSENT if it has none. */
bool jscan_object(struct jscan *s, const struct jkeys *keys, struct jvalue *values);

/* Reads past a value of any kind. */
bool jscan_skip(struct jscan *s);

/* Reads a string that may have escapes of one character (no \u), and writes what it means to `out`
 * (at least as many bytes as are left in `s`). What is between the escapes is not looked at but for
 * control characters: whoever reads `out` has to check that it is UTF-8. */
bool jscan_escaped(struct jscan *s, char *out, size_t *len);

#endif
