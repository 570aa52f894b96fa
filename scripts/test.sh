#!/usr/bin/env bash
# Runs everything that a change has to pass; scripts/setup.sh has installed what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PATH"
# A snapshot that differs is a failure here, never a file for later.
export INSTA_UPDATE=no

skipped=$(mktemp)
trap 'rm -f "$skipped"' EXIT
export PODFLEET_SKIPPED=$skipped

# shellcheck source=scripts/step.sh
source scripts/step.sh

step 'format' cargo fmt --all -- --check
step 'lints' cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
step 'unused dependencies' cargo-machete --skip-target-dir
step 'shell scripts' shellcheck .ci/run scripts/*.sh
step 'numbers of packages' scripts/budget.sh
step 'doctests' cargo test --quiet --doc --workspace --locked
# Generated files are compared with their types by tests of their crates.
step 'tests' cargo nextest run --workspace --locked --profile "${NEXTEST_PROFILE:-ci}"

if [[ -s $skipped ]]; then
    printf '\n== skipped, because something is missing (CI would fail)\n'
    sort "$skipped"
fi
