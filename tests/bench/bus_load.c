/* A load generator for message buses that speak the NATS client protocol. One thread on epoll, so that it can be
 * pinned.
 *
 *     bus_load HOST PORT publish|fan|queue|subjects|latency|requests|hold  SIZE NUMBER MILLISECONDS
 *
 *     publish    one publisher, nobody listens; NUMBER is not used
 *     fan        one publisher, NUMBER subscribers
 *     queue      one publisher, a queue group of NUMBER
 *     subjects   one publisher, one subscriber of all, NUMBER subjects in turn
 *     latency    requests one after the other; prints microseconds: median, 99th percentile
 *     requests   requests with NUMBER in flight
 *     hold       NUMBER idle connections with a subscription each, held until standard input ends
 *     hold-subs  one idle connection with NUMBER subscriptions, likewise
 *
 * Prints one line: messages a second (deliveries a second for fan). Receivers count bytes: all messages of a run have
 * one size, so that the counting costs nothing. The publisher keeps at most WINDOW_BYTES of deliveries outstanding; a
 * bus is measured here, not its patience with slow consumers. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536, WINDOW_BYTES = 2 * 1048576, MOST_RECEIVERS = 64, MOST_SAMPLES = 2000000, PATIENCE_MS = 10000 };

static const char *host, *port;
static char scratch[1048576];

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "bus_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = write(fd, bytes, size);
        if (sent < 0 && errno != EAGAIN)
            fail("write");
        bytes += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* Reads until PONG has come; for the quiet moments before and after a run. */
static void wait_for_pong(int fd)
{
    size_t size = 0;
    send_text(fd, "PING\r\n");
    for (;;) {
        ssize_t got = read(fd, scratch + size, sizeof scratch - 1 - size);
        if (got <= 0)
            fail("waiting for PONG");
        size += (size_t)got;
        scratch[size] = 0;
        if (size >= 6 && memcmp(scratch + size - 6, "PONG\r\n", 6) == 0)
            return;
        if (size > sizeof scratch / 2) {
            memmove(scratch, scratch + size - 6, 6);
            size = 6;
        }
    }
}

/* A connection that was let in. */
static int join_bus(void)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        fail("address");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        fail("connect");
    freeaddrinfo(found);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    send_text(fd, "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"name\":\"bus_load\"}\r\n");
    wait_for_pong(fd);
    return fd;
}

static void set_nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        fail("fcntl");
}

/* ---- Streams of publications ---- */

struct plan {
    const char *mode;
    size_t size;
    size_t number;
    uint64_t run_ns;
};

/* What the publisher writes again and again: whole messages. */
struct burst {
    char *bytes;
    size_t size;
    size_t messages;
    size_t delivery_size; /* Of one message, as a subscriber gets it. */
};

static struct burst make_burst(const struct plan *plan)
{
    bool many = strcmp(plan->mode, "subjects") == 0;
    size_t each = plan->size + 64;
    struct burst burst = {.messages = many ? plan->number : BUFFER / each + 1};
    burst.bytes = malloc(burst.messages * each);
    for (size_t i = 0; i < burst.messages; i++) {
        char *at = burst.bytes + burst.size;
        int line =
            many ? sprintf(at, "PUB b.%07zu %zu\r\n", i, plan->size) : sprintf(at, "PUB bench %zu\r\n", plan->size);
        memset(at + line, 'x', plan->size);
        memcpy(at + (size_t)line + plan->size, "\r\n", 2);
        burst.size += (size_t)line + plan->size + 2;
    }
    /* "PUB s n" becomes "MSG s 1 n": two bytes more. */
    burst.delivery_size = burst.size / burst.messages + 2;
    return burst;
}

static size_t join_receivers(const struct plan *plan, int *ret_fds)
{
    size_t count = strcmp(plan->mode, "publish") == 0 ? 0 : strcmp(plan->mode, "subjects") == 0 ? 1 : plan->number;
    const char *sub = strcmp(plan->mode, "queue") == 0      ? "SUB bench q 1\r\n"
                      : strcmp(plan->mode, "subjects") == 0 ? "SUB b.* 1\r\n"
                                                            : "SUB bench 1\r\n";
    if (count > MOST_RECEIVERS)
        count = MOST_RECEIVERS;
    for (size_t i = 0; i < count; i++) {
        ret_fds[i] = join_bus();
        send_text(ret_fds[i], sub);
        wait_for_pong(ret_fds[i]);
        set_nonblocking(ret_fds[i]);
    }
    return count;
}

/* Reads all that is there. PINGs of the bus within it are few and answered by the PONGs sent here. */
static uint64_t drain(int fd)
{
    uint64_t size = 0;
    for (int i = 0; i < 4; i++) {
        ssize_t got = read(fd, scratch, sizeof scratch);
        if (got == 0)
            fail("cut off by the bus");
        if (got < 0 && errno != EAGAIN)
            fail("read");
        if (got <= 0)
            break;
        size += (uint64_t)got;
        if ((size_t)got < sizeof scratch)
            break;
    }
    return size;
}

struct stream_run {
    struct burst burst;
    size_t message_size; /* As published. */
    size_t copies;       /* Deliveries of each message. */
    int poll_fd, publisher;
    uint64_t bursts;
    size_t at; /* In the burst being written. */
    bool is_writable, is_polled;
    uint64_t received, received_ns;
};

static uint64_t messages_sent(const struct stream_run *run)
{
    return run->bursts * run->burst.messages + run->at / run->message_size;
}

static uint64_t bytes_due(const struct stream_run *run)
{
    return messages_sent(run) * run->copies * run->burst.delivery_size;
}

static void watch(const struct stream_run *run, int how, int fd, uint32_t wanted)
{
    struct epoll_event event = {.events = wanted, .data.fd = fd};
    if (epoll_ctl(run->poll_fd, how, fd, &event) != 0)
        fail("epoll_ctl");
}

static void publish_some(struct stream_run *run)
{
    size_t size = run->burst.size - run->at < BUFFER ? run->burst.size - run->at : BUFFER;
    ssize_t sent = write(run->publisher, run->burst.bytes + run->at, size);
    if (sent < 0 && errno != EAGAIN)
        fail("publish");
    run->is_writable = sent == (ssize_t)size;
    run->at += sent > 0 ? (size_t)sent : 0;
    if (run->at == run->burst.size) {
        run->at = 0;
        run->bursts++;
    }
}

/* Ends with a whole message. */
static void publish_rest(struct stream_run *run)
{
    size_t rest = (run->message_size - run->at % run->message_size) % run->message_size;
    send_all(run->publisher, run->burst.bytes + run->at, rest);
    run->at += rest;
}

/* One round: waits if there is nothing to write, takes what has come. */
static void poll_once(struct stream_run *run, bool may_publish)
{
    bool is_waiting = may_publish && !run->is_writable;
    if (is_waiting != run->is_polled) {
        watch(run, EPOLL_CTL_MOD, run->publisher, is_waiting ? EPOLLOUT : 0);
        run->is_polled = is_waiting;
    }
    struct epoll_event events[MOST_RECEIVERS + 1];
    int count = epoll_wait(run->poll_fd, events, MOST_RECEIVERS + 1, may_publish && run->is_writable ? 0 : 100);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == run->publisher) {
            run->is_writable = true;
            continue;
        }
        run->received += drain(events[i].data.fd);
        run->received_ns = now_ns();
    }
}

static void publish_for_a_while(struct stream_run *run, uint64_t end_ns)
{
    while (now_ns() < end_ns) {
        bool may_publish = run->copies == 0 || bytes_due(run) < run->received + WINDOW_BYTES * run->copies;
        poll_once(run, may_publish);
        if (may_publish && run->is_writable)
            publish_some(run);
    }
    publish_rest(run);
}

static void await_deliveries(struct stream_run *run)
{
    if (run->copies == 0) {
        fcntl(run->publisher, F_SETFL, fcntl(run->publisher, F_GETFL) & ~O_NONBLOCK);
        wait_for_pong(run->publisher); /* It has all been taken. */
        run->received_ns = now_ns();
    }
    while (run->received < bytes_due(run)) {
        poll_once(run, false);
        if (now_ns() - run->received_ns > PATIENCE_MS * 1000000ull) {
            fprintf(stderr, "bus_load: deliveries are missing\n");
            exit(1);
        }
    }
}

static void run_stream(const struct plan *plan)
{
    struct stream_run run = {.burst = make_burst(plan), .poll_fd = epoll_create1(EPOLL_CLOEXEC), .is_writable = true};
    int receivers[MOST_RECEIVERS];
    size_t receiver_count = join_receivers(plan, receivers);
    run.copies = strcmp(plan->mode, "queue") == 0 ? 1 : receiver_count;
    run.message_size = run.burst.size / run.burst.messages;
    run.publisher = join_bus();
    set_nonblocking(run.publisher);
    for (size_t i = 0; i < receiver_count; i++)
        watch(&run, EPOLL_CTL_ADD, receivers[i], EPOLLIN);
    watch(&run, EPOLL_CTL_ADD, run.publisher, 0);

    uint64_t start_ns = run.received_ns = now_ns();
    publish_for_a_while(&run, start_ns + plan->run_ns);
    await_deliveries(&run);
    uint64_t messages = messages_sent(&run) * (run.copies == 0 ? 1 : run.copies);
    printf("%.0f\n", (double)messages / ((double)(run.received_ns - start_ns) / 1e9));
    free(run.burst.bytes);
}

/* ---- Requests ---- */

/* In one piece, as client libraries do with what is sent at one moment. */
static void send_copies(int fd, const char *message, size_t size, size_t count)
{
    char *bytes = malloc(size * count + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + i * size, message, size);
    send_all(fd, bytes, size * count);
    free(bytes);
}

/* A requester and a responder in one process; both count by size. */
struct request_run {
    int poll_fd, requester, responder;
    char *request, *answer;
    size_t request_size, answer_size;
    uint64_t asked, served, answered, request_bytes, answer_bytes;
    uint64_t sent_ns;
    uint32_t *samples; /* Of a tenth of a microsecond. */
    size_t sample_count;
};

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static char *make_message(const char *subject, size_t size, size_t *ret_size)
{
    char *message = malloc(size + 100);
    size_t line = (size_t)sprintf(message, "PUB %s %zu\r\n", subject, size);
    memset(message + line, 'm', size);
    memcpy(message + line + size, "\r\n", 2);
    *ret_size = line + size + 2;
    return message;
}

static void prepare_requests(struct request_run *run, const struct plan *plan)
{
    run->requester = join_bus();
    run->responder = join_bus();
    send_text(run->requester, "SUB _INBOX.bench.* 1\r\n");
    wait_for_pong(run->requester);
    send_text(run->responder, "SUB serve 1\r\n");
    wait_for_pong(run->responder);
    run->request = make_message("serve _INBOX.bench.7", plan->size, &run->request_size);
    run->answer = make_message("_INBOX.bench.7", plan->size, &run->answer_size);
    run->samples = malloc(MOST_SAMPLES * sizeof *run->samples);
    run->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    int fds[] = {run->requester, run->responder};
    for (size_t i = 0; i < 2; i++) {
        set_nonblocking(fds[i]);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        epoll_ctl(run->poll_fd, EPOLL_CTL_ADD, fds[i], &event);
    }
}

/* A delivery is two bytes longer than its publication. */
static void take_requests(struct request_run *run)
{
    run->request_bytes += drain(run->responder);
    size_t due = (size_t)(run->request_bytes / (run->request_size + 2) - run->served);
    send_copies(run->responder, run->answer, run->answer_size, due);
    run->served += due;
}

static void take_answers(struct request_run *run, size_t in_flight)
{
    run->answer_bytes += drain(run->requester);
    run->answered = run->answer_bytes / (run->answer_size + 2);
    if (in_flight == 1 && run->answered == run->asked && run->sample_count < MOST_SAMPLES)
        run->samples[run->sample_count++] = (uint32_t)((now_ns() - run->sent_ns) / 100);
}

static void run_requests(const struct plan *plan, size_t in_flight, bool print_latency)
{
    struct request_run run = {0};
    prepare_requests(&run, plan);
    uint64_t start_ns = now_ns();
    uint64_t end_ns = start_ns + plan->run_ns;
    while (now_ns() < end_ns || run.answered < run.asked) {
        size_t open = now_ns() < end_ns ? (size_t)(run.answered + in_flight - run.asked) : 0;
        if (open > 0) {
            run.sent_ns = now_ns();
            send_copies(run.requester, run.request, run.request_size, open);
            run.asked += open;
        }
        struct epoll_event events[2];
        int count = epoll_wait(run.poll_fd, events, 2, 1000);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == run.responder)
                take_requests(&run);
            else
                take_answers(&run, in_flight);
        }
    }
    qsort(run.samples, run.sample_count, sizeof *run.samples, compare);
    if (print_latency && run.sample_count > 0)
        printf("%.1f %.1f\n", run.samples[run.sample_count / 2] / 10.0,
               run.samples[run.sample_count * 99 / 100] / 10.0);
    else
        printf("%.0f\n", (double)run.answered / ((double)(now_ns() - start_ns) / 1e9));
    free(run.samples);
    free(run.request);
    free(run.answer);
}

/* ---- Idle weight ---- */

static void wait_for_end(void)
{
    printf("ready\n");
    fflush(stdout);
    while (read(0, scratch, sizeof scratch) > 0) {
    }
}

static void run_hold(const struct plan *plan)
{
    struct rlimit limit = {plan->number + 100, plan->number + 100};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < plan->number; i++) {
        char sub[64];
        snprintf(sub, sizeof sub, "SUB idle.%zu 1\r\n", i);
        int fd = join_bus();
        send_text(fd, sub);
        if (i + 1 == plan->number)
            wait_for_pong(fd);
    }
    wait_for_end();
}

static void run_hold_subscriptions(const struct plan *plan)
{
    int fd = join_bus();
    for (size_t i = 0; i < plan->number; i++) {
        char sub[64];
        snprintf(sub, sizeof sub, "SUB idle.%zu.x %zu\r\n", i, i);
        send_text(fd, sub);
    }
    wait_for_pong(fd);
    wait_for_end();
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bus_load HOST PORT publish|fan|queue|subjects|latency|requests|hold|hold-subs "
                        "SIZE NUMBER MILLISECONDS\n");
        return 2;
    }
    host = argv[1];
    port = argv[2];
    struct plan plan = {.mode = argv[3],
                        .size = strtoul(argv[4], NULL, 10),
                        .number = strtoul(argv[5], NULL, 10),
                        .run_ns = strtoull(argv[6], NULL, 10) * 1000000};
    if (strcmp(plan.mode, "latency") == 0)
        run_requests(&plan, 1, true);
    else if (strcmp(plan.mode, "requests") == 0)
        run_requests(&plan, plan.number, false);
    else if (strcmp(plan.mode, "hold") == 0)
        run_hold(&plan);
    else if (strcmp(plan.mode, "hold-subs") == 0)
        run_hold_subscriptions(&plan);
    else
        run_stream(&plan);
    return 0;
}
