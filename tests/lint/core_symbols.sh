#!/usr/bin/env bash
# The core needs nothing of the operating system: every undefined symbol of its libraries is on a short list.
# usage: core_symbols.sh BUILD_FOLDER
set -uo pipefail
build=$1
here=$(dirname "$0")
libraries=$(find "$build/core" -name 'lib*.a')
defined=$(nm --defined-only --format=posix $libraries 2>/dev/null | awk 'NF >= 2 && $2 ~ /[A-Z]/ {print $1}' | sort -u)
undefined=$(nm --undefined-only --format=posix $libraries 2>/dev/null | awk '$2 == "U" || $2 == "w" {print $1}' | sort -u)
needed=$(comm -23 <(echo "$undefined") <(echo "$defined"))
if [ "$(echo "$needed" | wc -w)" -lt 5 ]; then
    echo "no symbols found below $build/core: is it built?"
    exit 1
fi
# Tools of the compiler (sanitizers, coverage, stack protector) are not the core's wish.
extra=$(echo "$needed" | grep -vE '^(__asan|__ubsan|__gcov|__llvm|__sanitizer|__stack_chk|_GLOBAL_OFFSET_TABLE_|__odr)' |
    grep -vxFf <(grep -vE '^(#|$)' "$here/core_symbols.allow"))
if [ -n "$extra" ]; then
    echo "the core needs what it must not:"
    for symbol in $extra; do
        echo "  $symbol, in: $(nm -A --undefined-only $libraries 2>/dev/null | grep -w "$symbol" | sed 's/.*lib\(.*\)\.a:\([^:]*\):.*/\1\/\2/' | sort -u | tr '\n' ' ')"
    done
    exit 1
fi
