#!/usr/bin/env bash
# Checks the build of `fleet` for rosters alone, which hooks and CI install: that it is clean, that
# it brings nothing of the pods along, that it compiles for macOS and Windows, and that it works.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly BUILD=(--package podfleet-cli --no-default-features --features validate --locked)
readonly TARGETS=(x86_64-pc-windows-gnu aarch64-apple-darwin)
# Beside the usual one, so that the whole `fleet` in it is not replaced.
readonly TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/validate-only

fail() {
    printf 'validate-only: error: %s\n' "$*" >&2
    exit 1
}

brings_nothing_of_the_pods() {
    local found
    found=$(cargo tree "${BUILD[@]}" --edges normal --prefix none |
        grep -oE '^(podfleet|podfleet-(pod|pod-store|protocol|tmux|harness|connectors|sim-agent)|tokio|socket2|rusqlite|libsqlite3-sys|pty-process|hyper|reqwest|ruma|rustls) ' |
        sort -u || true)
    [[ -z $found ]] || fail "it brings ${found//$'\n'/ }"
}

# The standard library of another system is enough to check for it.
check_for() {
    local target=$1
    if command -v rustup >/dev/null && rustup target add "$target" >/dev/null 2>&1; then
        cargo clippy --quiet "${BUILD[@]}" --target "$target" -- -D warnings
    elif [[ -n ${CI:-} ]]; then
        fail "the target $target is missing"
    else
        echo "not checked for $target: rustup cannot add it"
    fi
}

# Runs it on one roster, and fails unless it ends as expected.
expect() {
    local expected=$1 status=0
    shift
    env --ignore-environment "$TARGET_DIR/debug/fleet" "$@" >/dev/null 2>&1 || status=$?
    [[ $status -eq $expected ]] || fail "\`fleet $*\` ended with $status, not with $expected"
}

cargo clippy --quiet "${BUILD[@]}" -- -D warnings
brings_nothing_of_the_pods
for target in "${TARGETS[@]}"; do
    check_for "$target"
done
cargo build --quiet "${BUILD[@]}" --target-dir "$TARGET_DIR"
expect 0 validate --isolated tests/rosters/valid/smallest.yaml
expect 0 validate --isolated --deny-warnings tests/rosters/valid/class-floor.yaml
expect 1 validate --isolated --deny-warnings tests/rosters/valid/smallest.yaml
expect 1 validate --isolated 'tests/rosters/invalid/*.yaml'
expect 2 validate --isolated tests/rosters
expect 2 up
expect 0 schema roster
expect 0 explain unknown-key
expect 0 init --preset general --fleet demo --roster roster.yaml
expect 0 completions bash
expect 0 version
