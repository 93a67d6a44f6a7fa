/* errno into the vocabulary of core/io.h: here and nowhere else. */
#include "drivers/real/driver.h"

#include <errno.h>

enum io_status status_of_errno(int error)
{
    switch (error < 0 ? -error : error) {
    case 0:
        return IO_OK;
    case ECANCELED:
        return IO_CANCELLED;
    case ECONNREFUSED:
        return IO_REFUSED;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
        return IO_UNREACHABLE;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return IO_RESET;
    case ETIMEDOUT:
        return IO_TIMED_OUT;
    case EADDRINUSE:
    case EEXIST:
        return IO_IN_USE;
    case ENOENT:
    case ENOTDIR:
        return IO_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EAGAIN: /* fork: no process may be added. */
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EADDRNOTAVAIL: /* No ephemeral port left. */
        return IO_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
    case EXDEV: /* openat2: the path leads out. */
    case ELOOP:
        return IO_DENIED;
    case EINVAL:
    case ENAMETOOLONG:
        return IO_INVALID;
    default:
        return IO_FAILED;
    }
}
