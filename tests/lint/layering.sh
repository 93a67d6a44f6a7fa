#!/usr/bin/env bash
# Who may include whom: arrows point down only (docs/architecture.md).
set -uo pipefail
failures=0

# deny FOLDER PATTERN WHY: no file of the folder includes a header that matches the extended regular expression.
deny() {
    local found
    found=$(grep -rnE "^#include [<\"]($2)" "$1" --include='*.c' --include='*.h')
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
        printf '  %s may not include these: %s\n' "$1" "$3"
        failures=1
    fi
}

deny core 'drivers/|sim/|cli/' 'the core knows no driver'
deny core 'uv\.h|lua|lauxlib|sqlite3|archive|openssl' 'libraries that do I/O or keep global state stay outside'
deny core 'sys/|unistd|time\.h|errno|pthread|signal|fcntl|netinet|arpa|locale|math\.h|dirent' 'the core is pure'
deny core/base 'core/(io|machine|wire|bus|http|trace|monitor|router|cloud_controller|dea|health_manager|client)' \
    'base stands below everything'
deny core/wire 'core/(machine|bus|http|trace|monitor|router|cloud_controller|dea|health_manager|client)' \
    'wire formats are functions on bytes'
deny core/bus 'core/(router|cloud_controller|dea|health_manager|client)/' 'the bus knows no component'
deny core/http2 'core/(bus|http|trace|monitor|router|cloud_controller|dea|health_manager|client)/' \
    'HTTP/2 carries conns and knows nobody who uses them'
for one in router cloud_controller dea health_manager client; do
    for other in router cloud_controller dea health_manager client; do
        [ "$one" = "$other" ] || deny "core/$one" "core/$other/" 'components meet on the wire only'
    done
done
for one in drivers sim cli core/client core/monitor core/http core/http2; do
    deny "$one" 'core/(bus|router|dea|health_manager)/[a-z_]+/' \
        'the rooms of a component are its own; view.h and client.h are there for others'
done
for one in drivers sim cli/client cli/run cli/sim cli/up; do # cli/journal folds the state as a controller does.
    deny "$one" 'core/cloud_controller/[a-z_]+/' 'the rooms of the controller are its own; view.h is there for others'
done
deny core/router/table 'core/router/(front|back|monitor|router)' 'the table knows nobody who looks things up in it'
deny sim 'drivers/real|uv\.h|sqlite3|archive' 'the simulator has no real world'
deny drivers/sim 'drivers/real|uv\.h|lua|sqlite3|archive|sys/socket|time\.h' 'the simulator has no real world'
deny drivers/real 'drivers/sim|sim/|lua' 'drivers stay thin'
exit $failures
