/* The suite on the real driver: libuv, sockets of the loopback device, files, SQLite. */
#include "tests/drivers/conformance/ground.h"
#include "tests/drivers/real/puppet.h"

#include <stdio.h>
#include <string.h>

static struct stage stage;

void ground_open(void)
{
    stage_open(&stage);
}

void ground_close(void)
{
    stage_close(&stage);
}

void ground_restart(void)
{
    stage_restart(&stage);
}

struct puppet *ground_puppet(void)
{
    return stage.puppet;
}

void ground_do(void (*task)(struct puppet *puppet))
{
    puppet_do(stage.driver, task);
}

void ground_turn(void)
{
    stage_turn(&stage);
}

uint64_t ground_now_ns(void)
{
    return uv_hrtime();
}

const char *ground_droplet(bool exits)
{
    static char digest[41];
    char path[96];
    snprintf(path, sizeof path, "%s/droplet.tgz", stage.dir);
    run_shell("mkdir -p %s/droplet/app && printf '#!/bin/bash\\n%s\\n' > %s/droplet/startup && "
              "chmod 755 %s/droplet/startup && tar -C %s/droplet -czf %s .",
              stage.dir, exits ? "sleep 0.2; exit 1" : "exec sleep 1000", stage.dir, stage.dir, stage.dir, path);
    uint64_t size;
    struct text error = {0};
    if (real_blob_import(stage.dir, path, digest, &size, &error) != IO_OK)
        digest[0] = 0;
    return digest;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], REAL_EXEC_COMMAND) == 0)
        return real_exec(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], REAL_SUPERVISOR_COMMAND) == 0) /* This program is its own supervisor. */
        return real_supervise(argc - 1, argv + 1);
    return suite_run("real driver");
}
