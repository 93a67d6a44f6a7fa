#!/usr/bin/env bash
# Figures beside the peers', measured in one run; usage: below. `--check NAMES` only says whether there are such benchmarks.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/release
usual="router bus push sim health"
all="$usual scale zone placement container healing updates controller journal guidance targets"

is_check=
if [ "${1:-}" = --check ]; then
    is_check=yes
    shift
fi
[ $# -gt 0 ] || set -- $usual
names=() options=()
for word in "$@"; do
    case "$word" in -h | --help | help)
        cat <<HELP
usage: ./dev bench [NAME...] [targets [--seeds N] [--jobs J] [--minutes M] [ROW...]]

Builds the release preset and measures; docs/performance.md keeps what came out.
NAME: ${all% targets}
Without a name: $usual
What stands behind \`targets\` is its own: rows of the table of targets, and how many seeds of each (1,000). It keeps what
it has played: the same command goes on, and --minutes says when to stop.
HELP
        exit 0
        ;;
    esac
    if [[ " ${names[*]} " = *" targets "* ]]; then
        options+=("$word")
    elif [[ " $all " = *" $word "* ]]; then
        names+=("$word")
    else
        echo "there is no benchmark '$word'; there are: $all" >&2
        exit 2
    fi
done
[ -z "$is_check" ] || exit 0

for what in "${names[@]}"; do
    printf '\n== %s\n' "$what"
    case $what in
    router)
        "$build/tests/bench/router_table"
        tests/bench/router.py "$build"
        tests/bench/router_http2.py "$build"
        ;;
    bus) tests/bench/bus.sh "$build" ;;
    push) tests/bench/push.py "$build" ;;
    sim)
        tests/bench/sim.sh "$build/cupola"
        for pending in 1000 100000 1000000; do "$build/tests/bench/event_queue" "$pending"; done
        ;;
    scale) tests/bench/scale.py "$build/cupola" ${CUPOLA_SCALE:-} ;;
    zone) tests/bench/scale.py "$build/cupola" 10000:100000 ;;
    health) "$build/tests/bench/health_manager_pass" ;;
    container) tests/bench/container.sh "$build" ;;
    targets) tests/bench/targets.py "$build/cupola" "${options[@]}" ;;
    placement) "$build/tests/bench/placement" ;;
    controller) "$build/tests/bench/controller_scale" ;;
    journal)
        folder=$(mktemp -d)
        "$build/tests/bench/journal_rate" "$folder"
        rm -rf "$folder"
        ;;
    healing) tests/bench/healing.py "$build" ;;
    updates) tests/bench/updates.py "$build" ;;
    guidance)
        ./dev build guided
        tests/bench/guidance.py build/guided/cupola
        ;;
    esac
done
