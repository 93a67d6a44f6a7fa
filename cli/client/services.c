/* Commands about services: services, create-service, delete-service, bind-service, unbind-service,
 * clone-services. */
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/base/memory.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"
#include "core/wire/json/parts.h"

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

/* Runs a command on the service in the first word, and the app in the second, if there is one. */
static int run(const struct request_spec *spec, const char *command, const char *done, int argc, char **argv)
{
    struct request request;
    struct text result = {0};
    int status = request_parse(&request, spec, argc, argv);
    if (status < 0) {
        request.config.service = request.words[0];
        request.config.app = request.word_count > 1 ? request.words[1] : NULL;
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

/* The service is there; v1's users may name an app at once. */
static int bind_new(struct request *request)
{
    struct text result = {0};
    request->config.app = request->words[2];
    int status = request_run(request, "bind-service", &result);
    if (status == CLI_OK && !request->json)
        printf("%s is bound.\n", request->config.service);
    text_free(&result);
    return status;
}

static int create(struct request *request)
{
    struct text result = {0};
    request->config.vendor = request->words[0];
    request->config.service = request->words[request->word_count > 1 ? 1 : 0];
    int status = request_run(request, "create-service", &result);
    if (status == CLI_OK && request->json)
        puts(text_string(&result));
    else if (status == CLI_OK)
        printf("%s is there.\n", request->config.service);
    text_free(&result);
    return status == CLI_OK && request->word_count == 3 ? bind_new(request) : status;
}

int cli_create_service(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola create-service SERVICE [NAME [APP]]\n\nHas a service of that kind made for you, under "
                 "that name (default: its own), and binds an app to it.\n\nExamples:\n"
                 "  cupola create-service redis cache\n  cupola create-service redis cache shop\n",
        .least_words = 1,
        .most_words = 3};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = create(&request);
    request_release(&request);
    return status;
}

int cli_delete_service(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola delete-service NAME\n\nDeletes a service with all that is in it; apps lose it.\n\n"
                 "Examples:\n  cupola delete-service cache\n",
        .least_words = 1,
        .most_words = 1};
    return run(&spec, "delete-service", "is deleted", argc, argv);
}

int cli_bind_service(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola bind-service NAME APP\n\nGives an app access to a service: VCAP_SERVICES in its "
                 "environment tells how. An app that runs is\nupdated without a gap.\n\nExamples:\n"
                 "  cupola bind-service cache shop\n",
        .least_words = 2,
        .most_words = 2};
    return run(&spec, "bind-service", "is bound", argc, argv);
}

int cli_unbind_service(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola unbind-service NAME APP\n\nTakes an app's access to a service back.\n\nExamples:\n"
                 "  cupola unbind-service cache shop\n",
        .least_words = 2,
        .most_words = 2};
    return run(&spec, "unbind-service", "is not bound any more", argc, argv);
}

/* ---- clone-services ---- */

static int bind_all(struct request *request, const Cupola__RestApp *source)
{
    struct text result = {0};
    if (source->n_services == 0) {
        if (request->json)
            puts("{}");
        else
            printf("%s is bound to no service.\n", request->words[0]);
        return CLI_OK;
    }
    request->config.app = request->words[1];
    request->config.service = source->services[0];
    request->config.services = source->services + 1;
    request->config.n_services = source->n_services - 1;
    int status = request_run(request, "bind-service", &result);
    if (status == CLI_OK && request->json)
        puts(text_string(&result));
    for (size_t i = 0; status == CLI_OK && !request->json && i < source->n_services; i++)
        printf("%s is bound.\n", source->services[i]);
    text_free(&result);
    return status;
}

static int clone(struct request *request)
{
    struct text result = {0};
    struct json_error error;
    request->config.app = request->words[0];
    int status = request_run(request, "app", &result);
    if (status == CLI_OK) {
        Cupola__RestApp *source =
            (Cupola__RestApp *)json_read(&cupola__rest_app__descriptor, bytes_of(&result), JSON_LENIENT, &error);
        if (source == NULL)
            terminal_error("the cloud's answer is not understood: %s", error.text);
        status = source == NULL ? CLI_FAILED : bind_all(request, source);
        cupola__rest_app__free_unpacked(source, NULL);
    }
    text_free(&result);
    return status;
}

int cli_clone_services(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola clone-services FROM TO\n\nGives an app access to all services that another one has. An "
                 "app that runs is updated once, without a gap.\n\nExamples:\n  cupola clone-services shop shop-test\n",
        .least_words = 2,
        .most_words = 2};
    struct request request;
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0)
        status = clone(&request);
    request_release(&request);
    return status;
}
