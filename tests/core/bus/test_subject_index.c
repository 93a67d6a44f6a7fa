/* The subject index against the definition of matching, with subscribers that come and go at random. */
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/bus/server/subject_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { SUBSCRIBERS = 200, MANY = 100000 };

struct listener {
    struct subscriber subscriber;
    char pattern[64];
    char queue[8];
};

static bool is_in(const struct subscriber_set *set, const struct subscriber *subscriber)
{
    size_t count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        assert_int_equal(subscriber_set_at(set, i)->place, i);
        count += subscriber_set_at(set, i) == subscriber;
    }
    assert_true(count <= 1);
    return count == 1;
}

static bool is_matched(const struct subject_match *match, const struct listener *listener)
{
    size_t count = 0;
    for (size_t i = 0; i < match->count; i++) {
        const struct subject_node *node = match->nodes[i];
        if (listener->queue[0] == 0) {
            count += is_in(&node->subscribers, &listener->subscriber);
            continue;
        }
        for (const struct subject_group *group = node->groups; group != NULL; group = group->next)
            count += is_in(&group->members, &listener->subscriber);
    }
    assert_true(count <= 1);
    return count == 1;
}

/* Few different tokens, so that there is much to match. */
static void draw_subject(struct random_stream *stream, char *ret_subject, bool with_wildcards)
{
    static const char *const tokens[] = {"a", "b", "cc", "*", ">"};
    size_t count = (size_t)random_between(stream, 1, 4);
    ret_subject[0] = 0;
    for (size_t i = 0; i < count; i++) {
        size_t pick = (size_t)random_below(stream, with_wildcards ? 5 : 3);
        if (pick == 4 && i + 1 < count)
            pick = 3;
        if (i > 0)
            strcat(ret_subject, ".");
        strcat(ret_subject, tokens[pick]);
    }
}

static void the_index_agrees_with_the_definition(void **state)
{
    (void)state;
    static struct listener listeners[SUBSCRIBERS];
    struct random_stream stream = random_named(11, "subjects");
    struct subject_index index;
    subject_index_open(&index, 11);
    for (int round = 0; round < 3000; round++) {
        struct listener *changed = &listeners[random_below(&stream, SUBSCRIBERS)];
        if (changed->subscriber.of.node != NULL) {
            subject_index_remove(&index, &changed->subscriber);
        } else {
            draw_subject(&stream, changed->pattern, true);
            snprintf(changed->queue, sizeof changed->queue, "%s", random_below(&stream, 3) == 0 ? "q1" : "");
            subject_index_add(&index, &changed->subscriber, nats_text_of(changed->pattern),
                              nats_text_of(changed->queue));
        }
        char subject[64];
        draw_subject(&stream, subject, false);
        for (int again = 0; again < 2; again++) { /* From the tree, and from the cache. */
            struct subject_match match;
            assert_true(subject_index_match(&index, nats_text_of(subject), &match));
            assert_memory_equal(match.line, "HMSG ", 5);
            assert_memory_equal(match.line + 5, subject, strlen(subject));
            for (size_t i = 0; i < SUBSCRIBERS; i++) {
                const struct listener *listener = &listeners[i];
                bool wanted = listener->subscriber.of.node != NULL &&
                              nats_subject_matches(nats_text_of(listener->pattern), nats_text_of(subject));
                assert_int_equal(is_matched(&match, listener), wanted);
            }
        }
    }
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        if (listeners[i].subscriber.of.node != NULL)
            subject_index_remove(&index, &listeners[i].subscriber);
    }
    assert_int_equal(index.nodes.count, 0);
    assert_int_equal(index.groups.count, 0);
    subject_index_free(&index);
}

static void a_hundred_thousand_subjects_are_found_each(void **state)
{
    (void)state;
    struct listener *listeners = memory_new(MANY * sizeof *listeners);
    struct subject_index index;
    subject_index_open(&index, 1);
    for (int i = 0; i < MANY; i++) {
        snprintf(listeners[i].pattern, sizeof listeners[i].pattern, "dea.%d.start", i);
        subject_index_add(&index, &listeners[i].subscriber, nats_text_of(listeners[i].pattern), nats_text_of(""));
    }
    for (int i = 0; i < MANY; i++) {
        struct subject_match match;
        assert_true(subject_index_match(&index, nats_text_of(listeners[i].pattern), &match));
        assert_int_equal(match.count, 1);
        assert_ptr_equal(subscriber_set_at(&match.nodes[0]->subscribers, 0), &listeners[i].subscriber);
    }
    struct text text = {0};
    subject_index_print(&listeners[7].subscriber, &text);
    assert_string_equal(text_string(&text), "dea.7.start");
    text_free(&text);
    for (int i = 0; i < MANY; i++)
        subject_index_remove(&index, &listeners[i].subscriber);
    subject_index_free(&index);
    memory_free(listeners);
}

static void long_subjects_and_many_patterns_work_without_the_cache(void **state)
{
    (void)state;
    struct subject_index index;
    subject_index_open(&index, 1);
    static struct listener listeners[16];
    for (int i = 0; i < 16; i++) { /* All patterns of "a" and "*" with four tokens: all match a.a.a.a. */
        snprintf(listeners[i].pattern, sizeof listeners[i].pattern, "%c.%c.%c.%c", i & 1 ? '*' : 'a', i & 2 ? '*' : 'a',
                 i & 4 ? '*' : 'a', i & 8 ? '*' : 'a');
        subject_index_add(&index, &listeners[i].subscriber, nats_text_of(listeners[i].pattern), nats_text_of(""));
    }
    struct subject_match match;
    assert_true(subject_index_match(&index, nats_text_of("a.a.a.a"), &match));
    assert_int_equal(match.count, 16);
    char subject[200];
    memset(subject, 'x', sizeof subject - 1);
    subject[sizeof subject - 1] = 0;
    assert_true(subject_index_match(&index, nats_text_of(subject), &match));
    assert_int_equal(match.count, 0);
    assert_int_equal(match.line_size, 5 + 199 + 1);
    assert_false(subject_index_match(&index, nats_text_of("a.*"), &match));
    assert_false(subject_index_match(&index, nats_text_of(""), &match));
    for (int i = 0; i < 16; i++)
        subject_index_remove(&index, &listeners[i].subscriber);
    subject_index_free(&index);
}

/* A flipped highest bit passes through multiplications unchanged, so that with simpler hashes such pairs collide
 * whatever the seed is: a client could make all its subjects one long run. */
static void no_pair_collides_under_every_seed(void **state)
{
    (void)state;
    char a[16];
    char b[16];
    memset(a, 'x', sizeof a);
    memcpy(b, a, sizeof a);
    b[7] = (char)(b[7] ^ 0x80);
    b[15] = (char)(b[15] ^ 0x80);
    b[11] = (char)(b[11] ^ 0x80);
    size_t collisions = 0;
    for (uint64_t seed = 0; seed < 1000; seed++)
        collisions += hash_text(random_mix(seed, 1), a, sizeof a) == hash_text(random_mix(seed, 1), b, sizeof b);
    assert_int_equal(collisions, 0);
    for (size_t size = 0; size < sizeof a; size++) /* Every byte and the size count. */
        for (size_t at = 0; at < size; at++) {
            memcpy(b, a, sizeof a);
            b[at] = 'y';
            assert_int_not_equal(hash_text(7, a, size), hash_text(7, b, size));
            assert_int_not_equal(hash_text(7, a, size), hash_text(7, a, size + 1));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_agrees_with_the_definition),
        cmocka_unit_test(a_hundred_thousand_subjects_are_found_each),
        cmocka_unit_test(long_subjects_and_many_patterns_work_without_the_cache),
        cmocka_unit_test(no_pair_collides_under_every_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
