/* Lines for people: one a message, on stderr, with time, level and component; coloured on a terminal only. */
#include "drivers/real/driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    const char *label;
    const char *colour;
} levels[] = {
    [LOG_DEBUG] = {"debug", "DEBUG", "\033[2m"},
    [LOG_INFO] = {"info", "INFO ", ""},
    [LOG_WARNING] = {"warning", "WARN ", "\033[33m"},
    [LOG_ERROR] = {"error", "ERROR", "\033[31m"},
};

/* Unknown names mean info; cli/run/run.c refuses them before. */
enum log_level log_level_of(const char *name)
{
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (strcmp(levels[level].name, name) == 0)
            return level;
    }
    return LOG_INFO;
}

static bool wants_colour(void)
{
    return isatty(STDERR_FILENO) != 0 && getenv("NO_COLOR") == NULL;
}

/* What peers send may end up in a log line: control bytes must not reach the terminal. */
static void add_printable(struct text *line, const char *text)
{
    for (const char *c = text; *c != 0; c++)
        text_add_char(line, (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
}

/* One write a line, so that lines of several processes on one terminal do not mix. */
void log_to_stderr(enum log_level level, const char *component, const char *text)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    char when[40];
    size_t size = strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(when + size, sizeof when - size, ".%03ldZ", now.tv_nsec / 1000000);

    bool colour = wants_colour();
    struct text line = {0};
    text_addf(&line, "%s %s%s%s %s: ", when, colour ? levels[level].colour : "", levels[level].label,
              colour ? "\033[0m" : "", component);
    add_printable(&line, text);
    text_add_char(&line, '\n');
    ssize_t written = write(STDERR_FILENO, text_string(&line), line.size);
    (void)written; /* Where a log cannot go, nobody can be told. */
    text_free(&line);
}

void driver_log(struct real_driver *driver, enum log_level level, const char *format, ...)
{
    if (level < driver->log_level)
        return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    driver->log(level, driver->context.component, line);
}
