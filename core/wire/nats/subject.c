/* Subjects of the bus: what is well-formed, and what matches what. */
#include "core/wire/nats.h"

#include <string.h>

struct nats_text nats_text_of(const char *string)
{
    return (struct nats_text){string, strlen(string)};
}

bool nats_text_equals(struct nats_text a, struct nats_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The token that begins at `at`, up to the next dot. */
static struct nats_text token_at(struct nats_text subject, size_t at)
{
    size_t end = at;
    while (end < subject.size && subject.data[end] != '.')
        end++;
    return (struct nats_text){subject.data + at, end - at};
}

static bool is_one(struct nats_text token, char c)
{
    return token.size == 1 && token.data[0] == c;
}

/* One pass over the subject; wildcards count only as whole tokens, "a*" is an ordinary one. */
static bool check(struct nats_text subject, bool allow_wildcards)
{
    size_t tokens = 0;
    size_t token_size = 0;
    for (size_t i = 0; i <= subject.size; i++) {
        if (i < subject.size && subject.data[i] != '.') {
            if ((unsigned char)subject.data[i] <= ' ' || subject.data[i] == 0x7f)
                return false;
            token_size++;
            continue;
        }
        if (token_size == 0 || ++tokens > NATS_MAX_TOKENS)
            return false;
        char first = subject.data[i - token_size];
        if (token_size == 1 && (first == '*' || first == '>')) {
            if (!allow_wildcards || (first == '>' && i < subject.size))
                return false;
        }
        token_size = 0;
    }
    return true;
}

bool nats_subject_is_literal(struct nats_text subject)
{
    return check(subject, false);
}

bool nats_subject_is_valid(struct nats_text subject)
{
    return check(subject, true);
}

bool nats_text_next(struct nats_text *list, struct nats_text *ret_item)
{
    while (list->size > 0 && (*list->data == ' ' || *list->data == '\t')) {
        list->data++;
        list->size--;
    }
    size_t size = 0;
    while (size < list->size && list->data[size] != ' ' && list->data[size] != '\t')
        size++;
    *ret_item = (struct nats_text){list->data, size};
    if (size == 0)
        return false; /* Also of a list that is nowhere. */
    list->data += size;
    list->size -= size;
    return true;
}

/* Two patterns, token by token. Wildcards of `a` stand for tokens of `b`; those of `b` for tokens of `a` if asked. */
static bool compare(struct nats_text a, struct nats_text b, bool b_counts_too)
{
    size_t at_a = 0;
    size_t at_b = 0;
    while (at_a < a.size && at_b < b.size) {
        struct nats_text one = token_at(a, at_a);
        struct nats_text other = token_at(b, at_b);
        if (is_one(one, '>') || (b_counts_too && is_one(other, '>')))
            return true;
        bool is_wild = is_one(one, '*') || (b_counts_too && is_one(other, '*'));
        if (is_wild ? is_one(other, '>') : !nats_text_equals(one, other))
            return false;
        at_a += one.size + 1;
        at_b += other.size + 1;
    }
    return at_a > a.size && at_b > b.size;
}

bool nats_subject_covers(struct nats_text outer, struct nats_text inner)
{
    return compare(outer, inner, false);
}

bool nats_subject_overlaps(struct nats_text a, struct nats_text b)
{
    return compare(a, b, true);
}

bool nats_subject_matches(struct nats_text pattern, struct nats_text subject)
{
    size_t at_pattern = 0;
    size_t at_subject = 0;
    while (at_pattern < pattern.size && at_subject < subject.size) {
        struct nats_text want = token_at(pattern, at_pattern);
        struct nats_text have = token_at(subject, at_subject);
        if (is_one(want, '>'))
            return true;
        if (!is_one(want, '*') && !nats_text_equals(want, have))
            return false;
        at_pattern += want.size + 1;
        at_subject += have.size + 1;
    }
    return at_pattern > pattern.size && at_subject > subject.size;
}
