/* The suite on the real driver: libuv, sockets of the loopback device, files, SQLite. */
#include "tests/drivers/conformance/ground.h"
#include "tests/drivers/real/puppet.h"

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

int main(void)
{
    return suite_run("real driver");
}
