/* Endpoints that failed are set aside, and probed by connections of our own: no request has to find out. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/router/back/backend.h"

/* v1 peers take no route back that they forgot: after so many failures in a row nobody is asked any more. */
enum { V1_PRUNE_FAILURES = 3, MAX_DOUBLINGS = 20, MISSES_OF_LOST = 2 };

static void give_up_probe(struct router *router, struct contact *contact)
{
    struct backend *probe = contact->probe;
    contact->probe = NULL;
    backend_abort(probe);
    endpoint_on_probed(router, contact->endpoint, false, FAILURE_CONNECT_TIMEOUT);
}

static void begin_probe(struct router *router, struct endpoint *endpoint)
{
    struct contact *contact = endpoint_contact(endpoint);
    contact->router = router;
    contact->endpoint = endpoint;
    contact->probed_ns = router->machine.now_ns;
    contact->probe = backend_open(router, endpoint, NULL);
}

static void on_probe_timer(struct timer *timer)
{
    struct contact *contact = container_of(timer, struct contact, probe_timer);
    struct endpoint *endpoint = contact->endpoint;
    struct router *router = contact->router;
    if (endpoint->is_retired || router->is_draining)
        return;
    contact->is_probed = true;
    contact->quarantined_until_ns = router->machine.now_ns + router->settings.connect_timeout_ns;
    timer_set(&router->machine, &contact->probe_timer, router->settings.connect_timeout_ns, on_probe_timer);
    if (contact->probe != NULL) /* The former one is still not answered. */
        give_up_probe(router, contact);
    else
        begin_probe(router, endpoint);
}

static void set_aside(struct router *router, struct endpoint *endpoint, enum failure failure)
{
    struct contact *contact = endpoint_contact(endpoint);
    uint64_t pause_ns = router->settings.quarantine_ns;
    for (uint32_t i = 0; i < contact->failures && i < MAX_DOUBLINGS; i++)
        pause_ns *= 2;
    if (pause_ns > router->settings.quarantine_most_ns)
        pause_ns = router->settings.quarantine_most_ns;
    contact->failures++;
    contact->is_probed = false;
    contact->quarantined_until_ns = router->machine.now_ns + pause_ns;
    contact->router = router;
    contact->endpoint = endpoint;
    timer_set(&router->machine, &contact->probe_timer, pause_ns, on_probe_timer);
    char instance[TABLE_MAX_INSTANCE + 1];
    const struct place *place = endpoint_place(&router->table, endpoint);
    endpoint_instance(&router->table, endpoint, instance);
    machine_log(&router->machine, LOG_WARNING, "endpoint %s:%u (app %lld, instance %s) %s: set aside for %llu ms",
                endpoint_host(&router->table, endpoint), (unsigned)endpoint->port,
                place == NULL ? 0 : (long long)place->app, instance, failure_class(failure)->what,
                (unsigned long long)(pause_ns / NS_PER_MS));
}

/* Nobody listens there. A DEA of ours is asked what holds; a v1 peer's route goes until it registers again. */
static void doubt(struct router *router, struct endpoint *endpoint)
{
    if (endpoint->keeps_itself) {
        router_doubt_source(router, endpoint->source);
    } else if (endpoint_contact(endpoint)->failures >= V1_PRUNE_FAILURES) {
        assert_that(endpoint->contact->backend_count > 0); /* Whoever tells still holds it: it is not freed here. */
        table_prune_endpoint(&router->table, endpoint, router->machine.now_ns);
        router_release_retired(router);
    }
}

/* What fails while it is set aside (requests that were under way too, or that have no better endpoint) tells nothing
 * new. */
void endpoint_failed(struct router *router, struct endpoint *endpoint, enum failure failure)
{
    const struct failure_class *class = failure_class(failure);
    struct contact *contact = endpoint_contact(endpoint);
    router->stats.failures[failure]++;
    if (mutation_is(ROUTER_SETS_NOTHING_ASIDE))
        return;
    if (!class->is_failable || endpoint->is_retired || contact->quarantined_until_ns > router->machine.now_ns)
        return;
    set_aside(router, endpoint, failure);
    if (class->is_prunable)
        doubt(router, endpoint);
}

/* Whoever refuses lives. */
static void note_reach(struct contact *contact, bool is_reached)
{
    contact->misses = is_reached ? 0 : contact->misses + 1;
    if (!is_reached)
        contact->missed_ns = contact->probed_ns;
}

/* An instance that speaks HTTP/2 has one connection for many requests, which its own pings watch. */
uint64_t endpoint_look_at(struct router *router, struct endpoint *endpoint, uint64_t waited_ns)
{
    struct contact *contact = endpoint_contact(endpoint);
    uint64_t pause_ns = waited_ns / 2 > router->settings.silence_ns ? waited_ns / 2 : router->settings.silence_ns;
    if (endpoint->speaks_http2 || router->is_draining)
        return pause_ns;
    uint64_t passed_ns = router->machine.now_ns - contact->probed_ns;
    if (contact->probe != NULL && passed_ns >= router->settings.connect_timeout_ns)
        give_up_probe(router, contact);
    bool is_due = passed_ns >= pause_ns || (contact->misses > 0 && contact->misses < MISSES_OF_LOST);
    if (contact->probe == NULL && is_due)
        begin_probe(router, endpoint);
    return contact->probe != NULL ? router->settings.connect_timeout_ns : pause_ns;
}

bool endpoint_is_lost_since(const struct endpoint *endpoint, uint64_t since_ns)
{
    const struct contact *contact = endpoint->contact;
    return contact != NULL && contact->misses >= MISSES_OF_LOST && contact->missed_ns >= since_ns;
}

void endpoint_on_probed(struct router *router, struct endpoint *endpoint, bool is_accepted, enum failure failure)
{
    struct contact *contact = endpoint_contact(endpoint);
    contact->probe = NULL;
    contact->is_probed = false;
    note_reach(contact, is_accepted || failure == FAILURE_REFUSED);
    if (endpoint->is_retired)
        return;
    if (is_accepted) {
        timer_cancel(&router->machine, &contact->probe_timer);
        contact->quarantined_until_ns = 0;
        return;
    }
    contact->quarantined_until_ns = 0;
    endpoint_failed(router, endpoint, failure);
}

void endpoint_succeeded(struct router *router, struct endpoint *endpoint)
{
    struct contact *contact = endpoint->contact;
    if (contact == NULL || contact->failures == 0)
        return;
    contact->failures = 0;
    contact->quarantined_until_ns = 0;
    if (contact->probe == NULL)
        timer_cancel(&router->machine, &contact->probe_timer);
}

void endpoint_stop_probing(struct router *router, struct endpoint *endpoint)
{
    if (endpoint->contact != NULL)
        timer_cancel(&router->machine, &endpoint->contact->probe_timer);
}

void endpoint_end(struct router *router, struct endpoint *endpoint)
{
    endpoint_stop_probing(router, endpoint);
    endpoint_free(&router->table, endpoint);
}
