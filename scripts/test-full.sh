#!/usr/bin/env bash
# Runs what takes longer than scripts/test.sh or needs more of the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PATH"

step() {
    printf '\n== %s\n' "$1"
    shift
    "$@"
}

# Compiling cargo-deny takes longer than all the tests, so it is used where it is installed.
licences() {
    if command -v cargo-deny >/dev/null; then
        cargo deny --offline check bans licenses sources
    else
        echo 'not checked: cargo-deny is not installed (cargo install --locked cargo-deny)'
    fi
}

# What others' CI reads of this repository.
files_for_ci() {
    check-jsonschema --builtin-schema vendor.github-actions action.yml
    pre-commit validate-manifest .pre-commit-hooks.yaml
}

step 'documentation' env RUSTDOCFLAGS='-D warnings' \
    cargo doc --quiet --workspace --no-deps --document-private-items --locked
step 'licences and sources of dependencies' licences
step 'files for CI' files_for_ci
step 'the build for rosters alone' scripts/validate-only.sh
step 'a kill at every marked step' cargo nextest run --profile ci --locked -p podfleet-tests \
    --features crash-points -E 'test(/^crash_points::/)'
step 'the real agents: installation' scripts/setup.sh agents
# All of them: the usual filter leaves these out.
step 'the real agents' cargo nextest run --profile ci --locked -p podfleet-tests \
    --ignore-default-filter -E 'test(/^agents::/)'
step 'the demo' scripts/demo.sh
