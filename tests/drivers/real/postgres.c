#include "tests/drivers/real/postgres.h"

#include "tests/drivers/real/puppet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool postgres_start(char *folder, char *ret_place, size_t place_size)
{
    char command[128];
    if (mkdtemp(folder) == NULL)
        return false;
    run_shell("chmod 755 %s", folder);
    snprintf(command, sizeof command, "tests/support/postgres.sh start %s/pg", folder);
    FILE *output = popen(command, "r");
    bool ok = output != NULL && fgets(ret_place, (int)place_size, output) != NULL;
    ret_place[strcspn(ret_place, "\n")] = '\0';
    return pclose(output) == 0 && ok;
}

void postgres_crash(const char *folder)
{
    run_shell("tests/support/postgres.sh crash %s/pg", folder);
}

void postgres_stop(const char *folder)
{
    run_shell("tests/support/postgres.sh stop %s/pg; rm -rf %s", folder, folder);
}
