#include "cli/output.h"

#include "cli/commands.h"
#include "core/base/assert.h"
#include "core/base/memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool output_is_terminal(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

const char *output_shade(FILE *stream, enum shade shade)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool plain = (no_color != NULL && no_color[0] != 0) || (terminal != NULL && strcmp(terminal, "dumb") == 0);
    if (plain || !output_is_terminal(stream))
        return "";
    switch (shade) {
    case SHADE_PLAIN:
        return "\033[0m";
    case SHADE_BOLD:
        return "\033[1m";
    case SHADE_DIM:
        return "\033[2m";
    case SHADE_GOOD:
        return "\033[32m";
    case SHADE_WARNING:
        return "\033[33m";
    case SHADE_BAD:
        return "\033[31m";
    }
    assert_unreachable();
}

static void print_labelled(enum shade shade, const char *label, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static void print_labelled(enum shade shade, const char *label, const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, "%s%s%s ", output_shade(stderr, shade), label, output_shade(stderr, SHADE_PLAIN));
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void output_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_labelled(SHADE_BAD, "error:", format, arguments);
    va_end(arguments);
}

void output_hint(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_labelled(SHADE_DIM, "  next:", format, arguments);
    va_end(arguments);
}

int output_usage_error(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_labelled(SHADE_BAD, "error:", format, arguments);
    va_end(arguments);
    output_hint("cupola %s --help", command);
    return CLI_USAGE;
}

/* ---- Tables ---- */

void table_begin(struct table *table, const char *const *titles)
{
    *table = (struct table){0};
    while (titles[table->columns] != NULL)
        table->columns++;
    assert_that(table->columns <= TABLE_COLUMNS);
    for (size_t i = 0; i < table->columns; i++)
        table_cell(table, SHADE_BOLD, "%s", titles[i]);
}

void table_cell(struct table *table, enum shade shade, const char *format, ...)
{
    char cell[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    text_add(&table->cells, cell, strlen(cell) + 1);
    table->shades = memory_grow(table->shades, table->cell_count * sizeof *table->shades,
                                (table->cell_count + 1) * sizeof *table->shades);
    table->shades[table->cell_count++] = shade;
}

static void print_cells(const struct table *table, const size_t *widths)
{
    const char *cell = text_string(&table->cells);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t size = strlen(cell);
        bool last = i % table->columns == table->columns - 1;
        enum shade shade = table->shades[i];
        const char *on = shade == SHADE_PLAIN ? "" : output_shade(stdout, shade);
        const char *off = shade == SHADE_PLAIN ? "" : output_shade(stdout, SHADE_PLAIN);
        printf("%s%s%s%*s", on, cell, off, last ? 0 : (int)(widths[i % table->columns] - size + 2), "");
        if (last)
            putchar('\n');
        cell += size + 1;
    }
}

void table_end(struct table *table)
{
    assert_that(table->cell_count % table->columns == 0);
    size_t widths[TABLE_COLUMNS] = {0};
    const char *cell = text_string(&table->cells);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t size = strlen(cell);
        if (size > widths[i % table->columns])
            widths[i % table->columns] = size;
        cell += size + 1;
    }
    print_cells(table, widths);
    text_free(&table->cells);
    memory_free(table->shades);
}

/* ---- Numbers for people ---- */

void output_size(char *ret_text, size_t size, uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    size_t unit = 0;
    uint64_t scale = 1;
    while (bytes / scale >= 1024 && unit + 1 < sizeof units - 1) {
        scale *= 1024;
        unit++;
    }
    uint64_t tenths = bytes % scale * 10 / scale;
    if (unit == 0 || bytes / scale >= 100)
        snprintf(ret_text, size, "%llu%c", (unsigned long long)(bytes / scale), units[unit]);
    else
        snprintf(ret_text, size, "%llu.%llu%c", (unsigned long long)(bytes / scale), (unsigned long long)tenths,
                 units[unit]);
}

void output_duration(char *ret_text, size_t size, uint64_t seconds)
{
    unsigned long long minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    if (days > 0)
        snprintf(ret_text, size, "%llud %lluh", days, hours % 24);
    else if (hours > 0)
        snprintf(ret_text, size, "%lluh %llum", hours, minutes % 60);
    else if (minutes > 0)
        snprintf(ret_text, size, "%llum %llus", minutes, (unsigned long long)seconds % 60);
    else
        snprintf(ret_text, size, "%llus", (unsigned long long)seconds);
}
