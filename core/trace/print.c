/* Trace messages as lines for people. */
#include "core/trace/trace.h"

enum { SHOWN_BYTES = 160 };

static const char *const event_names[] = {
    [EVENT_START] = "start",
    [EVENT_EVACUATE] = "evacuate",
    [EVENT_STOP] = "stop",
    [EVENT_DEADLINE] = "deadline",
    [EVENT_ACCEPTED] = "accepted",
    [EVENT_CONNECTED] = "connected",
    [EVENT_BYTES] = "bytes",
    [EVENT_END] = "end",
    [EVENT_WRITTEN] = "written",
    [EVENT_CLOSED] = "closed",
    [EVENT_DONE] = "done",
    [EVENT_JOURNAL_ENTRY] = "journal entry",
    [EVENT_WORKLOAD_FOUND] = "workload found",
    [EVENT_WORKLOAD_EXITED] = "workload exited",
    [EVENT_OUTPUT] = "output",
    [EVENT_JOURNAL_SNAPSHOT] = "journal snapshot",
};

static const char *const effect_names[] = {
    [EFFECT_LISTEN] = "listen",
    [EFFECT_UNLISTEN] = "unlisten",
    [EFFECT_CONNECT] = "connect",
    [EFFECT_READ] = "read",
    [EFFECT_WRITE] = "write",
    [EFFECT_FINISH] = "finish",
    [EFFECT_CLOSE] = "close",
    [EFFECT_DEADLINE] = "deadline",
    [EFFECT_SAVE] = "save",
    [EFFECT_JOURNAL_FOLLOW] = "journal follow",
    [EFFECT_JOURNAL_APPEND] = "journal append",
    [EFFECT_BLOB_OPEN] = "blob open",
    [EFFECT_BLOB_WRITE] = "blob write",
    [EFFECT_BLOB_COMMIT] = "blob commit",
    [EFFECT_BLOB_DISCARD] = "blob discard",
    [EFFECT_BLOB_SEND] = "blob send",
    [EFFECT_BLOB_RECEIVE] = "blob receive",
    [EFFECT_BLOB_STAT] = "blob stat",
    [EFFECT_BLOB_DELETE] = "blob delete",
    [EFFECT_STAGE] = "stage",
    [EFFECT_HASH_PASSWORD] = "hash password",
    [EFFECT_WORKLOAD_LIST] = "workload list",
    [EFFECT_WORKLOAD_START] = "workload start",
    [EFFECT_WORKLOAD_SIGNAL] = "workload signal",
    [EFFECT_WORKLOAD_REMOVE] = "workload remove",
    [EFFECT_WORKLOAD_MEASURE] = "workload measure",
    [EFFECT_WORKLOAD_READ_FILE] = "workload read file",
    [EFFECT_LOG] = "log",
    [EFFECT_EXIT] = "exit",
    [EFFECT_START_TLS] = "start tls",
    [EFFECT_POOL_FIND] = "pool find",
    [EFFECT_ASSEMBLE] = "assemble",
    [EFFECT_JOURNAL_SNAPSHOT] = "journal snapshot",
    [EFFECT_BLOB_LIST] = "blob list",
    [EFFECT_WORKLOAD_EXEC] = "workload exec",
};

static void add_quoted(struct text *text, ProtobufCBinaryData data)
{
    text_add_string(text, " \"");
    for (size_t i = 0; i < data.len && i < SHOWN_BYTES; i++) {
        uint8_t byte = data.data[i];
        if (byte == '\r')
            text_add_string(text, "\\r");
        else if (byte == '\n')
            text_add_string(text, "\\n");
        else if (byte == '"' || byte == '\\' || byte < 0x20 || byte > 0x7e)
            text_addf(text, "\\x%02x", byte);
        else
            text_add_char(text, (char)byte);
    }
    text_add_char(text, '"');
    if (data.len > SHOWN_BYTES)
        text_addf(text, "... %zu bytes", data.len);
}

static void add_name(struct text *text, const char *const *names, size_t count, uint32_t kind)
{
    if (kind < count && names[kind] != NULL)
        text_add_string(text, names[kind]);
    else
        text_addf(text, "kind %u", kind);
}

static void add_field(struct text *text, const char *name, bool is_set, uint64_t value)
{
    if (is_set)
        text_addf(text, " %s=%llu", name, (unsigned long long)value);
}

static void add_word(struct text *text, const char *word)
{
    if (word != NULL && word[0] != 0)
        text_addf(text, " %s", word);
}

void trace_print_event(struct text *text, const Cupola__TraceEvent *event)
{
    text_addf(text, "%llu.%09llu ", (unsigned long long)(event->now_ns / 1000000000),
              (unsigned long long)(event->now_ns % 1000000000));
    add_name(text, event_names, sizeof event_names / sizeof event_names[0], event->kind);
    add_field(text, "listener", event->has_listener, event->listener);
    add_field(text, "conn", event->has_conn, event->conn);
    add_field(text, "op", event->has_op, event->op);
    if (event->has_status && event->status <= IO_FAILED)
        add_word(text, io_status_name((enum io_status)event->status));
    add_word(text, event->text);
    for (size_t i = 0; i < event->n_tls; i++)
        add_word(text, event->tls[i]);
    add_field(text, "number", event->has_number && event->number != 0, event->number);
    if (event->has_code)
        text_addf(text, " code=%d signal=%d", event->code, event->signal);
    if (event->has_data && event->data.len > 0 && event->kind != EVENT_START)
        add_quoted(text, event->data);
}

void trace_print_effect(struct text *text, const Cupola__TraceEffect *effect)
{
    add_name(text, effect_names, sizeof effect_names / sizeof effect_names[0], effect->kind);
    add_field(text, "listener", effect->has_listener, effect->listener);
    add_field(text, "conn", effect->has_conn, effect->conn);
    add_field(text, "blob", effect->has_blob, effect->blob);
    add_field(text, "op", effect->has_op, effect->op);
    add_word(text, effect->text);
    add_word(text, effect->text2);
    add_word(text, effect->text3);
    add_word(text, effect->text4);
    if (effect->has_number && effect->number == UINT64_MAX)
        text_add_string(text, " number=never");
    else
        add_field(text, "number", effect->has_number && effect->number != 0, effect->number);
    add_field(text, "number2", effect->has_number2, effect->number2);
    if (effect->has_code)
        text_addf(text, " code=%d", effect->code);
    for (size_t i = 0; i < effect->n_list; i++)
        add_word(text, effect->list[i]);
    if (effect->has_data && effect->data.len > 0)
        add_quoted(text, effect->data);
}
