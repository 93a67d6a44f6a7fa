#!/usr/bin/env python3
"""Scenario files that go wrong: each ends soon, with the exit status that is documented (1: the run has failed, 2: it is no
scenario) and with words that name its file, its line, and what to do. usage: wrong.py CUPOLA"""
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HEAD = 'local cupola = require "cupola"\nreturn cupola.scenario { title = "t", apps = { shop = {} },\n'
# In `run`, which begins in line 3: (line 5 of the file, what is said of it).
RUN = [
    ("while true do end", "is this loop meant to end?"),
    ('while true do cloud:wait("1ms") end', "waited more often than a run may"),
    ("while true do pcall(function() while true do end end) end", "is this loop meant to end?"),
    ('while true do cloud.deas[1]:kill() end', "is this loop meant to end?"),
    ('while true do cloud:fault("kill", { target = "dea" }) end', "a run has at most 10000 faults"),
    ('while true do cloud:add_load { host = "shop.cupola.test" } end', "a run has at most 1000 loads"),
    ("for i = 1, 1000000 do cloud:mark(tostring(i)) end", "a run has at most 1000 marks"),
    ("while true do cloud:holds(cupola.converged) end", "is this loop meant to end?"),
    ('local s = "x" while true do s = s .. s end', "not enough memory: a scenario gets 256 MiB"),
    ('local _ = ("x"):rep(1 << 40)', "resulting string too large"),
    ("local function f() return 1 + f() end f()", "stack overflow"),
    ("table.sort({ 3, 1, 2 }, function() while true do end end)", "is this loop meant to end?"),
    ('error("boom")', "boom"),
    ("error({})", "an error that is a table, not a text"),
    ("local x x.y = 1", "attempt to index a nil value"),
    ("coroutine.yield()", "wait with cloud:wait or cloud:wait_until"),
    ('coroutine.yield("until", 5, 5)', "wait with cloud:wait or cloud:wait_until"),
    ("os.time()", "'os.time' is not there in scenarios"),
    ('io.open("x")', "'io.open' is not there in scenarios"),
    ('print("x")', "'print' is not there in scenarios"),
    ('load("x")', "'load' is not there in scenarios"),
    ('require "socket"', 'scenarios can require "cupola"'),
    ("setmetatable({}, { __gc = print })", "__gc depends on when memory is collected"),
    ("cloud:pwer_off()", "this cloud has no 'pwer_off'"),
    ("cloud.deas[1]:kil()", "did you mean 'kill'?"),
    ("cloud.deas[9]:kill()", "attempt to index a nil value"),
    ("cloud.wait('5s')", "write cloud:wait(...), with a colon"),
    ('cloud:fault("partion", { target = "dea" })', "did you mean 'partition'?"),
    ('cloud:fault("kill", { target = "dae-1" })', "names no component, role, host or zone"),
    ('cloud:fault("kill", { target = "dea", duraton = "5s" })', "did you mean 'duration'?"),
    ('cloud:fault("message_loss", { target = "dea", only = {} })', "numbers of messages"),
    ('cloud:fault("kill", { target = "dea", only = { 1 } })', "only faults of messages have `only`"),
    ('cloud:wait("5")', 'write it like "300ms"'),
    ('cloud:wait("100000h")', "is too long"),
    ('cloud:wait_until("converged")', "expected a condition such as cupola.converged"),
    ("cloud:draw(5, 1)", "draw: the highest: expected at least 5, found 1"),
    ("cloud:pick({})", "the list is empty"),
    ('cloud:count("x", -1)', "count: x: expected at least 0, found -1"),
    ('cloud:scale("shop")', "scale: instances: expected a whole number, found nil"),
    ('cloud:push("x", { instaces = 3 })', "did you mean 'instances'?"),
    ("cloud:add_load { host = 5 }", "add_load.host: expected a text"),
    ('cloud:dea_of("blog")', "blog/* runs nowhere"),
    ('cloud:wait_until(function() error("boom") end)', "boom"),
    ('cloud:wait_until(function() cloud:wait("1s") end)', "only `run` can wait"),
    ("cloud:wait_until(function() return cloud.deas[1]:kill() end)", "only `run` changes it"),
    ('cloud:expect(false, "dogs")', "expected: dogs"),
]
# Of `always` and `sometimes`, in line 3.
CHECKS = [
    ('function() error("boom") end', "boom"),
    ("function() while true do end end", "is this loop meant to end?"),
    ('function(cloud) cloud:wait("1s") end', "only `run` can wait"),
    ("function(cloud) cloud.deas[1]:kill() return true end", "only `run` changes it"),
    ("function(cloud) return cloud.dea end", "did you mean 'deas'?"),
    ("function() return os.time() end", "'os.time' is not there"),
]
# Whole files: what is no scenario. The line is 0 where none can be named.
FILES = [
    ("", 0, "the file must end with `return cupola.scenario"),
    ("hello", 1, "syntax error"),
    ("\x1bLua", 0, "attempt to load a binary chunk"),
    ("while true do end", 1, "is this loop meant to end?"),
    ('error("boom")', 1, "boom"),
    ("return " + "{" * 300 + "}" * 300, 0, "overflow"),
    ('return cupola.scenario { title = "t", run = function() end }', 1, 'local cupola = require "cupola"'),
    ('local cupola = require "cupola"\nreturn cupola.scenario { title = "t" }', 0, "'run' is missing"),
    (HEAD + "aps = {}, run = function() end }", 3, "did you mean 'apps'?"),
    (HEAD + "cloud = {\n deas = 1 << 40 }, run = function() end }", 4, "cloud.deas: expected a number from"),
    (HEAD + "cloud = { dea_config = { hartbeat_ms = 5 } }, run = function() end }", 3, "hartbeat_ms"),
    (HEAD + 'load = {\n { host = "x" },\n { host = 5 } }, run = function() end }', 5, "load[2].host: expected a text"),
    (HEAD + "always = {\n cupola.never_misrouted,\n 5 }, run = function() end }", 5, "always[2]: expected a check"),
    (HEAD + "always = { cupola.never_misruoted }, run = function() end }", 3, "did you mean 'never_misrouted'?"),
    (HEAD + 'always = { cupola.check("y") }, run = function() end }', 3, "check: expected a name and a function"),
]


def cases():
    for body, words in RUN:
        yield f'{HEAD}run = function(cloud)\ncloud:wait_until(cupola.converged, "60s")\n{body}\nend }}\n', 5, words, 1
    for body, words in CHECKS:
        for key, kind in (("always", "check"), ("sometimes", "sometimes")):
            yield (f'{HEAD}{key} = {{ cupola.{kind}("mine", {body}) }},\nrun = function(cloud)\n'
                   f'cloud:wait_until(cupola.converged, "60s")\nend }}\n', 3, words, 1)
    for body, line, words in FILES:
        yield body, line, words, 2


def play(case):
    number, (text, line, words, status) = case
    file = Path(folder) / f"wrong-{number}.lua"
    file.write_text(text)
    run = subprocess.run([sys.argv[1], "sim", "run", str(file), "--quiet"], capture_output=True, text=True, timeout=300)
    said = run.stdout + run.stderr
    place = f"{file}:{line}: " if line else f"{file}:"
    if run.returncode == status and words in said and place in said:
        return None
    return f"{text.strip().splitlines()[line - 1] if line else text[:60]}\n    exit status {run.returncode}: {said.strip()}"


with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
    wrong = [one for one in pool.map(play, enumerate(cases())) if one]
for one in wrong:
    print(one, file=sys.stderr)
print(f"{len(list(cases()))} files that go wrong, {len(wrong)} of them not as they should")
sys.exit(bool(wrong))
