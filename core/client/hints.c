#include "core/client/hints.h"

#include <string.h>

struct hint {
    int code;
    const char *advice; /* "@" stands for the app's name. */
};

/* The codes are v1's: core/cloud_controller/errors.h. */
static const struct hint hints[] = {
    {100, "correct what it names and try again"},
    {102, "somebody else changes the app all the time; try again later"},
    {200, "log in with `cupola login`; if you are logged in, this needs rights that you do not have"},
    {201, "check the e-mail address of that user"},
    {204, "the pause is against people who guess; somebody else may have tried"},
    {300, "correct what it names and try again"},
    {301, "`cupola apps` lists the apps that you have"},
    {304, "`cupola instances @` lists the instances there are"},
    {305, "start it with `cupola start @`"},
    {306, "`cupola instances @` tells which instances run; `cupola files @` lists what they have"},
    {390, "`cupola events @` tells how far it is; `cupola update @ --cancel` ends it"},
    {391, "`cupola files @` and `cupola logs @` show what an instance has and says"},
    {307, "`cupola info` lists frameworks and their runtimes"},
    {308, "`cupola info` lists the frameworks; name one with --framework"},
    {310, "`cupola logs @` shows the staging log"},
    {402, "push again; if it is too large, leave files out"},
    {600, "`cupola info` tells how much is in use; stop an app, or ask for less memory or fewer instances"},
    {601, "delete an app that you no longer need"},
    {602, "unmap a URI first"},
    {700, "a URI looks like shop.example.com"},
    {701, "choose another URI"},
    {702, "choose a URI below the cloud's own domain"},
};

static const char *find_advice(const char *command, int code, int status)
{
    if (code == 200 && strcmp(command, "login") == 0)
        return "check the e-mail address and the password; `cupola register` makes a new account";
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (hints[i].code == code)
            return hints[i].advice;
    if (code == 0 && status < 500)
        return "is it a cloud controller? Check the target";
    return "try again; if it stays so, the log of the cloud controller tells more";
}

void hint_add(struct text *text, const char *command, int code, int status, const char *app)
{
    const char *advice = find_advice(command, code, status);
    for (const char *place = strchr(advice, '@'); place != NULL; place = strchr(advice, '@')) {
        text_add(text, advice, (size_t)(place - advice));
        text_add_string(text, app == NULL ? "NAME" : app);
        advice = place + 1;
    }
    text_add_string(text, advice);
}
