/* The log streams of a supervisor: lines a second and CPU, from the pipe to rotated files.
 *
 *     log_stream [SECONDS]      lines of 100 bytes, written by another process in pieces of 64 KB
 */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/real/files.h"
#include "drivers/real/workloads/supervisor_log.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 100, LINES = 655, PIPE_BYTES = 1 << 20, FILE_BYTES = 4 << 20, FILES = 3 };

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static _Noreturn void write_for_ever(int pipe)
{
    static char lines[LINE * LINES];
    memset(lines, 'x', sizeof lines);
    for (size_t i = 0; i < LINES; i++)
        lines[i * LINE + LINE - 1] = '\n';
    for (;;) {
        if (files_write_all(pipe, lines, sizeof lines) != 0)
            _exit(1);
    }
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 3;
    char folder[] = "/tmp/cupola-log-bench-XXXXXX";
    int out[2], errors[2];
    if (mkdtemp(folder) == NULL || mkdir(path_of("%s/logs", folder).text, 0755) != 0 || pipe(out) != 0 ||
        pipe(errors) != 0)
        return 1;
    fcntl(out[1], F_SETPIPE_SZ, PIPE_BYTES);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(errors[0], F_SETFL, O_NONBLOCK);
    pid_t writer = fork();
    if (writer == 0)
        write_for_ever(out[1]);
    struct supervisor_log log;
    struct log_settings settings = {FILE_BYTES, FILES, 0};
    int readers[LOG_STREAMS] = {out[0], errors[0]};
    supervisor_log_open(&log, &settings, open(folder, O_RDONLY | O_DIRECTORY), readers, now_ns());
    uint64_t begun_ns = now_ns(), ended_ns = begun_ns;
    double cpu = cpu_seconds();
    while (ended_ns - begun_ns < seconds * NS_PER_S) {
        struct pollfd ready = {.fd = out[0], .events = POLLIN};
        poll(&ready, 1, 100);
        supervisor_log_pump(&log, LOG_STDOUT, ended_ns);
        ended_ns = now_ns();
    }
    cpu = cpu_seconds() - cpu;
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    double lines = (double)log.streams[LOG_STDOUT].total_bytes / LINE;
    printf("  log stream: %.2f M lines/s (%d bytes each), %.2f M lines a CPU second, %llu lost\n",
           lines / (double)(ended_ns - begun_ns) * 1e3, LINE, lines / cpu / 1e6,
           (unsigned long long)log.streams[LOG_STDOUT].lost_lines);
    files_remove_tree(folder, NULL);
    return 0;
}
