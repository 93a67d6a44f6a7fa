#include "drivers/real/telling.h"

#include "core/base/assert.h"

enum { WAITING_MOST = 1 << 20, PIECE_MOST = 65536 };

/* Takes all that waits, so that the lock is not held while the component hears it. */
static void tell(struct telling *telling)
{
    pthread_mutex_lock(&telling->lock);
    struct text taken = telling->text;
    telling->text = (struct text){0};
    pthread_mutex_unlock(&telling->lock);
    const uint8_t *bytes = (const uint8_t *)text_string(&taken);
    for (size_t told = 0; told < taken.size;) {
        size_t size = taken.size - told > PIECE_MOST ? PIECE_MOST : taken.size - told;
        struct event event = {.kind = EVENT_OUTPUT};
        event.output.op = telling->op;
        event.output.data = (struct io_bytes){bytes + told, size};
        driver_deliver(telling->driver, &event);
        told += size;
    }
    text_free(&taken);
}

static void on_wake(uv_async_t *wake)
{
    tell(wake->data);
}

void telling_open(struct real_driver *driver, struct telling *telling, struct io_op op)
{
    telling->driver = driver;
    telling->op = op;
    pthread_mutex_init(&telling->lock, NULL);
    int error = uv_async_init(driver->loop, &telling->wake, on_wake);
    assert_that(error == 0);
    telling->wake.data = telling;
    driver->handle_count++;
}

void telling_say(struct telling *telling, struct io_bytes bytes)
{
    pthread_mutex_lock(&telling->lock);
    size_t room = WAITING_MOST - telling->text.size;
    text_add(&telling->text, bytes.data, bytes.size > room ? room : bytes.size);
    pthread_mutex_unlock(&telling->lock);
    uv_async_send(&telling->wake);
}

static void on_closed(uv_handle_t *handle)
{
    struct telling *telling = handle->data;
    pthread_mutex_destroy(&telling->lock);
    text_free(&telling->text);
    telling->driver->handle_count--;
    telling->closed(telling);
}

void telling_close(struct telling *telling, void (*closed)(struct telling *telling))
{
    tell(telling);
    telling->closed = closed;
    uv_close((uv_handle_t *)&telling->wake, on_closed);
}
