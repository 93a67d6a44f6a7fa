/* Commands about services: services, create-service, delete-service, bind-service, unbind-service. */
#include "cli/commands.h"
#include "cli/request.h"
#include "core/base/memory.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"
#include "core/wire/json_parts.h"

#include <stdio.h>
#include <string.h>

static struct io_bytes bytes_of(const struct text *text)
{
    return (struct io_bytes){(const uint8_t *)text_string(text), text->size};
}

/* type -> vendor -> version */
static void print_version(void *context, const char *version, struct io_bytes value)
{
    (void)value;
    printf("  %s %s\n", (const char *)context, version);
}

static void print_vendor(void *context, const char *vendor, struct io_bytes value)
{
    (void)context;
    json_each_member(value, print_version, (void *)(uintptr_t)vendor);
}

static void print_type(void *context, const char *type, struct io_bytes value)
{
    (void)type;
    json_each_member(value, print_vendor, context);
}

static void print_service(struct io_bytes element)
{
    struct json_error ignored;
    Cupola__RestService *service =
        (Cupola__RestService *)json_read(&cupola__rest_service__descriptor, element, JSON_LENIENT, &ignored);
    if (service != NULL && service->name != NULL && service->vendor != NULL)
        printf("  %-24s %s %s\n", service->name, service->vendor, service->version == NULL ? "" : service->version);
    cupola__rest_service__free_unpacked(service, NULL);
}

static int list(struct request *request)
{
    struct text mine = {0}, offered = {0};
    int status = request_run(request, "services", &mine);
    if (status == CLI_OK && request->json) {
        puts(text_string(&mine));
    } else if (status == CLI_OK && (status = request_run(request, "catalogue", &offered)) == CLI_OK) {
        struct io_bytes *elements;
        size_t count;
        puts("offered:");
        json_each_member(bytes_of(&offered), print_type, NULL);
        json_split_array(bytes_of(&mine), &elements, &count);
        puts("yours:");
        for (size_t i = 0; i < count; i++)
            print_service(elements[i]);
        memory_free(elements);
    }
    text_free(&mine);
    text_free(&offered);
    return status;
}

int cli_services(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola services\n\nLists the services that are offered, and those that you have.\n\n"
                 "Examples:\n  cupola services\n  cupola services --json\n"};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = list(&request);
    request_release(&request);
    return status;
}

/* Runs a command whose service is one word, and whose app or vendor may be another. */
static int run(const struct request_spec *spec, const char *command, int service_word, int vendor_word, int app_word,
               const char *done, int argc, char **argv)
{
    struct request request;
    struct text result = {0};
    int status = request_parse(&request, spec, argc, argv);
    if (status < 0) {
        char **words = request.words;
        request.config.vendor = vendor_word < 0 ? NULL : words[vendor_word];
        request.config.app = app_word < 0 ? NULL : words[app_word];
        request.config.service = request.word_count > service_word ? words[service_word] : words[0];
        status = request_run(&request, command, &result);
        if (status == CLI_OK && request.json)
            puts(text_string(&result));
        else if (status == CLI_OK)
            printf("%s %s.\n", request.config.service, done);
    }
    text_free(&result);
    request_release(&request);
    return status;
}

int cli_create_service(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage =
            "usage: cupola create-service SERVICE [NAME]\n\nHas a service of that kind made for you, under that name "
            "(default: its own).\n\nExamples:\n  cupola create-service redis cache\n",
        .least_words = 1,
        .most_words = 2};
    return run(&spec, "create-service", 1, 0, -1, "is there", argc, argv);
}

int cli_delete_service(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola delete-service NAME\n\nDeletes a service with all that is in it; apps lose it.\n\n"
                 "Examples:\n  cupola delete-service cache\n",
        .least_words = 1,
        .most_words = 1};
    return run(&spec, "delete-service", 0, -1, -1, "is deleted", argc, argv);
}

int cli_bind_service(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola bind-service NAME APP\n\nGives an app access to a service: VCAP_SERVICES in its "
                 "environment tells how. An app that runs is\nupdated without a gap.\n\nExamples:\n"
                 "  cupola bind-service cache shop\n",
        .least_words = 2,
        .most_words = 2};
    return run(&spec, "bind-service", 0, -1, 1, "is bound", argc, argv);
}

int cli_unbind_service(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola unbind-service NAME APP\n\nTakes an app's access to a service back.\n\nExamples:\n"
                 "  cupola unbind-service cache shop\n",
        .least_words = 2,
        .most_words = 2};
    return run(&spec, "unbind-service", 0, -1, 1, "is not bound any more", argc, argv);
}
