#!/usr/bin/env bash
# cupola.yml: what is wrong in it is named with its line; what is right gets as far as the missing target.
set -uo pipefail
cupola=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CUPOLA_HOME=$folder/home
failures=0

# says TEXT CONTENT: a push with that manifest fails, and says so.
says() {
    local said
    printf '%b' "$2" >"$folder/app/cupola.yml"
    if said=$("$cupola" push --path "$folder/app" 2>&1) || [[ "$said" != *"$1"* ]]; then
        printf 'with this manifest:\n%b\nit said:\n%s\nwhich lacks: %s\n' "$2" "$said" "$1"
        failures=1
    fi
}

mkdir "$folder/app"
echo 'require("http")' >"$folder/app/app.js"
says 'cupola.yml:2: unknown key' 'name: shop\ninstanzes: 3\n'
says 'cupola.yml:3: instances: see above' 'name: shop\n\ninstances: many\n'
says "memory: '12 elephants' is not an amount" 'memory: 12 elephants\n'
says 'cupola.yml:1: env: expected NAME: VALUE lines' 'env: [A]\n'
says 'cupola.yml:1: expected KEY: VALUE lines' '- a\n- b\n'
says 'cupola.yml:2:' 'name: "shop\n'
says 'no target is chosen' 'name: shop\ninstances: 3\nmemory: 64M\nurls: [a.example.com, b.example.com]\nenv:\n  COLOR: blue\n'
says 'no target is chosen' ''
exit $failures
