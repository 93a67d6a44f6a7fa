#!/usr/bin/env bash
# Files that fit a head (500 lines), functions that fit a screen (70 lines).
set -uo pipefail
failures=0
while read -r lines file; do
    echo "$file: $lines lines; a file has at most 500"
    failures=1
done < <(git ls-files 'core/*.[ch]' 'sim/*.[ch]' 'drivers/*.[ch]' 'cli/*.[ch]' 'lua/*.lua' | xargs wc -l | awk '$2 != "total" && $1 > 500')

# A function begins at a line that ends the signature with "{" in column 1 and ends at "}" in column 1.
long=$(git ls-files 'core/*.c' 'sim/*.c' 'drivers/*.c' 'cli/*.c' | xargs awk '
    FNR == 1 { start = 0 }
    /^\{/ { start = FNR }
    /^\}/ { if (start && FNR - start - 1 > 70) printf "%s:%d: a function of %d lines; at most 70\n", FILENAME, start, FNR - start - 1; start = 0 }')
if [ -n "$long" ]; then
    echo "$long"
    failures=1
fi
exit $failures
