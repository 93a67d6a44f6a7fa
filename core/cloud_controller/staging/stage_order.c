#include "core/cloud_controller/staging/stage_order.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/cloud_controller/blobs/downloads.h"

#include <string.h>

enum { MAX_LOG = 4096 };

static void ask(struct stage_order *order);
static bool on_offer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_offers_end(struct bus_request *request, bool timed_out);
static bool on_word(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_words_end(struct bus_request *request, bool timed_out);

static const struct bus_request_handlers offer_handlers = {.on_answer = on_offer, .on_end = on_offers_end};
static const struct bus_request_handlers word_handlers = {.on_answer = on_word, .on_end = on_words_end};

struct stage_order *cc_stage_order_find(const struct controller *controller, int64_t app_id, const char *id)
{
    for (struct stage_order *order = controller->stage_orders; order != NULL; order = order->next)
        if (order->app_id == app_id && order->id[0] != '\0' && strcmp(order->id, id) == 0)
            return order;
    return NULL;
}

/* What came for an order that is over: nobody will refer to it. */
static void drop_droplet(struct stage_order *order)
{
    struct controller *controller = order->controller;
    if (order->droplet[0] != '\0')
        cc_refs_give_up(&controller->state.refs, order->droplet, controller->machine.now_ns);
    order->droplet[0] = '\0';
    order->droplet_bytes = 0;
}

void cc_stage_order_take(struct stage_order *order, const char *digest, uint64_t bytes)
{
    if (strcmp(order->droplet, digest) != 0)
        drop_droplet(order);
    memcpy(order->droplet, digest, sizeof order->droplet);
    order->droplet_bytes = bytes;
}

static void stop_waiting(struct stage_order *order)
{
    bus_request_cancel(&order->request);
    timer_cancel(&order->controller->machine, &order->timer);
}

static void leave_list(struct stage_order *order)
{
    struct stage_order **place = &order->controller->stage_orders;
    while (*place != NULL && *place != order)
        place = &(*place)->next;
    if (*place != NULL)
        *place = order->next;
    order->next = NULL;
}

void cc_stage_order_release(struct stage_order *order)
{
    if (order->controller == NULL)
        return;
    if (!order->controller->is_destroyed)
        stop_waiting(order);
    leave_list(order);
    cc_offers_free(&order->offers);
    text_free(&order->log);
    order->controller = NULL;
}

static void finish(struct stage_order *order, enum stage_verdict verdict)
{
    stop_waiting(order);
    leave_list(order);
    cc_offers_free(&order->offers);
    order->id[0] = '\0';
    if (verdict != STAGE_STAGED)
        drop_droplet(order);
    order->done(order, verdict);
}

/* ---- Offers ---- */

static bool is_dea_id(const char *id)
{
    size_t size = strlen(id);
    return size > 0 && size < OFFER_DEA_SIZE && strcspn(id, " \t\r\n.*>") == size;
}

static bool is_tried(const struct stage_order *order, const char *dea)
{
    for (size_t i = 0; i < order->tried_count; i++)
        if (strcmp(order->tried[i], dea) == 0)
            return true;
    return false;
}

static void on_window_over(struct timer *timer)
{
    struct stage_order *order = container_of(timer, struct stage_order, timer);
    bus_request_cancel(&order->request);
    on_offers_end(&order->request, false);
}

static bool on_offer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct stage_order *order = container_of(request, struct stage_order, request);
    struct controller *controller = order->controller;
    const Cupola__DeaHello *hello = (const Cupola__DeaHello *)parsed;
    if (hello->id == NULL || !is_dea_id(hello->id) || hello->room <= 0 || is_tried(order, hello->id))
        return true;
    struct dea_offer offer = {
        .siblings = hello->siblings > 0 ? (uint32_t)hello->siblings : 0,
        .load_permille = hello->load_permille > 0 ? (uint32_t)hello->load_permille : 0,
        .room = (uint32_t)hello->room,
        .chance = random_draw(&controller->chances),
    };
    memcpy(offer.dea, hello->id, strlen(hello->id) + 1);
    cc_offers_add(&order->offers, &offer);
    if (controller->config->stage_window_ms == 0)
        return false;
    if (!timer_is_set(&order->timer))
        timer_set(&controller->machine, &order->timer, controller->config->stage_window_ms * NS_PER_MS, on_window_over);
    return true;
}

static void ask(struct stage_order *order)
{
    struct controller *controller = order->controller;
    const struct app *app = cc_state_find_app(&controller->state, order->app_id);
    if (app == NULL || order->tried_count == STAGE_ORDERS_MOST) {
        finish(order, STAGE_NOWHERE);
        return;
    }
    cc_offers_free(&order->offers);
    order->id[0] = '\0';
    Cupola__StageDiscover discover = CUPOLA__STAGE_DISCOVER__INIT;
    discover.has_droplet = discover.has_memory_mb = true;
    discover.droplet = app->id;
    discover.runtime = app->value->runtime;
    discover.memory_mb = (int32_t)app->value->memory_mb;
    bus_request_start(&controller->bus, &order->request, "dea.discover.stage", &discover.base,
                      &cupola__dea_hello__descriptor, 0, controller->config->stage_offer_ms * NS_PER_MS,
                      &offer_handlers);
}

/* ---- Orders ---- */

static void try_next(struct stage_order *order, const char *why)
{
    struct controller *controller = order->controller;
    machine_log(&controller->machine, LOG_WARNING, "DEA %s does not stage app %lld: %s",
                order->tried[order->tried_count - 1], (long long)order->app_id, why);
    stop_waiting(order);
    drop_droplet(order);
    ask(order);
}

static void on_silence(struct timer *timer)
{
    try_next(container_of(timer, struct stage_order, timer), "it says nothing");
}

static void expect_word(struct stage_order *order)
{
    struct controller *controller = order->controller;
    if (!mutation_is(CC_AWAITS_SILENT_STAGERS))
        timer_set(&controller->machine, &order->timer, controller->config->stage_silence_ms * NS_PER_MS, on_silence);
}

static void sign(const struct controller *controller, const char *path, struct text *ret_uri)
{
    text_addf(ret_uri, "http://%s%s", controller_address(controller), path);
    cc_download_sign(controller, path, ret_uri);
}

static void send_order(struct stage_order *order, const Cupola__JournalApp *value)
{
    struct controller *controller = order->controller;
    struct text package = {0}, droplet = {0}, package_uri = {0}, upload_uri = {0}, subject = {0};
    random_hex(&controller->stage_ids, order->id, (STAGE_ORDER_ID_SIZE - 1) / 2);
    text_addf(&package, "/packages/%lld/%s", (long long)order->app_id, order->package_sha1);
    text_addf(&droplet, "/staged_droplets/%lld/%s", (long long)order->app_id, order->id);
    sign(controller, text_string(&package), &package_uri);
    sign(controller, text_string(&droplet), &upload_uri);
    text_addf(&subject, "dea.%s.stage", order->tried[order->tried_count - 1]);
    Cupola__DeaStage message = CUPOLA__DEA_STAGE__INIT;
    message.task = order->id;
    message.has_droplet = message.has_memory_mb = message.has_deadline_ms = true;
    message.droplet = order->app_id;
    message.package_sha1 = order->package_sha1;
    message.package_uri = (char *)(uintptr_t)text_string(&package_uri);
    message.upload_uri = (char *)(uintptr_t)text_string(&upload_uri);
    message.framework = value->framework;
    message.runtime = value->runtime;
    message.command = value->command == NULL ? (char *)(uintptr_t) "" : value->command;
    message.memory_mb = (int32_t)value->memory_mb;
    message.deadline_ms = (int64_t)controller->config->stage_deadline_ms;
    order->verdict = STAGE_NONE;
    uint64_t patience_ms = (uint64_t)controller->config->stage_deadline_ms + controller->config->stage_silence_ms;
    bus_request_start(&controller->bus, &order->request, text_string(&subject), &message.base,
                      &cupola__dea_stage_reply__descriptor, 0, patience_ms * NS_PER_MS, &word_handlers);
    expect_word(order);
    text_free(&package);
    text_free(&droplet);
    text_free(&package_uri);
    text_free(&upload_uri);
    text_free(&subject);
}

static void on_offers_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct stage_order *order = container_of(request, struct stage_order, request);
    struct controller *controller = order->controller;
    const struct app *app = cc_state_find_app(&controller->state, order->app_id);
    struct dea_offer offer;
    timer_cancel(&controller->machine, &order->timer);
    if (app == NULL || !cc_offers_take(&order->offers, &offer)) {
        finish(order, STAGE_NOWHERE);
        return;
    }
    memcpy(order->tried[order->tried_count++], offer.dea, sizeof offer.dea);
    send_order(order, app->value);
}

static void keep_log(struct stage_order *order, const char *log)
{
    size_t size = log == NULL ? 0 : strlen(log);
    size_t most = size > MAX_LOG ? MAX_LOG : size;
    text_clear(&order->log);
    if (size > 0)
        text_add(&order->log, log + size - most, most);
}

/* It has sent us the very droplet that it tells of. */
static bool is_here(const struct stage_order *order, const Cupola__DeaStageReply *reply)
{
    return order->droplet[0] != '\0' && reply->sha1 != NULL && strcmp(order->droplet, reply->sha1) == 0;
}

static bool on_word(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct stage_order *order = container_of(request, struct stage_order, request);
    const Cupola__DeaStageReply *reply = (const Cupola__DeaStageReply *)parsed;
    const char *state = reply->state == NULL ? "" : reply->state;
    if (strcmp(state, "working") == 0) {
        expect_word(order);
        return true;
    }
    keep_log(order, reply->log);
    if (strcmp(state, "failed") == 0)
        order->verdict = STAGE_FAILED;
    else if (strcmp(state, "staged") == 0 && is_here(order, reply))
        order->verdict = STAGE_STAGED;
    else
        order->verdict = STAGE_NOWHERE;
    return false;
}

static void on_words_end(struct bus_request *request, bool timed_out)
{
    struct stage_order *order = container_of(request, struct stage_order, request);
    if (!timed_out && (order->verdict == STAGE_STAGED || order->verdict == STAGE_FAILED)) {
        finish(order, order->verdict);
        return;
    }
    struct text why = order->log;
    order->log = (struct text){0};
    try_next(order, timed_out ? "its time is up" : text_string(&why));
    text_free(&why);
}

void cc_stage_order_begin(struct controller *controller, struct stage_order *order, const struct app *app,
                          const char *package_sha1, void (*done)(struct stage_order *order, enum stage_verdict verdict))
{
    *order = (struct stage_order){.controller = controller, .done = done, .app_id = app->id};
    memcpy(order->package_sha1, package_sha1, sizeof order->package_sha1);
    order->next = controller->stage_orders;
    controller->stage_orders = order;
    ask(order);
}
