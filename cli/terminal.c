#include "cli/terminal.h"

#include "core/base/text.h"
#include "core/wire/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* For programs that read standard output: the first error is the reason, what follows it only says where to look. */
static bool is_json_wanted, is_failure_told;
static char failure[1024];

void terminal_error(const char *format, ...)
{
    char text[sizeof failure];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    terminal_progress_end();
    fprintf(stderr, "cupola: %s\n", text);
    if (failure[0] == 0)
        memcpy(failure, text, sizeof failure);
}

void terminal_look_for_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        is_json_wanted = is_json_wanted || strcmp(argv[i], "--json") == 0;
}

void terminal_failure_is_told(void)
{
    is_failure_told = true;
}

void terminal_tell_failure(void)
{
    struct text json = {0};
    if (!is_json_wanted || is_failure_told || failure[0] == 0)
        return;
    text_add_string(&json, "{\"error\":");
    json_write_string(&json, failure);
    text_add_string(&json, "}");
    puts(text_string(&json));
    text_free(&json);
}

bool terminal_has_color(void)
{
    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

const char *terminal_color(int code)
{
    if (!terminal_has_color())
        return "";
    switch (code) {
    case 1:
        return "\033[1m";
    case 2:
        return "\033[2m";
    case 31:
        return "\033[31m";
    case 32:
        return "\033[32m";
    case 33:
        return "\033[33m";
    default:
        return "\033[0m";
    }
}

static bool progress_is_shown;

void terminal_progress(const char *text)
{
    bool in_place = isatty(STDERR_FILENO);
    fprintf(stderr, in_place ? "\r\033[K%s" : "%s\n", text);
    progress_is_shown = in_place;
}

void terminal_tell(const char *text)
{
    terminal_progress_end();
    bool is_dim = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
    fprintf(stderr, is_dim ? "\033[2m%s\033[0m\n" : "%s\n", text);
}

void terminal_progress_end(void)
{
    if (progress_is_shown)
        fputs("\r\033[K", stderr);
    progress_is_shown = false;
}

bool terminal_ask_password(const char *question, char *ret_password, unsigned size)
{
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return false;
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fputs(question, stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool ok = fgets(ret_password, (int)size, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    ret_password[strcspn(ok ? ret_password : "", "\n")] = 0;
    return ok;
}
