/* Every shape of message that was captured on the bus of 2011's components: all that they say is understood. */
#include "core/base/memory.h"
#include "core/proto/bus.pb-c.h"
#include "core/wire/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct captured {
    const ProtobufCMessageDescriptor *descriptor;
    const char *subject;
    const char *payload;
};

static const struct captured captured[] = {
    {&cupola__component_announce__descriptor, "vcap.component.announce",
     "{\"type\":\"Router\",\"index\":0,\"uuid\":\"0-2cd3094836e9c7d8187fee0ae6a60932\",\"host\":\"127."
     "0.0.1:24081\",\"credentials\":[\"ruser\",\"rpass\"],\"start\":\"2026-11-22 19:34:22 +0000\"}"},
    {&cupola__router_start__descriptor, "router.start",
     "{\"id\":\"75f0d07f14d90f7b2406dc9efbd13166\",\"version\":0.98}"},
    {&cupola__component_announce__descriptor, "vcap.component.announce",
     "{\"type\":\"DEA\",\"index\":null,\"uuid\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"host\":\"127.0."
     "0.1:33905\",\"credentials\":[\"da592e8faae1accaf583bbf5b3f5caac\",\"25f7dcc3620fec50c1bd8b379fa6"
     "a5ae\"],\"start\":\"2026-11-22 19:34:23 +0000\"}"},
    {&cupola__dea_hello__descriptor, "dea.start",
     "{\"id\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"ip\":\"127.0.0.1\",\"port\":24345,\"version\":0.9"
     "9}"},
    {&cupola__component_announce__descriptor, "_INBOX",
     "{\"type\":\"Router\",\"index\":0,\"uuid\":\"0-2cd3094836e9c7d8187fee0ae6a60932\",\"host\":\"127."
     "0.0.1:24081\",\"credentials\":[\"ruser\",\"rpass\"],\"start\":\"2026-11-22 19:34:22 +0000\",\"up"
     "time\":\"0d:0h:0m:1s\"}"},
    {&cupola__component_announce__descriptor, "_INBOX",
     "{\"type\":\"DEA\",\"index\":null,\"uuid\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"host\":\"127.0."
     "0.1:33905\",\"credentials\":[\"da592e8faae1accaf583bbf5b3f5caac\",\"25f7dcc3620fec50c1bd8b379fa6"
     "a5ae\"],\"start\":\"2026-11-22 19:34:23 +0000\",\"uptime\":\"0d:0h:0m:0s\"}"},
    {&cupola__dea_status__descriptor, "_INBOX",
     "{\"id\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"ip\":\"127.0.0.1\",\"port\":24345,\"version\":0.9"
     "9,\"max_memory\":4096,\"reserved_memory\":0,\"used_memory\":0.0,\"num_clients\":0}"},
    {&cupola__dea_discover__descriptor, "dea.discover",
     "{\"droplet\": 7, \"limits\": {\"mem\": 64, \"disk\": 128, \"fds\": 256}, \"name\": \"hello\", \""
     "runtime\": \"python3\", \"sha\": \"ea8072f55ce4167af0d078a018ddc522a251ad59\"}"},
    {&cupola__dea_hello__descriptor, "_INBOX",
     "{\"id\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"ip\":\"127.0.0.1\",\"port\":24345,\"version\":0.9"
     "9}"},
    {&cupola__dea_start__descriptor, "dea.*.start",
     "{\"droplet\": 7, \"name\": \"hello\", \"uris\": [\"hello.vcap.me\", \"Alias.vcap.me\"], \"runtim"
     "e\": \"python3\", \"framework\": \"sinatra\", \"sha1\": \"ea8072f55ce4167af0d078a018ddc522a251ad"
     "59\", \"executableFile\": \"/var/vcap/droplets/ea8072f55ce4167af0d078a018ddc522a251ad59\", \"exe"
     "cutableUri\": \"http://127.0.0.1:24022/staged_droplets/7/ea8072f55ce4167af0d078a018ddc522a251ad5"
     "9\", \"version\": \"ea8072f55ce4167af0d078a018ddc522a251ad59-1\", \"services\": [{\"name\": \"my"
     "db\", \"type\": \"database\", \"label\": \"mysql-5.1\", \"vendor\": \"mysql\", \"version\": \"5."
     "1\", \"tags\": [\"mysql\"], \"plan\": \"free\", \"plan_option\": null, \"credentials\": {\"hostn"
     "ame\": \"127.0.0.1\", \"port\": 3306, \"name\": \"d1\", \"user\": \"u\", \"password\": \"p\"}}],"
     " \"limits\": {\"mem\": 64, \"disk\": 128, \"fds\": 256}, \"env\": [\"FOO=bar baz\", \"QUOTED='x "
     "y'\"], \"users\": [\"foo@bar.com\"], \"index\": 0}"},
    {&cupola__dea_heartbeat__descriptor, "dea.heartbeat",
     "{\"droplets\":[{\"droplet\":7,\"version\":\"ea8072f55ce4167af0d078a018ddc522a251ad59-1\",\"insta"
     "nce\":\"ce5f37e526f1b511fda7f861f63a9898\",\"index\":0,\"state\":\"RUNNING\",\"state_timestamp\""
     ":1795376065}]}"},
    {&cupola__router_register__descriptor, "router.register",
     "{\"dea\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":[\""
     "hello.vcap.me\",\"Alias.vcap.me\"],\"tags\":{\"framework\":\"sinatra\",\"runtime\":\"python3\"}}"},
    {&cupola__dea_find_droplet__descriptor, "dea.find.droplet", "{\"droplet\": 7}"},
    {&cupola__dea_found__descriptor, "_INBOX",
     "{\"dea\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"version\":\"ea8072f55ce4167af0d078a018ddc522a251"
     "ad59-1\",\"droplet\":7,\"instance\":\"ce5f37e526f1b511fda7f861f63a9898\",\"index\":0,\"state\":"
     "\"RUNNING\",\"state_timestamp\":1795376065,\"file_uri\":\"http://127.0.0.1:24345/droplets/\",\"c"
     "redentials\":[\"9a3ac518dd26866347d9de2b37f6572f\",\"c79aa5f44f506638956d8e7c88484e19\"],\"stage"
     "d\":\"hello-0-ce5f37e526f1b511fda7f861f63a9898\"}"},
    {&cupola__dea_find_droplet__descriptor, "dea.find.droplet",
     "{\"droplet\": 7, \"version\": \"ea8072f55ce4167af0d078a018ddc522a251ad59-1\", \"states\": [\"RUN"
     "NING\"], \"include_stats\": true}"},
    {&cupola__dea_found__descriptor, "_INBOX",
     "{\"dea\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"version\":\"ea8072f55ce4167af0d078a018ddc522a251"
     "ad59-1\",\"droplet\":7,\"instance\":\"ce5f37e526f1b511fda7f861f63a9898\",\"index\":0,\"state\":"
     "\"RUNNING\",\"state_timestamp\":1795376065,\"file_uri\":\"http://127.0.0.1:24345/droplets/\",\"c"
     "redentials\":[\"9a3ac518dd26866347d9de2b37f6572f\",\"c79aa5f44f506638956d8e7c88484e19\"],\"stage"
     "d\":\"hello-0-ce5f37e526f1b511fda7f861f63a9898\",\"stats\":{\"name\":\"hello\",\"host\":\"127.0."
     "0.1\",\"port\":39039,\"uris\":[\"hello.vcap.me\",\"Alias.vcap.me\"],\"uptime\":6.558235806,\"mem"
     "_quota\":67108864,\"disk_quota\":134217728,\"fds_quota\":256,\"cores\":2,\"usage\":{\"time\":\"2"
     "026-11-22 19:34:31 +0000\",\"cpu\":0.8,\"mem\":18604.0,\"disk\":32768}}}"},
    {&cupola__dea_find_droplet__descriptor, "dea.find.droplet", "{\"droplet\": 7, \"indices\": [1]}"},
    {&cupola__dea_find_droplet__descriptor, "dea.find.droplet", "{\"droplet\": 7, \"version\": \"zz\"}"},
    {&cupola__dea_find_droplet__descriptor, "dea.find.droplet", "{\"droplet\": 7, \"states\": [\"running\"]}"},
    {&cupola__instance_stats__descriptor, "_INBOX",
     "{\"name\":\"hello\",\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":[\"hello.vcap.me\",\"Alias.vc"
     "ap.me\"],\"uptime\":9.066928613,\"mem_quota\":67108864,\"disk_quota\":134217728,\"fds_quota\":25"
     "6,\"usage\":{\"time\":\"2026-11-22 19:34:33 +0000\",\"cpu\":0.6,\"mem\":18604.0,\"disk\":32768}}"},
    {&cupola__dea_update__descriptor, "dea.update",
     "{\"droplet\": 7, \"name\": \"hello\", \"uris\": [\"hello.vcap.me\", \"new.vcap.me\"], \"runtime"
     "\": \"python3\", \"framework\": \"sinatra\", \"sha1\": \"ea8072f55ce4167af0d078a018ddc522a251ad5"
     "9\", \"executableFile\": \"/var/vcap/droplets/ea8072f55ce4167af0d078a018ddc522a251ad59\", \"exec"
     "utableUri\": \"http://127.0.0.1:24022/staged_droplets/7/ea8072f55ce4167af0d078a018ddc522a251ad59"
     "\", \"version\": \"ea8072f55ce4167af0d078a018ddc522a251ad59-1\", \"services\": [{\"name\": \"myd"
     "b\", \"type\": \"database\", \"label\": \"mysql-5.1\", \"vendor\": \"mysql\", \"version\": \"5.1"
     "\", \"tags\": [\"mysql\"], \"plan\": \"free\", \"plan_option\": null, \"credentials\": {\"hostna"
     "me\": \"127.0.0.1\", \"port\": 3306, \"name\": \"d1\", \"user\": \"u\", \"password\": \"p\"}}], "
     "\"limits\": {\"mem\": 64, \"disk\": 128, \"fds\": 256}, \"env\": [\"FOO=bar baz\", \"QUOTED='x y"
     "'\"], \"users\": [\"foo@bar.com\"], \"index\": 0}"},
    {&cupola__router_register__descriptor, "router.unregister",
     "{\"dea\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":[\""
     "Alias.vcap.me\"]}"},
    {&cupola__dea_find_droplet__descriptor, "dea.find.droplet",
     "{\"droplet\": 7, \"indices\": [0], \"include_stats\": true}"},
    {&cupola__dea_update__descriptor, "dea.update",
     "{\"droplet\": 7, \"name\": \"hello\", \"uris\": [], \"runtime\": \"python3\", \"framework\": \"s"
     "inatra\", \"sha1\": \"ea8072f55ce4167af0d078a018ddc522a251ad59\", \"executableFile\": \"/var/vca"
     "p/droplets/ea8072f55ce4167af0d078a018ddc522a251ad59\", \"executableUri\": \"http://127.0.0.1:240"
     "22/staged_droplets/7/ea8072f55ce4167af0d078a018ddc522a251ad59\", \"version\": \"ea8072f55ce4167a"
     "f0d078a018ddc522a251ad59-1\", \"services\": [{\"name\": \"mydb\", \"type\": \"database\", \"labe"
     "l\": \"mysql-5.1\", \"vendor\": \"mysql\", \"version\": \"5.1\", \"tags\": [\"mysql\"], \"plan\""
     ": \"free\", \"plan_option\": null, \"credentials\": {\"hostname\": \"127.0.0.1\", \"port\": 3306"
     ", \"name\": \"d1\", \"user\": \"u\", \"password\": \"p\"}}], \"limits\": {\"mem\": 64, \"disk\":"
     " 128, \"fds\": 256}, \"env\": [\"FOO=bar baz\", \"QUOTED='x y'\"], \"users\": [\"foo@bar.com\"],"
     " \"index\": 0}"},
    {&cupola__router_register__descriptor, "router.register",
     "{\"dea\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":[],"
     "\"tags\":{\"framework\":\"sinatra\",\"runtime\":\"python3\"}}"},
    {&cupola__droplet_exited__descriptor, "droplet.exited",
     "{\"droplet\":7,\"version\":\"ea8072f55ce4167af0d078a018ddc522a251ad59-1\",\"instance\":\"ce5f37e"
     "526f1b511fda7f861f63a9898\",\"index\":0,\"reason\":\"CRASHED\",\"crash_timestamp\":1795376078}"},
    {&cupola__dea_stop__descriptor, "dea.stop",
     "{\"droplet\": 7, \"version\": \"ea8072f55ce4167af0d078a018ddc522a251ad59-1\", \"indices\": [1]}"},
    {&cupola__droplet_exited__descriptor, "droplet.exited",
     "{\"droplet\":7,\"version\":\"ea8072f55ce4167af0d078a018ddc522a251ad59-1\",\"instance\":\"b92c7c0"
     "764aea25c21b2c6aed614c70c\",\"index\":1,\"reason\":\"STOPPED\"}"},
    {&cupola__dea_stop__descriptor, "dea.stop", "{\"droplet\": 7}"},
    {&cupola__router_register__descriptor, "router.register",
     "{\"host\": \"127.0.0.1\", \"port\": 24022, \"uris\": [\"api.vcap.me\"], \"tags\": {\"component\""
     ": \"CloudController\"}}"},
    {&cupola__dea_start__descriptor, "dea.*.start",
     "{\"droplet\": 7, \"name\": \"hello\", \"uris\": [\"hello.vcap.me\"], \"runtime\": \"python3\", "
     "\"framework\": \"sinatra\", \"sha1\": \"23fb113753249af91019875ec0919d772158b4fe\", \"executable"
     "File\": \"/var/vcap/droplets/23fb113753249af91019875ec0919d772158b4fe\", \"executableUri\": \"ht"
     "tp://127.0.0.1:24022/staged_droplets/7/23fb113753249af91019875ec0919d772158b4fe\", \"version\": "
     "\"23fb113753249af91019875ec0919d772158b4fe-1\", \"services\": [], \"limits\": {\"mem\": 64, \"di"
     "sk\": 128, \"fds\": 256}, \"env\": [], \"users\": [\"foo@bar.com\"], \"index\": 0}"},
    {&cupola__health_request__descriptor, "healthmanager.health",
     "{\"droplets\": [{\"droplet\": 7, \"version\": \"23fb113753249af91019875ec0919d772158b4fe-1\"}]}"},
    {&cupola__health_reply__descriptor, "_INBOX",
     "{\"droplet\":7,\"version\":\"23fb113753249af91019875ec0919d772158b4fe-1\",\"healthy\":2}"},
    {&cupola__health_manager_request__descriptor, "cloudcontrollers.hm.requests",
     "{\"droplet\":7,\"op\":\"START\",\"last_updated\":1795377090,\"version\":\"23fb113753249af9101987"
     "5ec0919d772158b4fe-1\",\"indices\":[1]}"},
    {&cupola__droplet_updated__descriptor, "droplet.updated", "{\"droplet\": 7}"},
    {&cupola__health_manager_request__descriptor, "cloudcontrollers.hm.requests",
     "{\"droplet\":7,\"op\":\"STOP\",\"last_updated\":1795377090,\"instances\":[\"2bc3f4ecef53789118b6"
     "33ef8661392f\"]}"},
    {&cupola__dea_stop__descriptor, "dea.stop",
     "{\"droplet\": 7, \"instances\": [\"2bc3f4ecef53789118b633ef8661392f\"]}"},
    {&cupola__health_status_request__descriptor, "healthmanager.status",
     "{\"droplet\": 1, \"version\": \"s1-0\", \"state\": \"FLAPPING\"}"},
    {&cupola__flapping_reply__descriptor, "_INBOX", "{\"indices\":[]}"},
    {&cupola__crashed_reply__descriptor, "_INBOX", "{\"instances\":[]}"},
    {&cupola__crashed_reply__descriptor, "_INBOX", "{\"instances\":[{\"instance\":\"i5\",\"since\":1795376845}]}"},
};

/* dea.update repeats the whole description of the app, of which a DEA needs the addresses. */
static ProtobufCMessage *read_strictly(const ProtobufCMessageDescriptor *descriptor, const char *json)
{
    struct json_error error;
    int mode = descriptor == &cupola__dea_update__descriptor ? JSON_LENIENT : JSON_STRICT;
    ProtobufCMessage *message =
        json_read(descriptor, (struct io_bytes){(const uint8_t *)json, strlen(json)}, mode, &error);
    if (message == NULL)
        fail_msg("%s: %s", json, error.text);
    return message;
}

/* No key is unknown, nothing is of another type, and what we would write says the same. */
static void all_that_was_said_is_understood_and_can_be_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof captured / sizeof captured[0]; i++) {
        ProtobufCMessage *message = read_strictly(captured[i].descriptor, captured[i].payload);
        struct text written = {0}, again = {0};
        json_write(&written, message);
        ProtobufCMessage *other = read_strictly(captured[i].descriptor, text_string(&written));
        json_write(&again, other);
        assert_string_equal(text_string(&written), text_string(&again));
        text_free(&written);
        text_free(&again);
        protobuf_c_message_free_unpacked(message, NULL);
        protobuf_c_message_free_unpacked(other, NULL);
    }
}

/* 2011's DEA compared with numbers only: such a question found nothing. Here it is no question at all. */
static void a_number_as_a_text_is_refused(void **state)
{
    (void)state;
    static const char json[] = "{\"droplet\": \"7\"}";
    struct json_error error;
    assert_null(json_read(&cupola__dea_find_droplet__descriptor,
                          (struct io_bytes){(const uint8_t *)json, sizeof json - 1}, JSON_LENIENT, &error));
    assert_string_equal(error.text, "line 1: droplet: expected an integer, found a string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_said_is_understood_and_can_be_said),
        cmocka_unit_test(a_number_as_a_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
