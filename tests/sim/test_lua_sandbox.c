/* What a scenario may do, what it may not, and that errors say where. */
#include "sim/lua/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct lua_sandbox sandbox;
    bool ok;
    char result[512];
};

static void run_with_seed(struct fixture *fixture, const char *text, uint64_t seed)
{
    assert_true(lua_sandbox_open(&fixture->sandbox, seed, 8 << 20, 2000000));
    fixture->ok = lua_sandbox_run_chunk(&fixture->sandbox, "@test.lua", text, strlen(text));
    const char *result = lua_tostring(fixture->sandbox.lua, -1);
    snprintf(fixture->result, sizeof fixture->result, "%s", result == NULL ? "nil" : result);
    lua_sandbox_close(&fixture->sandbox);
    assert_int_equal(fixture->sandbox.memory_bytes, 0);
}

static void expect_result(const char *text, const char *expected)
{
    struct fixture fixture;
    run_with_seed(&fixture, text, 1);
    assert_string_equal(fixture.result, expected);
    assert_true(fixture.ok);
}

static void expect_error(const char *text, const char *part)
{
    struct fixture fixture;
    run_with_seed(&fixture, text, 1);
    assert_false(fixture.ok);
    if (strstr(fixture.result, part) == NULL)
        fail_msg("expected '%s' in '%s'", part, fixture.result);
}

static void pairs_goes_through_integers_then_strings_in_order(void **state)
{
    (void)state;
    expect_result("local out = ''\n"
                  "for k, v in pairs { zebra = 1, [3] = 'c', apple = 2, [1] = 'a', mango = 3, [2] = 'b' } do\n"
                  "  out = out .. k .. v .. ' '\n"
                  "end\n"
                  "return out",
                  "1a 2b 3c apple2 mango3 zebra1 ");
}

static void pairs_passes_over_what_was_removed_meanwhile(void **state)
{
    (void)state;
    expect_result("local t, out = { a = 1, b = 2, c = 3 }, ''\n"
                  "for k in pairs(t) do out = out .. k; t.b = nil end\n"
                  "return out",
                  "ac");
}

static void pairs_refuses_keys_without_an_order(void **state)
{
    (void)state;
    expect_error("for _ in pairs { [{}] = 1 } do end", "test.lua:1: pairs: a key is a table");
}

static void random_numbers_come_from_the_seed_alone(void **state)
{
    (void)state;
    struct fixture a, b, c;
    const char *text = "return math.random(1000000) .. ' ' .. math.random(5, 9) .. ' ' .. math.random()";
    run_with_seed(&a, text, 7);
    run_with_seed(&b, text, 7);
    run_with_seed(&c, text, 8);
    assert_string_equal(a.result, b.result);
    assert_string_not_equal(a.result, c.result);
}

static void addresses_are_never_seen(void **state)
{
    (void)state;
    expect_result("return tostring({}) .. ' ' .. tostring(print) .. ' ' .. string.format('%s', {})",
                  "table function table");
    expect_error("return string.format('%p', {})", "prints an address");
}

static void what_differs_from_run_to_run_is_forbidden_by_name(void **state)
{
    (void)state;
    expect_error("next({})", "'next' is not there in scenarios");
    expect_error("collectgarbage('count')", "'collectgarbage' is not there");
    expect_error("math.randomseed(1)", "'randomseed' is not there");
    expect_error("return os.time()", "test.lua:1: 'os.time' is not there in scenarios");
    expect_error("return io.open('x')", "test.lua:1: 'io.open' is not there in scenarios");
    expect_error("setmetatable({}, { __gc = function() end })", "__gc depends on when memory is collected");
    expect_error("require 'socket'", "there is no 'socket' here");
}

static void a_loop_without_end_is_ended(void **state)
{
    (void)state;
    expect_error("while true do end", "is this loop meant to end?");
    expect_error("while true do pcall(function() while true do end end) end", "is this loop meant to end?");
    expect_error("while true do coroutine.resume(coroutine.create(function() end)) end", "is this loop meant to end?");
    expect_error("local function f() pcall(f) f() end\nf()", "test.lua:1: ");
}

static void memory_without_end_is_ended(void **state)
{
    (void)state;
    expect_error("local s = 'x'\nfor _ = 1, 40 do s = s .. s end",
                 "test.lua:2: not enough memory: a scenario gets 8 MiB");
    expect_error("local t = {}\nfor i = 1, 100000000 do t[i] = i end", "test.lua:2: not enough memory");
    expect_error("kept = {}\nwhile true do kept[#kept + 1] = ('x'):rep(9) .. #kept end",
                 "test.lua:2: not enough memory");
    expect_error("while true do pcall(string.rep, 'x', 1000000000) end", "not enough memory");
}

static void pcall_still_catches_ordinary_errors(void **state)
{
    (void)state;
    expect_result("local ok, why = pcall(error, 'broken') return tostring(ok) .. ' ' .. why", "false broken");
}

static void errors_name_file_and_line(void **state)
{
    (void)state;
    expect_error("local x = nil\nreturn x.y", "test.lua:2: attempt to index a nil value");
    expect_error("return +", "test.lua:1: unexpected symbol");
    expect_error("local x\nerror({})", "test.lua:2: the scenario raised an error that is a table");
}

static void patterns_that_take_a_power_of_the_text_are_ended(void **state)
{
    (void)state;
    expect_error("local text = ('a'):rep(3000)\nreturn text:find('a-a-a-b')", "test.lua:2: the scenario ran");
    expect_error("return (('a'):rep(3000)):gsub('.-.-.-b', 'x')", "instructions without waiting");
    expect_error("local n = 0\nwhile true do n = n + #(('a'):rep(200)):match('.-b?$') end", "test.lua:2:");
}

static void patterns_of_every_day_are_not(void **state)
{
    (void)state;
    expect_result("return ('12.5s'):match('^(%d+)%.?(%d*)%s*(%a+)$')", "12");
    expect_result("return (('x'):rep(100000) .. 'end'):find('end', 1, true)", "100001");
    expect_result("return #((('x'):rep(1000)):gsub('x', 'yy'))", "2000");
    expect_result("local n = 0 for word in ('a b c'):gmatch('%a') do n = n + 1 end return n", "3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_goes_through_integers_then_strings_in_order),
        cmocka_unit_test(pairs_passes_over_what_was_removed_meanwhile),
        cmocka_unit_test(pairs_refuses_keys_without_an_order),
        cmocka_unit_test(random_numbers_come_from_the_seed_alone),
        cmocka_unit_test(addresses_are_never_seen),
        cmocka_unit_test(what_differs_from_run_to_run_is_forbidden_by_name),
        cmocka_unit_test(a_loop_without_end_is_ended),
        cmocka_unit_test(memory_without_end_is_ended),
        cmocka_unit_test(pcall_still_catches_ordinary_errors),
        cmocka_unit_test(errors_name_file_and_line),
        cmocka_unit_test(patterns_that_take_a_power_of_the_text_are_ended),
        cmocka_unit_test(patterns_of_every_day_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
