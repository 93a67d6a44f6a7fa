/* Simulated commands beside an app's processes: each waits for one connection on the loopback, says which instance it
 * is in and what it was called with, and ends well: "sleep N" after N seconds, all others at once. The end of its
 * connection ends it. One that nobody comes for waits until its workload ends; there are few.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/exec_frame.h"
#include "drivers/sim/workload/workload.h"

#include <stdlib.h>
#include <string.h>

struct command {
    struct workload *workload;
    struct port port;
    bool is_open;          /* Its port. */
    struct socket *socket; /* NULL: none yet, or not any more. */
    struct text said;      /* To it. */
    struct text answer;
    uint64_t sleep_ns;
    bool runs; /* It was told the secret. */
    struct wake end;
    struct command *previous, *next;
};

static void free_command(struct command *command)
{
    world_cancel(command->workload->host->world, &command->end);
    if (command->is_open)
        host_close_port(command->workload->host, &command->port);
    if (command->previous != NULL)
        command->previous->next = command->next;
    else
        command->workload->commands = command->next;
    if (command->next != NULL)
        command->next->previous = command->previous;
    text_free(&command->said);
    text_free(&command->answer);
    memory_free(command);
}

void commands_drop_all(struct workload *workload)
{
    while (workload->commands != NULL) {
        if (workload->commands->socket != NULL)
            socket_drop(workload->commands->socket);
        free_command(workload->commands);
    }
}

static void on_bytes(struct socket *socket, struct slice lent)
{
    struct command *command = socket->owner;
    size_t size = sizeof COMMAND_SECRET - 1;
    text_add(&command->said, slice_data(lent), lent.size);
    if (command->said.size <= size) {
        socket_read(socket, SIZE_MAX);
        return;
    }
    if (!command->runs && memcmp(text_string(&command->said), COMMAND_SECRET "\n", size + 1) != 0) {
        socket_close(socket, false);
        return;
    }
    if (!command->runs) {
        socket_write(socket, text_take(&command->answer));
        world_wake_in(command->workload->host->world, &command->end, command->sleep_ns);
    }
    command->runs = true;
    text_clear(&command->said);
    socket_read(socket, SIZE_MAX);
}

static void on_wake(struct wake *wake)
{
    struct command *command = container_of(wake, struct command, end);
    const uint8_t code = 0;
    command->runs = false;
    exec_frame_add(&command->answer, EXEC_EXIT, &code, 1);
    socket_write(command->socket, text_take(&command->answer));
    socket_close(command->socket, false);
}

static void on_end(struct socket *socket)
{
    struct command *command = socket->owner;
    world_cancel(command->workload->host->world, &command->end);
    command->runs = false;
    socket_close(socket, false);
}

static void on_written(struct socket *socket, size_t size)
{
    (void)socket;
    (void)size;
}

static void on_closed(struct socket *socket, enum io_status status)
{
    (void)status;
    free_command(socket->owner);
}

static void on_accepted(struct port *port, struct socket *socket)
{
    static const struct socket_handlers handlers = {
        .on_bytes = on_bytes, .on_end = on_end, .on_written = on_written, .on_closed = on_closed};
    struct command *command = container_of(port, struct command, port);
    command->socket = socket;
    socket_accept(socket, &handlers, command, command->workload->label);
    host_close_port(command->workload->host, &command->port); /* One is enough. */
    command->is_open = false;
    socket_read(socket, SIZE_MAX);
}

size_t commands_count(const struct workload *workload)
{
    size_t count = 0;
    for (const struct command *command = workload->commands; command != NULL; command = command->next)
        count += command->runs;
    return count;
}

uint16_t command_prepare(struct workload *workload, const struct effect *effect)
{
    struct command *command = memory_new(sizeof *command);
    struct text words = {0};
    command->workload = workload;
    command->port.is_local = true;
    command->port.on_accepted = on_accepted;
    if (!host_open_port(workload->host, &command->port)) {
        memory_free(command);
        return 0;
    }
    command->is_open = true;
    text_addf(&words, "%s:", workload->label);
    for (const char *const *word = effect->workload_exec.argv; *word != NULL; word++)
        text_addf(&words, " %s", *word);
    text_add_char(&words, '\n');
    size_t size = words.size < EXEC_FRAME_BYTES_MOST ? words.size : EXEC_FRAME_BYTES_MOST;
    exec_frame_add(&command->answer, EXEC_STDOUT, text_string(&words), size);
    text_free(&words);
    const char *const *argv = effect->workload_exec.argv;
    if (strcmp(argv[0], "sleep") == 0 && argv[1] != NULL)
        command->sleep_ns = strtoull(argv[1], NULL, 10) * NS_PER_S;
    command->end = (struct wake){.happen = on_wake,
                                 .key = random_numbered(workload->random.key, "command", command->port.number).key};
    command->next = workload->commands;
    if (command->next != NULL)
        command->next->previous = command;
    workload->commands = command;
    return command->port.number;
}
