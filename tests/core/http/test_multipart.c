/* multipart/form-data: what v1 clients upload, and what strangers might send. */
#include "core/http/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The parser under test and the story that it tells. */
struct listener_of_parts {
    struct multipart multipart;
    struct text story;
    bool refuses;
};

static void on_part(struct multipart *multipart, const struct multipart_part *part)
{
    struct listener_of_parts *listener = (struct listener_of_parts *)(void *)multipart;
    text_addf(&listener->story, "[%s|%s|%s]", part->name, part->filename == NULL ? "" : part->filename,
              part->content_type == NULL ? "" : part->content_type);
    if (listener->refuses)
        multipart_fail(multipart, "no such field");
}

static void on_data(struct multipart *multipart, const uint8_t *bytes, size_t size)
{
    text_add(&((struct listener_of_parts *)(void *)multipart)->story, bytes, size);
}

static void on_part_end(struct multipart *multipart)
{
    text_add_string(&((struct listener_of_parts *)(void *)multipart)->story, "<end>");
}

static const struct multipart_handlers handlers = {on_part, on_data, on_part_end};

static struct http_text text_of(const char *string)
{
    return (struct http_text){string, strlen(string)};
}

/* Parses `body` in pieces of `step` bytes; the story, or "error: ..." behind what was told before. */
static void tell(struct listener_of_parts *listener, const char *type, const char *body, size_t step)
{
    size_t size = strlen(body);
    bool good = multipart_begin(&listener->multipart, &handlers, text_of(type));
    for (size_t i = 0; good && i < size; i += step)
        good = multipart_feed(&listener->multipart, (const uint8_t *)body + i, size - i < step ? size - i : step);
    if (good)
        good = multipart_end(&listener->multipart);
    if (!good)
        text_addf(&listener->story, "error: %s", listener->multipart.error);
    multipart_free(&listener->multipart);
}

/* The same story must come out whatever the pieces are. */
static void expect_story(const char *type, const char *body, const char *expected)
{
    size_t steps[] = {1, 2, 3, 7, 1000000};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct listener_of_parts listener = {0};
        tell(&listener, type, body, steps[i]);
        assert_string_equal(text_string(&listener.story), expected);
        text_free(&listener.story);
    }
}

static void a_v1_upload_has_three_parts(void **state)
{
    (void)state;
    expect_story("multipart/form-data; boundary=223344",
                 "--223344\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nput\r\n"
                 "--223344\r\nContent-Disposition: form-data; name=\"application\"; filename=\"a.zip\"\r\n"
                 "Content-Type: application/zip\r\n\r\nPK\r\n\r\n--22334 not the boundary\r\r\n--\r\n"
                 "--223344\r\nContent-Disposition: form-data; name=\"resources\"\r\n\r\n[]\r\n--223344--\r\n",
                 "[_method||]put<end>[application|a.zip|application/zip]PK\r\n\r\n--22334 not the boundary\r\r\n--<end>"
                 "[resources||][]<end>");
}

static void boundaries_may_begin_with_dashes_and_be_quoted(void **state)
{
    (void)state;
    expect_story("Multipart/Form-Data; charset=utf-8; boundary=\"----a b'\"",
                 "------a b'\r\ncontent-disposition: form-data; name=x\r\n\r\n1\r\n------a b'--", "[x||]1<end>");
}

static void empty_parts_preamble_padding_and_epilogue_are_fine(void **state)
{
    (void)state;
    expect_story("multipart/form-data; boundary=b",
                 "preamble\r\n--b \t\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n--b--\r\nepilogue --b",
                 "[x||]<end>");
}

static void quotes_in_names_may_be_escaped(void **state)
{
    (void)state;
    expect_story(
        "multipart/form-data; boundary=b",
        "--b\r\nContent-Disposition: form-data; filename=\"C:\\dir\\\"q\\\".zip\"; name=\"a;b=c\"\r\n\r\n1\r\n--b--",
        "[a;b=c|C:\\dir\"q\".zip|]1<end>");
}

static void malformed_bodies_are_errors_that_name_the_place(void **state)
{
    (void)state;
    const char *type = "multipart/form-data; boundary=b";
    expect_story(type, "", "error: byte 0, part 0: the body ends before its last boundary");
    expect_story(type, "--b\r\n\r\n--b--",
                 "error: byte 6, part 1: the part has no proper Content-Disposition: "
                 "form-data with a name");
    expect_story(type, "--bX", "error: byte 3, part 0: the boundary is followed by neither CRLF nor --");
    expect_story(type, "--b\r\nA: b\n\r\n", "error: byte 9, part 1: a line of the part's head does not end with CRLF");
    expect_story(type, "--b\r\nContent-Disposition: form-data; name=\"x\r\n\r\n1\r\n--b--",
                 "error: byte 47, part 1: the part has no proper Content-Disposition: form-data with a name");
    expect_story(type, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n12",
                 "[x||]12error: byte 51, part 1: the body ends before its last boundary");
    expect_story("multipart/form-data", "", "error: byte 0, part 0: the content type names no boundary");
    expect_story("multipart/mixed; boundary=b", "",
                 "error: byte 0, part 0: the content type is not multipart/form-data");
    expect_story("multipart/form-data; boundary=\"\"", "",
                 "error: byte 0, part 0: the boundary must have 1 to 70 characters");
}

static void heads_and_part_counts_are_bounded(void **state)
{
    (void)state;
    struct text body = {0};
    text_add_string(&body, "--b\r\nX: ");
    for (int i = 0; i < 9000; i++)
        text_add_char(&body, 'x');
    struct listener_of_parts listener = {0};
    tell(&listener, "multipart/form-data; boundary=b", text_string(&body), 4096);
    assert_string_equal(text_string(&listener.story), "error: byte 8197, part 1: the part's head is too long");
    text_free(&listener.story);

    text_clear(&body);
    for (int i = 0; i <= MULTIPART_MAX_PARTS; i++)
        text_add_string(&body, "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n");
    tell(&listener, "multipart/form-data; boundary=b", text_string(&body), 4096);
    assert_non_null(strstr(text_string(&listener.story), "too many parts"));
    text_free(&listener.story);
    text_free(&body);
}

static void the_owner_can_refuse_a_part(void **state)
{
    (void)state;
    struct listener_of_parts listener = {.refuses = true};
    const char *body = "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--";
    tell(&listener, "multipart/form-data; boundary=b", body, 5);
    assert_string_equal(text_string(&listener.story), "[x||]error: byte 46, part 1: no such field");
    text_free(&listener.story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_v1_upload_has_three_parts),
        cmocka_unit_test(boundaries_may_begin_with_dashes_and_be_quoted),
        cmocka_unit_test(empty_parts_preamble_padding_and_epilogue_are_fine),
        cmocka_unit_test(quotes_in_names_may_be_escaped),
        cmocka_unit_test(malformed_bodies_are_errors_that_name_the_place),
        cmocka_unit_test(heads_and_part_counts_are_bounded),
        cmocka_unit_test(the_owner_can_refuse_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
