#!/usr/bin/env bash
# No function is dead, and none is public for nothing: each is needed by another file, of the program or of its tests.
# usage: unused.sh BUILD_FOLDER
set -uo pipefail
cd "$1" || exit 1
# Planted bugs need it (CUPOLA_MUTANTS); what tools of the compiler define is not ours.
kept='^(main|memory_unset_byte|cupola__.*|__(asan|ubsan|sanitizer|gcov|llvm)_.*|_sub_.*)$'
objects=$(find core drivers sim cli -name '*.o' 2>/dev/null)
if [ "$(echo "$objects" | wc -w)" -lt 100 ]; then
    echo "no objects found below $1: is it built?"
    exit 1
fi
needed=$(find . -path ./asan -prune -o -path ./release -prune -o -name '*.o' -print0 | xargs -0 nm --undefined-only --format=posix 2>/dev/null |
    awk '$2 == "U" { print $1 }' | sort -u)
unused=$(echo "$objects" | xargs nm --defined-only --format=posix 2>/dev/null | awk '$2 == "T" { print $1 }' | sort -u |
    comm -23 - <(echo "$needed") | grep -vE "$kept")
# A build folder may hold objects of files that are no more.
cd - >/dev/null || exit 1
failures=0
for name in $unused; do
    files=$(git grep -lw "$name" -- '*.c')
    [ -n "$files" ] || continue
    echo "$name in $files: no other file needs it; make it static, or delete it"
    failures=1
done
exit $failures
