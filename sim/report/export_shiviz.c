/* A log with vector clocks: each line of it tells of one event, who it happened to, and what that one could know.
 *
 * Invariant: sorted by time, arrivals before sendings, every message is sent before it arrives (nothing arrives in no
 * time), and whoever sends has taken in all that arrived by then.
 */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/wire/json.h"
#include "sim/report/export.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_MESSAGES = 4000 };

enum happening_kind { HAPPENS_ARRIVAL = 0, HAPPENS_LINE, HAPPENS_SENDING };

struct happening {
    uint64_t at_ns;
    enum happening_kind kind;
    uint64_t number; /* Orders those of one moment; of the message, or of the line. */
    uint32_t host;
    const struct recorded_message *message;
    const struct story_line *line;
};

struct clocks {
    char **hosts; /* Names without blanks. */
    size_t host_count, host_capacity;
    uint32_t *values;   /* [host][host] */
    uint32_t *messages; /* What the sender knew: [message in flight][host] */
    uint64_t *in_flight;
    size_t flight_count, flight_capacity;
};

static uint32_t host_of(struct clocks *clocks, const char *name)
{
    struct text text = {0};
    for (; *name != 0; name++)
        text_add_char(&text, *name == ' ' || *name == '\t' ? '_' : *name);
    size_t at = 0;
    while (at < clocks->host_count && strcmp(clocks->hosts[at], text_string(&text)) != 0)
        at++;
    if (at == clocks->host_count) {
        clocks->hosts = memory_room(clocks->hosts, clocks->host_count, &clocks->host_capacity, sizeof(char *));
        clocks->hosts[clocks->host_count++] = memory_copy_text(text_string(&text));
    }
    text_free(&text);
    return (uint32_t)at;
}

static int compare(const void *a, const void *b)
{
    const struct happening *x = a, *y = b;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* ---- What goes in ---- */

struct happenings {
    struct happening *all;
    size_t count, capacity;
};

static void add(struct happenings *happenings, const struct happening *happening)
{
    happenings->all = memory_room(happenings->all, happenings->count, &happenings->capacity, sizeof *happenings->all);
    happenings->all[happenings->count++] = *happening;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The number from which on no more than MOST_MESSAGES are left. */
static uint64_t first_number(const struct recording *recording)
{
    size_t count = 0, total = recording->messages[MESSAGE_BUS].count + recording->messages[MESSAGE_REST].count;
    if (total <= MOST_MESSAGES)
        return 0;
    uint64_t *numbers = memory_new(total * sizeof *numbers);
    for (size_t class = MESSAGE_BUS; class <= MESSAGE_REST; class ++)
        for (size_t i = 0; i < recording->messages[class].count; i++)
            numbers[count++] = recording->messages[class].all[i].number;
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    uint64_t first = numbers[count - MOST_MESSAGES];
    memory_free(numbers);
    return first;
}

static uint64_t add_messages(struct happenings *happenings, struct clocks *clocks, const struct recording *recording)
{
    uint64_t first = first_number(recording), began_ns = UINT64_MAX;
    for (size_t class = MESSAGE_BUS; class <= MESSAGE_REST; class ++) {
        for (size_t i = 0; i < recording->messages[class].count; i++) {
            const struct recorded_message *message = &recording->messages[class].all[i];
            if (message->number < first)
                continue;
            bool takes_time = message->arrived_ns > message->sent_ns;
            struct happening happening = {.at_ns = message->sent_ns,
                                          .kind = HAPPENS_SENDING,
                                          .number = message->number,
                                          .host = host_of(clocks, recording_text(recording, message->from)),
                                          .message = message};
            add(happenings, &happening);
            happening.at_ns = takes_time ? message->arrived_ns : message->sent_ns + 1;
            happening.kind = HAPPENS_ARRIVAL;
            happening.host = host_of(clocks, recording_text(recording, message->to));
            add(happenings, &happening);
            began_ns = message->sent_ns < began_ns ? message->sent_ns : began_ns;
        }
    }
    return first == 0 ? 0 : began_ns;
}

static void add_lines(struct happenings *happenings, struct clocks *clocks, const struct recording *recording,
                      uint64_t from_ns)
{
    const struct story_line *line;
    for (size_t i = 0; (line = cloud_story(recording->cloud, i)) != NULL; i++) {
        if (line->at_ns < from_ns || (line->kind == STORY_LOG && line->level < LOG_WARNING))
            continue;
        bool is_of_component = cloud_find_component(recording->cloud, line->who) != NULL;
        struct happening happening = {.at_ns = line->at_ns,
                                      .kind = HAPPENS_LINE,
                                      .number = i,
                                      .host = host_of(clocks, is_of_component ? line->who : "scenario"),
                                      .line = line};
        add(happenings, &happening);
    }
}

/* ---- What comes out ---- */

static uint32_t *clock_of(struct clocks *clocks, uint32_t host)
{
    return &clocks->values[host * clocks->host_count];
}

/* A sending: what the sender knows travels along. */
static void send_clock(struct clocks *clocks, const struct happening *happening)
{
    size_t capacity = clocks->flight_capacity;
    clocks->in_flight =
        memory_room(clocks->in_flight, clocks->flight_count, &clocks->flight_capacity, sizeof(uint64_t));
    if (capacity != clocks->flight_capacity)
        clocks->messages = memory_grow(clocks->messages, capacity * clocks->host_count * sizeof(uint32_t),
                                       clocks->flight_capacity * clocks->host_count * sizeof(uint32_t));
    memcpy(&clocks->messages[clocks->flight_count * clocks->host_count], clock_of(clocks, happening->host),
           clocks->host_count * sizeof(uint32_t));
    clocks->in_flight[clocks->flight_count++] = happening->number;
}

/* An arrival: the receiver knows what the sender knew. */
static void take_clock(struct clocks *clocks, const struct happening *happening)
{
    size_t at = 0;
    while (at < clocks->flight_count && clocks->in_flight[at] != happening->number)
        at++;
    assert_that(at < clocks->flight_count);
    const uint32_t *sent = &clocks->messages[at * clocks->host_count];
    uint32_t *mine = clock_of(clocks, happening->host);
    for (size_t i = 0; i < clocks->host_count; i++)
        mine[i] = sent[i] > mine[i] ? sent[i] : mine[i];
    size_t last = --clocks->flight_count; /* The last one takes its place. */
    clocks->in_flight[at] = clocks->in_flight[last];
    memmove(&clocks->messages[at * clocks->host_count], &clocks->messages[last * clocks->host_count],
            clocks->host_count * sizeof(uint32_t));
}

static void add_entry(struct text *log, const struct recording *recording, struct clocks *clocks,
                      const struct happening *happening)
{
    uint32_t *clock = clock_of(clocks, happening->host);
    if (happening->kind == HAPPENS_ARRIVAL)
        take_clock(clocks, happening);
    clock[happening->host]++;
    if (happening->kind == HAPPENS_SENDING)
        send_clock(clocks, happening);
    text_addf(log, "%s {", clocks->hosts[happening->host]);
    bool has_entry = false;
    for (size_t i = 0; i < clocks->host_count; i++) {
        if (clock[i] == 0)
            continue;
        text_add_string(log, has_entry ? ", " : "");
        json_write_string(log, clocks->hosts[i]);
        text_addf(log, ": %u", clock[i]);
        has_entry = true;
    }
    text_addf(log, "}\n%llu.%06llu s ", (unsigned long long)(happening->at_ns / 1000000000),
              (unsigned long long)(happening->at_ns / 1000 % 1000000));
    if (happening->line != NULL) {
        for (const char *at = happening->line->text; *at != 0; at++)
            text_add_char(log, *at == '\n' ? ' ' : *at);
    } else {
        bool arrives = happening->kind == HAPPENS_ARRIVAL;
        text_addf(log, "%s %s: %s", arrives ? "from" : "to",
                  recording_text(recording, arrives ? happening->message->from : happening->message->to),
                  recording_text(recording, happening->message->words));
    }
    text_add_char(log, '\n');
}

void export_shiviz(const struct recording *recording, struct text *ret_log)
{
    struct happenings happenings = {0};
    struct clocks clocks = {0};
    uint64_t from_ns = add_messages(&happenings, &clocks, recording);
    add_lines(&happenings, &clocks, recording, from_ns);
    if (happenings.count > 0)
        qsort(happenings.all, happenings.count, sizeof *happenings.all, compare);
    clocks.values = memory_new(clocks.host_count * clocks.host_count * sizeof(uint32_t) + 1);
    text_add_string(ret_log, "(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)\n\n");
    for (size_t i = 0; i < happenings.count; i++)
        add_entry(ret_log, recording, &clocks, &happenings.all[i]);
    for (size_t i = 0; i < clocks.host_count; i++)
        memory_free(clocks.hosts[i]);
    memory_free(clocks.hosts);
    memory_free(clocks.values);
    memory_free(clocks.messages);
    memory_free(clocks.in_flight);
    memory_free(happenings.all);
}
