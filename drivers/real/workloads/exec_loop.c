/* Between the connection and the command: frames one way and the other, each no faster than it is taken. */
#include "drivers/real/workloads/exec_session.h"

#include "core/wire/exec_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ROOM_BYTES = 65536,  /* More than that waits where it is. */
    PIECE_BYTES = 16384, /* Read at once. */
    LAST_WORDS_MS = 300, /* What children of the command that outlive it may still say. */
    GRACE_MS = 2000,     /* Between SIGHUP and SIGKILL. */
    CANNOT_RUN = 127,
    FAILURE = 3, /* Where a command that cannot be run says why. */
};

struct session {
    const struct exec_order *order;
    int connection; /* -1: it has ended. */
    int input;      /* Of the command; -1: closed. With a terminal the same as outputs[0]. */
    int outputs[2]; /* -1: ended, or there is none. */
    int failure;    /* Where a command that could not be run says why. */
    pid_t command;
    int ended;                    /* Readable when the command has ended; -1: that is known. */
    int code;                     /* Of its exit. */
    struct text in, out, to_give; /* From and for the connection; for the command's input. */
    bool input_ends;              /* After to_give. */
    bool is_told;                 /* EXIT is in `out`. */
    int64_t until_ms;             /* A deadline: of last words, or of the grace. 0: none. */
    bool was_killed;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_it(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

/* ---- The command ---- */

static _Noreturn void become_command(const struct exec_order *order, int in, int out, int error, int failure)
{
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    if (failure != FAILURE)
        dup2(failure, FAILURE);
    fcntl(FAILURE, F_SETFD, FD_CLOEXEC);
    close_range(FAILURE + 1, ~0U, 0); /* Also for a child that stands for the command without executing anything. */
    const char *place = exec_enter(order);
    dprintf(FAILURE, "%s: %s", place, strerror(errno));
    _exit(CANNOT_RUN);
}

/* Our ends are not the command's (nor theirs, beyond standard input and outputs), and ours do not block. */
static void keep(int descriptor)
{
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
}

static bool start_on_terminal(struct session *session, int failure)
{
    struct winsize window = {.ws_row = (unsigned short)session->order->rows,
                             .ws_col = (unsigned short)session->order->columns};
    int ours, theirs;
    if (openpty(&ours, &theirs, NULL, NULL, &window) != 0)
        return false;
    keep(ours);
    fcntl(theirs, F_SETFD, FD_CLOEXEC);
    session->command = fork();
    if (session->command == 0)
        become_command(session->order, theirs, theirs, theirs, failure);
    close(theirs);
    session->input = session->outputs[0] = ours;
    return session->command > 0;
}

static bool start_on_pipes(struct session *session, int failure)
{
    int in[2], out[2], error[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(error, O_CLOEXEC) != 0)
        return false;
    keep(in[1]);
    keep(out[0]);
    keep(error[0]);
    session->command = fork();
    if (session->command == 0)
        become_command(session->order, in[0], out[1], error[1], failure);
    close(in[0]);
    close(out[1]);
    close(error[1]);
    session->input = in[1];
    session->outputs[0] = out[0];
    session->outputs[1] = error[0];
    return session->command > 0;
}

static bool start(struct session *session)
{
    int failure[2];
    if (pipe2(failure, O_CLOEXEC) != 0)
        return false;
    bool is_started =
        session->order->rows > 0 ? start_on_terminal(session, failure[1]) : start_on_pipes(session, failure[1]);
    close(failure[1]);
    session->failure = failure[0];
    fcntl(session->failure, F_SETFL, O_NONBLOCK);
    if (is_started)
        session->ended = (int)syscall(SYS_pidfd_open, session->command, 0);
    return is_started && session->ended >= 0;
}

static void note_end(struct session *session)
{
    int status = 0;
    while (waitpid(session->command, &status, 0) < 0 && errno == EINTR) {
    }
    session->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    close_it(&session->ended);
    session->until_ms = now_ms() + LAST_WORDS_MS;
}

/* Hanging up a terminal tells all who are on it; the other way those in the command's session are told. */
static void hang_up(struct session *session)
{
    close_it(&session->connection);
    text_clear(&session->out);
    if (session->outputs[0] == session->input)
        session->outputs[0] = -1;
    close_it(&session->input);
    if (session->ended < 0)
        return;
    process_signal_descendants(getpid(), SIGHUP);
    session->until_ms = now_ms() + GRACE_MS;
}

/* ---- From the connection ---- */

static void take_frame(struct session *session, enum exec_frame_kind kind, struct io_bytes payload)
{
    if (kind == EXEC_STDIN && !session->input_ends) {
        text_add(&session->to_give, payload.data, payload.size);
    } else if (kind == EXEC_STDIN_END) {
        session->input_ends = true;
    } else if (kind == EXEC_WINDOW && payload.size == 4 && session->order->rows > 0 && session->input >= 0) {
        struct winsize window = {.ws_row = (unsigned short)(payload.data[0] << 8 | payload.data[1]),
                                 .ws_col = (unsigned short)(payload.data[2] << 8 | payload.data[3])};
        ioctl(session->input, TIOCSWINSZ, &window);
    }
}

static void take_frames(struct session *session)
{
    enum exec_frame_kind kind;
    struct io_bytes payload;
    enum exec_frame_result result = EXEC_FRAME_INCOMPLETE;
    while (session->to_give.size < ROOM_BYTES) {
        struct io_bytes bytes = {(const uint8_t *)text_string(&session->in), session->in.size};
        result = exec_frame_read(bytes, &kind, &payload);
        if (result != EXEC_FRAME_WHOLE)
            break;
        take_frame(session, kind, payload);
        text_consume(&session->in, EXEC_FRAME_HEAD + payload.size);
    }
    if (result == EXEC_FRAME_MALFORMED)
        hang_up(session);
}

static void read_connection(struct session *session)
{
    ssize_t size = read(session->connection, text_room(&session->in, PIECE_BYTES), PIECE_BYTES);
    if (size > 0)
        text_grow(&session->in, (size_t)size);
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        hang_up(session);
}

/* ---- To and from the command ---- */

static void give_input(struct session *session)
{
    if (session->input >= 0 && session->to_give.size > 0) {
        ssize_t size = write(session->input, text_string(&session->to_give), session->to_give.size);
        if (size > 0)
            text_consume(&session->to_give, (size_t)size);
        else if (size < 0 && errno != EAGAIN && errno != EINTR)
            session->input_ends = true; /* It does not want any more. */
        if (size < 0 && errno != EAGAIN && errno != EINTR)
            text_clear(&session->to_give);
    }
    bool is_terminal = session->order->rows > 0;
    if (session->input_ends && session->to_give.size == 0 && !is_terminal)
        close_it(&session->input);
}

static void read_output(struct session *session, size_t which)
{
    uint8_t bytes[PIECE_BYTES];
    ssize_t size = read(session->outputs[which], bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size > 0) {
        exec_frame_add(&session->out, which == 0 ? EXEC_STDOUT : EXEC_STDERR, bytes, (size_t)size);
        return;
    }
    if (session->outputs[which] == session->input) /* A terminal that nobody has open any more. */
        session->input = -1;
    close_it(&session->outputs[which]);
}

static void send_out(struct session *session)
{
    ssize_t size = write(session->connection, text_string(&session->out), session->out.size);
    if (size > 0)
        text_consume(&session->out, (size_t)size);
    else if (size < 0 && errno != EAGAIN && errno != EINTR)
        hang_up(session);
}

static void tell_end(struct session *session)
{
    char why[512];
    ssize_t size = read(session->failure, why, sizeof why);
    uint8_t code = (uint8_t)session->code;
    if (size > 0)
        exec_frame_add(&session->out, EXEC_ERROR, why, (size_t)size);
    else
        exec_frame_add(&session->out, EXEC_EXIT, &code, 1);
    session->is_told = true;
    session->until_ms = 0;
}

/* ---- The loop ---- */

enum { CONNECTION, INPUT, OUTPUT, ERROR, ENDED, PLACES };

static void prepare(const struct session *session, struct pollfd places[PLACES])
{
    for (size_t i = 0; i < PLACES; i++)
        places[i] = (struct pollfd){.fd = -1};
    bool has_room = session->out.size < ROOM_BYTES;
    places[CONNECTION].fd = session->connection;
    places[CONNECTION].events =
        (short)((session->in.size < ROOM_BYTES ? POLLIN : 0) | (session->out.size > 0 ? POLLOUT : 0));
    if (session->to_give.size > 0) {
        places[INPUT].fd = session->input;
        places[INPUT].events = POLLOUT;
    }
    for (size_t i = 0; i < 2 && has_room; i++) {
        places[OUTPUT + i].fd = session->outputs[i];
        places[OUTPUT + i].events = POLLIN;
    }
    places[ENDED].fd = session->ended;
    places[ENDED].events = POLLIN;
}

static bool is_over(const struct session *session)
{
    if (session->ended >= 0)
        return false;
    return session->connection < 0 || (session->is_told && session->out.size == 0);
}

static void look_at_time(struct session *session)
{
    if (session->until_ms == 0 || now_ms() < session->until_ms)
        return;
    session->until_ms = 0;
    if (session->ended < 0) { /* Who still has its outputs open is not waited for any longer. */
        close_it(&session->outputs[1]);
        if (session->outputs[0] == session->input)
            session->input = -1;
        close_it(&session->outputs[0]);
    } else if (!session->was_killed) {
        session->was_killed = true;
        process_signal_descendants(getpid(), SIGKILL);
        session->until_ms = now_ms() + GRACE_MS;
    }
}

static void turn(struct session *session)
{
    struct pollfd places[PLACES];
    prepare(session, places);
    int wait_ms = session->until_ms == 0 ? -1 : (int)(session->until_ms - now_ms());
    if (poll(places, PLACES, wait_ms < 0 && session->until_ms != 0 ? 0 : wait_ms) < 0 && errno != EINTR)
        _exit(1);
    if (places[ENDED].revents != 0)
        note_end(session);
    for (size_t i = 0; i < 2; i++)
        if (places[OUTPUT + i].revents != 0 && session->outputs[i] >= 0)
            read_output(session, i);
    if (places[CONNECTION].revents & (POLLIN | POLLHUP | POLLERR))
        read_connection(session);
    if (session->connection >= 0)
        take_frames(session);
    give_input(session);
    bool has_said_all = session->outputs[0] < 0 && session->outputs[1] < 0;
    if (session->ended < 0 && has_said_all && !session->is_told)
        tell_end(session);
    if (session->connection >= 0 && session->out.size > 0)
        send_out(session);
    look_at_time(session);
}

void exec_run(const struct exec_order *order, int connection)
{
    struct session session = {
        .order = order, .connection = connection, .input = -1, .outputs = {-1, -1}, .failure = -1, .ended = -1};
    fcntl(connection, F_SETFL, O_NONBLOCK);
    if (!start(&session)) {
        const char *why = strerror(errno);
        exec_frame_add(&session.out, EXEC_ERROR, why, strlen(why));
        session.is_told = true;
    }
    while (!is_over(&session))
        turn(&session);
    process_signal_descendants(getpid(), SIGKILL); /* Those that an OCI runtime has left to us. */
}
