/* The commands of `cupola sim debug`. */
#include "cli/sim/debug.h"

#include "cli/input.h"

#include "core/base/duration.h"

#include <stdlib.h>
#include <string.h>

static const char commands_help[] =
    "  step [N]              N steps forward (a step: one event of one component, and its effects)\n"
    "  back [N]              N steps back\n"
    "  go N                  to step N, forward or back\n"
    "  until TIME            to a moment of virtual time, forward or back: 12.5s, 300ms\n"
    "  when TEXT             to the next step whose words contain TEXT: when dea-0: workload exited\n"
    "  when-state NAME TEXT  until the state of a component contains TEXT: when-state router-0 \"shop\n"
    "  run                   to the end\n"
    "  show                  the last step in words\n"
    "  state NAME            the state of a component\n"
    "  components            their names, and which of them run\n"
    "  story [N]             the last N lines of the story\n"
    "  fault KIND TARGET [peer=X] [amount=N] [delay=TIME] [duration=TIME] [one_way]   break it now\n"
    "  mend                  end all faults\n"
    "  quit\n";

/* ---- Words ---- */

/* Nanoseconds of "12.5s", "300ms", "2m", or seconds without a unit. */
static bool read_time(const char *word, uint64_t *ret_ns)
{
    char *end = NULL;
    uint64_t whole = strtoull(word, &end, 10), fraction = 0, scale = NS_PER_S;
    if (end == word || whole > UINT32_MAX)
        return false;
    uint64_t places = 1;
    if (*end == '.') {
        for (end++; *end >= '0' && *end <= '9'; end++) {
            if (places < NS_PER_S) {
                fraction = fraction * 10 + (uint64_t)(*end - '0');
                places *= 10;
            }
        }
    }
    if (strcmp(end, "ms") == 0)
        scale = NS_PER_MS;
    else if (strcmp(end, "m") == 0)
        scale = 60 * NS_PER_S;
    else if (strcmp(end, "s") != 0 && *end != 0)
        return false;
    *ret_ns = whole * scale + fraction * (scale / (places < scale ? places : scale));
    return true;
}

static uint64_t read_count(const char *words)
{
    uint64_t count = 1;
    return words[0] != 0 && !input_number(words, &count) ? 0 : count;
}

static void keep_word(char ret_word[DEBUG_MOST_WORD], const char *from, size_t size)
{
    snprintf(ret_word, DEBUG_MOST_WORD, "%.*s", (int)(size < DEBUG_MOST_WORD ? size : DEBUG_MOST_WORD - 1), from);
}

/* ---- Going ---- */

static bool go_on(struct debugger *debugger, const struct debug_stop *stop)
{
    if (debugger->is_over) {
        puts("The run is over; `back`, `go` and `until` lead back into it.");
        return false;
    }
    debugger->stop = *stop;
    debugger->has_met_word = false;
    debugger->least_moment = debugger->moment + 1;
    debugger->wants = DEBUG_GO_ON;
    return true;
}

/* By another run. What was broken by hand later than that has not happened. */
static bool go_back(struct debugger *debugger, const struct debug_stop *stop)
{
    debugger->stop = *stop;
    debugger->least_moment = 1;
    debugger->wants = DEBUG_GO_BACK;
    return true;
}

static bool go_to(struct debugger *debugger, uint64_t step)
{
    struct debug_stop stop = {.step = step, .at_ns = UINT64_MAX};
    return step > debugger->steps ? go_on(debugger, &stop) : go_back(debugger, &stop);
}

static bool go_where_told(struct debugger *debugger, const char *command, const char *words)
{
    struct debug_stop stop = {.step = UINT64_MAX, .at_ns = UINT64_MAX};
    if (strcmp(command, "until") == 0) {
        if (!read_time(words, &stop.at_ns)) {
            puts("until: name a moment, such as 12.5s");
            return false;
        }
        if (stop.at_ns <= cloud_now_ns(debugger->cloud))
            return go_back(debugger, &stop);
    } else if (strcmp(command, "when") == 0) {
        if (words[0] == 0) {
            puts("when: name words of a step, such as: when workload exited");
            return false;
        }
        keep_word(stop.word, words, strlen(words));
    } else if (strcmp(command, "when-state") == 0) {
        size_t size = strcspn(words, " ");
        keep_word(stop.component, words, size);
        keep_word(stop.state, words + size + (words[size] == ' '), strlen(words));
        if (cloud_find_component(debugger->cloud, stop.component) == NULL || stop.state[0] == 0) {
            puts("when-state: name a component and a text, such as: when-state dea-0 RUNNING");
            return false;
        }
    }
    return go_on(debugger, &stop);
}

/* ---- Looking ---- */

static void print_place(const struct debugger *debugger)
{
    uint64_t now_ns = cloud_now_ns(debugger->cloud);
    printf("step %llu at %llu.%06llu s\n", (unsigned long long)debugger->steps, (unsigned long long)(now_ns / NS_PER_S),
           (unsigned long long)(now_ns % NS_PER_S / 1000));
}

static void print_state(const struct debugger *debugger, const char *name)
{
    const struct component *component = cloud_find_component(debugger->cloud, name);
    struct text json = {0};
    if (component == NULL) {
        printf("state: there is no component '%s'; `components` lists them\n", name);
        return;
    }
    component_inspect(component, &json);
    printf("%s\n", text_string(&json));
    text_free(&json);
}

static void print_components(const struct debugger *debugger)
{
    for (enum component_role role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud_component_count(debugger->cloud, role); i++) {
            const struct component *component = cloud_component(debugger->cloud, role, i);
            printf("  %-20s %-14s %s\n", component->name, component_address(component),
                   component_is_running(component) ? "runs" : "is down");
        }
    }
}

static void print_story(const struct debugger *debugger, const char *words)
{
    uint64_t wanted = words[0] == 0 ? 10 : read_count(words);
    uint64_t kept = debugger->story_count < DEBUG_STORY ? debugger->story_count : DEBUG_STORY;
    for (uint64_t i = debugger->story_count - (wanted < kept ? wanted : kept); i < debugger->story_count; i++)
        puts(debugger->story[i % DEBUG_STORY]);
}

/* ---- Breaking ---- */

void debug_break(struct debugger *debugger, const struct debug_fault *fault)
{
    struct fault_spec spec = fault->spec;
    spec.target = fault->target;
    spec.peer = fault->peer[0] == 0 ? NULL : fault->peer;
    fault_begin(debugger->cloud, &spec);
}

static bool read_fault(char *words, struct debug_fault *ret_fault)
{
    bool ok = true;
    size_t place = 0;
    for (char *rest = NULL, *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        uint64_t ns = 0;
        if (strcmp(word, "one_way") == 0)
            ret_fault->spec.one_way = true;
        else if (strncmp(word, "peer=", 5) == 0)
            keep_word(ret_fault->peer, word + 5, strlen(word + 5));
        else if (strncmp(word, "amount=", 7) == 0)
            ret_fault->spec.amount = strtoll(word + 7, NULL, 10);
        else if (strncmp(word, "delay=", 6) == 0 && read_time(word + 6, &ns))
            ret_fault->spec.delay = distribution_constant(ns);
        else if (strncmp(word, "duration=", 9) == 0 && read_time(word + 9, &ns))
            ret_fault->spec.duration_ns = ns;
        else if (strchr(word, '=') == NULL && place == 0)
            ret_fault->spec.kind = fault_kind_find(word);
        else if (strchr(word, '=') == NULL && place == 1)
            keep_word(ret_fault->target, word, strlen(word));
        else
            ok = false;
        place += strchr(word, '=') == NULL;
    }
    return ok;
}

static void break_by_hand(struct debugger *debugger, char *words, bool mends)
{
    if (debugger->is_over) {
        puts("fault: the run is over; go back first");
        return;
    }
    if (debugger->injected_count == DEBUG_MOST_FAULTS) {
        puts("fault: that were too many by hand");
        return;
    }
    struct debug_fault fault = {.moment = debugger->moment, .mends = mends};
    struct text why = {0};
    bool ok = mends || read_fault(words, &fault);
    fault.spec.target = fault.target;
    fault.spec.peer = fault.peer[0] == 0 ? NULL : fault.peer;
    if (!ok)
        text_add_string(&why, "that is not understood; try: fault pause dea-0 duration=5s");
    else if (!mends)
        ok = fault_spec_is_valid(debugger->cloud, &fault.spec, &why);
    if (!ok) {
        printf("fault: %s\n", text_string(&why));
    } else {
        debugger->injected[debugger->injected_count++] = fault;
        if (mends)
            faults_end_all(debugger->cloud);
        else
            debug_break(debugger, &fault);
    }
    text_free(&why);
}

/* ---- One command. True: the run moves. ---- */

static bool do_command(struct debugger *debugger, const char *command, char *words)
{
    uint64_t number = read_count(words);
    if (strcmp(command, "step") == 0 || strcmp(command, "s") == 0)
        return go_to(debugger, debugger->steps + (number == 0 ? 1 : number));
    if (strcmp(command, "back") == 0 || strcmp(command, "b") == 0)
        return go_to(debugger, number < debugger->steps ? debugger->steps - number : 0);
    if (strcmp(command, "go") == 0)
        return go_to(debugger, number);
    if (strcmp(command, "until") == 0 || strcmp(command, "when") == 0 || strcmp(command, "when-state") == 0 ||
        strcmp(command, "run") == 0)
        return go_where_told(debugger, command, words);
    if (strcmp(command, "quit") == 0 || strcmp(command, "q") == 0) {
        debugger->wants = DEBUG_QUIT;
        return true;
    }
    if (strcmp(command, "show") == 0)
        fputs(text_string(&debugger->step), stdout);
    else if (strcmp(command, "state") == 0)
        print_state(debugger, words);
    else if (strcmp(command, "components") == 0)
        print_components(debugger);
    else if (strcmp(command, "story") == 0)
        print_story(debugger, words);
    else if (strcmp(command, "fault") == 0)
        break_by_hand(debugger, words, false);
    else if (strcmp(command, "mend") == 0)
        break_by_hand(debugger, words, true);
    else if (strcmp(command, "help") == 0)
        fputs(commands_help, stdout);
    else
        printf("There is no command '%s'; `help` lists them.\n", command);
    return false;
}

/* What was broken by hand at moments that are yet to come again belongs to a past that was left. */
static void forget_later_faults(struct debugger *debugger)
{
    while (debugger->injected_count > 0 && debugger->injected[debugger->injected_count - 1].moment > debugger->moment)
        debugger->injected_count--;
}

void debug_read_commands(struct debugger *debugger)
{
    char line[1024];
    forget_later_faults(debugger);
    print_place(debugger);
    for (;;) {
        if (debugger->is_terminal) {
            fputs("> ", stdout);
            fflush(stdout);
        }
        if (fgets(line, sizeof line, debugger->input) == NULL) {
            debugger->wants = DEBUG_QUIT;
            return;
        }
        line[strcspn(line, "\r\n")] = 0;
        char *command = line + strspn(line, " \t");
        if (*command == 0 || *command == '#')
            continue;
        if (!debugger->is_terminal)
            printf("> %s\n", command);
        char *words = command + strcspn(command, " ");
        if (*words != 0)
            *words++ = 0;
        words += strspn(words, " ");
        if (do_command(debugger, command, words))
            return;
    }
}
