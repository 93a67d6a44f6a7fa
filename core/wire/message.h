/* What all protobuf messages have in common. */
#ifndef CUPOLA_CORE_WIRE_MESSAGE_H
#define CUPOLA_CORE_WIRE_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

/* A copy of the same kind, as deep as the message is. Given: free it with its own free_unpacked. Messages that are lent
 * (configurations, orders from the bus, entries of the journal) are kept by it. */
void *message_copy(const ProtobufCMessage *message);

#endif
