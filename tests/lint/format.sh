#!/usr/bin/env bash
# clang-format agrees with every C file. `./dev format` mends it.
set -uo pipefail
git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror 2>&1 | grep 'error:' | head -20
exit $((PIPESTATUS[1] != 0))
