/* Which kinds there are, and which of them this machine can do. */
#include "drivers/real/workloads/kind.h"

#include "drivers/real/real.h"

#include <string.h>
#include <unistd.h>

static const struct workload_kind *const kinds[] = {&workload_kind_process, &workload_kind_bubblewrap,
                                                    &workload_kind_oci};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const struct workload_kind *workload_kind_of(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(name, kinds[i]->name) == 0)
            return kinds[i];
    }
    return NULL;
}

const struct workload_kind *workload_kind_chosen(const Cupola__DriverConfig *config)
{
    if (strcmp(config->workloads, REAL_WORKLOADS_AUTO) != 0)
        return workload_kind_of(config->workloads);
    struct text why_not = {0};
    bool is_possible = workload_kind_bubblewrap.is_possible(config, &why_not);
    text_free(&why_not);
    return is_possible ? &workload_kind_bubblewrap : &workload_kind_process;
}

bool workload_find_program(const char *name, struct path *ret_path)
{
    *ret_path = path_of("%s", name);
    if (strchr(name, '/') != NULL)
        return access(name, X_OK) == 0;
    static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin",        "/sbin",          "/bin"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        *ret_path = path_of("%s/%s", folders[i], name);
        if (access(ret_path->text, X_OK) == 0)
            return true;
    }
    return false;
}

/* ---- For the command line ---- */

static bool is_possible(const char *kind_name, const Cupola__DriverConfig *config, struct text *ret_why_not)
{
    const struct workload_kind *kind = workload_kind_of(kind_name);
    if (kind == NULL)
        text_addf(ret_why_not, "workloads are of kind \"auto\", \"process\", \"bubblewrap\" or \"oci\", not \"%s\"",
                  kind_name);
    return kind != NULL && kind->is_possible(config, ret_why_not);
}

bool real_workloads_possible(const char *kind, const char *oci_runtime, struct text *ret_why_not)
{
    Cupola__DriverConfig config = CUPOLA__DRIVER_CONFIG__INIT;
    config.oci_runtime = (char *)(uintptr_t)oci_runtime;
    return strcmp(kind, REAL_WORKLOADS_AUTO) == 0 || is_possible(kind, &config, ret_why_not);
}

const char *real_workloads_choose(struct text *ret_why_not)
{
    Cupola__DriverConfig config = CUPOLA__DRIVER_CONFIG__INIT;
    bool has_containers = workload_kind_bubblewrap.is_possible(&config, ret_why_not);
    return has_containers ? workload_kind_bubblewrap.name : workload_kind_process.name;
}
