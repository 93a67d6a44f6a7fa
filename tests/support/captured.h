/* Conversations that 2011's components had on a real bus, played again to one of ours: whatever v1's component said at
 * that point ours says too, on the same subject, with the same members of the same JSON types, in the same order.
 *
 *   "> SUBJECT PAYLOAD"   somebody says that
 *   "? SUBJECT PAYLOAD"   somebody asks that
 *   "! WORDS"             something happens, in the words of the test's own world
 *   "< SUBJECT PAYLOAD"   what v1's component said upon it ("_INBOX": the answer); none: it was silent
 *   "- SUBJECT PAYLOAD"   the same, and ours does not say it: the comment beside it tells why
 *   "+ SUBJECT PAYLOAD"   what ours says and v1's did not: likewise
 *
 * In payloads of v1, "*" stands for any text, "*int" for any whole number and "*number" for any number; all else is
 * meant as it stands. Ours may have further members, and may speak on subjects that v1 does not have.
 */
#ifndef CUPOLA_TESTS_SUPPORT_CAPTURED_H
#define CUPOLA_TESTS_SUPPORT_CAPTURED_H

#include "core/base/text.h"
#include "core/io.h"

#include <stdbool.h>

struct captured_world {
    void *world;
    /* `reply` is NULL where nobody asks. */
    void (*say)(void *world, const char *subject, const char *reply, const char *payload);
    void (*happen)(void *world, const char *words);
    /* What the component has published since the last call: "SUBJECT PAYLOAD\n" each. Given. */
    struct text (*take_said)(void *world);
    const char *const *more; /* Subjects of v1 on which ours may say more than v1 did; ended by NULL. */
};

/* Fails the test at the first difference. The last line is NULL. */
void captured_play(const struct captured_world *world, const char *const *lines);
/* Whether a peer of v1 finds in `found` what it found in `expected`; if not, why. */
bool captured_matches(struct io_bytes expected, struct io_bytes found, struct text *ret_why);

#endif
