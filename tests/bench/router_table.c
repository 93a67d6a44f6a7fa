/* The routing table with a million routes: registrations a second and bytes a route, as messages of the bus bring them.
 *
 *     router_table [ROUTES]
 *
 * Three tables: registrations of 2011 (no instance, no app), ours with one host an instance, and ours with four. The
 * time includes the JSON of each message; then all are registered once more, which is what v1's storms did twice a
 * minute. */
#include "core/base/duration.h"
#include "core/proto/bus.pb-c.h"
#include "core/router/table/table.h"
#include "core/wire/json.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MESSAGE_BYTES = 700, BATCH = 10000, INSTANCES_PER_DEA = 100 };

struct shape {
    const char *name;
    bool is_ours;
    int hosts;
};

static double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void write_message(const struct shape *shape, size_t number, char *ret_text)
{
    size_t dea = number / INSTANCES_PER_DEA, place = number % INSTANCES_PER_DEA;
    int size = snprintf(
        ret_text, MESSAGE_BYTES,
        "{\"dea\":\"%zu-c3b1f0c6a7e94d2e8f5a1b2c3d4e5f60\",\"host\":\"10.%zu.%zu.%zu\",\"port\":%zu,\"uris\":[", dea,
        dea >> 16, dea >> 8 & 255, dea & 255, 40000 + place);
    for (int i = 0; i < shape->hosts; i++)
        size += snprintf(ret_text + size, (size_t)(MESSAGE_BYTES - size), "%s\"app-%zu-%d.cupola.test\"",
                         i > 0 ? "," : "", number, i);
    size += snprintf(ret_text + size, (size_t)(MESSAGE_BYTES - size),
                     "],\"tags\":{\"framework\":\"node\",\"runtime\":\"node\"}");
    if (shape->is_ours)
        size += snprintf(
            ret_text + size, (size_t)(MESSAGE_BYTES - size),
            ",\"app\":%zu,\"private_instance_id\":\"%016zx%016zx\",\"index\":0,\"version\":\"%zu-1\",\"epoch\":%zu,"
            "\"life\":\"0123456789abcdef\",\"sequence\":%zu",
            number, number * 2654435761u, number, number, number, place);
    snprintf(ret_text + size, (size_t)(MESSAGE_BYTES - size), "}");
}

/* CPU seconds, without those for making the messages. */
struct cost {
    double reading, registering;
};

/* Registers all once. */
static struct cost register_all(struct table *table, const struct shape *shape, size_t count, uint64_t now_ns)
{
    static char texts[BATCH][MESSAGE_BYTES];
    static ProtobufCMessage *messages[BATCH];
    struct cost cost = {0};
    for (size_t first = 0; first < count; first += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            write_message(shape, first + i, texts[i]);
        double began = seconds();
        for (size_t i = 0; i < BATCH; i++) {
            struct json_error error;
            struct io_bytes bytes = {(const uint8_t *)texts[i], strlen(texts[i])};
            messages[i] = json_read(&cupola__router_register__descriptor, bytes, JSON_LENIENT, &error);
        }
        double read = seconds();
        for (size_t i = 0; i < BATCH; i++) {
            if (table_register(table, (Cupola__RouterRegister *)messages[i], now_ns) != TABLE_TAKEN) {
                fprintf(stderr, "a registration was not taken: %s\n", texts[i]);
                exit(1);
            }
        }
        double registered = seconds();
        for (size_t i = 0; i < BATCH; i++)
            protobuf_c_message_free_unpacked(messages[i], NULL);
        cost.reading += read - began + seconds() - registered;
        cost.registering += registered - read;
    }
    return cost;
}

static void measure(const struct shape *shape, size_t routes)
{
    struct table table = {.max_links = routes + 1, .stale_after_ns = 120 * NS_PER_S};
    size_t count = routes / (size_t)shape->hosts;
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    table_init(&table, 7);
    struct cost first = register_all(&table, shape, count, NS_PER_S);
    struct cost again = register_all(&table, shape, count, 31 * NS_PER_S);
    size_t used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    double thousands = (double)count / 1e3;
    printf("%-36s %9zu routes %7.1f MB %6.0f B/route\n", shape->name, table.link_count, (double)used / 1e6,
           (double)used / (double)routes);
    printf("%-36s %7.0f k registrations/s, %.0f k/s with their JSON; again %.0f k/s, %.0f k/s\n", "",
           thousands / first.registering, thousands / (first.registering + first.reading),
           thousands / again.registering, thousands / (again.registering + again.reading));
    double began = seconds();
    size_t steps = 0;
    while (!table_prune(&table, 300 * NS_PER_S, 10000) || table.link_count > 0)
        steps++;
    printf("%-36s swept in %zu steps, the longest part of which takes about %.1f ms\n", "", steps,
           (seconds() - began) * 1e3 / (double)(steps + 1));
    struct endpoint *endpoint;
    while ((endpoint = table_take_retired(&table)) != NULL)
        endpoint_free(&table, endpoint);
    table_free(&table);
    malloc_trim(0);
}

int main(int count, char **arguments)
{
    static const struct shape shapes[] = {
        {"2011's messages, a host an endpoint", false, 1},
        {"ours, a host an instance", true, 1},
        {"ours, four hosts an instance", true, 4},
    };
    size_t routes = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000000;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        measure(&shapes[i], routes);
    return 0;
}
