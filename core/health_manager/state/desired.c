/* What should be: an initial value by pages, then numbered deltas, and a slow poll for what both have missed.
 *
 * A page is the state after change number `sequence`; a delta names the number before it. Everything up to
 * desired.sequence is known: a delta that builds on less is old news, one that builds on more shows a gap. During a
 * scan deltas build on its first page; later pages are at least as new, because older ones (from a controller that
 * lags) are not taken.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/health_manager/health_manager.h"

enum {
    PAGE_LIMIT = 500,
    MAX_OLD_ANSWERS = 8, /* Then the controllers have lost what we know, for example to an old backup. */
};

static const uint64_t page_timeout_ns = NS_PER_S;
static const uint64_t first_pause_ns = 250 * NS_PER_MS;
static const uint64_t longest_pause_ns = 4 * NS_PER_S;

static bool on_page(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_page_end(struct bus_request *request, bool timed_out);
static void on_timer(struct timer *timer);

static const struct bus_request_handlers page_handlers = {.on_answer = on_page, .on_end = on_page_end};

/* ---- Scanning ---- */

static void ask_page(struct health_manager *hm)
{
    struct desired *desired = &hm->desired;
    Cupola__DesiredRequest request = CUPOLA__DESIRED_REQUEST__INIT;
    request.has_after_droplet = request.has_limit = true;
    request.after_droplet = desired->after_droplet;
    request.limit = PAGE_LIMIT;
    desired->state = DESIRED_PAGING;
    desired->result = PAGE_NONE;
    bus_request_start(&hm->bus, &desired->request, "cloudcontroller.desired", &request.base,
                      &cupola__desired_page__descriptor, 1, page_timeout_ns, &page_handlers);
}

static void begin_scan(struct health_manager *hm)
{
    struct desired *desired = &hm->desired;
    timer_cancel(&hm->machine, &desired->timer);
    desired->scan++;
    desired->after_droplet = 0;
    desired->heard_sequence = 0;
    desired->is_stale = false;
    ask_page(hm);
}

void hm_desired_refresh(struct health_manager *hm)
{
    if (hm->desired.state == DESIRED_PAGING)
        hm->desired.is_stale = true;
    else
        begin_scan(hm);
}

bool hm_desired_can_order(const struct health_manager *hm)
{
    const struct desired *desired = &hm->desired;
    bool is_lost =
        hm->times.controllers_lost_ns != 0 && hm->machine.now_ns - desired->heard_ns >= hm->times.controllers_lost_ns;
    return desired->is_known && !is_lost;
}

void hm_desired_stop(struct health_manager *hm)
{
    bus_request_cancel(&hm->desired.request);
    timer_cancel(&hm->machine, &hm->desired.timer);
    hm->desired.state = DESIRED_IDLE;
}

static void take_app(struct health_manager *hm, const Cupola__DesiredApp *desired, int64_t sequence,
                     bool is_first_sight)
{
    struct app *app = hm_app_find_or_add(&hm->apps, desired->droplet, hm->machine.now_ns);
    if (app == NULL) {
        machine_log(&hm->machine, LOG_ERROR, "app %lld is one too many to watch", (long long)desired->droplet);
        return;
    }
    hm_app_desire(app, desired, is_first_sight, hm->machine.now_ns);
    app->sequence = sequence;
    app->scan = hm->desired.scan;
    hm_mark_dirty(hm, app);
}

/* Ids must rise from page to page, or a scan might never end. */
static bool is_well_formed(const struct desired *desired, const Cupola__DesiredPage *page)
{
    int64_t last = desired->after_droplet;
    for (size_t i = 0; i < page->n_apps; i++) {
        if (!page->apps[i]->has_droplet || page->apps[i]->droplet <= last)
            return false;
        last = page->apps[i]->droplet;
    }
    return page->has_sequence && page->has_last && (page->last || page->n_apps > 0);
}

static bool on_page(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct health_manager *hm = container_of(request, struct health_manager, desired.request);
    struct desired *desired = &hm->desired;
    const Cupola__DesiredPage *page = (const Cupola__DesiredPage *)parsed;
    if (!is_well_formed(desired, page)) {
        desired->result = PAGE_BAD;
        return false;
    }
    if (page->sequence < desired->sequence) {
        desired->result = PAGE_OLD;
        return false;
    }
    desired->heard_ns = hm->machine.now_ns;
    if (desired->after_droplet == 0) {
        desired->base_sequence = desired->sequence = page->sequence;
        desired->has_base = true;
        if (desired->heard_sequence > page->sequence)
            desired->is_stale = true; /* A delta was told before we could build on anything. */
    }
    for (size_t i = 0; i < page->n_apps; i++)
        take_app(hm, page->apps[i], page->sequence, !desired->is_known);
    if (page->n_apps > 0)
        desired->after_droplet = page->apps[page->n_apps - 1]->droplet;
    desired->result = page->last ? PAGE_LAST : PAGE_TAKEN;
    return false;
}

/* What the scan did not find is not wanted, unless a delta told of it meanwhile. */
static void end_scan(struct health_manager *hm)
{
    struct desired *desired = &hm->desired;
    struct app *app, *next;
    HASH_ITER (hh, hm->apps.apps, app, next) {
        if (app->is_desired && app->scan != desired->scan && app->sequence <= desired->base_sequence) {
            hm_app_undesire(app, false, hm->machine.now_ns);
            hm_mark_dirty(hm, app);
        }
    }
    if (!desired->is_known) {
        machine_log(&hm->machine, LOG_INFO, "the desired state is known: %u apps", HASH_COUNT(hm->apps.apps));
        hm_crashes_recall(hm);
        hm_hosts_recall(hm);
        for (app = hm->apps.apps; app != NULL; app = app->hh.next)
            hm_mark_dirty(hm, app); /* Exits and heartbeats that came before. */
    }
    desired->is_known = true;
    desired->known_at_ns = hm->machine.now_ns;
    desired->state = DESIRED_IDLE;
    hm->counters.scans++;
    timer_set(&hm->machine, &desired->timer, desired->is_stale ? first_pause_ns : hm->times.desired_poll_ns, on_timer);
}

static void wait_and_ask_again(struct health_manager *hm)
{
    struct desired *desired = &hm->desired;
    uint64_t pause_ns = first_pause_ns;
    for (uint32_t i = 0; i < desired->failures && pause_ns < longest_pause_ns; i++)
        pause_ns *= 2;
    desired->failures++;
    desired->state = DESIRED_WAITING;
    timer_set(&hm->machine, &desired->timer, pause_ns, on_timer);
}

/* The controllers say for long that they are behind what they once told: their word counts. */
static void believe_older(struct health_manager *hm)
{
    machine_log(&hm->machine, LOG_WARNING, "the controllers have gone back behind change %lld; starting from theirs",
                (long long)hm->desired.sequence);
    hm->desired.sequence = 0;
    hm->desired.old_answers = 0;
    for (struct app *app = hm->apps.apps; app != NULL; app = app->hh.next)
        app->sequence = 0;
    begin_scan(hm);
}

static void on_page_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct health_manager *hm = container_of(request, struct health_manager, desired.request);
    struct desired *desired = &hm->desired;
    assert_that(desired->state == DESIRED_PAGING);
    if (desired->result == PAGE_OLD && ++desired->old_answers > MAX_OLD_ANSWERS) {
        believe_older(hm);
    } else if (desired->result < PAGE_TAKEN) {
        if (desired->failures == 0 && desired->result == PAGE_NONE)
            machine_log(&hm->machine, LOG_WARNING, "no controller tells what should run; asking again");
        wait_and_ask_again(hm);
    } else {
        desired->failures = desired->old_answers = 0;
        if (desired->result == PAGE_LAST)
            end_scan(hm);
        else
            ask_page(hm);
    }
}

static void on_timer(struct timer *timer)
{
    struct health_manager *hm = container_of(timer, struct health_manager, desired.timer);
    if (hm->desired.state == DESIRED_WAITING)
        ask_page(hm);
    else
        begin_scan(hm);
}

/* ---- Deltas ---- */

static void take_beat(struct health_manager *hm, int64_t sequence)
{
    if (!hm->desired.has_base) { /* Nobody has answered yet: here is somebody who can. */
        hm_desired_stop(hm);
        begin_scan(hm);
    } else if (sequence > hm->desired.sequence) {
        hm_desired_refresh(hm); /* A delta was lost, perhaps with the controller that should have told it. */
    }
}

void hm_desired_on_updated(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct health_manager *hm = hm_of_bus(bus);
    struct desired *desired = &hm->desired;
    const Cupola__DropletUpdated *updated = (const Cupola__DropletUpdated *)parsed;
    hm->counters.updates++;
    desired->heard_ns = hm->machine.now_ns;
    if (updated->is_beat) {
        take_beat(hm, updated->sequence);
        return;
    }
    if (!updated->has_sequence || !updated->has_droplet) {
        hm_desired_refresh(hm); /* v1 says that something changed, not what. */
        return;
    }
    if (updated->sequence > desired->heard_sequence)
        desired->heard_sequence = updated->sequence;
    if (!desired->has_base || updated->sequence <= desired->sequence)
        return;
    if (!updated->has_previous || updated->previous > desired->sequence)
        hm_desired_refresh(hm); /* A delta was lost. This one is good for its own app. */
    else
        desired->known_at_ns = hm->machine.now_ns;
    desired->sequence = updated->sequence;

    if (updated->app != NULL) {
        updated->app->has_droplet = true;
        updated->app->droplet = updated->droplet;
        take_app(hm, updated->app, updated->sequence, false);
        return;
    }
    struct app *app = hm_app_find(&hm->apps, updated->droplet);
    if (app == NULL)
        return;
    hm_app_undesire(app, true, hm->machine.now_ns);
    app->sequence = updated->sequence;
    hm_mark_dirty(hm, app);
}
