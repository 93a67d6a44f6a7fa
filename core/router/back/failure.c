#include "core/router/back/failure.h"

#include "core/base/assert.h"

static const struct failure_class classes[FAILURE_COUNT] = {
    /*                           name               what                          retry  replay fail   prune */
    [FAILURE_REFUSED] = {"refused", "refused the connection", true, false, true, true},
    [FAILURE_UNREACHABLE] = {"unreachable", "cannot be reached", true, false, true, true},
    [FAILURE_CONNECT_TIMEOUT] = {"connect_timeout", "did not accept in time", true, false, true, false},
    [FAILURE_CONNECT_OTHER] = {"connect_failed", "could not be connected to", true, false, true, false},
    [FAILURE_STALE] = {"stale", "had closed an idle connection", false, true, false, false},
    [FAILURE_CRASHED] = {"crashed", "closed the connection without an answer", false, true, true, false},
    [FAILURE_TRUNCATED] = {"truncated", "cut its answer off", false, false, true, false},
    [FAILURE_MALFORMED] = {"malformed", "answered what is no HTTP", false, false, false, false},
    [FAILURE_SILENT] = {"silent", "did not answer in time", false, false, false, false},
    [FAILURE_LOST] = {"lost", "is on a host that cannot be reached any more", false, true, false, false},
};

const struct failure_class *failure_class(enum failure failure)
{
    assert_that(failure < FAILURE_COUNT);
    return &classes[failure];
}

enum failure failure_of_connect(enum io_status status)
{
    switch (status) {
    case IO_REFUSED:
        return FAILURE_REFUSED;
    case IO_UNREACHABLE:
        return FAILURE_UNREACHABLE;
    case IO_TIMED_OUT:
        return FAILURE_CONNECT_TIMEOUT;
    case IO_OK:
    case IO_CANCELLED:
    case IO_RESET:
    case IO_IN_USE:
    case IO_NOT_FOUND:
    case IO_CONFLICT:
    case IO_CORRUPT:
    case IO_FULL:
    case IO_DENIED:
    case IO_INVALID:
    case IO_FAILED:
        break;
    }
    return FAILURE_CONNECT_OTHER;
}
