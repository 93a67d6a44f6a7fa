#!/usr/bin/env bash
# usage: run.sh [router|bus|sim|scale|push|health|placement|container|healing|controller|journal|targets ...]: figures beside the peers', measured in one run. Default: all.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/release
[ $# -gt 0 ] || set -- router bus push sim health
for what in "$@"; do
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
    health) "$build/tests/bench/health_manager_pass" ;;
    container) tests/bench/container.sh "$build" ;;
    targets) tests/bench/targets.py "$build/cupola" ;;
    placement) "$build/tests/bench/placement" ;;
    controller) "$build/tests/bench/controller_scale" ;;
    journal)
        folder=$(mktemp -d)
        "$build/tests/bench/journal_rate" "$folder"
        rm -rf "$folder"
        ;;
    healing) tests/bench/healing.py "$build" ;;
    *)
        echo "there is no benchmark '$what'; try router, bus, push, sim, scale, health, placement, container, healing, controller, journal, targets" >&2
        exit 2
        ;;
    esac
done
