/* The clients of the town: they speak HTTP to a controller, and wait for its answer. */
#include "tests/core/cloud_controller/town_inside.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <stdio.h>
#include <string.h>

struct town_conn *town_begin(struct town_controller *controller, const char *method, const char *path,
                             const char *headers, const char *body)
{
    struct town_conn *conn = town_accept_conn(controller);
    text_addf(&conn->inbound, "%s %s HTTP/1.1\r\nHost: api.cupola.test\r\nConnection: close\r\n%s", method, path,
              headers);
    text_addf(&conn->inbound, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    town_settle(controller->town);
    return conn;
}

int town_finish(struct town_controller *controller, struct town_conn *conn)
{
    struct town *town = controller->town;
    text_clear(&town->response);
    text_add(&town->response, text_string(&conn->outbound), conn->outbound.size);
    if (conn->is_open) {
        conn->is_open = false;
        struct town_event *queued = town_push(controller, EVENT_CLOSED);
        queued->event.closed.conn.id = conn->id;
        queued->event.closed.status = IO_RESET;
        town_settle(town);
    }
    town_free_conn(conn);
    int status = 0;
    if (sscanf(text_string(&town->response), "HTTP/1.1 %d", &status) != 1)
        return 0;
    return status;
}

int town_request(struct town *town, const char *token, const char *method, const char *path, const char *body)
{
    struct text headers = {0};
    text_add_string(&headers, "Content-Type: application/json\r\n");
    if (token != NULL)
        text_addf(&headers, "Authorization: %s\r\n", token);
    struct town_conn *conn = town_begin(&town->controllers[0], method, path, text_string(&headers), body);
    text_free(&headers);
    for (int waits = 0; waits < 600 && conn->outbound.size == 0; waits++)
        town_pass_ms(town, 100);
    return town_finish(&town->controllers[0], conn);
}

const char *town_body(const struct town *town)
{
    const char *body = strstr(text_string(&town->response), "\r\n\r\n");
    return body == NULL ? "" : body + 4;
}

const char *town_header(const struct town *town, const char *name)
{
    return strstr(text_string(&town->response), name);
}

char *town_token(struct town *town, const char *email)
{
    struct text body = {0}, path = {0};
    text_addf(&body, "{\"email\":\"%s\",\"password\":\"secret\"}", email);
    text_addf(&path, "/users/%s/tokens", email);
    town_request(town, NULL, "POST", "/users", text_string(&body));
    int status = town_request(town, NULL, "POST", text_string(&path), "{\"password\":\"secret\"}");
    assert_that(status == 200);
    const char *begin = strstr(town_body(town), "\"token\":\"");
    assert_that(begin != NULL);
    begin += strlen("\"token\":\"");
    char *token = memory_copy_bytes(begin, strcspn(begin, "\""));
    text_free(&body);
    text_free(&path);
    return token;
}

struct town_conn *town_begin_upload(struct town_controller *controller, const char *token, const char *app,
                                    const char *bits)
{
    struct text headers = {0}, body = {0}, path = {0};
    text_addf(&headers, "Authorization: %s\r\nContent-Type: multipart/form-data; boundary=664379\r\n", token);
    text_addf(&path, "/apps/%s/application", app);
    text_add_string(&body, "--664379\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nput\r\n");
    text_addf(&body,
              "--664379\r\nContent-Disposition: form-data; name=\"application\"; filename=\"a.zip\"\r\n"
              "Content-Type: application/zip\r\n\r\n%s\r\n",
              bits);
    text_add_string(&body,
                    "--664379\r\nContent-Disposition: form-data; name=\"resources\"\r\n\r\n[]\r\n--664379--\r\n");
    struct town_conn *conn =
        town_begin(controller, "POST", text_string(&path), text_string(&headers), text_string(&body));
    text_free(&headers);
    text_free(&body);
    text_free(&path);
    return conn;
}

int town_upload(struct town *town, const char *token, const char *app, const char *bits)
{
    struct town_controller *controller = &town->controllers[0];
    return town_finish(controller, town_begin_upload(controller, token, app, bits));
}
