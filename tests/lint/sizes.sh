#!/usr/bin/env bash
# Files that fit a head (500 lines), functions that fit a screen (70 lines): in C, Lua, Python and shell, tests as well.
set -uo pipefail
failures=0
while read -r lines file; do
    echo "$file: $lines lines; a file has at most 500"
    failures=1
done < <(git ls-files '*.[ch]' '*.lua' '*.py' '*.sh' '*.js' dev | xargs wc -l | awk '$2 != "total" && $1 > 500')

# A function begins at a line that ends the signature with "{" in column 1 and ends at "}" in column 1.
long=$(git ls-files '*.c' | xargs awk '
    FNR == 1 { start = 0 }
    /^\{/ { start = FNR }
    /^\}/ { if (start && FNR - start - 1 > 70) printf "%s:%d: a function of %d lines; at most 70\n", FILENAME, start, FNR - start - 1; start = 0 }')
# In Python it ends before the next line that is indented no further than its "def".
long+=$(git ls-files '*.py' | xargs awk '
    function over() { if (start && last - start > 70) printf "%s:%d: a function of %d lines; at most 70\n", name, start, last - start; start = 0 }
    FNR == 1 { over(); name = FILENAME }
    /^[ ]*$/ { next }
    { match($0, /^ */); if (start && RLENGTH <= indent && !/^ *[\])}]/) over() }
    /^ *(async )?def / && !start { start = FNR; indent = RLENGTH }
    { last = FNR }
    END { over() }')
if [ -n "$long" ]; then
    echo "$long"
    failures=1
fi
exit $failures
