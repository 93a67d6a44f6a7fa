#!/usr/bin/env bash
# usage: commands.sh BUILD: the simulator's commands as a person uses them: explore, go on, interrupt, debug, baselines.
set -euo pipefail
cd "$(dirname "$0")/../.."
cupola=$1/cupola
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "$*" >&2; exit 1; }

# A cloud without a health manager: what crashes stays down.
sed 's/cloud = {/cloud = { health_managers = 0,/' \
    scenarios/instance-crash.lua >"$folder/broken.lua"
status=0
"$cupola" sim explore "$folder/broken.lua" --out "$folder/found" --runs 4 --futures 1 --jobs 2 --calm 0 \
    --families process,workload >"$folder/first" || status=$?
[ "$status" = 1 ] || fail "explore found nothing: $(cat "$folder/first")"
grep -q 'cells met' "$folder/first" || fail "no table"
grep -q 'never met' "$folder/found/table.txt" || fail "no empty cells"
found=$(ls "$folder"/found/failure-*.lua | head -1)
seed=$(sed -n 's/.*--seed \([0-9]*\):.*/\1/p' "$found" | head -1)
said=$(sed -n '2s/^-- //p' "$found")

# What it wrote fails again, with the same words.
"$cupola" sim run "$found" --seed "$seed" --quiet >"$folder/again" && fail "the scenario that was written passes"
grep -qF "$said" "$folder/again" || fail "it fails otherwise: $(cat "$folder/again")"

# It goes on from where it was, and another target is refused.
runs=$(sed -n 's/^FAILED  \([0-9]*\) runs.*/\1/p' "$folder/first")
"$cupola" sim explore "$folder/broken.lua" --out "$folder/found" --runs 1 --quiet >"$folder/second" || true
more=$(sed -n 's/^FAILED  \([0-9]*\) runs.*/\1/p' "$folder/second")
[ "$more" -gt "$runs" ] || fail "it began anew: $runs, $more"
status=0
"$cupola" sim explore --cloud --out "$folder/found" --runs 1 --quiet 2>/dev/null >&2 || status=$?
[ "$status" = 2 ] || fail "the state of another exploration was taken"

# Ctrl-C keeps what was found.
"$cupola" sim explore "$folder/broken.lua" --out "$folder/interrupted" --time 100 --saturation 0 --quiet >"$folder/third" &
pid=$!
for _ in $(seq 300); do ls "$folder"/interrupted/failure-*.lua >/dev/null 2>&1 && break; sleep 0.1; done
kill -INT "$pid"
wait "$pid" || true
grep -q interrupted "$folder/third" || fail "not interrupted: $(cat "$folder/third")"
[ -s "$folder/interrupted/state" ] || fail "no state was kept"

# So does an end that nobody can prepare for: what has been told is kept.
"$cupola" sim explore "$folder/broken.lua" --out "$folder/killed" --time 100 --saturation 0 2>"$folder/told" >/dev/null &
pid=$!
for _ in $(seq 600); do grep -q 'cupola sim run' "$folder/told" && break; sleep 0.1; done
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
kept=$(sed -n 's/.*cupola sim run \(.*\) --seed.*/\1/p' "$folder/told" | head -1)
"$cupola" sim explore "$folder/broken.lua" --out "$folder/killed" --runs 1 --quiet >"$folder/third" || true
[ -s "$kept" ] && grep -qF "$kept" "$folder/third" || fail "killed: $kept is lost: $(cat "$folder/third")"

# Ctrl-C in the middle of many seeds: all reports are of what was played, and say that it is not all.
"$cupola" sim run "$folder/broken.lua" --seeds 1..100000 --jobs 2 --json --junit "$folder/cut.xml" --tap "$folder/cut.tap" \
    --html "$folder/cut.html" >"$folder/cut.json" &
pid=$!
sleep 4
while kill -INT "$pid" 2>/dev/null; do sleep 0.5; done
status=0
wait "$pid" || status=$?
[ "$status" = 1 ] || fail "an interrupted campaign has passed: $status"
grep -q '"failed":"*[1-9]' "$folder/cut.json" || fail "what had failed is lost: $(cat "$folder/cut.json")"
grep -q 'push shop to' "$folder/cut.xml" || fail "the failure is not in JUnit: $(cat "$folder/cut.xml")"
grep -q 'interrupted after [1-9][0-9]* of 100000 runs' "$folder/cut.xml" || fail "JUnit: $(cat "$folder/cut.xml")"
grep -q '^not ok 2 .*interrupted after' "$folder/cut.tap" || fail "TAP: $(cat "$folder/cut.tap")"
grep -q 'It was interrupted' "$folder/cut.html" || fail "the page does not say that it was interrupted"

# Ctrl-C in the middle of one run: how far it was, what was broken last, and the status that shells give it.
sed '/run = function/a\    cloud:fault("pause", { target = "dea-0" }) cloud:wait("900h")' scenarios/instance-crash.lua >"$folder/long.lua"
"$cupola" sim run "$folder/long.lua" --seed 4 --json >"$folder/cut.json" 2>"$folder/cut" &
pid=$!
sleep 1
while kill -INT "$pid" 2>/dev/null; do timeout 20 tail --pid="$pid" -f /dev/null || true; done
status=0
wait "$pid" || status=$?
[ "$status" = 130 ] || fail "an interrupted run ended with $status: $(cat "$folder/cut")"
grep -q '"failure":"interrupted' "$folder/cut.json" || fail "interrupted: $(cat "$folder/cut.json")"
grep -q 'the last faults' "$folder/cut" && grep -q 'dea-0 ' "$folder/cut" || fail "no last faults: $(cat "$folder/cut")"

# A scenario that loops, grows, breaks in a callback or wants what is forbidden fails with its file and line.
# usage: told WORDS LUA-BEFORE-THE-FIRST-STEP
told() {
    awk -v lua="$2" '{ print } /run = function/ { print lua }' scenarios/instance-crash.lua >"$folder/bad.lua"
    local line status=0
    line=$(grep -n 'run = function' "$folder/bad.lua" | cut -d: -f1)
    timeout 120 "$cupola" sim run "$folder/bad.lua" --seed 1 --quiet >"$folder/bad" 2>&1 || status=$?
    [ "$status" = 1 ] || fail "$2: status $status: $(cat "$folder/bad")"
    grep -qF "$folder/bad.lua:$((line + 1)): $1" "$folder/bad" || fail "$2: $(cat "$folder/bad")"
}
told 'the scenario ran' 'while true do end'
told 'the scenario ran' 'cloud:wait_until(function() while true do end end, "5s")'
told 'it waited more often' 'while true do cloud:wait(0) end'
told 'wait: 100000h is too long: a run is simulated for 1000h at most' 'cloud:wait("100000h")'
told 'wait_until: "9999999999h" is more than can be counted' 'cloud:wait_until(cupola.converged, "9999999999h")'
told 'not enough memory' 'local s = "x" while true do s = s .. s end'
told 'not enough memory' 'cloud:wait_until(function() local s = "x" while true do s = s .. s end end, "5s")'
told 'the scenario raised an error that is a table' 'error({})'
told "this cloud has no 'nobody'" 'cloud:wait_until(function() return cloud.nobody.there end, "5s")'
told 'attempt to index a nil value' 'cloud:wait_until(function() return nobody.there end, "5s")'
told "'os.exit' is not there" 'os.exit(0)'
told "'io.open' is not there" 'io.open("/etc/passwd")'
told "require: there is no 'socket' here" 'require "socket"'
# shellcheck disable=SC2016 # Words of a message.
told 'only `run` can wait' 'cloud:wait_until(function() cloud:wait("1s") end, "5s")'
printf 'return {\n  title = "x"\n  run = 1,\n}\n' >"$folder/bad.lua"
status=0
"$cupola" sim run "$folder/bad.lua" >"$folder/bad" 2>&1 || status=$?
[ "$status" = 2 ] && grep -qF "$folder/bad.lua:3: '}' expected" "$folder/bad" || fail "syntax: $(cat "$folder/bad")"

# Debugging: forward and back is the same run; what was broken by hand is told.
printf 'until 6s\nshow\nback 3\nstep 3\nshow\nfault pause dea-0 duration=2s\nstory 1\nwhen dea-1: \nrun\nback 5\nrun\n' |
    "$cupola" sim debug scenarios/instance-crash.lua --seed 3 >"$folder/debug"
[ "$(grep -c '^    hash' "$folder/debug")" = 2 ] || fail "debug: two steps were to be shown"
[ "$(grep '^    hash' "$folder/debug" | uniq | wc -l)" = 1 ] || fail "debug: back and forth is not the same"
grep -q 'pause dea-0 for 2.000 s' "$folder/debug" || fail "debug: no fault: $(cat "$folder/debug")"
[ "$(grep -c '^The run is over' "$folder/debug")" = 2 ] || fail "debug: two ends"
[ "$(grep '^The run is over' "$folder/debug" | uniq | wc -l)" = 1 ] || fail "debug: two ends differ"
# After its end there is only the way back; a moment of the past is one, too.
printf 'run\nstep\nfault kill dea-0\nuntil 2s\nuntil 1s\nquit\n' |
    "$cupola" sim debug scenarios/instance-crash.lua --seed 3 >"$folder/debug"
grep -q 'lead back into it' "$folder/debug" && grep -q 'go back first' "$folder/debug" &&
    grep -q 'at 2.0' "$folder/debug" && grep -q 'at 1.0' "$folder/debug" || fail "debug: back: $(cat "$folder/debug")"

# Every order of a few messages; the order that a failure names fails again.
"$cupola" sim check scenarios/instance-crash.lua --depth 2 >"$folder/orders" || fail "check: $(cat "$folder/orders")"
grep -q '^PASSED .* orders (all), 0 failed' "$folder/orders" || fail "check: $(cat "$folder/orders")"
"$cupola" sim check "$folder/broken.lua" --depth 2 --from 2 >"$folder/orders" && fail "check passed what cannot pass"
order=$(sed -n 's/^ *cupola \(sim check .*\)/\1/p' "$folder/orders")
# shellcheck disable=SC2086 # The words of the command that it named.
"$cupola" $order >"$folder/one" && fail "the order passes"
grep -q ': 1 orders' "$folder/one" || fail "not one order: $(cat "$folder/one")"

# Planted bugs are in another build, and it says so.
for command in run explore check debug; do
    status=0
    "$cupola" sim "$command" scenarios/instance-crash.lua --mutation DEA_FORGETS_SURVIVORS </dev/null 2>"$folder/said" || status=$?
    [ "$status" = 2 ] && grep -q './dev build mutants' "$folder/said" || fail "$command --mutation: $(cat "$folder/said")"
done

# What must happen sometimes: a campaign names what none of its runs has reached, and fails.
sed 's/^  run = function(cloud)/  sometimes = { "a fault", "nobody says this", cupola.logged "no such words", cupola.logged "crashed",\n    cupola.sometimes("three serve", function(cloud) return cloud:serving("shop") >= 3 end) },\n  run = function(cloud)\n    cloud:mark("a fault")/' \
    scenarios/instance-crash.lua >"$folder/marks.lua"
status=0
"$cupola" sim run "$folder/marks.lua" --seeds 1..3 --tap "$folder/tap" --junit "$folder/junit" --html "$folder/html" \
    >"$folder/marks" || status=$?
[ "$status" = 1 ] || fail "marks: a mark that was never reached is no failure: $(cat "$folder/marks")"
grep -q '^  never: nobody says this (in none of 3 runs)' "$folder/marks" || fail "marks: $(cat "$folder/marks")"
grep -q '^  never: logged: no such words' "$folder/marks" || fail "marks: $(cat "$folder/marks")"
for mark in 'a fault' 'three serve' 'logged: crashed'; do
    grep -q "^  sometimes: $mark (in 3 of 3 runs)" "$folder/marks" || fail "marks: $mark: $(cat "$folder/marks")"
done
grep -q '^1..6$' "$folder/tap" && [ "$(grep -c '^not ok' "$folder/tap")" = 2 ] || fail "marks: $(cat "$folder/tap")"
grep -q 'tests="6" failures="2"' "$folder/junit" || fail "marks: $(cat "$folder/junit")"
grep -q 'nobody says this <b class="bad">never' "$folder/html" || fail "marks: not on the page"

# Baselines.
run="$cupola sim run scenarios/instance-crash.lua --quiet --seeds"
$run 1..20 --save-baseline "$folder/base.json" --tap "$folder/tap" >/dev/null
head -1 "$folder/tap" | grep -q '^TAP version 13$' || fail "no TAP"
# Perl's harness takes what passed, and what failed for failed, without a word about its form.
prove -e cat "$folder/tap" >"$folder/proved" || fail "TAP: $(cat "$folder/proved")"
prove -e cat "$folder/cut.tap" >"$folder/proved" && fail "TAP: what failed has passed"
grep -q 'Parse errors' "$folder/proved" && fail "TAP: $(cat "$folder/proved")"
$run 1..20 --baseline "$folder/base.json" >/dev/null || fail "slower than itself"
sed -E 's/"(least|p50|p90|p99|most|p50_low|p50_high|p99_low|p99_high)":[0-9]+/"\1":1/g' "$folder/base.json" \
    >"$folder/fast.json"
status=0
$run 1..20 --baseline "$folder/fast.json" >"$folder/slower" || status=$?
[ "$status" = 1 ] && grep -q SLOWER "$folder/slower" || fail "not slower: $(cat "$folder/slower")"
# A slowdown that is planted: apps boot 60 ms longer.
sed 's/"300ms"/"360ms"/' scenarios/instance-crash.lua >"$folder/slow.lua"
cmp -s scenarios/instance-crash.lua "$folder/slow.lua" && fail "no slowdown was planted"
status=0
"$cupola" sim run "$folder/slow.lua" --quiet --seeds 1..100 --save-baseline "$folder/slow.json" >/dev/null
"$cupola" sim run scenarios/instance-crash.lua --quiet --seeds 1..100 --save-baseline "$folder/base.json" \
    --baseline "$folder/slow.json" >/dev/null || fail "faster is taken for slower"
"$cupola" sim run "$folder/slow.lua" --quiet --seeds 1..100 --baseline "$folder/base.json" >"$folder/slower" || status=$?
[ "$status" = 1 ] && grep -q 'SLOWER' "$folder/slower" || fail "60 ms are not noticed: $(cat "$folder/slower")"
