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

# The tests hold licences, sources and bans. Compiling cargo-deny takes longer than all of them, so
# it is used where it is installed.
dependencies() {
    if command -v cargo-deny >/dev/null; then
        cargo deny check
    else
        echo 'known advisories are not looked up: cargo-deny is not installed'
    fi
}

# What others' CI reads of this repository.
files_for_ci() {
    check-jsonschema --builtin-schema vendor.github-actions action.yml
    pre-commit validate-manifest .pre-commit-hooks.yaml
}

# The Action and the GitLab example as their services run them, with the program that the step before
# built; the Action's own build of it is one cargo command, and takes minutes.
examples_for_ci() {
    .tools/python/bin/python scripts/ci_examples.py \
        "${CARGO_TARGET_DIR:-target}/validate-only/debug/fleet"
}

# What the later steps are tried with comes over the network, while the first ones compile. One after
# the other, since a package manager lets one in at a time.
install_all() {
    local what
    for what in editor browser api matrix agents; do
        scripts/setup.sh "$what"
    done
}

# As a job of its own it is a group of processes, those that its installers start too. In the background
# nobody can be asked: the password for sudo is asked for before, and nothing reads the terminal.
begin_installing() {
    if [[ $EUID -ne 0 ]] && command -v sudo >/dev/null && ! sudo -n true 2>/dev/null; then
        sudo -v || true
    fi
    set -m
    install_all >"$said" 2>&1 </dev/null &
    installation=$!
    set +m
}

installed() {
    local status=0
    wait "$installation" || status=$?
    installation=
    cat "$said"
    return "$status"
}

# A step that fails before ends the installation too.
finish() {
    [[ -z $installation ]] || kill -- "-$installation" 2>/dev/null || true
    rm -f "$said"
}

installation=''
said=$(mktemp)
trap finish EXIT
begin_installing

step 'documentation' env RUSTDOCFLAGS='-D warnings' \
    cargo doc --quiet --workspace --no-deps --document-private-items --locked
step 'advisories of dependencies' dependencies
step 'files for CI' files_for_ci
step 'the build for rosters alone' scripts/validate-only.sh
step 'examples for CI' examples_for_ci
step 'a kill at every marked step' cargo nextest run --profile ci --locked -p podfleet-tests \
    --features crash-points -E 'test(/^crash_points::/)'
step 'what the rest is tried with' installed
step 'a roster in an editor' python3 scripts/editor.py
step 'the surface as its description allows' scripts/api.sh
step 'a storm over the stand-in for Discord' env STORM_MESSAGES="${STORM_MESSAGES:-300}" \
    cargo nextest run --profile ci --locked -p podfleet-tests -E 'test(/^discord::storm::/)'
# All of them: the usual filter leaves these out.
step 'a browser, a homeserver and the real agents' cargo nextest run --profile ci --locked \
    -p podfleet-tests --ignore-default-filter -E 'test(/^(page|matrix|agents)::/)'
step 'a soak of three minutes' env SOAK_SECONDS="${SOAK_SECONDS:-180}" scripts/soak.sh
step 'the demo' scripts/demo.sh
