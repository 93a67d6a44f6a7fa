/* From a request's head to the backend that gets it, and to the next one if
 * that fails. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/router/backend.h"
#include "core/router/http2.h"

/* How often one request is sent at most. Attempts that fail to connect send
 * nothing and are only limited by `tried`. */
enum { MAX_SENT = 3, PARKED_LOOK_MS = 20 };

/* ---- The head ---- */

/* Answers what cannot be read; false if there is nothing to complain about. */
static bool refuse_malformed(struct session *session, enum http_result result,
                             const char *reason) {
  switch (result) {
  case HTTP_OK:
  case HTTP_INCOMPLETE:
    return false;
  case HTTP_BAD:
    session_answer_error(session, ERROR_BAD_REQUEST, reason);
    return true;
  case HTTP_TOO_LARGE:
    session_answer_error(session, ERROR_HEAD_TOO_LARGE, reason);
    return true;
  case HTTP_BAD_VERSION:
    session_answer_error(session, ERROR_BAD_VERSION, reason);
    return true;
  case HTTP_NOT_IMPLEMENTED:
    session_answer_error(session, ERROR_NOT_IMPLEMENTED, reason);
    return true;
  }
  assert_unreachable();
}

/* Most heads come whole in one piece. One that does not is gathered, and its
 * deadline begins with its first byte. */
static void gather_input(struct session *session) {
  if (session->input.size == 0)
    return;
  text_add(&session->gather, slice_data(session->input), session->input.size);
  session_consume_input(session, session->input.size);
  session_set_deadline(session, session->router->settings.header_timeout_ns);
}

/* Makes the head stand at the start of `input`, whole. */
static enum http_result find_head(struct session *session, size_t *ret_size) {
  const struct http_limits *limits = &session->router->settings.limits;
  bool is_gathered = session->gather.size > 0;
  assert_that(is_gathered == (session->input.size == 0));
  const uint8_t *bytes = is_gathered
                             ? (const uint8_t *)text_string(&session->gather)
                             : slice_data(session->input);
  size_t size = is_gathered ? session->gather.size : session->input.size;
  enum http_result result =
      http_find_head(bytes, size, limits, &session->scanned, ret_size);
  if (result == HTTP_INCOMPLETE) {
    gather_input(session);
    return result;
  }
  session->scanned = 0;
  if (is_gathered)
    session->input = text_take(&session->gather);
  return result;
}

static void begin_request(struct session *session, const struct http_head *head,
                          size_t head_size);

bool request_read_head(struct session *session) {
  struct router *router = session->router;
  size_t head_size = 0;
  enum http_result result = find_head(session, &head_size);
  if (result == HTTP_INCOMPLETE)
    return false;
  if (result == HTTP_OK && http2_take_over(session, head_size))
    return true;
  if (refuse_malformed(
          session, result,
          "a line of the head does not end with CRLF, or it is too long"))
    return true;
  const char *reason = "";
  result = http_parse_request(slice_data(session->input), head_size,
                              &router->settings.limits, &router->head, &reason);
  if (!refuse_malformed(session, result, reason))
    begin_request(session, &router->head, head_size);
  return true;
}

/* ---- The exchange ---- */

static void open_exchange(struct session *session,
                          const struct http_head *head) {
  struct router *router = session->router;
  assert_that(!session->exchange.is_open);
  session->exchange = (struct exchange){
      .is_open = true,
      .upload = body_of(head),
      .started_ns = router->machine.now_ns,
      .is_replayable = true,
      .is_idempotent = http_is_idempotent(head->method),
      .is_head = http_text_equals(head->method, "HEAD"),
      .is_old = head->minor == 0,
      .keep_alive = head->keep_alive,
      .wants_upgrade = head->upgrade && head->body == HTTP_BODY_NONE,
  };
  session->exchange.id[0] = random_draw(&router->id_stream);
  session->exchange.id[1] = random_draw(&router->id_stream);
  session->parked_since_ns = 0;
  stats_count_request(&router->stats, router->machine.now_ns);
}

/* While the table fills up after a start, a request for an unknown host waits
 * for its route: no wrong 404. It stays in the input and is read again a little
 * later. */
static bool park_while_settling(struct session *session) {
  struct router *router = session->router;
  uint64_t now_ns = router->machine.now_ns;
  if (session->parked_since_ns == 0)
    session->parked_since_ns = now_ns;
  if (!router_is_settling(router) ||
      now_ns - session->parked_since_ns >= router->settings.settle_ns)
    return false;
  session_move(session, SESSION_PARKED);
  session_set_deadline(session, PARKED_LOOK_MS * NS_PER_MS);
  return true;
}

static void answer_unknown(struct session *session) {
  if (router_is_settling(session->router))
    session_answer_error(session, ERROR_SETTLING, NULL);
  else
    session_answer_error(session, ERROR_UNKNOWN_ROUTE, NULL);
}

/* Takes the head and what came of the body out of the input; from here on the
 * exchange owns a copy for the backend. */
static bool take_request(struct session *session, const struct http_head *head,
                         size_t head_size, bool is_wanted) {
  struct exchange *exchange = &session->exchange;
  const uint8_t *bytes = slice_data(session->input);
  size_t used = 0;
  if (!body_feed(&exchange->upload, bytes + head_size,
                 session->input.size - head_size, &used, NULL))
    return false;
  if (is_wanted) {
    struct io_bytes body = {bytes + head_size, used};
    exchange->request =
        headers_forward_request(session, head, bytes, head_size, body);
  }
  session_consume_input(session, head_size + used);
  return true;
}

static void begin_request(struct session *session, const struct http_head *head,
                          size_t head_size) {
  struct router *router = session->router;
  struct route *route = table_find_route(&router->table, head->host);
  if (route == NULL && head->host.size > 0 && park_while_settling(session))
    return;
  open_exchange(session, head);
  struct exchange *exchange = &session->exchange;
  sticky_read_cookie(head, exchange->sticky);
  if (!take_request(session, head, head_size, route != NULL)) {
    session_answer_error(session, ERROR_BAD_REQUEST, "malformed chunked body");
  } else if (head->host.size == 0) {
    session_answer_error(session, ERROR_EMPTY_HOST, NULL);
  } else if (route == NULL) {
    answer_unknown(session);
  } else {
    exchange->route = route;
    route->users++;
    request_try_next(session);
  }
}

/* ---- Backends ---- */

static struct endpoint *choose_endpoint(struct session *session) {
  struct router *router = session->router;
  struct exchange *exchange = &session->exchange;
  uint64_t now_ns = router->machine.now_ns;
  bool is_late =
      now_ns - exchange->started_ns >= router->settings.response_timeout_ns;
  if (exchange->tried.count == MAX_TRIED || is_late)
    return NULL;
  if (mutation_is(ROUTER_NEVER_RETRIES) && exchange->tried.count > 0)
    return NULL;
  struct endpoint *sticky =
      sticky_find_endpoint(router, exchange->route, exchange->sticky);
  if (sticky != NULL && sticky->quarantined_until_ns <= now_ns &&
      !endpoint_was_tried(sticky, &exchange->tried))
    return sticky;
  return route_pick_endpoint(exchange->route, &router->pick_stream, now_ns,
                             &exchange->tried);
}

void request_try_next(struct session *session) {
  struct router *router = session->router;
  struct exchange *exchange = &session->exchange;
  struct endpoint *endpoint = choose_endpoint(session);
  if (endpoint == NULL) {
    bool was_tried = exchange->tried.count > 0;
    session_answer_error(
        session, was_tried ? ERROR_BACKEND_FAILED : ERROR_NO_ENDPOINTS, NULL);
    return;
  }
  exchange->tried.serials[exchange->tried.count++] = endpoint->serial;
  endpoint_probe(router, endpoint);
  if (pool_take(session, endpoint)) {
    request_send(session);
  } else {
    backend_connect(session, endpoint);
    session_move(session, SESSION_CONNECTING);
    session_set_deadline(session, router->settings.connect_timeout_ns);
  }
}

void request_send(struct session *session) {
  struct exchange *exchange = &session->exchange;
  struct slice copy = exchange->request;
  buffer_ref(copy.buffer);
  exchange->sent_count++;
  conn_write(&exchange->backend->conn, copy);
  conn_read(&exchange->backend->conn);
  session_move(session, SESSION_WAITING);
  session_set_deadline(session, session->router->settings.response_timeout_ns);
  if (!exchange->is_replayable || !exchange->is_idempotent)
    exchange_drop_request(session);
}

/* What a lost connection tells about the endpoint. One that was idle says
 * nothing: the instance may just have closed it as its keep-alive time was
 * over, so the same endpoint may be tried again with a new one. */
static void judge_endpoint(struct session *session, bool could_connect) {
  struct exchange *exchange = &session->exchange;
  struct backend *backend = exchange->backend;
  if (!could_connect) {
    endpoint_failed(session->router, backend->endpoint,
                    "refused the connection");
  } else if (backend->was_reused) {
    pool_flush(backend->endpoint);
    exchange->tried.count--;
  } else {
    endpoint_failed(session->router, backend->endpoint,
                    "closed the connection without an answer");
  }
}

void request_on_backend_lost(struct session *session, bool could_connect) {
  struct exchange *exchange = &session->exchange;
  bool has_answered = exchange->backend->gather.size > 0;
  judge_endpoint(session, could_connect);
  exchange_abort_backend(session);
  bool may_repeat = exchange->is_replayable && exchange->is_idempotent &&
                    exchange->sent_count < MAX_SENT;
  if (!has_answered && (may_repeat || !could_connect)) {
    session->router->stats.retries++;
    request_try_next(session);
  } else {
    session_answer_error(session, ERROR_BACKEND_FAILED, NULL);
  }
}
