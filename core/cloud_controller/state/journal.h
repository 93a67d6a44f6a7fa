/* Changes on their way into the journal, one at a time.
 *
 *   submitted --> PREPARED against the folded state --append--> DONE ok: durable
 *                     |    ^                             |
 *                  refused |__ conflict: others were first, prepare again on what they wrote
 *                     |
 *                     '--question: is what we have folded all there is?--> refused for good, or prepare again
 *
 * `prepare` looks at the folded state, and either calls cc_change_write and returns true, or returns false. It may be
 * called several times. `done` is called exactly once, and only then may anybody be answered.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_JOURNAL_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_JOURNAL_H

#include "core/cloud_controller/state/state.h"
#include "core/machine/op.h"

struct controller;
struct change;

enum change_outcome {
    CHANGE_DURABLE = 1,
    CHANGE_REFUSED, /* prepare returned false, on the newest state there was; without a question if is_internal. */
    CHANGE_LOST,    /* The journal failed, or too many wait for it: it may or may not appear later. */
};

/* Embed it, zeroed. */
struct change {
    bool (*prepare)(struct change *change);
    void (*done)(struct change *change, enum change_outcome outcome);
    struct controller *controller;
    struct difference difference; /* After CHANGE_DURABLE. */
    bool is_internal;             /* No client waits for it. */

    /* Private. */
    uint64_t number; /* Counts what was submitted. */
    struct text packed;
    struct change *next;
};

struct journal {
    struct op follow;
    struct op append;
    struct change *first, **end; /* The first one is being appended while `append` is pending. */
    size_t count;
    uint64_t writer;        /* Who we are in this life. */
    uint64_t writer_number; /* Of the append under way. */
    uint64_t append_head;   /* The head that it named. */
    bool is_folded;         /* Its own entry has come by. */
    bool is_question;       /* It has no entry. */
    uint64_t submitted;     /* Changes, ever. */
    uint64_t confirms;      /* How many had been submitted when the append under way was emitted, */
    uint64_t confirmed;     /* and when the last good one was: for those our state was the newest there was. */
    bool waits_for_entries; /* After a conflict: what others wrote is still to come. */
    bool is_answered_early; /* Only with a planted bug. */
    bool is_caught_up;
    uint64_t appended, conflicts, failures;
};

/* Begins to follow, from the beginning. controller_on_caught_up is called when the past is folded. */
void cc_journal_open(struct controller *controller);
/* One entry came. */
void cc_journal_take_entry(struct controller *controller, uint64_t sequence, struct io_bytes bytes);
/* `done` may be called before this returns. */
void cc_journal_submit(struct controller *controller, struct change *change);
/* Calls `done` when everything is folded that was durable when this was called (CHANGE_REFUSED: nothing was to change),
 * or the journal does not answer (CHANGE_LOST: what is folded may be old). */
void cc_journal_confirm(struct controller *controller, struct change *change,
                        void (*done)(struct change *change, enum change_outcome outcome));
/* For prepare: the entry; its `change` must be set. `actor` may be NULL. */
void cc_change_write(struct change *change, Cupola__JournalEntry *entry, const char *actor);
/* The same for a changed app; asserts that the old value may become the new one. `old` is NULL for a new app. */
void cc_change_write_app(struct change *change, Cupola__AppChangeKind kind, const Cupola__JournalApp *old,
                         Cupola__JournalApp *new, const char *actor);
/* Forgets all changes, without calling them. */
void cc_journal_destroy(struct controller *controller);

/* cloud_controller.c. */
void controller_on_caught_up(struct controller *controller);

#endif
