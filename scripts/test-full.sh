#!/usr/bin/env bash
# Runs what takes longer than scripts/test.sh or needs more of the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PATH"

# shellcheck source=scripts/step.sh
source scripts/step.sh

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

# Begins what is waited for later. As a job of its own it is a group of processes, those that it starts
# too. In the background nobody can be asked, and nothing reads the terminal.
begin() {
    local name=$1
    shift
    said[$name]=$(mktemp)
    set -m
    "$@" >"${said[$name]}" 2>&1 </dev/null &
    pids[$name]=$!
    set +m
}

begun() {
    local name=$1 status=0
    wait "${pids[$name]}" || status=$?
    unset "pids[$name]"
    cat "${said[$name]}"
    return "$status"
}

# A step that fails ends what was begun, too, but the soak: it ends by itself what it has started.
finish() {
    local pid
    [[ -z ${pids[soak]:-} ]] || begun soak || true
    for pid in "${pids[@]}"; do
        kill -- "-$pid" 2>/dev/null || true
    done
    rm -f "${said[@]}"
}

declare -A pids=() said=()
trap finish EXIT
# The password for sudo is asked for before, where one is needed.
if [[ $EUID -ne 0 ]] && command -v sudo >/dev/null && ! sudo -n true 2>/dev/null; then
    sudo -v || true
fi
begin tools install_all
# It waits more than it works. What runs beside it replaces none of the programs that it starts.
begin soak env SOAK_SECONDS="${SOAK_SECONDS:-180}" scripts/soak.sh

step 'documentation' env RUSTDOCFLAGS='-D warnings' \
    cargo doc --quiet --workspace --no-deps --document-private-items --locked
step 'advisories of dependencies' dependencies
step 'files for CI' files_for_ci
step 'the build for rosters alone' scripts/validate-only.sh
step 'examples for CI' examples_for_ci
step 'a soak of three minutes' begun soak
# Of the workspace, so that what does not know of crash points is there already.
step 'a kill at every marked step' cargo nextest run --profile ci --locked --workspace --test e2e \
    --features podfleet-tests/crash-points -E 'test(/^crash_points::/)'
step 'what the rest is tried with' begun tools
step 'a roster in an editor' python3 scripts/editor.py
# All of them: the usual filter leaves most of these out. Of the whole workspace, since its programs are
# there already; for one package they would be built anew.
step 'a browser, a homeserver, the real agents, a storm over Discord' \
    env STORM_MESSAGES="${STORM_MESSAGES:-300}" cargo nextest run --workspace --profile ci --locked \
    --ignore-default-filter -E 'binary(e2e) & test(/^(page|matrix|agents|discord::storm)::/)'
step 'the surface as its description allows' scripts/api.sh
step 'the demo' scripts/demo.sh
