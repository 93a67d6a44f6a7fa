/* `cupola exec`: a command in an instance, with this terminal as its own or these streams as its own. The order is a
 * REST call like any other; then this is one end of a connection of frames (core/wire/exec_frame.h). */
#include "cli/client/exec_lines.h"
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/exec_frame.h"
#include "core/wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum { ROOM_BYTES = 65536, PIECE_BYTES = 16384, HEAD_BYTES_MOST = 16384, ANSWER_MS = 30000, CANNOT_RUN = 126 };

struct session {
    int connection;
    bool is_terminal;
    bool input_ended;
    bool json;
    struct text in, out;
    struct exec_lines lines;
    int status; /* -1: the command has not ended. */
    bool has_exited;
};

/* ---- The terminal ---- */

static struct termios before;
static volatile sig_atomic_t window_has_changed;

static void on_window(int signal_number)
{
    (void)signal_number;
    window_has_changed = 1;
}

static void restore_terminal(void)
{
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

/* Every key goes to the command, Ctrl-C too. */
static void make_terminal_raw(void)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return;
    atexit(restore_terminal);
    raw = before;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    struct sigaction action = {.sa_handler = on_window};
    sigaction(SIGWINCH, &action, NULL);
}

static void send_window(struct session *session)
{
    struct winsize window;
    window_has_changed = 0;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &window) != 0)
        return;
    const uint8_t payload[4] = {(uint8_t)(window.ws_row >> 8), (uint8_t)window.ws_row, (uint8_t)(window.ws_col >> 8),
                                (uint8_t)window.ws_col};
    exec_frame_add(&session->out, EXEC_WINDOW, payload, sizeof payload);
}

/* ---- The connection ---- */

static int connect_to(const Cupola__CliTarget *target)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int connection = -1;
    snprintf(port, sizeof port, "%u", target->port);
    int error = getaddrinfo(target->address, port, &hints, &found);
    for (struct addrinfo *at = found; error == 0 && at != NULL && connection < 0; at = at->ai_next) {
        connection = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (connection >= 0 && connect(connection, at->ai_addr, at->ai_addrlen) != 0) {
            close(connection);
            connection = -1;
        }
    }
    if (connection < 0)
        terminal_error("cannot connect to %s:%s: %s", target->address, port,
                       error != 0 ? gai_strerror(error) : strerror(errno));
    freeaddrinfo(found);
    return connection;
}

static bool write_all(int descriptor, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(descriptor, bytes, size);
        struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
        if (written < 0 && errno == EAGAIN) /* A terminal that somebody else made so. */
            poll(&ready, 1, -1);
        else if (written < 0 && errno != EINTR)
            return false;
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* What the answer says; with what has come behind its head in session->in. */
static bool read_head(struct session *session)
{
    const char *end = NULL;
    struct pollfd ready = {.fd = session->connection, .events = POLLIN};
    while (end == NULL && session->in.size < HEAD_BYTES_MOST && poll(&ready, 1, ANSWER_MS) > 0) {
        ssize_t size = read(session->connection, text_room(&session->in, PIECE_BYTES), PIECE_BYTES);
        if (size <= 0)
            break;
        text_grow(&session->in, (size_t)size);
        end = strstr(text_string(&session->in), "\r\n\r\n");
    }
    const char *answer = text_string(&session->in);
    if (end != NULL && strncmp(answer, "HTTP/1.1 101 ", 13) == 0) {
        text_consume(&session->in, (size_t)(end + 4 - answer));
        return true;
    }
    if (end != NULL)
        terminal_error("the command cannot be run there: %.*s", (int)strcspn(end + 4, "\r\n"), end + 4);
    else
        terminal_error("no answer from the cloud; try again");
    return false;
}

static bool join(struct session *session, const Cupola__CliTarget *target, const char *path)
{
    struct text head = {0};
    session->connection = connect_to(target);
    if (session->connection < 0)
        return false;
    text_addf(&head, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: " EXEC_PROTOCOL "\r\n\r\n", path,
              target->host_header);
    bool is_joined = write_all(session->connection, text_string(&head), head.size) && read_head(session);
    text_free(&head);
    return is_joined;
}

/* ---- The session ---- */

static void say_json(struct session *session, struct text *json)
{
    if (!write_all(STDOUT_FILENO, text_string(json), json->size) && session->status < 0)
        session->status = CLI_FAILED;
    text_free(json);
}

static void take_frame(struct session *session, enum exec_frame_kind kind, struct io_bytes payload)
{
    struct text json = {0};
    if (session->json && (kind == EXEC_STDOUT || kind == EXEC_STDERR)) {
        exec_lines_add(&session->lines, kind == EXEC_STDERR, payload, &json);
        say_json(session, &json);
    } else if (kind == EXEC_STDOUT || kind == EXEC_STDERR) {
        int output = kind == EXEC_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
        if (!write_all(output, (const char *)payload.data, payload.size))
            session->status = CLI_FAILED; /* Nobody listens any more. */
    } else if (kind == EXEC_EXIT && payload.size == 1) {
        session->status = payload.data[0];
        session->has_exited = true;
    } else if (kind == EXEC_ERROR) {
        terminal_error("the command cannot be run there: %.*s", (int)payload.size, (const char *)payload.data);
        session->status = CANNOT_RUN;
    }
}

static void take_frames(struct session *session)
{
    enum exec_frame_kind kind;
    struct io_bytes payload;
    for (;;) {
        struct io_bytes bytes = {(const uint8_t *)text_string(&session->in), session->in.size};
        enum exec_frame_result result = exec_frame_read(bytes, &kind, &payload);
        if (result == EXEC_FRAME_MALFORMED) {
            terminal_error("what came from the cloud makes no sense");
            session->status = CLI_FAILED;
        }
        if (result != EXEC_FRAME_WHOLE || session->status >= 0)
            return;
        take_frame(session, kind, payload);
        text_consume(&session->in, EXEC_FRAME_HEAD + payload.size);
    }
}

static void read_connection(struct session *session)
{
    ssize_t size = read(session->connection, text_room(&session->in, PIECE_BYTES), PIECE_BYTES);
    if (size > 0) {
        text_grow(&session->in, (size_t)size);
        take_frames(session);
    } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {
        session->status = CLI_FAILED;
        terminal_error("the session was ended: the instance or its host is gone, or nothing was said for too long");
    }
}

static void read_input(struct session *session)
{
    uint8_t bytes[PIECE_BYTES];
    ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
    if (size > 0)
        exec_frame_add(&session->out, EXEC_STDIN, bytes, (size_t)size);
    else if (size == 0 || (errno != EINTR && errno != EAGAIN))
        session->input_ended = true;
    if (session->input_ended)
        exec_frame_add(&session->out, EXEC_STDIN_END, NULL, 0);
}

static void send_out(struct session *session)
{
    ssize_t size =
        send(session->connection, text_string(&session->out), session->out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0)
        text_consume(&session->out, (size_t)size);
    else if (errno != EAGAIN && errno != EINTR)
        session->input_ended = true; /* Reading tells how it ended. */
    if (size < 0 && errno != EAGAIN && errno != EINTR)
        text_clear(&session->out);
}

static void turn(struct session *session)
{
    struct pollfd places[2] = {{.fd = session->connection, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    if (session->out.size > 0)
        places[0].events |= POLLOUT;
    if (!session->input_ended && session->out.size < ROOM_BYTES)
        places[1].fd = STDIN_FILENO;
    if (poll(places, 2, -1) < 0 && errno != EINTR) {
        session->status = CLI_FAILED;
        return;
    }
    if (window_has_changed)
        send_window(session);
    if (places[0].revents & (POLLIN | POLLHUP | POLLERR))
        read_connection(session);
    if (places[1].revents != 0)
        read_input(session);
    if (session->out.size > 0)
        send_out(session);
}

/* The exit status is the command's. */
static int run_session(struct request *request, const char *path, bool is_terminal)
{
    struct session session = {.connection = -1, .is_terminal = is_terminal, .json = request->json, .status = -1};
    struct text json = {0};
    if (!join(&session, home_current(request->home), path))
        session.status = CANNOT_RUN;
    else if (is_terminal)
        make_terminal_raw();
    take_frames(&session);
    while (session.status < 0)
        turn(&session);
    exec_lines_end(&session.lines, session.has_exited && session.json ? session.status : -1, &json);
    say_json(&session, &json);
    exec_lines_release(&session.lines);
    if (session.connection >= 0)
        close(session.connection);
    text_free(&session.in);
    text_free(&session.out);
    return session.status;
}

/* ---- The command ---- */

static const struct request_spec spec = {
    .usage =
        "usage: cupola exec APP [--instance N] [--] COMMAND [ARGUMENT ...]\n"
        "\n"
        "Runs a command beside the app in an instance: with its user, files, environment and limits. From a "
        "terminal it\n"
        "gets one of its own; otherwise it gets these streams. The exit status is the command's; 126 if it "
        "could not be\nrun. It ends with the instance, with this program, or when nothing was said for too long, "
        "and is told among\nthe app's events.\n"
        "\n"
        "  --instance N   which one; default: 0\n"
        "  --json         no terminal; what it says as lines of JSON: {\"stdout\":\"...\"}, {\"stderr\":\"...\"}, at "
        "the end\n"
        "                 {\"exit\":0}\n"
        "\n"
        "Examples:\n"
        "  cupola exec shop bash\n"
        "  cupola exec shop --instance 2 -- tail -n 5 logs/stdout.log\n"
        "  cupola exec shop -- tar cz app > app.tgz\n",
    .options = OPTION_INDEX,
    .least_words = 2,
    .most_words = 257};

static int prepare(struct request *request, bool is_terminal, struct text *ret_path)
{
    struct text result = {0};
    struct json_error error;
    struct winsize window;
    request->config.app = request->words[0];
    request->config.arguments = request->words + 1;
    request->config.n_arguments = (size_t)request->word_count - 1;
    if (is_terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &window) == 0) {
        request->config.has_rows = request->config.has_columns = true;
        request->config.rows = window.ws_row > 0 ? window.ws_row : 24;
        request->config.columns = window.ws_col > 0 ? window.ws_col : 80;
    }
    int status = request_run(request, "exec", &result);
    if (status == CLI_OK) {
        Cupola__RestExecSession *session = (Cupola__RestExecSession *)json_read(
            &cupola__rest_exec_session__descriptor,
            (struct io_bytes){(const uint8_t *)text_string(&result), result.size}, JSON_LENIENT, &error);
        if (session != NULL && session->path != NULL && strpbrk(session->path, " \r\n") == NULL)
            text_add_string(ret_path, session->path);
        else
            terminal_error("the cloud's answer has no session");
        cupola__rest_exec_session__free_unpacked(session, NULL);
    }
    text_free(&result);
    return status == CLI_OK && ret_path->size > 0 ? CLI_OK : CANNOT_RUN;
}

/* Options behind the app are the command's own: what follows the second word is not looked at. */
static int protect_command(int argc, char **argv, char **ret_argv)
{
    static char dashes[] = "--";
    int words = 0, count = 0;
    bool is_protected = false;
    for (int i = 0; i < argc; i++) {
        bool is_option = i > 0 && argv[i][0] == '-' && !is_protected;
        if (is_option && strcmp(argv[i], "--") == 0)
            is_protected = true;
        words += i > 0 && !is_option;
        if (words == 2 && !is_protected && i > 0 && !is_option && strcmp(argv[i - 1], "--instance") != 0 &&
            strcmp(argv[i - 1], "--index") != 0 && strcmp(argv[i - 1], "--user") != 0 &&
            strcmp(argv[i - 1], "-u") != 0) {
            ret_argv[count++] = dashes;
            is_protected = true;
        }
        ret_argv[count++] = argv[i];
    }
    ret_argv[count] = NULL;
    return count;
}

int cli_exec(int argc, char **argv)
{
    struct request request;
    struct text path = {0};
    char **words = calloc((size_t)argc + 2, sizeof *words);
    if (words == NULL)
        return CLI_FAILED;
    bool is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    int status = request_parse(&request, &spec, protect_command(argc, argv, words), words);
    is_terminal = is_terminal && !request.json;
    if (status < 0)
        status = prepare(&request, is_terminal, &path);
    if (status == CLI_OK && path.size > 0)
        status = run_session(&request, text_string(&path), is_terminal);
    text_free(&path);
    request_release(&request);
    free(words);
    return status;
}
