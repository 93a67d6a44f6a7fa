/* The story of a run: what happened, in words, for observers and for reports. */
#include "sim/cloud_state.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void on_log(void *context, const struct process *process, enum log_level level, const char *text);
static void on_life(void *context, const char *who, const char *text);
static void on_segment(void *context, const char *from, const char *to, uint64_t sent_ns, struct io_bytes bytes);

const char *story_kind_name(enum story_kind kind)
{
    switch (kind) {
    case STORY_SCENARIO:
        return "scenario";
    case STORY_FAULT:
        return "fault";
    case STORY_COMPONENT:
        return "component";
    case STORY_OPERATOR:
        return "operator";
    case STORY_CHECK:
        return "check";
    case STORY_LOG:
        return "log";
    }
    assert_unreachable();
}

void story_init(struct cloud *cloud)
{
    cloud->world->watcher = (struct world_watcher){.context = cloud, .on_log = on_log, .on_life = on_life};
}

static void free_line(const struct story_line *line)
{
    memory_free((void *)line->text);
}

void story_release(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->story_count; i++)
        free_line(&cloud->story[i]);
    memory_free(cloud->story);
    while (cloud->observers != NULL) {
        struct observer *observer = cloud->observers;
        cloud->observers = observer->next;
        memory_free(observer);
    }
}

/* The oldest half of the kept log lines goes when there are too many: rarely, so that it costs little. */
static void drop_old_logs(struct cloud *cloud)
{
    size_t excess = cloud->story_log_count - cloud->plan.story_limit;
    size_t kept = 0;
    for (size_t i = 0; i < cloud->story_count; i++) {
        if (cloud->story[i].kind == STORY_LOG && excess > 0) {
            excess--;
            cloud->story_log_count--;
            free_line(&cloud->story[i]);
        } else {
            cloud->story[kept++] = cloud->story[i];
        }
    }
    cloud->story_count = kept;
}

static void keep_line(struct cloud *cloud, const struct story_line *line)
{
    cloud->story = memory_room(cloud->story, cloud->story_count, &cloud->story_capacity, sizeof *cloud->story);
    struct story_line *kept = &cloud->story[cloud->story_count++];
    *kept = *line;
    kept->who = world_keep_label(cloud->world, line->who);
    kept->text = memory_copy_text(line->text);
    if (line->kind == STORY_LOG && ++cloud->story_log_count >= 2 * cloud->plan.story_limit)
        drop_old_logs(cloud);
}

void story_add(struct cloud *cloud, enum story_kind kind, enum log_level level, const char *who, const char *text)
{
    struct story_line line = {.at_ns = cloud->world->now_ns, .kind = kind, .level = level, .who = who, .text = text};
    for (const struct observer *at = cloud->observers; at != NULL; at = at->next)
        at->observe(at->context, &line);
    if (kind != STORY_LOG || cloud->plan.story_limit > 0)
        keep_line(cloud, &line);
}

void cloud_tell(struct cloud *cloud, const char *who, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    story_add(cloud, STORY_SCENARIO, LOG_INFO, who, text);
}

void cloud_observe(struct cloud *cloud, cloud_observer *observe, void *context)
{
    struct observer **end = &cloud->observers;
    while (*end != NULL)
        end = &(*end)->next;
    struct observer *observer = memory_new(sizeof *observer);
    observer->observe = observe;
    observer->context = context;
    *end = observer;
}

const struct story_line *cloud_story(const struct cloud *cloud, size_t index)
{
    return index < cloud->story_count ? &cloud->story[index] : NULL;
}

/* ---- From the world ---- */

static void on_log(void *context, const struct process *process, enum log_level level, const char *text)
{
    struct cloud *cloud = context;
    if (cloud->observers != NULL || cloud->plan.story_limit > 0)
        story_add(cloud, STORY_LOG, level, process->name, text);
}

static void on_life(void *context, const char *who, const char *text)
{
    story_add(context, STORY_COMPONENT, LOG_INFO, who, text);
}

static void on_segment(void *context, const char *from, const char *to, uint64_t sent_ns, struct io_bytes bytes)
{
    struct cloud *cloud = context;
    struct cloud_message message = {
        .sent_ns = sent_ns, .arrived_ns = cloud->world->now_ns, .from = from, .to = to, .bytes = bytes};
    cloud->message_observer(cloud->message_context, &message);
}

void cloud_observe_messages(struct cloud *cloud, cloud_message_observer *observer, void *context)
{
    cloud->message_observer = observer;
    cloud->message_context = context;
    cloud->world->watcher.on_segment = observer == NULL ? NULL : on_segment;
}

static void on_step(void *context, const struct process *process, const struct event *event, struct effects *effects)
{
    struct cloud *cloud = context;
    cloud->step_observer(cloud->step_context, process, event, effects);
}

void cloud_observe_steps(struct cloud *cloud, cloud_step_observer *observer, void *context)
{
    cloud->step_observer = observer;
    cloud->step_context = context;
    cloud->world->watcher.on_step = observer == NULL ? NULL : on_step;
}

void cloud_observe_moments(struct cloud *cloud, cloud_wake *observer, void *context)
{
    cloud->moment_observer = observer;
    cloud->moment_context = context;
}
