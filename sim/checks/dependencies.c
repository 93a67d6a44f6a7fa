#include "sim/checks/dependencies.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_LOOKS = 64 };
enum edge_kind { EDGE_WW = 0, EDGE_WR, EDGE_RW, EDGE_RR, EDGE_RT };

static const char *const edge_names[] = {"ww", "wr", "rw", "rr", "rt"};

struct operation_node {
    char *name;
    uint64_t began_ns, ended_ns;
};

struct access {
    char *object;
    uint64_t version;
    bool is_write;
    size_t operation;
};

struct dependencies {
    struct operation_node *operations;
    size_t count, capacity;
    struct access *accesses;
    size_t access_count, access_capacity;
};

/* Edges out of a node; `access` is the earlier one of those that make it, none of an rt. */
struct edge {
    size_t from, to;
    enum edge_kind kind;
    const struct access *access;
};

struct graph {
    size_t count;
    struct edge *edges; /* Sorted by `from`. */
    size_t edge_count, capacity;
    size_t *first; /* Of each node, in `edges`; one more at the end. */
};

struct dependencies *dependencies_new(void)
{
    return memory_new(sizeof(struct dependencies));
}

void dependencies_free(struct dependencies *dependencies)
{
    if (dependencies == NULL)
        return;
    for (size_t i = 0; i < dependencies->count; i++)
        memory_free(dependencies->operations[i].name);
    for (size_t i = 0; i < dependencies->access_count; i++)
        memory_free(dependencies->accesses[i].object);
    memory_free(dependencies->operations);
    memory_free(dependencies->accesses);
    memory_free(dependencies);
}

void dependencies_add(struct dependencies *dependencies, const char *name, uint64_t began_ns, uint64_t ended_ns,
                      const struct dependency_access *accesses, size_t count)
{
    assert_that(began_ns <= ended_ns);
    dependencies->operations = memory_room(dependencies->operations, dependencies->count, &dependencies->capacity,
                                           sizeof *dependencies->operations);
    dependencies->operations[dependencies->count] = (struct operation_node){memory_copy_text(name), began_ns, ended_ns};
    for (size_t i = 0; i < count; i++) {
        dependencies->accesses = memory_room(dependencies->accesses, dependencies->access_count,
                                             &dependencies->access_capacity, sizeof *dependencies->accesses);
        dependencies->accesses[dependencies->access_count++] = (struct access){
            memory_copy_text(accesses[i].object), accesses[i].version, accesses[i].is_write, dependencies->count};
    }
    dependencies->count++;
}

uint64_t dependencies_newest(const struct dependencies *dependencies, const char *object)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < dependencies->access_count; i++) {
        const struct access *access = &dependencies->accesses[i];
        if (access->version > newest && strcmp(access->object, object) == 0)
            newest = access->version;
    }
    return newest;
}

/* ---- Edges ---- */

static void add_edge(struct graph *graph, size_t from, size_t to, enum edge_kind kind, const struct access *access)
{
    if (from == to)
        return;
    graph->edges = memory_room(graph->edges, graph->edge_count, &graph->capacity, sizeof *graph->edges);
    graph->edges[graph->edge_count++] = (struct edge){from, to, kind, access};
}

static int by_version(const void *a, const void *b)
{
    const struct access *x = *(const struct access *const *)a, *y = *(const struct access *const *)b;
    int objects = strcmp(x->object, y->object);
    if (objects != 0)
        return objects;
    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    if (x->is_write != y->is_write)
        return x->is_write ? -1 : 1;
    return x->operation < y->operation ? -1 : x->operation > y->operation;
}

static enum edge_kind kind_of(const struct access *from, const struct access *to)
{
    if (from->is_write)
        return to->is_write ? EDGE_WW : EDGE_WR;
    return to->is_write ? EDGE_RW : EDGE_RR;
}

/* Where the accesses to the same version of the same object end. */
static size_t group_end(const struct access *const *sorted, size_t count, size_t from)
{
    size_t end = from;
    while (end < count && sorted[end]->version == sorted[from]->version &&
           strcmp(sorted[end]->object, sorted[from]->object) == 0)
        end++;
    return end;
}

/* Within a version its writer comes first; then everybody of the next version that is known. */
static void add_object_edges(const struct dependencies *dependencies, struct graph *graph)
{
    size_t count = dependencies->access_count;
    const struct access **sorted = memory_new((count + 1) * sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &dependencies->accesses[i];
    qsort(sorted, count, sizeof *sorted, by_version);
    for (size_t from = 0; from < count;) {
        size_t end = group_end(sorted, count, from);
        size_t next_end =
            end < count && strcmp(sorted[end]->object, sorted[from]->object) == 0 ? group_end(sorted, count, end) : end;
        for (size_t i = from; i < end; i++) {
            for (size_t k = sorted[i]->is_write ? i + 1 : end; k < next_end; k++) {
                if (k >= end || !sorted[k]->is_write)
                    add_edge(graph, sorted[i]->operation, sorted[k]->operation, kind_of(sorted[i], sorted[k]),
                             sorted[i]);
            }
        }
        from = end;
    }
    memory_free(sorted);
}

/* Only those that no third one explains. */
static void add_time_edges(const struct dependencies *dependencies, struct graph *graph)
{
    for (size_t to = 0; to < dependencies->count; to++) {
        uint64_t began_ns = dependencies->operations[to].began_ns, last_ns = 0;
        for (size_t i = 0; i < dependencies->count; i++) {
            const struct operation_node *other = &dependencies->operations[i];
            if (other->ended_ns < began_ns && other->began_ns > last_ns)
                last_ns = other->began_ns;
        }
        for (size_t i = 0; i < dependencies->count; i++) {
            const struct operation_node *other = &dependencies->operations[i];
            if (other->ended_ns < began_ns && other->ended_ns >= last_ns)
                add_edge(graph, i, to, EDGE_RT, NULL);
        }
    }
}

/* Of two edges between the same nodes the one that says more: time comes last. */
static int by_nodes(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->access < y->access ? -1 : x->access > y->access; /* Of one array. */
}

static struct graph make_graph(const struct dependencies *dependencies)
{
    struct graph graph = {.count = dependencies->count};
    add_object_edges(dependencies, &graph);
    add_time_edges(dependencies, &graph);
    if (graph.edge_count > 1)
        qsort(graph.edges, graph.edge_count, sizeof *graph.edges, by_nodes);
    graph.first = memory_new((graph.count + 1) * sizeof *graph.first);
    for (size_t node = 0, at = 0; node <= graph.count; node++) {
        while (at < graph.edge_count && graph.edges[at].from < node)
            at++;
        graph.first[node] = at;
    }
    return graph;
}

/* ---- Cycles ---- */

/* Takes away, again and again, what nothing comes before. Returns how many are left, marked in `is_left`. */
static size_t sort_away(const struct graph *graph, bool *is_left)
{
    size_t *before = memory_new((graph->count + 1) * sizeof *before);
    size_t *ready = memory_new((graph->count + 1) * sizeof *ready);
    size_t ready_count = 0, left = graph->count;
    for (size_t i = 0; i < graph->edge_count; i++)
        before[graph->edges[i].to]++;
    for (size_t i = 0; i < graph->count; i++) {
        is_left[i] = true;
        if (before[i] == 0)
            ready[ready_count++] = i;
    }
    while (ready_count > 0) {
        size_t node = ready[--ready_count];
        is_left[node] = false;
        left--;
        for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++) {
            if (--before[graph->edges[i].to] == 0)
                ready[ready_count++] = graph->edges[i].to;
        }
    }
    memory_free(before);
    memory_free(ready);
    return left;
}

/* What a search goes through: nodes in the order of their discovery, and the edge by which each was found. */
struct search {
    const struct dependencies *dependencies;
    const struct graph *graph;
    const bool *is_left;
    struct edge *came_by; /* By node; from == to: not found yet. */
    size_t *queue;
    size_t tail;
};

static void find(struct search *search, struct edge edge)
{
    struct edge *came_by = &search->came_by[edge.to];
    if (!search->is_left[edge.to] || came_by->from != came_by->to)
        return;
    *came_by = edge;
    search->queue[search->tail++] = edge.to;
}

/* The edges of the graph first, then time itself: the graph has only those of it that no third operation explains. */
static void expand(struct search *search, size_t node)
{
    const struct graph *graph = search->graph;
    for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++)
        find(search, graph->edges[i]);
    const struct operation_node *operations = search->dependencies->operations;
    for (size_t i = 0; i < graph->count; i++) {
        if (operations[node].ended_ns < operations[i].began_ns)
            find(search, (struct edge){node, i, EDGE_RT, NULL});
    }
}

/* The shortest way from a node back to it through what is left: its edges from the last to the first. Returns how many
 * there are. */
static size_t find_way_back(const struct dependencies *dependencies, const struct graph *graph, const bool *is_left,
                            size_t start, struct edge *ret_way)
{
    struct search search = {.dependencies = dependencies, .graph = graph, .is_left = is_left};
    search.came_by = memory_new((graph->count + 1) * sizeof *search.came_by);
    search.queue = memory_new((graph->count + 1) * sizeof *search.queue);
    search.queue[search.tail++] = start;
    for (size_t head = 0; head < search.tail && search.came_by[start].from == search.came_by[start].to; head++)
        expand(&search, search.queue[head]);
    size_t size = 0;
    if (search.came_by[start].from != search.came_by[start].to) {
        ret_way[size++] = search.came_by[start];
        while (ret_way[size - 1].from != start) {
            ret_way[size] = search.came_by[ret_way[size - 1].from];
            size++;
        }
    }
    memory_free(search.came_by);
    memory_free(search.queue);
    return size;
}

/* Whether a look at less than there was leads away from the node: every cycle that is not of writes alone has one. */
static bool sees_less(const struct graph *graph, size_t node)
{
    for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++) {
        if (graph->edges[i].kind == EDGE_RW || graph->edges[i].kind == EDGE_RR)
            return true;
    }
    return false;
}

/* Looks from some nodes only: first from those that saw too little. Returns how many edges the shortest cycle has. */
static size_t find_cycle(const struct dependencies *dependencies, const struct graph *graph, const bool *is_left,
                         struct edge *ret_cycle)
{
    struct edge *way = memory_new((graph->count + 1) * sizeof *way);
    size_t best = 0, looks = 0;
    for (int only_those = 1; only_those >= 0 && best == 0; only_those--) {
        for (size_t node = 0; node < graph->count && looks < MOST_LOOKS && best != 2; node++) {
            if (!is_left[node] || (only_those && !sees_less(graph, node)))
                continue;
            looks++;
            size_t size = find_way_back(dependencies, graph, is_left, node, way);
            if (size > 0 && (best == 0 || size < best)) {
                memcpy(ret_cycle, way, size * sizeof *way);
                best = size;
            }
        }
    }
    memory_free(way);
    return best;
}

static void tell(const struct dependencies *dependencies, const struct edge *way, size_t size, struct text *text)
{
    size_t seen_less = 0, seen = 0, in_time = 0;
    for (size_t i = 0; i < size; i++) {
        seen_less += way[i].kind == EDGE_RW || way[i].kind == EDGE_RR;
        seen += way[i].kind == EDGE_WR;
        in_time += way[i].kind == EDGE_RT;
    }
    text_addf(text, "%s%s: ",
              seen_less > 1    ? "G2"
              : seen_less == 1 ? "G-single"
              : seen > 0       ? "G1c"
                               : "G0",
              in_time > 0 ? " in real time" : "");
    for (size_t i = size; i-- > 0;) { /* The way was written down from its end. */
        const struct operation_node *from = &dependencies->operations[way[i].from];
        text_addf(text, "'%s' (%llu.%03llu s) -%s", from->name, (unsigned long long)(from->began_ns / 1000000000),
                  (unsigned long long)(from->began_ns / 1000000 % 1000), edge_names[way[i].kind]);
        if (way[i].access != NULL)
            text_addf(text, " %s at %llu", way[i].access->object, (unsigned long long)way[i].access->version);
        text_add_string(text, "-> ");
    }
    text_add_string(text, "the first again");
}

bool dependencies_have_order(const struct dependencies *dependencies, struct text *ret_cycle)
{
    if (dependencies->count > DEPENDENCIES_MOST)
        return true;
    struct graph graph = make_graph(dependencies);
    bool *is_left = memory_new(graph.count + 1);
    bool has_order = sort_away(&graph, is_left) == 0;
    if (!has_order && ret_cycle != NULL) {
        struct edge *cycle = memory_new((graph.count + 1) * sizeof *cycle);
        tell(dependencies, cycle, find_cycle(dependencies, &graph, is_left, cycle), ret_cycle);
        memory_free(cycle);
    }
    memory_free(is_left);
    memory_free(graph.edges);
    memory_free(graph.first);
    return has_order;
}
