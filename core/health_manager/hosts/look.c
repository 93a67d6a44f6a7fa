#include "core/health_manager/hosts/look.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <stdio.h>
#include <string.h>

enum { DRAWS = 16 }; /* To find three fresh helpers among mostly fresh ones. */

static void on_timer(struct timer *timer);
static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_answer_end(struct bus_request *request, bool timed_out);

static const struct bus_request_handlers question_handlers = {.on_answer = on_answer, .on_end = on_answer_end};

/* ---- Helpers ---- */

static void ask(struct hm_look *look, struct look_question *question, const struct hm_dea *helper)
{
    struct health_manager *hm = look->hm;
    char address[HOST_SIZE + 8], subject[MAX_NAME + 16];
    snprintf(address, sizeof address, "%s:%u", look->dea->lease.host, look->dea->lease.port);
    snprintf(subject, sizeof subject, "dea.%s.probe", helper->id);
    Cupola__ProbeRequest request = CUPOLA__PROBE_REQUEST__INIT;
    request.address = address;
    request.has_timeout_ms = true;
    request.timeout_ms = (int32_t)(hm->times.probe_ns / NS_PER_MS);
    question->look = look;
    question->is_pending = true;
    bus_request_start(&hm->bus, &question->request, subject, &request.base, &cupola__probe_reply__descriptor, 1,
                      2 * hm->times.probe_ns, &question_handlers);
}

static bool is_asked(struct hm_dea *const *helpers, size_t count, const struct hm_dea *dea)
{
    for (size_t i = 0; i < count; i++)
        if (helpers[i] == dea)
            return true;
    return false;
}

static void ask_helpers(struct hm_look *look)
{
    struct health_manager *hm = look->hm;
    struct hm_dea *helpers[LOOK_HELPERS];
    size_t count = 0;
    if (!hm->bus.is_connected)
        return;
    struct random_stream stream = random_numbered(hm->machine.seed, "health_manager.helpers", ++hm->counters.looks);
    for (int i = 0; i < DRAWS && count < LOOK_HELPERS; i++) {
        struct hm_dea *dea = hm->deas.table[random_below(&stream, hm->deas.count)];
        if (dea == look->dea || dea->lease.state != LEASE_FRESH || is_asked(helpers, count, dea))
            continue;
        helpers[count] = dea;
        ask(look, &look->questions[count++], dea);
    }
}

static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct look_question *question = container_of(request, struct look_question, request);
    const Cupola__ProbeReply *reply = (const Cupola__ProbeReply *)parsed;
    if (reply->verdict == NULL)
        return false;
    if (strcmp(reply->verdict, "accepted") == 0)
        question->look->verdict = LEASE_STALLED;
    else if (strcmp(reply->verdict, "refused") == 0)
        question->look->verdict = LEASE_AGENTLESS;
    else if (strcmp(reply->verdict, "silent") == 0)
        question->look->is_confirmed = true;
    return false;
}

/* The look may end with this. */
static void on_answer_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct look_question *question = container_of(request, struct look_question, request);
    struct hm_look *look = question->look;
    question->is_pending = false;
    if (look->verdict != LEASE_NONE)
        hm_lease_judge(look->hm, look->dea, look->verdict);
}

/* ---- The look ---- */

void hm_look_begin(struct health_manager *hm, struct hm_dea *dea, bool with_helpers)
{
    if (dea->lease.look != NULL)
        return;
    struct hm_look *look = memory_new(sizeof *look);
    *look = (struct hm_look){.hm = hm, .dea = dea, .began_ns = hm->machine.now_ns};
    dea->lease.look = look;
    if (with_helpers)
        ask_helpers(look);
    on_timer(&look->timer);
}

void hm_look_end(struct hm_dea *dea)
{
    struct hm_look *look = dea->lease.look;
    if (look == NULL)
        return;
    dea->lease.look = NULL;
    timer_cancel(&look->hm->machine, &look->timer);
    for (size_t i = 0; i < LOOK_TRIES; i++)
        hm_line_drop(look->lines[i]);
    for (size_t i = 0; i < LOOK_HELPERS; i++)
        if (look->questions[i].is_pending)
            bus_request_cancel(&look->questions[i].request);
    memory_free(look);
}

void hm_look_forget_line(struct hm_look *look, const struct hm_line *line)
{
    for (size_t i = 0; i < LOOK_TRIES; i++)
        if (look->lines[i] == line)
            look->lines[i] = NULL;
}

void hm_look_could_not(struct hm_look *look)
{
    if (!look->is_confirmed && !mutation_is(HM_TAKES_ITS_WANT_FOR_SILENCE))
        look->began_ns = look->hm->machine.now_ns;
}

struct hm_line *hm_look_take_open_line(struct hm_dea *dea)
{
    struct hm_look *look = dea->lease.look;
    for (size_t i = 0; look != NULL && i < LOOK_TRIES; i++) {
        struct hm_line *line = look->lines[i];
        if (line == NULL || line->conn.state != CONN_OPEN)
            continue;
        line->look = NULL;
        look->lines[i] = NULL;
        return line;
    }
    return NULL;
}

/* Our own words came back over the bus since then. */
static bool bus_carries(const struct hm_look *look)
{
    return look->hm->bus.is_connected && look->hm->speaker.echoed_ns >= look->began_ns;
}

/* A new attempt, or the verdict. Attempts go on while the bus does not carry; the oldest makes room. */
static void on_timer(struct timer *timer)
{
    struct hm_look *look = container_of(timer, struct hm_look, timer);
    struct health_manager *hm = look->hm;
    uint64_t pause_ns = hm->times.probe_ns / LOOK_TRIES + 1;
    bool has_slept = look->tries > 0 && hm->machine.now_ns - look->tried_ns > 2 * pause_ns;
    if (has_slept && !mutation_is(HM_TRUSTS_ITS_SLEEP))
        look->began_ns = hm->machine.now_ns; /* Answers may have come meanwhile, which we have not read. */
    if (hm->machine.now_ns - look->began_ns >= hm->times.probe_ns && bus_carries(look)) {
        hm_lease_judge(hm, look->dea, LEASE_LOST);
        return;
    }
    struct hm_line **place = &look->lines[look->tries % LOOK_TRIES];
    hm_line_drop(*place);
    *place = hm_line_open(hm, look->dea, look);
    look->tries++;
    look->tried_ns = hm->machine.now_ns;
    timer_set(&hm->machine, timer, pause_ns, on_timer);
}
