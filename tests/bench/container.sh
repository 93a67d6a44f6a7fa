#!/usr/bin/env bash
# usage: container.sh [BUILD_FOLDER] [COUNT] [AT_ONCE] [ROUNDS]: create to running process, ours beside the bare runtimes.
# Needs root. The bare runtimes get the bundle and the options that ours has, and no agent around them.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release} count=${2:-60} at_once=${3:-200} rounds=${4:-3}
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

bare_bwrap() {
    "$bench" bare "$said" "$count" true -- bwrap --unshare-user --unshare-pid --unshare-ipc --unshare-uts --uid 1000 \
        --gid 1000 --cap-drop ALL --die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib \
        --symlink usr/lib64 /lib64 --ro-bind /etc/ssl /etc/ssl --ro-bind /etc/ld.so.cache /etc/ld.so.cache --proc /proc \
        --dev /dev --perms 1777 --size 67108864 --tmpfs /tmp --bind "$folder/root" /home/vcap --remount-ro / \
        --chdir /home/vcap -- ./startup
}

# runc and crun: the bundle of an instance of ours, moved to where its user can walk.
move_bundle() {
    sed -i "s|/mnt/root|$folder/root|; s|/cupola/w0|/cupola/bench-$$|" "$folder/bundle/config.json"
    chown -R "$(grep -o '"hostID":[0-9]*' "$folder/bundle/config.json" | head -1 | cut -d: -f2)" "$folder/root"
}
bare_oci() {
    local name=bench-$$
    "$bench" bare "$said" "$count" "$1 --root $folder/state delete --force $name" -- "$@" --root "$folder/state" run \
        --detach --bundle "$folder/bundle" $name || echo "  $1 does not run this bundle here"
}

for ((round = 1; round <= rounds; round++)); do
    printf '\nround %d, load %s; the bare ones without an agent, logs and (bwrap) a cgroup\n' "$round" \
        "$(cut -d' ' -f1 /proc/loadavg)"
    "$bench" ours process "$started" "$count" 0
    "$bench" ours bubblewrap "$started" "$count" 0
    bare_bwrap
    rm -rf "$folder/bundle"
    CONTAINER_BUNDLE=$folder/bundle "$bench" ours oci "$started" "$count" 0
    move_bundle
    bare_oci runc
    bare_oci crun --cgroup-manager=disabled
done
printf '\n%d at once\n' "$at_once"
for kind in process bubblewrap oci; do
    "$bench" ours $kind "$started" 1 "$at_once"
done
"$build/tests/bench/log_stream"
