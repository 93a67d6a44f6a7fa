#include "drivers/real/streams/handover.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_GIVEN_DESCRIPTOR = 3 };

struct handover {
    struct real_driver *driver;
    int taken[HANDOVER_SOCKETS_MOST];
    size_t taken_count;
    int giver; /* The process that gave them waits here; -1: none. */
    int door;  /* Where our successor asks; -1: not open. */
    int taker; /* Our successor; -1: none. */
    uv_poll_t door_poll, taker_poll;
    bool is_handed_over, has_dismissed;
};

/* ---- Taking ---- */

static void keep(struct handover *handover, int descriptor)
{
    if (handover->taken_count == HANDOVER_SOCKETS_MOST) {
        close(descriptor);
        return;
    }
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    handover->taken[handover->taken_count++] = descriptor;
}

static void take_from_manager(struct handover *handover)
{
    const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    if (count == NULL || pid == NULL || strtol(pid, NULL, 10) != (long)getpid())
        return;
    long most = strtol(count, NULL, 10);
    for (long i = 0; i < most && i < HANDOVER_SOCKETS_MOST; i++)
        keep(handover, FIRST_GIVEN_DESCRIPTOR + (int)i);
}

static bool door_of_folder(const char *folder, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int size = snprintf(ret_address->sun_path, sizeof ret_address->sun_path, "%s/handover.sock", folder);
    return size > 0 && (size_t)size < sizeof ret_address->sun_path;
}

static bool door_address(const struct real_driver *driver, struct sockaddr_un *ret_address)
{
    return door_of_folder(driver->config->data_dir, ret_address);
}

/* The process that waits behind that door, or -1. */
static int knock(const struct sockaddr_un *address)
{
    int giver = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = HANDOVER_PATIENCE_S};
    setsockopt(giver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (giver >= 0 && connect(giver, (const struct sockaddr *)address, sizeof *address) == 0)
        return giver;
    close(giver);
    return -1;
}

/* A process of ours that does not answer in time is as good as none. */
static bool receive_sockets(struct handover *handover, int giver)
{
    union {
        char bytes[CMSG_SPACE(HANDOVER_SOCKETS_MOST * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    char byte;
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    if (recvmsg(giver, &message, MSG_CMSG_CLOEXEC) != 1)
        return false;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(part) + i * sizeof descriptor, sizeof descriptor);
            keep(handover, descriptor);
        }
    }
    return true;
}

static void take_from_predecessor(struct handover *handover)
{
    struct sockaddr_un address;
    if (!door_address(handover->driver, &address)) {
        driver_log(handover->driver, LOG_WARNING, "no handover: the name of the data folder is too long");
        return;
    }
    handover->giver = knock(&address);
    if (handover->giver < 0)
        return;
    receive_sockets(handover, handover->giver);
    driver_log(handover->driver, LOG_INFO, "took over %zu listening sockets", handover->taken_count);
}

void handover_open(struct real_driver *driver)
{
    struct handover *handover = driver->handover = memory_new(sizeof *handover);
    handover->driver = driver;
    handover->giver = handover->door = handover->taker = -1;
    take_from_manager(handover);
    if (driver->config->handover)
        take_from_predecessor(handover);
}

static bool is_same_address(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *x = (const struct sockaddr_in *)(const void *)a;
        const struct sockaddr_in *y = (const struct sockaddr_in *)(const void *)b;
        return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *x = (const struct sockaddr_in6 *)(const void *)a;
    const struct sockaddr_in6 *y = (const struct sockaddr_in6 *)(const void *)b;
    return a->sa_family == AF_INET6 && x->sin6_port == y->sin6_port &&
           memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0;
}

int handover_take(struct real_driver *driver, const struct sockaddr *address)
{
    struct handover *handover = driver->handover;
    for (size_t i = 0; i < handover->taken_count; i++) {
        struct sockaddr_storage bound = {0};
        socklen_t size = sizeof bound;
        int descriptor = handover->taken[i];
        if (getsockname(descriptor, (struct sockaddr *)&bound, &size) != 0 ||
            !is_same_address((const struct sockaddr *)&bound, address))
            continue;
        handover->taken[i] = handover->taken[--handover->taken_count];
        return descriptor;
    }
    return -1;
}

/* ---- Giving ---- */

static void on_poll_closed(uv_handle_t *handle)
{
    struct handover *handover = handle->data;
    struct real_driver *driver = handover->driver;
    driver->handle_count--;
    if (handle == (uv_handle_t *)&handover->door_poll) {
        close(handover->door);
        handover->door = -1;
    } else {
        close(handover->taker);
        handover->taker = -1;
    }
    if (driver->handover == NULL && handover->door < 0 && handover->taker < 0)
        memory_free(handover);
}

static void watch(struct handover *handover, uv_poll_t *poll, int descriptor, uv_poll_cb on_event)
{
    uv_poll_init(handover->driver->loop, poll, descriptor);
    poll->data = handover;
    handover->driver->handle_count++;
    uv_poll_start(poll, UV_READABLE, on_event);
}

/* A word: the successor listens, and we may go. The end without one: it has failed, and we go on. */
static void on_taker(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct handover *handover = poll->data;
    struct real_driver *driver = handover->driver;
    char byte;
    bool is_told = read(handover->taker, &byte, 1) == 1;
    uv_close((uv_handle_t *)poll, on_poll_closed);
    if (!is_told) {
        driver_log(driver, LOG_WARNING, "the process that asked for our listeners has ended");
        return;
    }
    driver_log(driver, LOG_INFO, "another process listens in our place: stopping");
    handover->is_handed_over = true;
    real_driver_stop(driver);
}

static bool send_sockets(int taker, const int *descriptors, size_t count)
{
    union {
        char bytes[CMSG_SPACE(HANDOVER_SOCKETS_MOST * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    char byte = 'L';
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(part), descriptors, count * sizeof(int));
    }
    return sendmsg(taker, &message, MSG_NOSIGNAL) == 1;
}

static void on_door(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct handover *handover = poll->data;
    struct real_driver *driver = handover->driver;
    int taker = accept4(handover->door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (taker < 0)
        return;
    int descriptors[HANDOVER_SOCKETS_MOST];
    size_t count = listenings_descriptors(driver, descriptors);
    if (handover->taker >= 0 || driver->exited || !send_sockets(taker, descriptors, count)) {
        close(taker); /* One at a time. */
        return;
    }
    handover->taker = taker;
    watch(handover, &handover->taker_poll, taker, on_taker);
}

static void open_door(struct handover *handover)
{
    struct sockaddr_un address;
    if (!door_address(handover->driver, &address))
        return;
    int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(address.sun_path);    /* Our predecessor's: it has heard that we are here, or it is dead. */
    mode_t before = umask(0077); /* Who gets our sockets gets our clients. */
    bool is_open =
        door >= 0 && bind(door, (const struct sockaddr *)&address, sizeof address) == 0 && listen(door, 1) == 0;
    umask(before);
    if (!is_open) {
        driver_log(handover->driver, LOG_WARNING, "no handover: %s: %s", address.sun_path, strerror(errno));
        close(door);
        return;
    }
    handover->door = door;
    watch(handover, &handover->door_poll, door, on_door);
}

/* With several sockets on one port the kernel keeps a queue for each, and resets what waits in one that is closed, as
 * well as what is still shaking hands for it. So we go on accepting from those whose process has no successor. */
static void adopt_rest(struct handover *handover)
{
    listenings_adopt(handover->driver);
    while (handover->taken_count > 0)
        close(handover->taken[--handover->taken_count]);
}

static void dismiss(struct handover *handover, const char *folder)
{
    struct sockaddr_un address;
    int other = door_of_folder(folder, &address) ? knock(&address) : -1;
    if (other < 0)
        return;
    bool is_given = receive_sockets(handover, other);
    adopt_rest(handover);
    if (is_given && send(other, "!", 1, MSG_NOSIGNAL) == 1)
        driver_log(handover->driver, LOG_INFO, "the process on %s has no successor: it stops", folder);
    close(other);
}

void handover_on_listening(struct real_driver *driver)
{
    struct handover *handover = driver->handover;
    adopt_rest(handover);
    if (handover->giver >= 0) {
        if (write(handover->giver, "!", 1) != 1)
            driver_log(driver, LOG_WARNING, "the process that gave us its listeners has ended");
        close(handover->giver);
        handover->giver = -1;
    }
    if (driver->config->handover && handover->door < 0 && !handover->is_handed_over)
        open_door(handover);
    for (size_t i = 0; i < driver->config->n_supersedes && !handover->has_dismissed; i++)
        dismiss(handover, driver->config->supersedes[i]);
    handover->has_dismissed = true;
}

void handover_close(struct real_driver *driver)
{
    struct handover *handover = driver->handover;
    if (handover == NULL)
        return;
    driver->handover = NULL;
    while (handover->taken_count > 0)
        close(handover->taken[--handover->taken_count]);
    if (handover->giver >= 0)
        close(handover->giver);
    struct sockaddr_un address;
    if (handover->door >= 0 && !handover->is_handed_over && door_address(driver, &address))
        unlink(address.sun_path);
    if (handover->door >= 0)
        uv_close((uv_handle_t *)&handover->door_poll, on_poll_closed);
    if (handover->taker >= 0 && !uv_is_closing((uv_handle_t *)&handover->taker_poll))
        uv_close((uv_handle_t *)&handover->taker_poll, on_poll_closed);
    if (handover->door < 0 && handover->taker < 0)
        memory_free(handover);
}
