#include "tests/core/client/errand.h"

#include "core/base/memory.h"
#include "core/components.h"

#include <stdlib.h>

enum { STEP_MS = 10, LONGEST_MS = 600000, MAX_PATH = 300, MAX_HEADERS = 1000 };
#define BITS "zipped files"
#define HELLO "{\"id\":\"dea1\",\"ip\":\"10.0.0.1\",\"port\":1,\"version\":0.99}"

/* One request, between the client's connection and the controller's. */
struct passage {
    char method[8];
    char path[MAX_PATH];
    struct town_conn *conn; /* NULL: the controller has not heard of it. */
};

int errand_begin(void **state)
{
    struct errand *errand = memory_new(sizeof *errand);
    town_open(&errand->town);
    town_answer(&errand->town, "dea.discover", HELLO);
    errand->token = town_token(&errand->town, "ada@example.org");
    errand->healthy = 2;
    *state = errand;
    return 0;
}

int errand_end(void **state)
{
    struct errand *errand = *state;
    town_close(&errand->town);
    text_free(&errand->requests);
    text_free(&errand->logs);
    text_free(&errand->result);
    text_free(&errand->last_inspection);
    memory_free(errand->token);
    memory_free(errand);
    return 0;
}

void errand_break(struct errand *errand, enum wire_fault fault, const char *at, int times)
{
    errand->fault = fault;
    errand->fault_at = at;
    errand->fault_times = times;
}

struct controller_app_view errand_look(struct errand *errand)
{
    struct controller_app_view view;
    assert_true(controller_view_find_app(errand->town.controllers[0].machine, "shop", &view));
    return view;
}

/* ---- The wire ---- */

/* The whole request, or false while the client is still writing it. The bits take the place of the blob. */
static bool take_request(struct puppet *client, uint32_t id)
{
    puppet_settle(client);
    const char *output = puppet_output(client, id);
    const char *end = strstr(output, "\r\n\r\n");
    if (end == NULL)
        return false;
    if (puppet_waits_for(client, EFFECT_BLOB_SEND)) {
        const char *place = strstr(output, "application/zip\r\n\r\n");
        assert_non_null(place);
        size_t head = (size_t)(place - output) + strlen("application/zip\r\n\r\n");
        struct text whole = {0};
        text_add(&whole, output, head);
        text_add_string(&whole, BITS);
        text_add_string(&whole, output + head);
        text_free(&client->conns[id].output);
        client->conns[id].output = whole;
        assert_string_equal(client->ops[0].digest, "0123456789012345678901234567890123456789");
        puppet_done(client, EFFECT_BLOB_SEND, IO_OK, strlen(BITS), "");
        output = puppet_output(client, id);
        end = strstr(output, "\r\n\r\n");
    }
    const char *length = strstr(output, "Content-Length: ");
    assert_int_equal(strlen(end + 4), length == NULL || length > end ? 0 : strtoul(length + 16, NULL, 10));
    return true;
}

/* The client's own fields without those that the town writes itself. */
static void copy_fields(const char *output, char ret_headers[MAX_HEADERS])
{
    const char *end = strstr(output, "\r\n\r\n");
    ret_headers[0] = '\0';
    for (const char *line = strstr(output, "\r\n") + 2; line < end + 2;) {
        size_t size = (size_t)(strstr(line, "\r\n") - line) + 2;
        if (strncmp(line, "Host:", 5) == 0)
            assert_memory_equal(line, "Host: api.cupola.test\r\n", 23);
        else if (strncmp(line, "Connection:", 11) != 0 && strncmp(line, "Content-Length:", 15) != 0)
            strncat(ret_headers, line, size);
        line += size;
    }
}

static void tell_health(struct errand *errand)
{
    struct controller_app_view view;
    if (errand->town.controllers[0].machine == NULL ||
        !controller_view_find_app(errand->town.controllers[0].machine, "shop", &view) || errand->healthy < 0)
        return;
    char payload[200];
    snprintf(payload, sizeof payload, "{\"droplet\":1,\"version\":\"%s\",\"healthy\":%d}", view.version,
             errand->healthy);
    town_answer(&errand->town, "healthmanager.health", payload);
    errand->healthy += errand->healthy_step;
    if (!errand->crashes_new_versions)
        return;
    snprintf(payload, sizeof payload,
             "{\"droplet\":1,\"version\":\"%s\",\"index\":%d,\"instance\":\"i\",\"reason\":\"CRASHED\"}", view.version,
             view.instances);
    town_tell(&errand->town, "droplet.exited", payload);
}

static bool breaks(struct errand *errand, const struct passage *passage)
{
    static const enum wire_fault faults[] = {WIRE_LOSES_ANSWER, WIRE_KILLS, WIRE_SWALLOWS};
    if (errand->chaos_left > 0 && random_below(&errand->chaos, 4) == 0) {
        errand->chaos_left--;
        errand->fault = faults[random_below(&errand->chaos, sizeof faults / sizeof faults[0])];
        return true;
    }
    char line[MAX_PATH + 10];
    snprintf(line, sizeof line, "%s %s ", passage->method, passage->path);
    if (errand->fault_times == 0 || strncmp(line, errand->fault_at, strlen(errand->fault_at)) != 0)
        return false;
    errand->fault_times--;
    return true;
}

static void answer(struct puppet *client, uint32_t id, const char *bytes)
{
    if (!client->conns[id].open || client->conns[id].closing)
        return;
    puppet_receive_string(client, id, bytes);
    puppet_settle(client);
}

static void meddle(struct errand *errand)
{
    char body[100];
    if (errand->cancels_update) {
        assert_int_equal(town_request(&errand->town, errand->token, "DELETE", "/cupola/v1/apps/shop/update", ""), 204);
        return;
    }
    snprintf(body, sizeof body, "{\"env\":[\"MEDDLED=%d\"]}", errand->fault_times);
    assert_int_equal(town_request(&errand->town, errand->token, "PUT", "/apps/shop", body), 200);
}

static void note(struct errand *errand, const struct passage *passage, const char *outcome, const char *body)
{
    text_addf(&errand->requests, "%s %s %s\n", passage->method, passage->path, outcome);
    if (*body == '{')
        text_addf(&errand->requests, "  %s\n", body);
}

static void lose(struct errand *errand, struct puppet *client, uint32_t id)
{
    if (errand->fault == WIRE_KILLS) {
        town_kill(&errand->town.controllers[0]);
        town_revive(&errand->town.controllers[0]);
    }
    puppet_closed(client, id, IO_RESET);
}

/* Brings the request to the controller and its answer back, as time passes on both sides. */
static void carry(struct errand *errand, struct puppet *client, uint32_t id)
{
    struct passage passage;
    char headers[MAX_HEADERS];
    const char *output = puppet_output(client, id);
    assert_int_equal(sscanf(output, "%7s %299s", passage.method, passage.path), 2);
    const char *body = strstr(output, "\r\n\r\n") + 4;
    copy_fields(output, headers);
    bool broken = breaks(errand, &passage);
    if (broken && errand->fault == WIRE_ANSWERS) {
        note(errand, &passage, "answered in between", "");
        answer(client, id, errand->says);
        return;
    }
    if (broken && errand->fault == WIRE_SWALLOWS) {
        note(errand, &passage, "swallowed", "");
        return;
    }
    if (broken && errand->fault == WIRE_MEDDLES)
        meddle(errand);
    tell_health(errand);
    struct town_controller *controller = &errand->town.controllers[0];
    struct town_conn *conn = town_begin(controller, passage.method, passage.path, headers, body);
    for (int waits = 0; waits < 6000 && conn->outbound.size == 0; waits++) {
        town_pass_ms(&errand->town, STEP_MS);
        puppet_pass(client, STEP_MS * NS_PER_MS);
    }
    char status[12];
    snprintf(status, sizeof status, "%d", town_finish(controller, conn));
    bool lost = broken && errand->fault != WIRE_MEDDLES;
    note(errand, &passage, lost ? "lost" : status, body);
    if (lost)
        lose(errand, client, id);
    else
        answer(client, id, text_string(&errand->town.response));
}

static void serve(struct errand *errand, struct puppet *client)
{
    uint32_t id = client->last_connect;
    if (id == 0)
        return;
    if (client->conns[id].connecting) {
        if (errand->fault_times > 0 && errand->fault == WIRE_REFUSES) {
            errand->fault_times--;
            puppet_closed(client, id, IO_REFUSED);
            return;
        }
        puppet_connected(client, id);
    }
    if (client->exited || !take_request(client, id))
        return;
    carry(errand, client, id);
    text_clear(&client->conns[id].output);
}

int errand_run(struct errand *errand, Cupola__ClientConfig *config)
{
    Cupola__Endpoint target = CUPOLA__ENDPOINT__INIT;
    target.has_port = true;
    target.port = 8080;
    config->target = &target;
    config->host_header = (char *)(uintptr_t) "api.cupola.test";
    if (config->token == NULL)
        config->token = errand->token;
    if (errand->chaos_left > 0) { /* A swallowed PUT costs more than a minute. */
        config->has_timeout_ms = true;
        config->timeout_ms = LONGEST_MS - 1000;
    }
    text_clear(&errand->requests);
    struct puppet client;
    puppet_start(&client, &client_class, &config->base);
    uint64_t waited_ms = 0;
    for (; waited_ms < LONGEST_MS && !client.exited; waited_ms += STEP_MS) {
        serve(errand, &client);
        puppet_settle(&client);
        if (client.exited)
            break;
        town_pass_ms(&errand->town, STEP_MS);
        puppet_pass(&client, STEP_MS * NS_PER_MS);
        puppet_settle(&client);
        text_clear(&errand->last_inspection);
        client_class.inspect(client.machine, &errand->last_inspection);
    }
    assert_true(client.exited);
    assert_int_equal(machine_open_conns(client.machine), 0);
    assert_int_equal(machine_open_ops(client.machine), 0);
    int status = client.exit_status;
    errand->took_ms = client.now_ns / NS_PER_MS;
    text_clear(&errand->logs);
    text_add(&errand->logs, text_string(&client.logs), client.logs.size);
    text_clear(&errand->result);
    text_add(&errand->result, text_string(&client.result), client.result.size);
    puppet_end(&client);
    return status;
}

int errand_run_on(struct errand *errand, const char *command, const char *app)
{
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t)command;
    config.app = (char *)(uintptr_t)app;
    return errand_run(errand, &config);
}

Cupola__ClientConfig errand_push(void)
{
    static char *uris[] = {(char *)(uintptr_t) "http://Shop.cupola.test"};
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "push";
    config.app = (char *)(uintptr_t) "shop";
    config.framework = (char *)(uintptr_t) "node";
    config.uris = uris;
    config.n_uris = 1;
    config.has_instances = config.has_memory_mb = config.has_bits_size = true;
    config.instances = 2;
    config.memory_mb = 64;
    config.bits = (char *)(uintptr_t) "0123456789012345678901234567890123456789";
    config.bits_size = strlen(BITS);
    return config;
}
