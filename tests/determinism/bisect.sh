#!/usr/bin/env bash
# usage: bisect.sh BUILD: `cupola sim bisect` finds no difference in this build, and names the event at which a planted
# uninitialised byte shows (the mutants build), within 10 s; runs that are played twice show it.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
scenario=scenarios/bus-restart.lua
"$build/cupola" sim bisect "$scenario" --seed 2 | grep '^SAME'
./dev build mutants cupola
# Runs that are played twice show it, too.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
said=$(build/mutants/cupola sim explore tests/bench/guidance.lua --twice --storm 15 --runs 50 --until-failure --quiet \
    --out "$folder" --mutation BUS_CLIENT_READS_AN_UNSET_BYTE) && { echo "not noticed by --twice: $said"; exit 1; }
grep -q 'played again it is another run' <<<"$said"
status=0
found=$(timeout 10 build/mutants/cupola sim bisect "$scenario" -- --mutation BUS_CLIENT_READS_AN_UNSET_BYTE) || status=$?
printf '%s\n' "$found"
[ "$status" = 1 ]
grep -q '^DIFFERENT from this event on: step [0-9]* at .*: .* closed conn=2 refused$' <<<"$found"
