/* `cupola sim new`: a first scenario to change. */
#include "cli/sim/sim.h"

#include "cli/input.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] = "usage: cupola sim new FILE [TITLE]\n"
                           "\n"
                           "Writes a small scenario that passes, with the words you will want next as comments. Exit "
                           "status: 0 it is written,\n"
                           "2 it could not be, or the file is there already.\n"
                           "\n"
                           "Examples:\n"
                           "  cupola sim new scenarios/zone-outage.lua \"A zone is lost; nobody notices\"\n"
                           "  cupola sim new my-first.lua && cupola sim run my-first.lua\n";

static const char head[] = "local cupola = require \"cupola\"\n"
                           "\n"
                           "return cupola.scenario {\n"
                           "  title = \"";

static const char body[] =
    "\",\n"
    "\n"
    "  -- What the cloud is made of. Everything has a default; docs/reference.md lists what can be said.\n"
    "  cloud = { routers = 2, deas = 3 },\n"
    "  apps = { shop = { instances = 3, memory = \"64M\" } },\n"
    "  load = { { host = \"shop.cupola.test\", rate = 50 } },\n"
    "\n"
    "  -- What holds at every moment, fault or no fault.\n"
    "  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },\n"
    "\n"
    "  run = function(cloud)\n"
    "    cloud:wait_until(cupola.converged, \"60s\")\n"
    "\n"
    "    -- What breaks: cloud:fault(kind, { target = ..., duration = ... }) knows the whole menu.\n"
    "    local victim = cloud:pick(cloud.deas)\n"
    "    victim:kill()\n"
    "\n"
    "    -- What must follow, and how fast. `record` makes it a distribution over many seeds.\n"
    "    cloud:record(\"time to recovery\", cloud:wait_until(cupola.converged, \"60s\"))\n"
    "  end,\n"
    "}\n";

/* Into a Lua text: quotes and backslashes are escaped, what is no letter becomes a blank. */
static void add_quoted(struct text *text, const char *title)
{
    for (const char *at = title; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            text_add_char(text, '\\');
        text_add_char(text, (unsigned char)*at < ' ' ? ' ' : *at);
    }
}

int cli_sim_new(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return SIM_PASSED;
    }
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        fputs("cupola sim new: name the file to write, and perhaps a title; try `cupola sim new --help`\n", stderr);
        return SIM_USAGE;
    }
    if (access(argv[1], F_OK) == 0) {
        fprintf(stderr, "cupola sim new: %s is there already; choose another name\n", argv[1]);
        return SIM_USAGE;
    }
    struct text text = {0};
    text_add_string(&text, head);
    add_quoted(&text, argc == 3 ? argv[2] : "A DEA is killed and comes back; what runs there goes on");
    text_add_string(&text, body);
    bool ok = input_write_file(argv[1], &text);
    text_free(&text);
    if (ok)
        printf("%s is written; play it with: cupola sim run %s\n", argv[1], argv[1]);
    return ok ? SIM_PASSED : SIM_USAGE;
}
