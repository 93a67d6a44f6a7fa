/* Answers that go on: a call of the REST API is told what comes, until there is no more or its client goes away.
 *
 * A follower's `pump` adds what is new to its stream; it is called when cc_followers_wake names its app, and every
 * tenth of a second, which is also when a reader that was slow gets what it has missed. Silence is broken by an empty
 * line before any gateway in between loses patience. Their number is limited.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_REST_FOLLOWERS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_REST_FOLLOWERS_H

#include "core/cloud_controller/rest/rest.h"

/* Waits for a slow reader: pumps add no more beyond it. */
enum { FOLLOWER_UNSENT_MOST = 262144 };

struct follower {
    struct call call;
    int64_t app_id;
    /* False: all was told. */
    bool (*pump)(struct follower *follower);
    uint64_t until_ns; /* The end in any case: whoever wants more asks again. */
    uint64_t told_at_ns;
    struct follower *next;
};

/* Answers the call, whose handler's struct begins with a follower, and goes on. False: there are too many; the call was
 * refused. */
bool cc_follow(struct call *call, int64_t app_id, const char *content_type, bool (*pump)(struct follower *follower));
/* For pumps. */
void cc_follower_tell(struct follower *follower, struct io_bytes bytes);
void cc_followers_wake(struct controller *controller, int64_t app_id);

#endif
