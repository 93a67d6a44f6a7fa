/* Runs of an app, their succession without a gap, and revisions: what a value that is being prepared may become.
 *
 * A live run is replaced by a rolling update (JournalUpdate). No index ever belongs to two versions; extra instances
 * stand in for those that are being replaced:
 *
 *   begun --extras run--> [a batch of old indices goes, the same indices come in the new version --they run-->]* done
 *      |                                        |
 *      '------ crashes, too slow, cancelled ----'----> going back: the same with the run before, without a way back
 *
 * Each arrow is one journal entry. At any moment as many instances are proven as the user has asked for.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_RUNS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_RUNS_H

#include "core/cloud_controller/state/state.h"

enum { MAX_REVISIONS = 10 };

/* Where a prepared value keeps what it points to. Zeroed, and alive until the change is written. */
struct run_draft {
    int64_t now_s;
    Cupola__JournalUpdate update;
    Cupola__JournalRun other, added, next;
    Cupola__JournalRun *revisions[MAX_REVISIONS];
    char reason[200];
};

/* The run that an index belongs to. The same. */
Cupola__JournalRun cc_run_of_index(const Cupola__JournalApp *value, int32_t index);
/* The app's fields become those of that run; a revision that is known by its number may come from the value itself. */
void cc_run_adopt(Cupola__JournalApp *value, const Cupola__JournalRun *run);
/* NULL if it is not kept. */
const Cupola__JournalRun *cc_run_find_revision(const Cupola__JournalApp *value, int64_t revision);

/* Begins another run of the current droplet: of an app that has none, or with a gap. */
void cc_run_begin(struct run_draft *draft, Cupola__JournalApp *value, const char *reason);
/* The same in the place of a live run, without a gap. `old` is the stored value. No update may be under way. */
void cc_run_replace(struct run_draft *draft, const Cupola__JournalApp *old, Cupola__JournalApp *value,
                    const char *reason);
/* After any other change: an update ends with the run, and its place stays within the instances. */
void cc_update_adapt(struct run_draft *draft, Cupola__JournalApp *value);
/* All that the last step has ordered runs: the next one, or the end. */
void cc_update_step(struct run_draft *draft, Cupola__JournalApp *value);
/* Turns round. The update goes forward. */
void cc_update_return(struct run_draft *draft, Cupola__JournalApp *value, Cupola__UpdateEnd end, const char *reason);

#endif
