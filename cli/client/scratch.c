#include "cli/client/scratch.h"

#include "cli/home.h"
#include "cli/terminal.h"
#include "drivers/real/real.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "push-";
static char folder[4200];
static int lock = -1; /* Held as long as the process lives: that tells its folder from those that were left. */

/* ---- What others left ---- */

static void sweep_one(const char *home, const char *name)
{
    char path[4500];
    snprintf(path, sizeof path, "%s/%s", home, name);
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0)
        return;
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        real_remove_folder(path, NULL);
    close(descriptor);
}

static void sweep(const char *home)
{
    DIR *stream = opendir(home);
    for (const struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;)
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0)
            sweep_one(home, entry->d_name);
    if (stream != NULL)
        closedir(stream);
}

/* ---- Our own ---- */

/* False: somebody has swept it between its making and our lock. */
static bool take_lock(void)
{
    struct stat info;
    lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0 && flock(lock, LOCK_EX) == 0 && fstat(lock, &info) == 0 && info.st_nlink > 0 &&
        access(folder, W_OK) == 0)
        return true;
    if (lock >= 0)
        close(lock);
    lock = -1;
    return false;
}

const char *scratch_open(void)
{
    const char *home = home_folder();
    if (home == NULL)
        return NULL;
    sweep(home);
    for (int attempt = 0; attempt < 3; attempt++) {
        snprintf(folder, sizeof folder, "%s/%sXXXXXX", home, prefix);
        if (mkdtemp(folder) == NULL) {
            terminal_error("cannot create a folder in %s: %s; set CUPOLA_HOME to one that you may write", home,
                           strerror(errno));
            return NULL;
        }
        if (take_lock())
            return folder;
    }
    terminal_error("cannot lock %s: is %s on a file system without locks? Set CUPOLA_HOME to another one", folder,
                   home);
    return NULL;
}

void scratch_close(void)
{
    if (lock < 0)
        return;
    real_remove_folder(folder, NULL);
    close(lock);
    lock = -1;
}

/* ---- Interrupts ---- */

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

void scratch_note_interrupts(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

bool scratch_is_interrupted(void)
{
    return is_interrupted;
}
