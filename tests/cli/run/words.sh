#!/usr/bin/env bash
# The client's own memory, without any cloud: aliases, targets, tokens; 2011's verbs, help and completion.
set -uo pipefail
cd "$(dirname "$0")/../../.."
cupola=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CUPOLA_HOME=$folder
failures=0

# says STATUS TEXT ARGUMENTS...: a command that ends so, and says so.
says() {
    local said status=0
    said=$("$cupola" "${@:3}" 2>&1) || status=$?
    if [[ $status != "$1" || "$said" != *"$2"* ]]; then
        printf 'cupola %s\nended with %s and said:\n%s\nexpected %s: %s\n' "${*:3}" "$status" "$said" "$1" "$2"
        failures=1
    fi
}

says 0 '[]' aliases --json
says 0 'No aliases yet' aliases
says 0 'No clouds yet' targets
says 0 'Nobody is logged in' tokens
says 2 'is not the address of a cloud' target 'http://a b'
says 2 'is not the address of a cloud' target @
truncate -s 2G "$folder/large.lua" # It takes no room: it is one hole.
says 2 'more than a gigabyte' sim run "$folder/large.lua"
says 2 'no scenario (*.lua)' sim list docs
says 2 'name one folder' sim list --nonsense
printf '\xef\xbb\xbf' | cat - scenarios/instance-crash.lua >"$folder/marked.lua"
says 0 'PASSED' sim run "$folder/marked.lua" --quiet
printf 'x = ' >"$folder/broken.lua"
for verb in run check explore shrink; do
    says 2 'broken.lua:1: unexpected symbol' sim "$verb" "$folder/broken.lua"
done
says 0 'stands for `cupola completion bash`' alias shell 'completion bash'
says 0 'complete -o filenames' shell
says 0 '[{"name":"shell","command":"completion bash"}]' aliases --json
says 0 '"command":"info --json"' alias 'what=info --json' --json
says 1 'no target is chosen' what
says 2 "'list' is a command already" alias list apps
says 2 'an alias is a word' alias two
says 0 "'shell' stands for nothing" unalias shell
says 2 "there is no command 'shell'" shell
says 1 "there is no alias 'shell'" unalias shell
says 0 '[]' targets --json
says 0 '[]' tokens --json
says 1 'no target is chosen' unproxy
says 1 'no target is chosen' apps -u ada@example.org
says 1 'no target is chosen' delete -f shop
says 1 'no target is chosen' instances shop -1
says 2 "'+x' is not a number" scale shop +x
says 0 'usage: cupola clone-services FROM TO' help clone-services

# Each verb of 2011's client is one of ours, and completed.
complete=" $("$cupola" completion words '' | cut -f1 | tr '\n' ' ') "
for verb in target targets tokens login logout info runtimes frameworks user users passwd add-user create-user delete-user \
    register unregister apps list start stop restart bounce delete mem map unmap instances crashes crashlogs logs files \
    stats push update env env-add env-del services create-service delete-service bind-service unbind-service \
    clone-services alias aliases unalias; do
    [[ $complete == *" $verb "* ]] || { echo "$verb is not completed"; failures=1; }
    says 0 'usage: cupola' "$verb" --help
    says 0 'Examples:' "$verb" --help
done

# What bash makes of it: completes EXPECTED WORDS...
source <("$cupola" completion)
completes() {
    local expected=$1
    shift
    COMP_WORDS=("$cupola" "$@") COMP_CWORD=$# COMPREPLY=()
    _cupola
    [ "${COMPREPLY[*]}" = "$expected" ] || { echo "$*: expected $expected, found ${COMPREPLY[*]}"; failures=1; }
}
completes 'explore' sim e
completes '--seed --seeds' sim run --se
completes '--memory' scale --mem
completes 'start stats' sta
completes 'revisions' help rev
completes 'zsh' completion z
completes 'README.md' push --path README
mkdir "$folder/other"
CUPOLA_HOME=$folder/other "$cupola" alias 'shown=logs $(touch '"$folder"'/touched)' >/dev/null
CUPOLA_HOME=$folder/other completes 'shown' sho
[ ! -e "$folder/touched" ] || { echo "what an alias stands for was run"; failures=1; }
says 2 "no completion for 'tcsh'" completion tcsh
if command -v zsh >/dev/null; then
    zsh -fc 'autoload -U compinit; compinit -D; source <("$1" completion zsh); [ "$_comps[cupola]" = _cupola ]' - "$cupola" ||
        { echo "zsh does not take its completion"; failures=1; }
fi
if command -v fish >/dev/null; then
    found=$(HOME=$folder PATH="$(dirname "$cupola"):$PATH" fish -c 'cupola completion fish | source; complete -C "cupola sca"')
    [[ $found == scale* ]] || { echo "fish does not take its completion: $found"; failures=1; }
fi

# With --json whoever reads standard output reads JSON, also of what goes wrong: json STATUS ARGUMENTS...
json() {
    local said status=0
    said=$("$cupola" "${@:2}" --json 2>/dev/null) || status=$?
    if [[ $status != "$1" ]] || ! python3 -c 'import json, sys; json.loads(sys.argv[1])' "$said" 2>/dev/null; then
        printf 'cupola %s --json\nended with %s and said:\n%s\nexpected %s and JSON\n' "${*:2}" "$status" "$said" "$1"
        failures=1
    fi
}
json 0 version
json 0 logout
json 1 doctor
json 1 apps
json 1 unalias nothing
json 1 push --path /nonexistent
json 2 push --wrong
json 2 scale
json 2 scale shop x
json 2 nothing
json 2 alias list apps
json 2 target 'http://a b'
says 1 'no cloud is chosen' doctor
chmod 644 "$folder/cupola.json"
says 1 'can be read by others' doctor
exit $failures
