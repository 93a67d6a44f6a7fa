/* What travels over a session of `cupola exec`, between the client and the process beside the command: frames of a
 * kind, a size (32 bits, the highest first) and so many bytes. Those in between pass them on unread.
 *
 *   client:   EXEC_STDIN ... EXEC_STDIN_END, and EXEC_WINDOW whenever its terminal changes
 *   command:  EXEC_STDOUT, EXEC_STDERR ..., then one EXEC_EXIT or EXEC_ERROR
 *
 * The end of the connection ends the command.
 */
#ifndef CUPOLA_CORE_WIRE_EXEC_FRAME_H
#define CUPOLA_CORE_WIRE_EXEC_FRAME_H

#include "core/base/text.h"
#include "core/io.h"

/* The protocol's name in Upgrade fields. */
#define EXEC_PROTOCOL "cupola-exec"

enum exec_frame_kind {
    EXEC_STDIN = 1,
    EXEC_STDIN_END, /* Empty. */
    EXEC_WINDOW,    /* Rows and columns, 16 bits each, the higher first. */
    EXEC_STDOUT,
    EXEC_STDERR,
    EXEC_EXIT,  /* The exit code, one byte; 128 and the signal if one ended it. */
    EXEC_ERROR, /* Why there is no command; a text for people. */
};

enum { EXEC_FRAME_HEAD = 5, EXEC_FRAME_BYTES_MOST = 32768 };

enum exec_frame_result { EXEC_FRAME_WHOLE = 1, EXEC_FRAME_INCOMPLETE, EXEC_FRAME_MALFORMED };

void exec_frame_add(struct text *text, enum exec_frame_kind kind, const void *bytes, size_t size);
/* The first frame in `bytes`, which is EXEC_FRAME_HEAD and ret_payload->size bytes long; the payload is lent. */
enum exec_frame_result exec_frame_read(struct io_bytes bytes, enum exec_frame_kind *ret_kind,
                                       struct io_bytes *ret_payload);

#endif
