/* What a container sees of this machine: the system's folders and what of /etc programs need to run and to find each
 * other, all of it read-only; nothing else. Both kinds of containers make their root file system of this list. */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_ROOT_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_ROOT_H

#include "drivers/real/files.h"

#define WORKLOAD_HOME "/home/vcap"
enum { WORKLOAD_TEMPORARY_BYTES = 64 << 20 };

enum root_entry_kind {
    ROOT_FOLDER = 1, /* Bound. */
    ROOT_FILE,       /* Bound, or copied if small. */
    ROOT_LINK,       /* Made as the host has it: /bin -> usr/bin. */
};

struct root_entry {
    enum root_entry_kind kind;
    struct path path;
    struct path target; /* Of a link. */
    uint64_t size;      /* Of a file. */
};

enum { ROOT_ENTRIES_MOST = 40 };
/* The folder that the executable of a runtime brings along, "" if it is in those of the system or nowhere. */
struct path workload_runtime_prefix(const char *runtime);
/* Returns how many there are. `runtime` is the executable of the app's runtime, or "": one that is installed elsewhere
 * (/opt/node/bin/node) brings its prefix along (/opt/node). */
size_t workload_root_list(struct root_entry ret_entries[ROOT_ENTRIES_MOST], const char *runtime);

#endif
