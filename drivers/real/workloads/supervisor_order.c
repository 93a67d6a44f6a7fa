/* The order on its way from the agent to a supervisor, both of the same program: its size, then texts in a fixed order,
 * each ended by a zero byte. */
#include "drivers/real/workloads/supervisor.h"
#include "drivers/real/workloads/workload.h"

#include "core/base/memory.h"
#include "drivers/contained/read_all.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ORDER_BYTES_MOST = 4 << 20, WORDS_MOST = 4096 };

/* ---- Sending ---- */

static void add_word(struct text *order, const char *word)
{
    text_add(order, word, strlen(word) + 1);
}

static void add_number(struct text *order, uint64_t number)
{
    text_addf(order, "%" PRIu64, number);
    text_add_char(order, 0);
}

static void add_list(struct text *order, char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    add_number(order, count);
    for (size_t i = 0; i < count; i++)
        add_word(order, list[i]);
}

static void write_order(struct text *text, const struct workload_order *order)
{
    const Cupola__DriverConfig *config = order->job.driver->config;
    add_word(text, order->kind->name);
    add_word(text, order->folder.text);
    add_number(text, order->limits.memory_bytes);
    add_number(text, order->limits.disk_bytes);
    add_number(text, order->limits.descriptors);
    add_number(text, order->limits.processes);
    add_number(text, config->log_file_bytes);
    add_number(text, config->log_files);
    add_number(text, config->log_bytes_per_s);
    add_number(text, config->workload_cpu_percent);
    add_number(text, order->uid);
    add_number(text, config->private_network ? 1 : 0);
    add_word(text, order->runtime);
    add_word(text, config->oci_runtime);
    add_word(text, config->bubblewrap);
    add_list(text, order->argv);
    add_list(text, order->envp);
}

bool supervisor_order_send(int connection, const struct workload_order *order)
{
    struct text text = {0};
    write_order(&text, order);
    uint32_t size = (uint32_t)text.size;
    bool fits = text.size <= ORDER_BYTES_MOST;
    if (!fits)
        errno = E2BIG;
    const char *rest = text_string(&text);
    bool is_sent = fits && send(connection, &size, sizeof size, MSG_NOSIGNAL) == (ssize_t)sizeof size;
    while (is_sent && size > 0) {
        ssize_t sent = send(connection, rest, size, MSG_NOSIGNAL);
        is_sent = sent > 0 || (sent < 0 && errno == EINTR);
        rest += sent > 0 ? sent : 0;
        size -= sent > 0 ? (uint32_t)sent : 0;
    }
    text_free(&text);
    return is_sent;
}

/* ---- Reading ---- */

struct reader {
    char *rest;
    size_t size;
};

static const char *next_word(struct reader *reader)
{
    const char *word = reader->rest;
    size_t size = strnlen(word, reader->size);
    if (size == reader->size)
        return ""; /* Cut off; the kind is unknown then, or a list is empty. */
    reader->rest += size + 1;
    reader->size -= size + 1;
    return word;
}

static uint64_t next_number(struct reader *reader)
{
    return strtoull(next_word(reader), NULL, 10);
}

static char **next_list(struct reader *reader)
{
    uint64_t count = next_number(reader);
    if (count > WORDS_MOST)
        count = 0;
    char **list = memory_new((count + 1) * sizeof *list);
    for (uint64_t i = 0; i < count; i++)
        list[i] = (char *)(uintptr_t)next_word(reader);
    return list;
}

bool supervisor_order_read(int connection, struct supervised *ret_supervised)
{
    uint32_t size;
    if (!read_all(connection, &size, sizeof size) || size == 0 || size > ORDER_BYTES_MOST)
        return false;
    struct reader reader = {.rest = memory_new(size), .size = size};
    if (!read_all(connection, reader.rest, size))
        return false;
    *ret_supervised = (struct supervised){.kind = workload_kind_of(next_word(&reader))};
    ret_supervised->folder = path_of("%s", next_word(&reader));
    ret_supervised->limits.memory_bytes = next_number(&reader);
    ret_supervised->limits.disk_bytes = next_number(&reader);
    ret_supervised->limits.descriptors = (uint32_t)next_number(&reader);
    ret_supervised->limits.processes = (uint32_t)next_number(&reader);
    ret_supervised->logs.file_bytes = next_number(&reader);
    ret_supervised->logs.files = (uint32_t)next_number(&reader);
    ret_supervised->logs.bytes_per_s = next_number(&reader);
    ret_supervised->cpu_percent = (uint32_t)next_number(&reader);
    ret_supervised->uid = (uint32_t)next_number(&reader);
    ret_supervised->private_network = next_number(&reader) != 0;
    ret_supervised->runtime = next_word(&reader);
    ret_supervised->oci_runtime = next_word(&reader);
    ret_supervised->bubblewrap = next_word(&reader);
    ret_supervised->argv = next_list(&reader);
    ret_supervised->envp = next_list(&reader);
    return ret_supervised->kind != NULL;
}
