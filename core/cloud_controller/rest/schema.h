/* Bodies of the services API that are not as they should be. v1 says that without a code, and in two ways:
 * {"description": text} at /services, {"errors": text} below /services/v1. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_REST_SCHEMA_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_REST_SCHEMA_H

#include "core/cloud_controller/rest/rest.h"

/* Fails the call with 400 and {KEY: text}. */
void cc_schema_fail(struct call *call, const char *key, const char *text);
/* The body as a message, given. False: the call was failed so, and is gone. */
bool cc_schema_read(struct call *call, const char *key, const ProtobufCMessageDescriptor *descriptor,
                    void *ret_message);

#endif
