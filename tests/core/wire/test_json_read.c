/* JSON -> messages: what v1 peers send is understood, what nobody should send is refused with a text that helps. */
#include "core/proto/bus.pb-c.h"
#include "core/proto/config.pb-c.h"
#include "core/wire/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct io_bytes bytes_of(const char *json)
{
    return (struct io_bytes){.data = (const uint8_t *)json, .size = strlen(json)};
}

static void *read_message(const ProtobufCMessageDescriptor *descriptor, const char *json, int mode)
{
    struct json_error error = {.text = ""};
    ProtobufCMessage *message = json_read(descriptor, bytes_of(json), mode, &error);
    if (message == NULL)
        fail_msg("refused: %s", error.text);
    return message;
}

static void free_message(void *message)
{
    protobuf_c_message_free_unpacked(message, NULL);
}

static void expect_error(const ProtobufCMessageDescriptor *descriptor, const char *json, int mode, const char *text)
{
    struct json_error error = {.text = ""};
    ProtobufCMessage *message = json_read(descriptor, bytes_of(json), mode, &error);
    assert_null(message);
    assert_string_equal(error.text, text);
}

/* Reads the payload and writes it again: fields come in the order of the .proto, which is the order of v1. */
static void expect_round_trip(const ProtobufCMessageDescriptor *descriptor, const char *json)
{
    ProtobufCMessage *message = read_message(descriptor, json, JSON_STRICT);
    struct text text = {0};
    json_write(&text, message);
    assert_string_equal(text_string(&text), json);
    text_free(&text);
    free_message(message);
}

static void v1_payloads_survive_reading_and_writing(void **state)
{
    (void)state;
    expect_round_trip(&cupola__component_announce__descriptor,
                      "{\"type\":\"Router\",\"index\":0,\"uuid\":\"0-2cd3\",\"host\":\"127.0.0.1:24081\","
                      "\"credentials\":[\"ruser\",\"rpass\"],\"start\":\"2026-11-22 19:34:22 +0000\","
                      "\"uptime\":\"0d:0h:0m:1s\"}");
    expect_round_trip(&cupola__router_start__descriptor, "{\"id\":\"75f0d07f\",\"version\":0.98}");
    expect_round_trip(&cupola__router_register__descriptor,
                      "{\"dea\":\"d6cd\",\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":[\"hello.vcap.me\","
                      "\"Alias.vcap.me\"],\"tags\":{\"framework\":\"sinatra\",\"runtime\":\"python3\"}}");
    expect_round_trip(&cupola__dea_hello__descriptor,
                      "{\"id\":\"d6cd\",\"ip\":\"127.0.0.1\",\"port\":24345,\"version\":0.99}");
    expect_round_trip(&cupola__dea_discover__descriptor,
                      "{\"droplet\":7,\"limits\":{\"mem\":64,\"disk\":128,\"fds\":256},\"name\":\"hello\","
                      "\"runtime\":\"python3\",\"sha\":\"ea80\"}");
    expect_round_trip(&cupola__dea_start__descriptor,
                      "{\"droplet\":7,\"name\":\"hello\",\"uris\":[\"hello.vcap.me\"],\"runtime\":\"python3\","
                      "\"framework\":\"sinatra\",\"sha1\":\"ea80\",\"executableFile\":\"/x\","
                      "\"executableUri\":\"http://127.0.0.1:1/x\",\"version\":\"ea80-1\",\"services\":[],"
                      "\"limits\":{\"mem\":64,\"disk\":128,\"fds\":256},\"env\":[\"A=b\"],\"users\":[\"a@b.c\"],"
                      "\"index\":0}");
    expect_round_trip(&cupola__dea_stop__descriptor, "{\"droplet\":7,\"version\":\"ea80-1\",\"indices\":[1]}");
    expect_round_trip(&cupola__dea_stop__descriptor, "{\"droplet\":7,\"instances\":[\"ce5f\"]}");
    expect_round_trip(&cupola__dea_find_droplet__descriptor, "{\"droplet\":7,\"include_stats\":true}");
    expect_round_trip(&cupola__dea_found__descriptor,
                      "{\"dea\":\"d6cd\",\"version\":\"ea80-1\",\"droplet\":7,\"instance\":\"ce5f\",\"index\":0,"
                      "\"state\":\"RUNNING\",\"state_timestamp\":1795376065,\"file_uri\":\"http://127.0.0.1/d/\","
                      "\"credentials\":[\"9a3a\",\"c79a\"],\"staged\":\"hello-0-ce5f\",\"stats\":{\"name\":\"hello\","
                      "\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":[],\"uptime\":6.558235806,"
                      "\"mem_quota\":67108864,\"disk_quota\":134217728,\"fds_quota\":256,\"cores\":2,\"usage\":"
                      "{\"time\":\"2026-11-22 19:34:31 +0000\",\"cpu\":0.8,\"mem\":18604.0,\"disk\":32768}}}");
    expect_round_trip(&cupola__dea_status__descriptor,
                      "{\"id\":\"d6cd\",\"ip\":\"127.0.0.1\",\"port\":24345,\"version\":0.99,\"max_memory\":4096,"
                      "\"reserved_memory\":128,\"used_memory\":36.3828125,\"num_clients\":2}");
    expect_round_trip(&cupola__dea_heartbeat__descriptor,
                      "{\"droplets\":[{\"droplet\":7,\"version\":\"ea80-1\",\"instance\":\"ce5f37e5\",\"index\":0,"
                      "\"state\":\"RUNNING\",\"state_timestamp\":1795376065}]}");
    expect_round_trip(&cupola__droplet_exited__descriptor,
                      "{\"droplet\":7,\"version\":\"ea80-1\",\"instance\":\"ce5f\",\"index\":0,"
                      "\"reason\":\"CRASHED\",\"crash_timestamp\":1795376078}");
    expect_round_trip(&cupola__droplet_updated__descriptor, "{\"droplet\":7}");
    expect_round_trip(&cupola__health_reply__descriptor, "{\"droplet\":7,\"version\":\"23fb-1\",\"healthy\":2}");
    expect_round_trip(&cupola__flapping_reply__descriptor, "{\"indices\":[{\"index\":0,\"since\":1795377206}]}");
    expect_round_trip(&cupola__crashed_reply__descriptor, "{\"instances\":[{\"instance\":\"i5\",\"since\":17}]}");
    expect_round_trip(&cupola__health_manager_request__descriptor,
                      "{\"droplet\":7,\"op\":\"START\",\"last_updated\":1795377090,\"version\":\"23fb-1\","
                      "\"indices\":[1]}");
}

static void blanks_order_and_unknown_fields_do_not_matter(void **state)
{
    (void)state;
    Cupola__RouterRegister *message =
        read_message(&cupola__router_register__descriptor,
                     " { \"uris\" : [ \"api.vcap.me\" ] , \"extra\" : { \"a\" : [ 1 , { } , null ] } ,\n"
                     "\"port\" : 24022, \"tags\": {\"component\": \"CloudController\"} , \"host\" : \"127.0.0.1\" } ",
                     JSON_LENIENT);
    assert_string_equal(message->host, "127.0.0.1");
    assert_true(message->has_port);
    assert_int_equal(message->port, 24022);
    assert_int_equal(message->n_uris, 1);
    assert_string_equal(message->uris[0], "api.vcap.me");
    assert_int_equal(message->n_tags, 1);
    assert_string_equal(message->tags[0]->key, "component");
    assert_string_equal(message->tags[0]->value, "CloudController");
    assert_null(message->dea);
    assert_false(message->has_app);
    free_message(message);
}

static void null_means_absent(void **state)
{
    (void)state;
    Cupola__ComponentAnnounce *message =
        read_message(&cupola__component_announce__descriptor,
                     "{\"type\":\"DEA\",\"index\":null,\"uuid\":null,\"credentials\":null}", JSON_STRICT);
    assert_false(message->has_index);
    assert_null(message->uuid);
    assert_int_equal(message->n_credentials, 0);
    free_message(message);

    Cupola__RouterRegister *registered =
        read_message(&cupola__router_register__descriptor, "{\"tags\":{\"a\":null,\"b\":\"c\"}}", JSON_LENIENT);
    assert_int_equal(registered->n_tags, 1);
    assert_string_equal(registered->tags[0]->key, "b");
    free_message(registered);
}

static void of_a_key_that_comes_twice_the_last_wins(void **state)
{
    (void)state;
    Cupola__DeaStart *message = read_message(
        &cupola__dea_start__descriptor,
        "{\"droplet\":1,\"droplet\":2,\"name\":\"a\",\"name\":\"b\",\"uris\":[\"x\",\"y\"],\"uris\":[\"z\"],"
        "\"limits\":{\"mem\":1},\"limits\":{\"disk\":2},\"index\":3,\"index\":null,"
        "\"services\":[{\"credentials\":{\"k\":\"1\",\"l\":\"2\",\"k\":\"3\"}}]}",
        JSON_LENIENT);
    assert_int_equal(message->droplet, 2);
    assert_string_equal(message->name, "b");
    assert_int_equal(message->n_uris, 1);
    assert_string_equal(message->uris[0], "z");
    assert_false(message->limits->has_mem);
    assert_int_equal(message->limits->disk, 2);
    assert_false(message->has_index);
    assert_int_equal(message->services[0]->n_credentials, 2);
    assert_string_equal(message->services[0]->credentials[0]->value->json, "\"3\"");
    free_message(message);
}

static void service_credentials_are_kept_as_they_are(void **state)
{
    (void)state;
    const char *json = "{\"credentials\":{\"hostname\":\"10.0.0.1\",\"port\":3306,\"tls\":true,\"none\":null,"
                       "\"uris\":[\"a\\\"b\",{\"x\":-1.50e3,\"y\":[],\"z\":null},false],\"last\":{}},\"name\":\"n\"}";
    Cupola__ServiceBinding *message = read_message(&cupola__service_binding__descriptor, json, JSON_LENIENT);
    assert_int_equal(message->n_credentials, 5);
    assert_string_equal(message->credentials[0]->value->text, "10.0.0.1");
    assert_string_equal(message->credentials[1]->value->json, "3306");
    assert_string_equal(message->credentials[1]->value->text, "3306");
    assert_string_equal(message->credentials[3]->value->json, "[\"a\\\"b\",{\"x\":-1.50e3,\"y\":[],\"z\":null},false]");
    struct text written = {0};
    json_write(&written, &message->base);
    assert_non_null(strstr(text_string(&written),
                           "\"credentials\":{\"hostname\":\"10.0.0.1\",\"port\":3306,\"tls\":true,\"uris\":[\"a\\\"b\","
                           "{\"x\":-1.50e3,\"y\":[],\"z\":null},false],\"last\":{}}"));
    text_free(&written);
    free_message(message);
    expect_error(&cupola__service_binding__descriptor,
                 "{\"credentials\":{\"a\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}}", JSON_LENIENT,
                 "line 1: credentials.a: nested too deep");
    expect_error(&cupola__service_binding__descriptor, "{\"credentials\":{\"a\":[1,}}", JSON_LENIENT,
                 "line 1: credentials.a: parse error: unallowed token at this point in JSON text");
}

static void integers_are_kept_in_their_range(void **state)
{
    (void)state;
    Cupola__DropletExited *message = read_message(
        &cupola__droplet_exited__descriptor,
        "{\"droplet\":-9223372036854775808,\"index\":-2147483648,\"crash_timestamp\":9223372036854775807}", 0);
    assert_true(message->droplet == INT64_MIN);
    assert_true(message->index == INT32_MIN);
    assert_true(message->crash_timestamp == INT64_MAX);
    free_message(message);

    const ProtobufCMessageDescriptor *exited = &cupola__droplet_exited__descriptor;
    expect_error(exited, "{\"index\":2147483648}", 0, "line 1: index: expected an integer in range, found 2147483648");
    expect_error(exited, "{\"index\":-2147483649}", 0,
                 "line 1: index: expected an integer in range, found -2147483649");
    expect_error(exited, "{\"droplet\":9223372036854775808}", 0,
                 "line 1: droplet: expected an integer in range, found 9223372036854775808");
    expect_error(exited, "{\"droplet\":99999999999999999999}", 0,
                 "line 1: droplet: expected an integer, found 99999999999999999999");
    expect_error(exited, "{\"index\":3.0}", 0, "line 1: index: expected an integer, found 3.0");
    expect_error(exited, "{\"index\":1e2}", 0, "line 1: index: expected an integer, found 1e2");
    expect_error(&cupola__endpoint__descriptor, "{\"port\":-1}", 0,
                 "line 1: port: expected an integer that is not negative, found -1");
    expect_error(&cupola__endpoint__descriptor, "{\"port\":4294967296}", 0,
                 "line 1: port: expected an integer in range, found 4294967296");
}

static void digits_in_quotes_are_integers_only_where_asked_for(void **state)
{
    (void)state;
    Cupola__DropletExited *message =
        read_message(&cupola__droplet_exited__descriptor, "{\"droplet\":\"7\",\"index\":\"-1\"}", JSON_NUMBER_TEXT);
    assert_int_equal(message->droplet, 7);
    assert_int_equal(message->index, -1);
    free_message(message);
    expect_error(&cupola__droplet_exited__descriptor, "{\"droplet\":\"7\"}", 0,
                 "line 1: droplet: expected an integer, found a string");
    expect_error(&cupola__droplet_exited__descriptor, "{\"droplet\":\"\"}", JSON_NUMBER_TEXT,
                 "line 1: droplet: expected an integer, found a string");
    expect_error(&cupola__droplet_exited__descriptor, "{\"droplet\":\"7 \"}", JSON_NUMBER_TEXT,
                 "line 1: droplet: expected an integer, found a string");
}

static void doubles_take_every_form_of_number(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        double expected;
    } cases[] = {
        {"{\"version\":0.98}", 0.98},
        {"{\"version\":3}", 3},
        {"{\"version\":-2.5e3}", -2500},
        {"{\"version\":1E-2}", 0.01},
        {"{\"version\":0.1}", 0.1},
        {"{\"version\":36.3828125}", 36.3828125},
        {"{\"version\":6.558235806}", 6.558235806},
        {"{\"version\":1e-400}", 0},
        {"{\"version\":123456789012345678901234567890}", 123456789012345678901234567890.0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Cupola__RouterStart *message = read_message(&cupola__router_start__descriptor, cases[i].json, JSON_STRICT);
        assert_true(message->version == cases[i].expected);
        free_message(message);
    }
}

static void an_error_names_line_place_and_what_was_found(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *heartbeat = &cupola__dea_heartbeat__descriptor;
    expect_error(heartbeat, "{\"droplets\":[{},\n{\"index\":0},\n{\"index\":\"x\"}]}", 0,
                 "line 3: droplets[2].index: expected an integer, found a string");
    expect_error(heartbeat, "{\"droplets\":{}}", 0, "line 1: droplets: expected an array, found an object");
    expect_error(heartbeat, "{\"droplets\":7}", 0, "line 1: droplets: expected an array, found 7");
    expect_error(heartbeat, "{\"droplets\":[7]}", 0, "line 1: droplets[0]: expected an object, found 7");
    expect_error(heartbeat, "{\"droplets\":[{},null]}", 0, "line 1: droplets[1]: expected an object, found null");
    expect_error(heartbeat, "{\"droplets\":[[]]}", 0, "line 1: droplets[0]: expected an object, found an array");
    expect_error(heartbeat, "{\"complete\":1}", 0, "line 1: complete: expected true or false, found 1");
    expect_error(heartbeat, "{\"dea\":false}", 0, "line 1: dea: expected a string, found true or false");
    expect_error(&cupola__dea_stop__descriptor, "{\"indices\":[0,\"1\"]}", 0,
                 "line 1: indices[1]: expected an integer, found a string");
    expect_error(&cupola__dea_start__descriptor, "{\"limits\":[]}", 0,
                 "line 1: limits: expected an object, found an array");
    expect_error(&cupola__dea_start__descriptor, "{\"uris\":\"a\"}", 0,
                 "line 1: uris: expected an array, found a string");
    expect_error(&cupola__router_register__descriptor, "{\"tags\":[]}", 0,
                 "line 1: tags: expected an object, found an array");
    expect_error(&cupola__router_register__descriptor, "{\"tags\":{\"a\":{}}}", 0,
                 "line 1: tags.a: expected a string, found an object");
    expect_error(heartbeat, "7", 0, "line 1: expected an object, found 7");
    expect_error(heartbeat, "[]", 0, "line 1: expected an object, found an array");
    expect_error(heartbeat, "null", 0, "line 1: expected an object, found null");
}

static void broken_texts_are_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        " ",
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{} {}",
        "{}x",
        "{\"a\":01}",
        "{\"dea\":\"\\x\"}",
        "{'a':1}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":nul}",
        "{\"dea\":\"a\nb\"}",
        "\xef\xbb\xbf{",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct json_error error = {.text = ""};
        ProtobufCMessage *message = json_read(&cupola__dea_heartbeat__descriptor, bytes_of(broken[i]), 0, &error);
        if (message != NULL)
            fail_msg("accepted: %s", broken[i]);
        assert_memory_equal(error.text, "line ", 5);
        assert_true(error.offset <= strlen(broken[i]));
    }
    expect_error(&cupola__dea_heartbeat__descriptor, "", 0, "line 1: parse error: premature EOF");
    expect_error(&cupola__dea_heartbeat__descriptor, "{\n\n\"dea\":\"x\",\n", 0,
                 "line 4: dea: parse error: premature EOF");
}

static void strings_must_be_text(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "{\"dea\":\"\xff\"}",         "{\"dea\":\"\xc0\xaf\"}",
        "{\"dea\":\"\xed\xa0\x80\"}", "{\"dea\":\"\xf4\x90\x80\x80\"}",
        "{\"dea\":\"\xe2\x82\"}",     "{\"\xc1\xbf\":1}",
        "{\"x\":\"\xc0\x80\"}",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct json_error error;
        assert_null(json_read(&cupola__dea_heartbeat__descriptor, bytes_of(broken[i]), 0, &error));
    }
    expect_error(&cupola__dea_heartbeat__descriptor, "{\"dea\":\"a\\u0000b\"}", 0,
                 "line 1: dea: expected a string without NUL characters, found a string");
    Cupola__DeaHeartbeat *message =
        read_message(&cupola__dea_heartbeat__descriptor, "{\"dea\":\"\\u00e4\\ud83d\\ude00\xe2\x82\xac\\n\\\"\"}", 0);
    assert_string_equal(message->dea, "\xc3\xa4\xf0\x9f\x98\x80\xe2\x82\xac\n\"");
    free_message(message);
}

static void depth_is_limited_also_in_what_is_skipped(void **state)
{
    (void)state;
    free_message(read_message(&cupola__dea_heartbeat__descriptor, "{\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", 0));
    expect_error(&cupola__dea_heartbeat__descriptor, "{\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", 0,
                 "line 1: nested too deep");
}

static void the_number_of_values_is_limited(void **state)
{
    (void)state;
    struct text text = {0};
    text_add_string(&text, "{\"x\":[0");
    for (int i = 0; i < 1000000; i++)
        text_add_string(&text, ",0");
    text_add_string(&text, "]}");
    expect_error(&cupola__dea_heartbeat__descriptor, text_string(&text), 0, "line 1: too many values");
    text_free(&text);
}

static void the_keys_of_a_map_are_limited(void **state)
{
    (void)state;
    struct text text = {0};
    text_add_string(&text, "{\"tags\":{\"first\":\"\"");
    for (int i = 0; i < 512; i++)
        text_addf(&text, ",\"%d\":\"\"", i);
    text_add_string(&text, "}}");
    struct json_error error;
    assert_null(json_read(&cupola__router_register__descriptor, bytes_of(text_string(&text)), 0, &error));
    assert_non_null(strstr(error.text, "too many keys"));
    text_free(&text);
}

static void a_configuration_has_its_defaults_and_may_be_empty(void **state)
{
    (void)state;
    Cupola__ProcessConfig *empty = read_message(&cupola__process_config__descriptor, "{}", JSON_STRICT);
    assert_null(empty->router);
    free_message(empty);

    Cupola__ProcessConfig *config = read_message(
        &cupola__process_config__descriptor,
        "{\n  \"driver\": {\"data_dir\": \"/tmp/x\", \"log_level\": null},\n"
        "  \"router\": {\"listen\": {\"port\": 8080}, \"bus\": {\"servers\": [{\"port\": 4222}, {}]}}\n}\n",
        JSON_STRICT);
    assert_string_equal(config->driver->data_dir, "/tmp/x");
    assert_string_equal(config->driver->log_level, "info");
    assert_string_equal(config->router->listen->host, "127.0.0.1");
    assert_int_equal(config->router->listen->port, 8080);
    assert_int_equal(config->router->bus->n_servers, 2);
    assert_int_equal(config->router->bus->servers[1]->port, 0);
    assert_int_equal(config->router->start_interval_ms, 30000);
    assert_false(config->router->has_start_interval_ms);
    free_message(config);
}

static void a_mistyped_key_of_a_configuration_is_named_with_the_nearest_one(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *process = &cupola__process_config__descriptor;
    expect_error(process, "{\n \"router\": {\n  \"max_conections\": 3}}", JSON_STRICT,
                 "line 3: router: unknown key \"max_conections\", did you mean \"max_connections\"?");
    expect_error(process, "{\"ruoter\":{}}", JSON_STRICT, "line 1: unknown key \"ruoter\", did you mean \"router\"?");
    expect_error(process, "{\"wholly_different\":{}}", JSON_STRICT, "line 1: unknown key \"wholly_different\"");
    expect_error(process, "{\"router\":{\"bus\":{\"servers\":[{},{\"prot\":1}]}}}", JSON_STRICT,
                 "line 1: router.bus.servers[1]: unknown key \"prot\", did you mean \"port\"?");
}

static void a_key_of_a_configuration_that_comes_twice_is_named(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *process = &cupola__process_config__descriptor;
    expect_error(process, "{\"router\": {\"max_connections\": 1,\n\"max_connections\": 1}}", JSON_STRICT,
                 "line 2: router.max_connections: the key comes twice");
    expect_error(process, "{\"router\":{},\n\n\"router\":{}}", JSON_STRICT, "line 3: router: the key comes twice");
    expect_error(process, "{\"dea\":{\"runtimes\":[{\"name\":null,\"name\":\"x\"}]}}", JSON_STRICT,
                 "line 1: dea.runtimes[0].name: the key comes twice");
    expect_error(&cupola__router_register__descriptor, "{\"tags\":{\"a\":\"1\",\"a\":\"2\"}}", JSON_STRICT,
                 "line 1: tags.a: the key comes twice");
    Cupola__ProcessConfig *config =
        read_message(/* In two objects it may. */
                     process, "{\"dea\":{\"runtimes\":[{\"name\":\"x\"},{\"name\":\"y\"}],\"max_memory_mb\":1}}",
                     JSON_STRICT);
    assert_string_equal(config->dea->runtimes[1]->name, "y");
    free_message(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_payloads_survive_reading_and_writing),
        cmocka_unit_test(blanks_order_and_unknown_fields_do_not_matter),
        cmocka_unit_test(null_means_absent),
        cmocka_unit_test(of_a_key_that_comes_twice_the_last_wins),
        cmocka_unit_test(service_credentials_are_kept_as_they_are),
        cmocka_unit_test(integers_are_kept_in_their_range),
        cmocka_unit_test(digits_in_quotes_are_integers_only_where_asked_for),
        cmocka_unit_test(doubles_take_every_form_of_number),
        cmocka_unit_test(an_error_names_line_place_and_what_was_found),
        cmocka_unit_test(broken_texts_are_refused),
        cmocka_unit_test(strings_must_be_text),
        cmocka_unit_test(depth_is_limited_also_in_what_is_skipped),
        cmocka_unit_test(the_number_of_values_is_limited),
        cmocka_unit_test(the_keys_of_a_map_are_limited),
        cmocka_unit_test(a_configuration_has_its_defaults_and_may_be_empty),
        cmocka_unit_test(a_mistyped_key_of_a_configuration_is_named_with_the_nearest_one),
        cmocka_unit_test(a_key_of_a_configuration_that_comes_twice_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
