#include "sim/faults/state.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/nats.h"

#include <string.h>

enum { MILLION = 1000000, MOST_CLIENTS = 1000, MOST_DESCRIPTORS = 1000000 };

static void on_turn(struct wake *wake);

/* ---- What makes sense ---- */

static bool needs_target(enum fault_kind kind)
{
    enum fault_family family = fault_kind_family(kind);
    return family != FAULT_FAMILY_STORE && family != FAULT_FAMILY_LOAD;
}

static const char *find_flaw(const struct fault_spec *spec)
{
    if (needs_target(spec->kind) && (spec->target == NULL || spec->target[0] == 0))
        return "it needs a target";
    if (spec->only_count > 0 && (fault_kind_family(spec->kind) != FAULT_FAMILY_MESSAGE || spec->amount != 0))
        return "only faults of messages have `only`, and those have no amount";
    if (spec->share_ppm > MILLION)
        return "its share of the targets is 0 to 1000000, in a million";
    if (spec->share_ppm > 0 && !needs_target(spec->kind))
        return "it has no targets of which it could hit a share";
    if (spec->only_count == 0 && fault_kind_takes_share(spec->kind) && (spec->amount < 1 || spec->amount > MILLION))
        return "its amount is a share: 1 to 1000000, in a million";
    if (spec->kind == FAULT_BANDWIDTH && spec->amount < 1)
        return "its amount is the bytes a second that are left";
    if (spec->kind == FAULT_CLOCK_DRIFT && (spec->amount < -900000 || spec->amount > 10 * MILLION))
        return "its amount is parts in a million: -900000 to 10000000";
    if (spec->kind == FAULT_STRANGER && (spec->amount < 1 || spec->amount > UINT16_MAX))
        return "its amount is the port, 1 to 65535";
    if (spec->kind == FAULT_CLOCK_STEP && spec->amount == 0)
        return "its amount is the step in nanoseconds";
    if (spec->kind == FAULT_FEW_DESCRIPTORS && (spec->amount < 0 || spec->amount > MOST_DESCRIPTORS))
        return "its amount is the descriptors that each may have open: 0 to 1000000";
    if (spec->kind == FAULT_KILL_AT_EFFECT && spec->amount < 1)
        return "its amount is the number of effects that are still carried out";
    if (spec->kind == FAULT_APP_LEAKS && spec->amount < 1)
        return "its amount is the bytes a second that are lost";
    if (spec->kind == FAULT_SURGE && (spec->amount < 1 || spec->amount > 1000))
        return "its amount is 1 to 1000 times the rate";
    if (fault_kind_needs_delay(spec->kind) && distribution_median_ns(&spec->delay) == 0)
        return "it needs a delay";
    if (spec->kind == FAULT_SLOW_LORIS && (spec->amount < 1 || spec->amount > MOST_CLIENTS))
        return "its amount is the number of clients: 1 to 1000";
    if (spec->kind == FAULT_WRONG_NAME && (spec->peer == NULL || spec->peer[0] == 0))
        return "it needs a peer, to which the name leads";
    if (spec->config != NULL && spec->kind != FAULT_BAD_CONFIG)
        return "only bad_config has a config";
    if (spec->subject != NULL && fault_kind_family(spec->kind) != FAULT_FAMILY_MESSAGE)
        return "only faults of messages have a subject";
    if (spec->subject != NULL && !nats_subject_is_valid(nats_text_of(spec->subject)))
        return "its subject is no pattern of subjects";
    return NULL;
}

static void forget(struct fault *fault)
{
    memory_free(fault->hosts);
    memory_free(fault->peers);
    memory_free(fault->components);
    memory_free(fault->troubles);
    memory_free(fault->clients);
    memory_free(fault->strangers);
}

bool fault_spec_is_valid(struct cloud *cloud, const struct fault_spec *spec, struct text *ret_why)
{
    if (spec->kind <= 0 || spec->kind >= FAULT_KIND_END) {
        text_add_string(ret_why, "there is no such fault");
        return false;
    }
    const char *flaw = find_flaw(spec);
    if (flaw != NULL) {
        text_add_string(ret_why, flaw);
        return false;
    }
    struct fault probe = {.cloud = cloud, .spec = *spec};
    bool is_valid = fault_resolve(&probe, ret_why) && fault_config_is_valid(&probe, ret_why);
    forget(&probe);
    return is_valid;
}

/* ---- Life ---- */

static size_t count_active(const struct cloud *cloud)
{
    size_t count = 0;
    for (size_t i = 0; i < cloud->fault_count; i++)
        count += cloud->faults[i]->state == FAULT_ACTIVE;
    return count;
}

static struct fault *add_fault(struct cloud *cloud, const struct fault_spec *spec)
{
    assert_that(find_flaw(spec) == NULL);
    if (cloud->fault_count == 0)
        cloud->sound_fingerprint = fault_look(cloud, NULL);
    struct fault *fault = memory_new(sizeof *fault);
    fault->cloud = cloud;
    fault->spec = *spec;
    fault->spec.target = world_keep_label(cloud->world, spec->target == NULL ? "" : spec->target);
    fault->spec.peer = spec->peer == NULL ? NULL : world_keep_label(cloud->world, spec->peer);
    fault->spec.config = spec->config == NULL ? NULL : world_keep_label(cloud->world, spec->config);
    fault->spec.subject = spec->subject == NULL ? NULL : world_keep_label(cloud->world, spec->subject);
    fault->ended_ns = NEVER_NS;
    fault->random = random_numbered(cloud->seed, "fault", cloud->fault_count);
    fault->turn = (struct wake){.happen = on_turn, .key = random_mix(fault->random.key, 1)};
    fault->tick = (struct wake){.happen = fault_on_tick, .key = random_mix(fault->random.key, 2)};
    struct text why = {0};
    bool is_resolved = fault_resolve(fault, &why);
    assert_that(is_resolved);
    text_free(&why);
    cloud->faults = memory_grow(cloud->faults, cloud->fault_count * sizeof *cloud->faults,
                                (cloud->fault_count + 1) * sizeof *cloud->faults);
    cloud->faults[cloud->fault_count++] = fault;
    return fault;
}

static void tell(const struct fault *fault, const char *what)
{
    struct text text = {0};
    fault_describe(&fault->spec, &text);
    text_add_string(&text, what);
    story_add(fault->cloud, STORY_FAULT, LOG_INFO, fault->spec.target, text_string(&text));
    text_free(&text);
}

static void begin(struct fault *fault)
{
    struct cloud *cloud = fault->cloud;
    bool is_instant = fault_kind_is_instant(fault->spec.kind);
    fault->began_ns = cloud->world->now_ns;
    fault->state = FAULT_ACTIVE;
    cloud->world->change_count++;
    tell(fault, "");
    fault_apply(fault);
    if (is_instant) {
        fault->state = FAULT_OVER;
        fault->ended_ns = fault->began_ns;
    } else if (fault->spec.duration_ns > 0) {
        world_wake_in(cloud->world, &fault->turn, fault->spec.duration_ns);
    }
}

struct fault *fault_begin(struct cloud *cloud, const struct fault_spec *spec)
{
    struct fault *fault = add_fault(cloud, spec);
    begin(fault);
    return fault;
}

struct fault *fault_begin_at(struct cloud *cloud, const struct fault_spec *spec, uint64_t at_ns)
{
    struct fault *fault = add_fault(cloud, spec);
    world_wake_at(cloud->world, &fault->turn, at_ns);
    return fault;
}

static void on_turn(struct wake *wake)
{
    struct fault *fault = container_of(wake, struct fault, turn);
    if (fault->state == FAULT_PLANNED)
        begin(fault);
    else
        fault_end(fault);
}

/* Without an active fault the world is as it was made. */
static void expect_sound(const struct cloud *cloud)
{
    if (fault_look(cloud, NULL) == cloud->sound_fingerprint)
        return;
    struct text left = {0};
    fault_look(cloud, &left);
    cupola_assertion_failed(text_string(&left), "a fault was not mended", 0);
}

void fault_end(struct fault *fault)
{
    struct cloud *cloud = fault->cloud;
    if (fault->state == FAULT_OVER)
        return;
    world_cancel(cloud->world, &fault->turn);
    world_cancel(cloud->world, &fault->tick);
    bool was_active = fault->state == FAULT_ACTIVE;
    fault->state = FAULT_OVER;
    fault->ended_ns = cloud->world->now_ns;
    if (!was_active)
        return;
    fault_undo(fault);
    cloud->world->change_count++;
    tell(fault, " is over");
    if (count_active(cloud) == 0)
        expect_sound(cloud);
}

void faults_end_all(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->fault_count; i++)
        fault_end(cloud->faults[i]);
}

void faults_release(struct cloud *cloud)
{
    faults_end_all(cloud);
    for (size_t i = 0; i < cloud->fault_count; i++) {
        forget(cloud->faults[i]);
        memory_free(cloud->faults[i]);
    }
    memory_free(cloud->faults);
    cloud->faults = NULL;
    cloud->fault_count = 0;
}

/* ---- Looking ---- */

enum fault_state fault_state(const struct fault *fault)
{
    return fault->state;
}

const struct fault_spec *fault_spec_of(const struct fault *fault)
{
    return &fault->spec;
}

uint64_t fault_began_ns(const struct fault *fault)
{
    return fault->began_ns;
}

uint64_t fault_ended_ns(const struct fault *fault)
{
    return fault->ended_ns;
}

size_t cloud_fault_count(const struct cloud *cloud)
{
    return cloud->fault_count;
}

const struct fault *cloud_fault(const struct cloud *cloud, size_t index)
{
    assert_that(index < cloud->fault_count);
    return cloud->faults[index];
}

static void add_duration(struct text *text, const char *before, uint64_t duration_ns)
{
    if (duration_ns == 0)
        return;
    struct measurement value = {.unit = UNIT_NS, .value = duration_ns};
    text_add_string(text, before);
    measure_print(&value, text);
}

void fault_describe(const struct fault_spec *spec, struct text *ret_text)
{
    text_add_string(ret_text, fault_kind_name(spec->kind));
    if (spec->target != NULL && spec->target[0] != 0)
        text_addf(ret_text, " %s", spec->target);
    if (spec->share_ppm > 0)
        text_addf(ret_text, " (%u.%u%% of it)", spec->share_ppm / 10000, spec->share_ppm / 1000 % 10);
    if (spec->peer != NULL && spec->peer[0] != 0)
        text_addf(ret_text, "%s %s", spec->one_way ? " to" : " from", spec->peer);
    else if (spec->one_way)
        text_add_string(ret_text, " one way");
    if (spec->subject != NULL)
        text_addf(ret_text, " of %s", spec->subject);
    if (spec->config != NULL)
        text_addf(ret_text, " of %s", spec->config);
    for (size_t i = 0; i < spec->only_count; i++)
        text_addf(ret_text, "%s%u", i == 0 ? " only " : ",", spec->only[i]);
    if (spec->amount != 0)
        text_addf(ret_text, " by %lld", (long long)spec->amount);
    add_duration(ret_text, " with ", distribution_median_ns(&spec->delay));
    add_duration(ret_text, " for ", spec->duration_ns);
}
