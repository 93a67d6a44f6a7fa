#!/usr/bin/env bash
# usage: container.sh [BUILD_FOLDER] [COUNT] [AT_ONCE]: create to running process, ours beside the bare runtimes.
# Needs root. The bare runtimes get the bundle and the options that ours has, and no agent around them.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release} count=${2:-60} at_once=${3:-200}
bench=$build/tests/bench/container_start started=$build/tests/bench/container_started
folder=$(mktemp -d /tmp/cupola-container-XXXXXX)
trap 'rm -rf "$folder"' EXIT
chmod 711 "$folder"

printf 'runc %s | %s | %s | Linux %s, cgroup %s\n' "$(runc --version | awk 'NR == 1 { print $3 }')" "$(crun --version | head -1)" \
    "$(bwrap --version)" "$(uname -r)" "$([ -e /sys/fs/cgroup/cgroup.controllers ] && echo v2 || echo v1)"
for kind in process bubblewrap oci; do
    [ $kind = oci ] && export CONTAINER_BUNDLE=$folder/bundle
    "$bench" ours $kind "$started" "$count" "$at_once"
done

# What the bare ones run: the same program, in the root that ours makes.
mkdir -p "$folder/root/logs"
cp "$started" "$folder/root/startup"
said=$folder/root/logs/started
printf '\n  bare, without an agent, a cgroup of its own (bwrap) or logs\n'
"$bench" bare "$said" "$count" true -- bwrap --unshare-user --unshare-pid --unshare-ipc --unshare-uts --uid 1000 --gid 1000 \
    --cap-drop ALL --die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib \
    --symlink usr/lib64 /lib64 --ro-bind /etc/ssl /etc/ssl --ro-bind /etc/ld.so.cache /etc/ld.so.cache --proc /proc --dev /dev \
    --perms 1777 --size 67108864 --tmpfs /tmp --bind "$folder/root" /home/vcap --remount-ro / --chdir /home/vcap -- ./startup

# runc and crun: the bundle of an instance of ours, moved to where its user can walk.
bundle=$folder/bundle
sed -i "s|/mnt/root|$folder/root|; s|/cupola/w0|/cupola/bench-$$|" "$bundle/config.json"
chown -R "$(grep -o '"hostID":[0-9]*' "$bundle/config.json" | head -1 | cut -d: -f2)" "$folder/root"
for runtime in runc "crun --cgroup-manager=disabled"; do
    name=bench-$$
    # shellcheck disable=SC2086 # The second one is two words.
    "$bench" bare "$said" "$count" "${runtime%% *} --root $folder/state delete --force $name" -- \
        $runtime --root "$folder/state" run --detach --bundle "$bundle" $name || echo "  $runtime does not run this bundle here"
done
