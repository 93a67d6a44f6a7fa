#!/usr/bin/env bash
# A PostgreSQL server of a test's own, on a socket in a folder of its own.
# usage: postgres.sh start FOLDER    makes and starts it, prints its connection string
#        postgres.sh crash FOLDER    ends it at once, as if it had been killed, and starts it again
#        postgres.sh stop FOLDER     ends it and deletes the folder
set -euo pipefail
folder=$2
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
# The server refuses to run as root.
as_owner() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
control() { as_owner "$bin/pg_ctl" -s -w -D "$folder/data" -l "$folder/log" "$@"; }

case $1 in
start)
    mkdir -p "$folder"
    [ "$(id -u)" -ne 0 ] || chown postgres "$folder"
    as_owner "$bin/initdb" -D "$folder/data" --auth trust --username cupola --no-sync >/dev/null
    control -o "-k '$folder' -c listen_addresses='' -c shared_buffers=16MB" start
    echo "postgresql:///postgres?host=$folder&user=cupola"
    ;;
crash)
    control -m immediate stop
    control -o "-k '$folder' -c listen_addresses='' -c shared_buffers=16MB" start
    ;;
stop)
    control -m immediate stop || true
    rm -rf "$folder"
    ;;
esac
