/* Simulated commands beside an app's processes: each waits for one connection on the loopback, says which instance it
 * is in and what it was called with, and ends well. One that nobody comes for waits until its workload ends; there are
 * few.
 */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/wire/exec_frame.h"
#include "drivers/sim/workload.h"

#include <string.h>

struct command {
    struct workload *workload;
    struct port port;
    bool is_open;          /* Its port. */
    struct socket *socket; /* NULL: none yet, or not any more. */
    struct text said;      /* To it. */
    struct text answer;
    struct command *previous, *next;
};

static void free_command(struct command *command)
{
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
    bool is_right = memcmp(text_string(&command->said), COMMAND_SECRET "\n", size + 1) == 0;
    if (is_right)
        socket_write(socket, text_take(&command->answer));
    socket_close(socket, false);
}

static void on_end(struct socket *socket)
{
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

uint16_t command_prepare(struct workload *workload, const struct effect *effect)
{
    struct command *command = memory_new(sizeof *command);
    struct text words = {0};
    const uint8_t code = 0;
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
    exec_frame_add(&command->answer, EXEC_EXIT, &code, 1);
    text_free(&words);
    command->next = workload->commands;
    if (command->next != NULL)
        command->next->previous = command;
    workload->commands = command;
    return command->port.number;
}
