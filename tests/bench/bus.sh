#!/bin/sh
# The message bus beside nats-server: the same load on both, each server pinned to one core and the load to another.
#
#     tests/bench/bus.sh [BUILD_DIR] [ROUNDS] [MILLISECONDS]
#
# Every figure is the median of ROUNDS runs, in which the two servers take turns. CPU is that of the whole server
# process during the run, in microseconds a message (a request for the last two lines). Memory is the growth of the
# resident set per idle client with one subscription, and per subscription. SPIN_US=0 sets driver.spin_us of ours. Behind
# publishing stands what the load gets rid of to bus_sink, which only reads: the limit of the load and of the kernel.
set -eu

build=${1:-build}
rounds=${2:-3}
run_ms=${3:-700}
cupola=$build/cupola
load=$build/tests/bench/bus_load
nats=${NATS_SERVER:-$(command -v nats-server || echo /usr/sbin/nats-server)}
server_core=0
load_core=1

directory=$(mktemp -d)
server=
stop_server() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=
    fi
}
trap 'stop_server; rm -rf "$directory"' EXIT INT TERM

cat >"$directory/bus.json" <<JSON
{"driver": {"data_dir": "$directory/data", "log_level": "warning"${SPIN_US:+, "spin_us": $SPIN_US}},
 "bus_server": {"listen": {"host": "127.0.0.1", "port": 24222}}}
JSON

start_server() { # cupola|nats|sink
    if [ "$1" = sink ]; then
        port=24224
        taskset -c $server_core "$build/tests/bench/bus_sink" $port >"$directory/$1.log" 2>&1 &
    elif [ "$1" = cupola ]; then
        port=24222
        taskset -c $server_core "$cupola" run bus --config "$directory/bus.json" >"$directory/$1.log" 2>&1 &
    else
        port=24223
        taskset -c $server_core "$nats" -a 127.0.0.1 -p $port >"$directory/$1.log" 2>&1 &
    fi
    server=$!
    tries=0
    until taskset -c $load_core "$load" 127.0.0.1 $port publish 16 0 1 >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 50 ]; then
            echo "bus.sh: $1 does not start:" >&2
            cat "$directory/$1.log" >&2
            exit 1
        fi
        sleep 0.1
    done
}

ticks() {
    awk '{ print $14 + $15 }' "/proc/$server/stat"
}

resident_kb() {
    awk '/^VmRSS/ { print $2 }' "/proc/$server/status"
}

median() { # of the first column of a file
    sort -n "$1" | awk '{ at[NR] = $1 } END { print at[int((NR + 1) / 2)] }'
}

measure() { # server mode size number: appends "result cpu_us" to a file
    before=$(ticks)
    result=$(taskset -c $load_core "$load" 127.0.0.1 $port "$2" "$3" "$4" "$run_ms")
    after=$(ticks)
    # Latencies are in microseconds, all else is a rate, of which the run had run_ms.
    echo "$result" | awk -v ticks=$((after - before)) -v ms="$run_ms" -v hz="$(getconf CLK_TCK)" -v mode="$2" '
        { n = mode == "latency" ? ms * 1000 / $1 : $1 * ms / 1000; print $1, ticks / hz * 1e6 / n }
    ' >>"$directory/$1-$2-$3-$4"
}

weigh() { # server mode number: bytes of resident memory for each
    before=$(resident_kb)
    mkfifo "$directory/hold"
    : >"$directory/held"
    taskset -c $load_core "$load" 127.0.0.1 $port "$2" 0 "$3" 0 <"$directory/hold" >"$directory/held" &
    holder=$!
    exec 9>"$directory/hold"
    until grep -q ready "$directory/held"; do sleep 0.1; done
    after=$(resident_kb)
    exec 9>&-
    wait $holder
    rm "$directory/hold"
    echo $(((after - before) * 1024 / $3)) >"$directory/$1-$2"
}

cases='publish 16 0
publish 128 0
publish 1024 0
fan 16 1
fan 128 1
fan 1024 1
fan 16 10
fan 128 10
fan 1024 10
queue 16 4
queue 128 4
queue 1024 4
subjects 16 1000
subjects 16 100000
latency 16 1
requests 16 64'

round=0
while [ $round -lt "$rounds" ]; do
    for which in cupola nats; do
        start_server $which
        if [ $round -eq 0 ]; then
            weigh $which hold 1000
            weigh $which hold-subs 100000
        fi
        echo "$cases" | while read -r mode size number; do
            measure $which "$mode" "$size" "$number"
        done
        stop_server
    done
    start_server sink
    echo "$cases" | grep publish | while read -r mode size number; do
        measure sink "$mode" "$size" "$number"
    done
    stop_server
    round=$((round + 1))
done

echo "$("$nats" --version), $rounds rounds of $run_ms ms, servers on core $server_core, load on core $load_core, $(nproc) cores"
printf '%-22s %12s %12s %7s   %9s %9s\n' 'load' 'cupola' 'nats-server' 'ratio' 'cpu us' 'cpu us'
echo "$cases" | while read -r mode size number; do
    ours=$directory/cupola-$mode-$size-$number
    theirs=$directory/nats-$mode-$size-$number
    awk '{ print $2 }' "$ours" >"$ours-cpu"
    awk '{ print $2 }' "$theirs" >"$theirs-cpu"
    sink=$directory/sink-$mode-$size-$number
    [ -f "$sink" ] || sink=
    echo "$mode $size $number $(median "$ours") $(median "$theirs") $(median "$ours-cpu") $(median "$theirs-cpu")" \
        "${sink:+$(median "$sink")}"
done | awk '{
    unit = $1 == "latency" ? "us (p50)" : $1 == "fan" && $3 > 1 ? "deliveries/s" : "/s"
    sink = $8 == "" ? "" : sprintf("; sink %s, of which we take %.2f", $8, $4 / $8)
    printf "%-22s %12s %12s %7.2f   %9.3f %9.3f  %s\n", $1 " " $2 " B x" $3, $4, $5, $4 / $5, $6, $7, unit sink
}'
for what in hold hold-subs; do
    name=$([ $what = hold ] && echo 'bytes/idle client' || echo 'bytes/subscription')
    ours=$(cat "$directory/cupola-$what")
    theirs=$(cat "$directory/nats-$what")
    printf '%-22s %12s %12s %7s\n' "$name" "$ours" "$theirs" "$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")"
done
