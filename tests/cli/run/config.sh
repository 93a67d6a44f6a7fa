#!/usr/bin/env bash
# Bad configuration files and options of `cupola run` and `cupola up`: each is refused with the place and the reason.
set -uo pipefail
cupola=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# refuses STATUS TEXT COMMAND...: the command ends with that status and says that text on standard error.
refuses() {
    local wanted_status=$1 wanted=$2 said status
    shift 2
    said=$("$@" 2>&1 >/dev/null)
    status=$?
    if [ "$status" -ne "$wanted_status" ] || [[ "$said" != *"$wanted"* ]]; then
        printf '%s\n  ended with %s, not %s, and said:\n%s\n  which lacks: %s\n' "$*" "$status" "$wanted_status" "$said" "$wanted"
        failures=1
    fi
}

# file NAME CONTENT
file() {
    printf '%b' "$2" >"$folder/$1"
}

cd "$folder" || exit 1
file good.json '{"router": {"listen": {"port": 8080}, "max_headers": 50}, "dea": {"max_memory_mb": 1000}}'
file range.json '{"router": {\n  "listen": {"port": 70000}}}'
file zero.json '{"dea": {"heartbeat_ms": 0}}'
file key.json '{\n  "router": {\n    "lisen": {}}}'
file type.json '{"router": {"max_headers": "many"}}'
file syntax.json '{"router": {\n"listen": }'
file level.json '{"driver": {"log_level": "loud"}}'
file ports.json '{"dea": {"first_port": 500, "last_port": 400}}'

file nested.json '{"router": {"bus": {"servers": [{"port": 1},\n {"port": 2},\n {"port": 70000}]}}}'

refuses 0 "" "$cupola" run router --config good.json --check
refuses 2 "nested.json:3: router.bus.servers[2].port: 70000 is too large" "$cupola" run router --config nested.json
refuses 2 "range.json:2: router.listen.port: 70000 is too large" "$cupola" run router --config range.json
refuses 2 "zero.json:1: dea.heartbeat_ms: 0 is too small" "$cupola" run dea --config zero.json
refuses 2 "key.json:3: router: unknown key \"lisen\"" "$cupola" run router --config key.json
refuses 2 "type.json:1: router.max_headers" "$cupola" run router --config type.json
refuses 2 "syntax.json:2:" "$cupola" run router --config syntax.json
refuses 2 "level.json:1: driver.log_level: \"loud\"" "$cupola" run bus --config level.json
refuses 2 "ports.json:1: dea.first_port: 500 is above" "$cupola" run dea --config ports.json
refuses 2 "cannot read missing.json" "$cupola" run bus --config missing.json
refuses 2 "name one role" "$cupola" run toaster
refuses 2 "is no address" "$cupola" run bus --listen nowhere
refuses 2 "has no use for --bus" "$cupola" run bus --bus 127.0.0.1:4222
refuses 2 "none of auto, process, bubblewrap, oci" "$cupola" run dea --workloads vm
refuses 1 "cannot start" "$cupola" run bus --data /proc/nothing
refuses 2 "not a number from 1 to 16" "$cupola" up --deas 0
refuses 2 "no domain name" "$cupola" up --domain 'a"b'
refuses 2 "\"process\", \"bubblewrap\" or \"oci\"" "$cupola" up --workloads vm
exit $failures
