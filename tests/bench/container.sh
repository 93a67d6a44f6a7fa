#!/usr/bin/env bash
# usage: container.sh [BUILD_FOLDER] [COUNT] [AT_ONCE] [ROUNDS]: create to running process, ours beside the bare runtimes,
# then AT_ONCE at once, then what a supervisor does with the lines of an instance that floods its log. Needs root. The bare runtimes get the bundle and the options that ours has, and no agent around them.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release} count=${2:-25} at_once=${3:-200} rounds=${4:-3}
bench=$build/tests/bench/container_start started=$build/tests/bench/container_started
folder=$(mktemp -d /tmp/cupola-container-XXXXXX)
trap 'rm -rf "$folder"' EXIT
chmod 711 "$folder"

printf 'runc %s | %s | %s | Linux %s, cgroup %s\n' "$(runc --version | awk 'NR == 1 { print $3 }')" "$(crun --version | head -1)" \
    "$(bwrap --version)" "$(uname -r)" "$([ -e /sys/fs/cgroup/cgroup.controllers ] && echo v2 || echo v1)"

# What the bare ones run: the same program, in the root that ours makes, with the options that it gives.
mkdir -p "$folder/root/logs"
cp "$started" "$folder/root/startup"
said=$folder/root/logs/started

# Shows the line of figures that a command prints, and keeps its median; $1 for figures that cannot be had: why.
measure() {
    local otherwise=$1 line
    shift
    median=
    if line=$("$@" 2>"$folder/said"); then
        printf '%s\n' "$line"
        median=$(sed -n 's/.* p50 *\([0-9.]*\).*/\1/p' <<<"$line" | head -1)
    else
        printf '  %s: %s\n' "$otherwise" "$(head -1 "$folder/said")"
    fi
}
# Ours (a median) beside the bare one that was measured last.
compare() {
    [ -z "$1" ] || [ -z "$median" ] || awk -v ours="$1" -v bare="$median" -v name="$2" \
        'BEGIN { printf "  %-36s %.2f x\n", "  ours beside bare " name, ours / bare }'
}

ours() { measure "ours, $1" "$bench" ours "$1" "$started" "$count" 0; }
bare_process() { measure "bare process" "$bench" bare "$said" "$count" true -- "$started" "$said"; }
bare_bwrap() {
    chown -R 0 "$folder/root" # Of the round before: the containers of runc.
    measure "bare bwrap" "$bench" bare "$said" "$count" true -- bwrap --unshare-user --unshare-pid --unshare-ipc \
        --unshare-uts --uid 1000 --gid 1000 --cap-drop ALL --die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin \
        --symlink usr/lib /lib --symlink usr/lib64 /lib64 --ro-bind /etc/ssl /etc/ssl --ro-bind /etc/ld.so.cache \
        /etc/ld.so.cache --proc /proc --dev /dev --perms 1777 --size 67108864 --tmpfs /tmp --bind "$folder/root" \
        /home/vcap --remount-ro / --chdir /home/vcap -- ./startup
}

# runc and crun: the bundle of an instance of ours, moved to where its user can walk.
move_bundle() {
    sed -i "s|/mnt/root|$folder/root|; s|/cupola/w0|/cupola/bench-$$|" "$folder/bundle/config.json"
    chown -R "$(grep -o '"hostID":[0-9]*' "$folder/bundle/config.json" | head -1 | cut -d: -f2)" "$folder/root"
}
bare_oci() {
    local name=bench-$$
    "$bench" bare "$said" "$count" "$1 --root $folder/state delete --force $name" -- "$@" --root "$folder/state" run \
        --detach --bundle "$folder/bundle" $name
}
# crun refuses machines with both versions of cgroups: it does not see the second one in a mount namespace of its own.
bare_crun() {
    [ -d /sys/fs/cgroup/unified ] || { bare_oci crun --cgroup-manager=disabled; return; }
    export -f bare_oci
    bench=$bench said=$said count=$count folder=$folder unshare --mount bash -c \
        'umount /sys/fs/cgroup/unified && bare_oci crun --cgroup-manager=disabled'
}

for ((round = 1; round <= rounds; round++)); do
    printf '\nround %d, load %s; the bare ones without an agent, logs and (process, bwrap) a cgroup\n' "$round" \
        "$(cut -d' ' -f1 /proc/loadavg)"
    ours process
    mine=$median
    bare_process
    compare "$mine" process
    ours bubblewrap
    mine=$median
    bare_bwrap
    compare "$mine" bwrap
    rm -rf "$folder/bundle"
    export CONTAINER_BUNDLE=$folder/bundle
    ours oci
    unset CONTAINER_BUNDLE
    mine=$median
    [ -d "$folder/bundle" ] || continue
    move_bundle
    measure "bare runc" bare_oci runc
    compare "$mine" runc
    measure "bare crun" bare_crun
    compare "$mine" crun
done
printf '\n%d at once, and how late a timer on the loop of the agent is meanwhile: so late would be a heartbeat\n' "$at_once"
for kind in process bubblewrap oci; do
    measure "$kind, $at_once at once" "$bench" ours $kind "$started" 1 "$at_once"
done
printf '\nan instance that floods its log, through its supervisor to rotated files\n'
for kind in process bubblewrap; do
    measure "$kind, flooding" "$build/tests/bench/log_flood" $kind
done
