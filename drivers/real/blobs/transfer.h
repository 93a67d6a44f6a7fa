/* Blobs on connections: BLOB_SEND and BLOB_RECEIVE. A piece at a time goes through a buffer; disks are touched on the
 * thread pool only. */
#ifndef CUPOLA_DRIVERS_REAL_BLOBS_TRANSFER_H
#define CUPOLA_DRIVERS_REAL_BLOBS_TRANSFER_H

#include "drivers/real/streams/stream.h"

/* ---- Effects ---- */

void blob_send_begin(struct real_driver *driver, struct io_op op, struct stream *stream, const char *digest);
void blob_receive_begin(struct real_driver *driver, struct io_op op, struct stream *stream, uint64_t size);

/* ---- For streams/write.c: the blob at the head of the queue ---- */

bool blob_send_has_piece(const struct blob_send *send);
uv_buf_t blob_send_piece(const struct blob_send *send);
/* A reference to the memory of the piece; given. */
struct buffer *blob_send_hold(const struct blob_send *send);
void blob_send_advance(struct blob_send *send, size_t size);
/* Reads on; false: the stream is flushed when there is more. True: it has ended, is answered, and is freed. */
bool blob_send_refill(struct blob_send *send);
/* Answers with IO_CANCELLED; the stream forgets it. */
void blob_send_cancel(struct blob_send *send);

/* ---- For stream.c: stream->receive, where it is not NULL ---- */

uv_buf_t blob_receive_room(struct stream *stream);
void blob_receive_bytes(struct stream *stream, size_t size);
bool blob_receive_wants_bytes(const struct stream *stream);
/* The peer has finished before all had come. */
void blob_receive_end(struct stream *stream);
/* Answers with IO_CANCELLED. Nothing if there is none. */
void blob_receive_cancel(struct stream *stream);

#endif
