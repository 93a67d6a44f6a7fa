/* One TCP connection to a lease port: PINGs go out, PONGs come in. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <string.h>

static void on_connected(struct conn *conn);
static void on_bytes(struct conn *conn, struct slice bytes);
static void on_end(struct conn *conn);
static void on_closed(struct conn *conn, enum io_status status);

static const struct conn_handlers handlers = {
    .on_connected = on_connected, .on_bytes = on_bytes, .on_end = on_end, .on_closed = on_closed};

struct hm_line *hm_line_open(struct health_manager *hm, struct hm_dea *dea, struct hm_look *look)
{
    struct hm_line *line = memory_new(sizeof *line);
    *line = (struct hm_line){.hm = hm, .dea = dea, .look = look, .next = hm->leases.lines};
    if (line->next != NULL)
        line->next->previous = line;
    hm->leases.lines = line;
    conn_connect(&hm->machine, &line->conn, &handlers, dea->lease.host, dea->lease.port);
    return line;
}

void hm_line_drop(struct hm_line *line)
{
    if (line == NULL)
        return;
    line->dea = NULL;
    line->look = NULL;
    conn_abort(&line->conn);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    struct hm_line *line = container_of(conn, struct hm_line, conn);
    if (line->dea != NULL)
        hm_lease_on_ended(line, status);
    if (line->previous != NULL)
        line->previous->next = line->next;
    else
        line->hm->leases.lines = line->next;
    if (line->next != NULL)
        line->next->previous = line->previous;
    memory_free(line);
}

static void on_end(struct conn *conn)
{
    conn_close(conn);
}

/* ---- PING ---- */

struct slice hm_line_new_ping(const struct health_manager *hm, uint64_t grant_ms)
{
    struct text ping = {0};
    text_addf(&ping, "PING %llu %llu%s\r\n", (unsigned long long)hm->leases.period, (unsigned long long)grant_ms,
              hm_desired_can_order(hm) || mutation_is(HM_HIDES_ITS_HELPLESSNESS) ? "" : " unable");
    return text_take(&ping);
}

void hm_line_ping(struct hm_line *line, struct slice ping)
{
    uint64_t number = line->hm->leases.period;
    if (line->conn.state != CONN_OPEN || line->sent_number == number)
        return;
    line->sent_number = number;
    line->sent_at_ns = line->hm->machine.now_ns;
    buffer_ref(ping.buffer);
    conn_write(&line->conn, ping);
}

bool hm_line_is_answered(const struct hm_line *line)
{
    return line->sent_number != 0 && line->answered_number == line->sent_number;
}

static void on_connected(struct conn *conn)
{
    struct hm_line *line = container_of(conn, struct hm_line, conn);
    if (line->dea == NULL)
        return;
    struct slice ping = hm_line_new_ping(line->hm, 0);
    hm_line_ping(line, ping);
    buffer_unref(ping.buffer);
    conn_read(conn);
    hm_lease_on_accepted(line);
}

/* ---- PONG ---- */

static bool read_number(const char **at, uint64_t most, uint64_t *ret_number)
{
    const char *first = *at;
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (number > (most - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return *at != first;
}

/* `text` ends with a NUL, without its line end; the life is cut out of it. */
static bool read_pong(char *text, uint64_t *ret_number, const char **ret_life, int64_t *ret_sequence)
{
    uint64_t sequence;
    const char *at = text + 5;
    if (strncmp(text, "PONG ", 5) != 0 || !read_number(&at, UINT64_MAX, ret_number) || *at != ' ')
        return false;
    char *life = text + (at + 1 - text);
    char *end = strchr(life, ' ');
    if (end == NULL || end == life || end - life >= LIFE_SIZE)
        return false;
    *end = '\0';
    at = end + 1;
    if (!read_number(&at, INT64_MAX, &sequence) || *at != '\0')
        return false;
    *ret_life = life;
    *ret_sequence = (int64_t)sequence;
    return true;
}

/* false: this is nobody who speaks our language. */
static bool take_line(struct hm_line *line)
{
    uint64_t number;
    const char *life;
    int64_t sequence;
    if (line->size > 0 && line->text[line->size - 1] == '\r')
        line->size--;
    line->text[line->size] = '\0';
    line->size = 0;
    if (!read_pong(line->text, &number, &life, &sequence) || number > line->sent_number)
        return false;
    line->answered_number = number;
    hm_lease_on_pong(line, life, sequence);
    return true;
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct hm_line *line = container_of(conn, struct hm_line, conn);
    const char *data = (const char *)slice_data(bytes);
    for (size_t i = 0; i < bytes.size && line->dea != NULL; i++) {
        bool is_over = data[i] == '\n';
        if ((!is_over && line->size == LINE_SIZE - 1) || (is_over && !take_line(line))) {
            conn_abort(conn);
            return;
        }
        if (!is_over)
            line->text[line->size++] = data[i];
    }
    conn_read(conn);
}
