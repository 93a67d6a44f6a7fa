#include "sim/search/shrink_decisions.h"

#include "sim/faults/fault.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { CHOICES = 8, MOST_APPS = 3 };

/* A place where something is drawn or named. `choose` writes choice 0, 1, ... of it; nothing: there is none. */
struct site {
    size_t from, to;
    const char *list; /* WHOM: "cloud.deas", or the role's list of a name. */
    size_t list_size;
    bool is_string, is_host; /* Written as a name: "dea-3", "host:dea-3". */
    size_t number;           /* cloud.deas[3], "dea-2": 3; 0: it is picked. */
    const struct cause_deed *deed;
    enum { SITE_WHOM = 1, SITE_DRAW, SITE_SHARE } kind;
};

static size_t line_of(const struct lua_source *source, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += source->text[i] == '\n';
    return line;
}

static bool begins(const struct lua_source *source, size_t at, const char *word)
{
    return source->size - at >= strlen(word) && memcmp(source->text + at, word, strlen(word)) == 0;
}

/* The name of that app in the scenario's table; its size, 0 if there are fewer. */
static size_t find_app(const struct lua_source *source, size_t number, const char **ret_name)
{
    const struct lua_piece *apps = lua_source_entry(source, "apps");
    const struct lua_piece *last = apps; /* Behind it begins the next one. */
    for (size_t i = 0; apps != NULL && i < source->count; i++) {
        const struct lua_piece *piece = &source->pieces[i];
        bool is_inner = last != apps && piece->from < last->to;
        if (piece->kind != LUA_ENTRY || piece <= apps || piece->to > apps->to || is_inner)
            continue;
        last = piece;
        if (piece->name_to == piece->name_from)
            continue;
        *ret_name = source->text + piece->name_from;
        if (number-- == 0)
            return piece->name_to - piece->name_from;
    }
    return 0;
}

/* ---- Which sites are there ---- */

static bool read_list(const struct lua_source *source, size_t at, struct site *site)
{
    static const char *const lists[] = {"cloud.deas", "cloud.routers", "cloud.controllers", "cloud.health_managers",
                                        "cloud.bus",  "cloud.gateways"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (!begins(source, at, lists[i]))
            continue;
        site->list = source->text + at;
        site->list_size = strlen(lists[i]);
        return true;
    }
    return false;
}

/* cloud:pick(cloud.deas), cloud:pick(cloud.deas, "name") */
static bool is_pick(const struct lua_source *source, size_t at, struct site *site)
{
    static const char begin[] = "cloud:pick(";
    if (!begins(source, at, begin) || !read_list(source, at + sizeof begin - 1, site))
        return false;
    const char *behind = site->list + site->list_size, *close = behind + strcspn(behind, "(){}");
    *site = (struct site){.kind = SITE_WHOM,
                          .from = at,
                          .to = (size_t)(close + 1 - source->text),
                          .list = site->list,
                          .list_size = site->list_size};
    return *close == ')' && (*behind == ')' || *behind == ',');
}

/* cloud.deas[3] */
static bool is_place(const struct lua_source *source, size_t at, struct site *site)
{
    if (!read_list(source, at, site) || site->list[site->list_size] != '[')
        return false;
    char *end;
    site->kind = SITE_WHOM;
    site->number = strtoul(site->list + site->list_size + 1, &end, 10);
    site->from = at;
    site->to = (size_t)(end + 1 - source->text);
    return *end == ']' && site->number > 0;
}

/* "dea-3", "host:dea-3" */
static bool is_name(const struct lua_source *source, size_t at, struct site *site)
{
    if (source->text[at] != '"')
        return false;
    const char *name = source->text + at + 1;
    site->is_host = strncmp(name, "host:", 5) == 0;
    name += site->is_host ? 5 : 0;
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz_");
    char *end;
    site->list = name;
    site->list_size = size;
    if (size == 0 || name[size] != '-' || !isdigit((unsigned char)name[size + 1]))
        return false;
    site->number = strtoul(name + size + 1, &end, 10) + 1;
    site->kind = SITE_WHOM;
    site->is_string = true;
    site->from = at;
    site->to = (size_t)(end + 1 - source->text);
    return *end == '"';
}

/* cloud:draw(1, 6), cupola.uniform("1s", "5s") */
static bool is_draw(const struct lua_source *source, size_t at, struct site *site)
{
    static const char *const words[] = {"cloud:draw(", "cupola.uniform(", "cupola.exponential(", "cupola.lognormal(",
                                        "cupola.bimodal("};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!begins(source, at, words[i]))
            continue;
        const char *value = source->text + at + strlen(words[i]), *close = value + strcspn(value, "(){}");
        *site = (struct site){.kind = SITE_DRAW,
                              .from = at,
                              .to = (size_t)(close + 1 - source->text),
                              .list = value,
                              .list_size = strcspn(value, ",)")};
        return *close == ')';
    }
    return false;
}

static const struct cause_deed *find_deed(const struct lua_source *source, const struct cause_slice *slice,
                                          const struct lua_piece *statement)
{
    size_t first = line_of(source, statement->from), last = line_of(source, statement->to - 1);
    for (size_t i = 0; slice != NULL && i < slice->count; i++)
        if (slice->deeds[i].line >= first && slice->deeds[i].line <= last)
            return &slice->deeds[i];
    return NULL;
}

static const struct lua_piece *find_statement(const struct lua_source *source, size_t at)
{
    const struct lua_piece *found = NULL;
    for (size_t i = 0; i < source->count && source->pieces[i].from <= at; i++)
        if (source->pieces[i].kind == LUA_STATEMENT && source->pieces[i].to > at)
            found = &source->pieces[i];
    return found;
}

/* amount = 300000, of a fault whose amount is a share */
static bool is_share(const struct lua_source *source, const struct cause_slice *slice, const struct lua_piece *entry,
                     struct site *site)
{
    static const char word[] = "amount";
    if (entry->kind != LUA_ENTRY || entry->name_to - entry->name_from != sizeof word - 1 ||
        memcmp(source->text + entry->name_from, word, sizeof word - 1) != 0)
        return false;
    const struct lua_piece *statement = find_statement(source, entry->from);
    const char *fault = statement == NULL
                            ? NULL
                            : memmem(source->text + statement->from, statement->to - statement->from, "fault(\"", 7);
    char kind[64] = "";
    if (fault != NULL && fault < source->text + entry->from)
        strncat(kind, fault + 7, strcspn(fault + 7, "\"") < sizeof kind - 1 ? strcspn(fault + 7, "\"") : 0);
    enum fault_kind found = fault_kind_find(kind);
    if (found == 0 || !fault_kind_takes_share(found))
        return false;
    *site = (struct site){.kind = SITE_SHARE, .from = entry->from, .to = entry->to};
    site->deed = find_deed(source, slice, statement);
    return true;
}

static bool is_site(const struct lua_source *source, size_t at, struct site *ret_site)
{
    *ret_site = (struct site){0};
    bool is_inside = at > 0 && (isalnum((unsigned char)source->text[at - 1]) || source->text[at - 1] == '(');
    return is_pick(source, at, ret_site) || is_draw(source, at, ret_site) || is_name(source, at, ret_site) ||
           (!is_inside && is_place(source, at, ret_site));
}

static bool find_site(const struct lua_source *source, const struct cause_slice *slice, size_t number,
                      struct site *ret_site)
{
    const struct lua_piece *run = lua_source_entry(source, "run");
    for (size_t i = 0; i < source->count; i++)
        if (is_share(source, slice, &source->pieces[i], ret_site) && number-- == 0)
            return true;
    for (size_t at = 0; at < source->size; at++) {
        if (!is_site(source, at, ret_site))
            continue;
        bool is_in_run = run != NULL && at >= run->from && at < run->to;
        if ((is_in_run || ret_site->kind == SITE_DRAW) && number-- == 0)
            return true;
        at = ret_site->to - 1;
    }
    return false;
}

/* ---- What they may become ---- */

static void choose_whom(const struct lua_source *source, const struct site *site, size_t choice, struct text *value)
{
    bool is_dea = memmem(site->list, site->list_size, "dea", 3) != NULL;
    const char *app = NULL;
    size_t size = is_dea && choice < MOST_APPS ? find_app(source, choice, &app) : 0;
    if (size > 0) {
        text_addf(value, "cloud:dea_of(\"%.*s\")%s", (int)size, app, site->is_host ? ".host" : "");
        return;
    }
    size_t place = choice < MOST_APPS ? 0 : choice - MOST_APPS + 1;
    if (place == 0 || place > 3 || (site->number > 0 && place >= site->number))
        return;
    if (site->is_string)
        text_addf(value, "\"%s%.*s-%zu\"", site->is_host ? "host:" : "", (int)site->list_size, site->list, place - 1);
    else
        text_addf(value, "%.*s[%zu]", (int)site->list_size, site->list, place);
}

static void choose_share(const struct lua_source *source, const struct site *site, size_t choice, struct text *value)
{
    bool ends_with_comma = source->text[site->to - 1] == ',';
    bool is_all = memmem(source->text + site->from, site->to - site->from, "1000000", 7) != NULL;
    if (choice == 0 && !is_all) {
        text_add_string(value, "amount = 1000000");
    } else if (choice == 1 && site->deed != NULL && site->deed->number_count > 0) {
        text_add_string(value, "only = {");
        for (size_t i = 0; i < site->deed->number_count; i++)
            text_addf(value, "%s %u", i == 0 ? "" : ",", site->deed->numbers[i]);
        text_add_string(value, " }");
    } else {
        return;
    }
    text_add_string(value, ends_with_comma ? "," : "");
}

bool shrink_decision(const struct lua_source *source, const struct cause_slice *slice, size_t index,
                     struct shrink_change *ret_change)
{
    struct site site;
    if (!find_site(source, slice, index / CHOICES, &site))
        return false;
    ret_change->from = site.from;
    ret_change->to = site.to;
    ret_change->is_whom = site.kind == SITE_WHOM;
    size_t choice = index % CHOICES;
    if (site.kind == SITE_WHOM)
        choose_whom(source, &site, choice, &ret_change->value);
    else if (site.kind == SITE_SHARE)
        choose_share(source, &site, choice, &ret_change->value);
    else if (choice == 0)
        text_add(&ret_change->value, site.list, site.list_size);
    return true;
}
