#!/usr/bin/env bash
# Measures what docs/performance.md tells, each figure beside its floor, and prints the table.
#
#   scripts/bench.sh             all of it, about ten minutes
#   scripts/bench.sh send keys   some: version, validate, store, send, socket, accept, keys,
#                                flood, hub, idle, up, ps, chat, whole, viewers, agents
set -euo pipefail
cd "$(dirname "$0")/.."

wants() {
    local word
    [[ $# -gt 1 ]] || return 0
    for word in "${@:2}"; do
        [[ $word != "$1" ]] || return 0
    done
    return 1
}

scripts/setup.sh demo
if wants validate "$@"; then
    scripts/setup.sh bench
    cargo build --quiet --release --locked --package podfleet-cli --no-default-features \
        --features validate --target-dir target/validate-only
    export PODFLEET_VALIDATE_ONLY=$PWD/target/validate-only/release/fleet
fi
if wants hub "$@"; then
    scripts/setup.sh ways
fi
if wants chat "$@"; then
    scripts/setup.sh matrix
fi
if wants agents "$@"; then
    scripts/setup.sh agents
fi
exec cargo bench --quiet --locked --package podfleet-tests --bench figures -- "$@"
