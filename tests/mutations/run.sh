#!/usr/bin/env bash
# Builds the cores with planted bugs (core/base/mutation.h) and shows that a scenario catches each within 100 seeds.
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build mutants cupola
cupola=build/mutants/cupola
jobs=$(nproc)
survivors=0

# catches MUTATION SCENARIO: some seed of the scenario fails with the bug; prints the first and what it saw.
catches() {
    local mutation=$1 scenario=scenarios/$2.lua output seeds
    for seeds in 1..4 5..20 21..100; do
        if output=$("$cupola" sim run "$scenario" --mutation "$mutation" --seeds "$seeds" --jobs "$jobs" --quiet); then
            continue
        fi
        printf '%-34s caught by %-34s %s\n' "$mutation" "$2" \
            "$(sed -n '1s/^ *//p' <<<"$output" | cut -c1-120)"
        return
    done
    printf '%-34s SURVIVED 100 seeds of %s\n' "$mutation" "$2"
    survivors=$((survivors + 1))
}

catches HM_NEVER_COMPLAINS instance-crash
catches HM_FORGETS_EXITS instance-crash
catches DEA_FORGETS_UNREGISTER scale-under-load
catches DEA_STARTS_TWICE scale-under-load
catches DEA_FORGETS_SURVIVORS dea-killed
catches ROUTER_NEVER_PRUNES host-never-returns
catches ROUTER_NEVER_RETRIES host-never-returns
catches CC_ANSWERS_EARLY controller-loses-power
catches CC_IGNORES_HEALTH_MANAGER instance-crash
catches BUS_CLIENT_FORGETS_SUBSCRIPTIONS bus-restart
exit $((survivors > 0))
