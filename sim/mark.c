#include "sim/mark.h"

#include "core/base/memory.h"
#include "sim/cloud_state.h"

#include <string.h>

static struct mark *find_mark(const struct cloud *cloud, const char *name)
{
    for (size_t i = 0; i < cloud->mark_count; i++) {
        if (strcmp(cloud->marks[i].name, name) == 0)
            return &cloud->marks[i];
    }
    return NULL;
}

static void reach(struct cloud *cloud, struct mark *mark)
{
    if (mark->is_reached)
        return;
    mark->is_reached = true;
    mark->reached_ns = cloud_now_ns(cloud);
}

static void on_line(void *context, const struct story_line *line)
{
    struct cloud *cloud = context;
    if (line->kind != STORY_LOG)
        return;
    for (size_t i = 0; i < cloud->mark_count; i++) {
        struct mark *mark = &cloud->marks[i];
        if (mark->log != NULL && !mark->is_reached && strstr(line->text, mark->log) != NULL)
            reach(cloud, mark);
    }
}

void cloud_declare_mark(struct cloud *cloud, const char *name, const char *log)
{
    if (find_mark(cloud, name) != NULL)
        return;
    cloud->marks = memory_room(cloud->marks, cloud->mark_count, &cloud->mark_capacity, sizeof *cloud->marks);
    cloud->marks[cloud->mark_count++] = (struct mark){
        .name = world_keep_label(cloud->world, name),
        .log = log == NULL ? NULL : world_keep_label(cloud->world, log),
    };
    if (log != NULL && !cloud->reads_logs_for_marks) {
        cloud->reads_logs_for_marks = true;
        cloud_observe(cloud, on_line, cloud);
    }
}

void cloud_mark(struct cloud *cloud, const char *name)
{
    cloud_declare_mark(cloud, name, NULL);
    reach(cloud, find_mark(cloud, name));
}

size_t cloud_mark_count(const struct cloud *cloud)
{
    return cloud->mark_count;
}

const struct mark *cloud_mark_at(const struct cloud *cloud, size_t index)
{
    return &cloud->marks[index];
}
