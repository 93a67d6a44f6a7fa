#!/usr/bin/env bash
# Nothing is left for later, nothing waits on a wall clock where time is simulated or tested.
set -uo pipefail
failures=0
deny() {
    local pattern=$1 why=$2 found
    shift 2
    found=$(git grep -nIE "$pattern" -- "$@")
    if [ -n "$found" ]; then
        printf '%s\n  %s\n' "$found" "$why"
        failures=1
    fi
}
deny '\b(TODO|FIXME|XXX|HACK)\b' 'build it, or say in the documents that it is missing' '*.c' '*.h' '*.lua' '*.sh' ':!tests/lint/words.sh'
deny '\b(usleep|nanosleep|sleep)\(' 'nothing here waits on a wall clock' 'core/*' 'sim/*' 'drivers/sim/*' 'tests/*.c' ':!tests/bench/*'
deny '\bassert\(' 'assert_that stays on in release builds' 'core/*.c' 'sim/*.c' 'drivers/*.c'
exit $failures
