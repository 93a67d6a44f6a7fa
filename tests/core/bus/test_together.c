/* Bus clients and the bus server, wired together: every byte goes through both parsers, in pieces of random size. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/bus/client.h"
#include "core/components.h"
#include "core/proto/bus.pb-c.h"
#include "tests/core/bus/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { MEMBERS = 3, SEEDS = 25 };

/* Answers dea.discover, takes part in the queue group "cc", and can ask. */
struct member {
    struct machine machine;
    struct bus_client bus;
    struct bus_request request;
    uint32_t work;    /* Messages of the queue group. */
    uint32_t updates; /* Messages for all. */
    int64_t last_update;
    bool is_out_of_order;
    uint32_t answers;
    int ended; /* 1: with all answers, 2: timed out. */
    bool was_connected_again;
};

static struct net net;
static struct host *bus;
static struct host *hosts[MEMBERS];

static struct member *member_of(struct bus_client *client)
{
    return container_of(client, struct member, bus);
}

static void on_work(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)parsed;
    (void)message;
    member_of(client)->work++;
}

static void on_update(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    const Cupola__DropletUpdated *update = (const Cupola__DropletUpdated *)(const void *)parsed;
    struct member *member = member_of(client);
    member->updates++;
    member->is_out_of_order = member->is_out_of_order || update->droplet <= member->last_update;
    member->last_update = update->droplet;
}

static void on_discover(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)parsed;
    Cupola__DeaHello hello = CUPOLA__DEA_HELLO__INIT;
    char id[] = "a DEA";
    hello.id = id;
    bus_answer(client, message, &hello.base);
}

static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    const Cupola__DeaHello *hello = (const Cupola__DeaHello *)(const void *)parsed;
    assert_string_equal(hello->id, "a DEA");
    container_of(request, struct member, request)->answers++;
    return true;
}

static void on_end(struct bus_request *request, bool timed_out)
{
    container_of(request, struct member, request)->ended = timed_out ? 2 : 1;
}

static void on_connected(struct bus_client *client, bool again)
{
    member_of(client)->was_connected_again = again;
}

static void start_member(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    static const struct bus_client_handlers handlers = {.on_connected = on_connected};
    static const struct bus_route routes[] = {
        {.subject = "work", .queue = "cc", .handle = on_work},
        {.subject = "droplet.*", .payload = &cupola__droplet_updated__descriptor, .handle = on_update},
        {.subject = "dea.discover",
         .payload = &cupola__dea_discover__descriptor,
         .allow_empty = true,
         .handle = on_discover},
    };
    (void)saved;
    struct member *member = container_of(machine, struct member, machine);
    bus_client_open(machine, &member->bus, (const Cupola__BusConfig *)(const void *)configuration, "member", &handlers);
    bus_listen(&member->bus, routes, sizeof routes / sizeof *routes);
}

static void stop_member(struct machine *machine)
{
    bus_client_close(&container_of(machine, struct member, machine)->bus);
}

static void destroy_member(struct machine *machine)
{
    bus_client_destroy(&container_of(machine, struct member, machine)->bus);
}

/* The journal is not used by the bus; its handler is how a test gets into a step of a member. */
static void (*action)(struct member *member);

static void run_action(struct machine *machine, uint64_t sequence, struct io_bytes entry)
{
    (void)sequence;
    (void)entry;
    action(container_of(machine, struct member, machine));
}

static const struct machine_class member_class = {
    .name = "member",
    .configuration = &cupola__bus_config__descriptor,
    .size = sizeof(struct member),
    .start = start_member,
    .stop = stop_member,
    .destroy = destroy_member,
    .journal_entry = run_action,
};

static struct member *member_at(int i)
{
    return container_of(hosts[i]->machine, struct member, machine);
}

static void let(int i, void (*act)(struct member *member))
{
    action = act;
    net_bring(hosts[i], &(struct event){.kind = EVENT_JOURNAL_ENTRY});
}

static void given_a_bus_with_members(uint64_t seed)
{
    net_open(&net, seed);
    Cupola__Endpoint endpoint = CUPOLA__ENDPOINT__INIT;
    endpoint.host = "bus";
    endpoint.has_port = true;
    endpoint.port = 4222;
    Cupola__BusServerConfig server = CUPOLA__BUS_SERVER_CONFIG__INIT;
    server.listen = &endpoint;
    server.user = "joe";
    server.password = "pass";
    bus = net_start(&net, "bus", &bus_server_class, &server.base);
    Cupola__Endpoint *endpoints[] = {&endpoint};
    Cupola__BusConfig client = CUPOLA__BUS_CONFIG__INIT;
    client.servers = endpoints;
    client.n_servers = 1;
    client.user = "joe";
    client.password = "pass";
    for (int i = 0; i < MEMBERS; i++) {
        hosts[i] = net_start(&net, "member", &member_class, &client.base);
        assert_true(member_at(i)->bus.is_connected);
    }
}

static void finish(void)
{
    for (int i = 0; i < MEMBERS; i++) {
        net_stop(hosts[i]);
        assert_int_equal(machine_open_conns(hosts[i]->machine), 0);
    }
    net_stop(bus);
    assert_int_equal(bus->exit_status, 0);
    assert_int_equal(machine_open_conns(bus->machine), 0);
    net_free(&net);
}

static void publish_work_and_updates(struct member *member)
{
    static int64_t droplet;
    for (int i = 0; i < 30; i++) {
        bus_publish(&member->bus, "work", NULL, (struct io_bytes){(const uint8_t *)"{}", 2});
        Cupola__DropletUpdated update = CUPOLA__DROPLET_UPDATED__INIT;
        update.has_droplet = true;
        update.droplet = ++droplet;
        bus_publish_message(&member->bus, "droplet.updated", NULL, &update.base);
    }
}

static void expect_everyone_heard(uint32_t messages)
{
    uint32_t work = 0;
    for (int i = 0; i < MEMBERS; i++) {
        work += member_at(i)->work;
        assert_int_equal(member_at(i)->updates, messages);
        assert_false(member_at(i)->is_out_of_order);
        member_at(i)->work = 0;
        member_at(i)->updates = 0;
    }
    assert_int_equal(work, messages); /* Once for the whole queue group. */
}

static void members_hear_each_other_however_the_bytes_are_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        given_a_bus_with_members(seed);
        net.largest_piece = seed % 5 == 0 ? 1 : 0;
        let(0, publish_work_and_updates);
        expect_everyone_heard(30);
        finish();
    }
}

static void queue_groups_survive_the_loss_of_all_connections(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        given_a_bus_with_members(seed);
        net_cut(bus);
        for (int i = 0; i < MEMBERS; i++)
            assert_false(member_at(i)->bus.is_connected);
        net_pass_ms(&net, 100);
        for (int i = 0; i < MEMBERS; i++)
            assert_true(member_at(i)->was_connected_again);
        let(1, publish_work_and_updates);
        expect_everyone_heard(30);
        finish();
    }
}

static void what_was_published_without_a_connection_arrives_later(void **state)
{
    (void)state;
    given_a_bus_with_members(99);
    net_cut(hosts[0]);
    let(0, publish_work_and_updates);
    assert_int_equal(member_at(1)->updates, 0);
    net_pass_ms(&net, 100);
    expect_everyone_heard(30);
    finish();
}

static const struct bus_request_handlers request_handlers = {.on_answer = on_answer, .on_end = on_end};

static void ask_all(struct member *member)
{
    bus_request_start(&member->bus, &member->request, "dea.discover", NULL, &cupola__dea_hello__descriptor, MEMBERS,
                      NS_PER_S, &request_handlers);
}

static void ask_for_one_too_many(struct member *member)
{
    bus_request_start(&member->bus, &member->request, "dea.discover", NULL, &cupola__dea_hello__descriptor, MEMBERS + 1,
                      NS_PER_S, &request_handlers);
}

static void requests_are_answered_by_all_who_listen(void **state)
{
    (void)state;
    given_a_bus_with_members(5);
    let(0, ask_all);
    assert_int_equal(member_at(0)->answers, MEMBERS);
    assert_int_equal(member_at(0)->ended, 1);
    let(2, ask_for_one_too_many);
    assert_int_equal(member_at(2)->answers, MEMBERS);
    assert_int_equal(member_at(2)->ended, 0);
    net_pass_ms(&net, 1000);
    assert_int_equal(member_at(2)->ended, 2);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_hear_each_other_however_the_bytes_are_cut),
        cmocka_unit_test(queue_groups_survive_the_loss_of_all_connections),
        cmocka_unit_test(what_was_published_without_a_connection_arrives_later),
        cmocka_unit_test(requests_are_answered_by_all_who_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
