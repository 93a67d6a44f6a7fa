/* The world: one server, three clients, and what befalls them. usage: lease_example [--hasty] [SEEDS]
 *
 * Every seed is another run: which host is cut off and when, when the server dies, whose clock runs wrong and by how
 * much. After every event of a run the promise is checked. Exit status 1 if it was broken.
 */
#include "examples/lease/lease.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/sim/process/process.h"
#include "examples/lease/lease.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 3, HOSTS = CLIENTS + 1 };
static const uint64_t run_ns = 60 * NS_PER_S;

struct play {
    struct world *world;
    struct host *hosts[HOSTS]; /* The server's is the last. */
    struct process *clients[CLIENTS];
    struct process *server;
    struct random_stream fate; /* Every decision about faults. */
    struct wake mishap;
    struct impairment cut; /* The partition that is in force, if any. */
    bool is_cut;
    bool from[HOSTS], to[HOSTS];
};

static struct process *add_process(struct play *play, const char *name, const struct machine_class *class,
                                   const ProtobufCMessage *config, struct host *host)
{
    size_t size = protobuf_c_message_get_packed_size(config);
    uint8_t *packed = memory_new(size + 1);
    protobuf_c_message_pack(config, packed);
    struct process_options options = {.name = name, .class = class, .config = {packed, size}, .host = host};
    options.restart_delay_ns = 50 * NS_PER_MS;
    struct process *process = process_create(play->world, &options);
    memory_free(packed);
    process_start(process, 0);
    return process;
}

/* Cuts one client off from the server, or makes the cut whole again. */
static void toggle_cut(struct play *play)
{
    if (play->is_cut) {
        network_repair(&play->world->network, &play->cut);
    } else {
        memset(play->from, 0, sizeof play->from);
        memset(play->to, 0, sizeof play->to);
        play->from[random_below(&play->fate, CLIENTS)] = true;
        play->to[CLIENTS] = true;
        play->cut = (struct impairment){.from = play->from, .to = play->to, .blocks = true};
        play->cut.is_one_way = random_below(&play->fate, 2) == 0;
        network_impair(&play->world->network, &play->cut);
    }
    play->is_cut = !play->is_cut;
}

static void on_mishap(struct wake *wake)
{
    struct play *play = container_of(wake, struct play, mishap);
    switch (random_below(&play->fate, 3)) {
    case 0:
        process_kill(play->server);
        break;
    case 1:
        toggle_cut(play);
        break;
    default: /* Up to 3 % fast or slow: the promise leaves room for a tenth. */
        host_set_rate(play->hosts[random_below(&play->fate, HOSTS)], 970000000 + random_below(&play->fate, 60000000));
        break;
    }
    world_wake_in(play->world, &play->mishap, random_between(&play->fate, NS_PER_S / 5, 3 * NS_PER_S));
}

static void build(struct play *play, uint64_t seed, bool is_hasty)
{
    *play = (struct play){.world = world_create(seed), .fate = random_named(seed, "lease.fate")};
    Lease__ServerConfig server = LEASE__SERVER_CONFIG__INIT;
    server.has_is_hasty = true;
    server.is_hasty = is_hasty;
    for (int i = 0; i < HOSTS; i++) {
        char name[16], address[16];
        snprintf(name, sizeof name, i == CLIENTS ? "server" : "client-%d", i);
        snprintf(address, sizeof address, "10.0.0.%d", i + 1);
        play->hosts[i] = host_create(play->world, name, address, 0);
    }
    play->server = add_process(play, "server", &lease_server_class, &server.base, play->hosts[CLIENTS]);
    for (int i = 0; i < CLIENTS; i++) {
        Lease__ClientConfig client = LEASE__CLIENT_CONFIG__INIT;
        client.host = play->hosts[CLIENTS]->address;
        play->clients[i] = add_process(play, play->hosts[i]->name, &lease_client_class, &client.base, play->hosts[i]);
    }
    play->mishap = (struct wake){.happen = on_mishap, .key = random_mix(seed, 1)};
    world_wake_in(play->world, &play->mishap, NS_PER_S);
}

static int count_believers(const struct play *play)
{
    int believers = 0;
    for (int i = 0; i < CLIENTS; i++)
        believers += process_runs(play->clients[i]) &&
                     lease_client_believes(play->clients[i]->machine, host_local_ns(play->hosts[i]));
    return believers;
}

/* Plays one seed. True if the promise held; `ret_lent` counts the events at which somebody had the lease. */
static bool play_seed(uint64_t seed, bool is_hasty, uint64_t *ret_lent, uint64_t *ret_hash)
{
    struct play play;
    build(&play, seed, is_hasty);
    bool holds = true;
    while (holds && world_advance(play.world, run_ns)) {
        int believers = count_believers(&play);
        *ret_lent += believers > 0;
        holds = believers <= 1;
    }
    if (!holds)
        printf("seed %llu: two clients have the lease at %llu ms\n", (unsigned long long)seed,
               (unsigned long long)(play.world->now_ns / NS_PER_MS));
    *ret_hash = random_mix(*ret_hash, play.world->hash);
    world_cancel(play.world, &play.mishap);
    if (play.is_cut)
        network_repair(&play.world->network, &play.cut);
    world_destroy(play.world);
    return holds;
}

int main(int argc, char **argv)
{
    bool is_hasty = argc > 1 && strcmp(argv[1], "--hasty") == 0;
    const char *count = argc > 1 + is_hasty ? argv[1 + is_hasty] : "100";
    uint64_t seeds = strtoull(count, NULL, 10), broken = 0, lent = 0, hash = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        broken += !play_seed(seed, is_hasty, &lent, &hash);
    printf("%llu seeds, %llu broke the promise; somebody had the lease at %llu events; hash %016llx\n",
           (unsigned long long)seeds, (unsigned long long)broken, (unsigned long long)lent, (unsigned long long)hash);
    return broken > 0 || lent == 0;
}
