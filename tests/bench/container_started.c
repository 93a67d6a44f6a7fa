/* The smallest workload: says when it began to run, by a clock that all processes of a machine share, and waits.
 *
 *     container_started [FILE]      FILE: logs/started by default
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const char *path = argc > 1 && argv[1][0] == '/' ? argv[1] : "logs/started";
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dprintf(file, "%lld\n", (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
    close(file);
    pause();
    return 0;
}
