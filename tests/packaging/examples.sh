#!/usr/bin/env bash
# usage: examples.sh CUPOLA: the example configurations are valid for their roles, and the units name what there is.
set -euo pipefail
cd "$(dirname "$0")/../../packaging"
for role in bus router controller dea health; do
    "$1" run "$role" --config "etc/$role.json.example" --check
    grep -q "^ExecStart=/usr/bin/cupola run $role --config /etc/cupola/$role.json " "systemd/cupola-$role.service"
done
# An evacuated DEA must not come back by itself.
grep -q '^Restart=on-failure$' systemd/cupola-dea.service
if command -v systemd-analyze >/dev/null; then
    # Those that are not installed here are of no interest: the program, and users.
    ! systemd-analyze verify --man=no systemd/* 2>&1 | grep -v "is not executable\|Unit .* not found" | grep "packaging/systemd"
fi
