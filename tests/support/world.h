/* A world just large enough for tests of whole components: machines whose byte streams meet in memory, without delay,
 * loss or cost, in a time that the test moves.
 *
 * Fault model: none but what the test does itself (stopping machines, closing its own streams). Faults, delays and
 * disks are the simulator's business. Effects beyond streams, deadlines, SAVE and LOG assert.
 */
#ifndef CUPOLA_TESTS_SUPPORT_WORLD_H
#define CUPOLA_TESTS_SUPPORT_WORLD_H

#include "core/machine/machine.h"

struct world;
struct world_stream;

/* Starts at now = 1000 s, wall clock = 1,800,000,000 s. */
struct world *world_new(void);
/* Destroys all machines. */
void world_free(struct world *world);

/* Creates and starts a component; `configuration` is lent. The machine stays valid until world_free or world_kill. */
struct machine *world_start(struct world *world, const struct machine_class *class,
                            const ProtobufCMessage *configuration);
/* The process ends: its streams are reset, its listeners gone. */
void world_kill(struct world *world, struct machine *machine);
/* Connections to that port get no answer from now on, as of a host that is dead; or again they do. */
void world_swallow(struct world *world, uint16_t port, bool swallows);
/* Nobody has a descriptor for one more connection from now on; or again they have. */
void world_lacks_descriptors(struct world *world, bool lacks);
/* The next component that is started gets what a SAVE kept last. */
void world_restore_saved(struct world *world);
/* Carries out everything that is due now. */
void world_settle(struct world *world);
/* Moves the time, deadline by deadline. */
void world_advance(struct world *world, uint64_t duration_ns);
uint64_t world_now_ns(const struct world *world);
/* The number of LOG effects of at least that level so far. */
size_t world_logged(const struct world *world, enum log_level level);

/* The test's own end of a stream to whoever listens on that port. NULL: nobody. Lent. */
struct world_stream *world_dial(struct world *world, uint16_t port);
void world_send(struct world_stream *stream, const char *text);
/* All that has come and was not taken: use text_consume. */
struct text *world_received(struct world_stream *stream);
bool world_stream_is_open(const struct world_stream *stream);
void world_close(struct world_stream *stream);

#endif
