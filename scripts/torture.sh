#!/usr/bin/env bash
# Runs the proof of docs/reliability.md at its full size: a kill at every marked step, 200 kills at
# random moments, 10,000 messages to an agent that streams. It takes an hour or more.
#
#   TORTURE_SEED     repeats the kills of a run that failed (it is printed); chosen anew if not set
#   TORTURE_ROUNDS   how many kills at random moments, 200 if not set
#   LOAD_MESSAGES    how many messages, 10000 if not set
#   TORTURE_FILTER   which of the tests, such as 'test(/^load::/)'; all of them if not set
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PATH"
export TORTURE_SEED=${TORTURE_SEED:-$RANDOM$RANDOM} \
    TORTURE_ROUNDS=${TORTURE_ROUNDS:-200} \
    LOAD_MESSAGES=${LOAD_MESSAGES:-10000}

# What an agent's stream goes through is optimised. All else is as the other tests have it, and is
# built already.
fast=()
for package in alacritty_terminal vte podfleet-harness podfleet-pod podfleet-sim-agent; do
    fast+=(--config "profile.dev.package.$package.opt-level=3")
done

echo "TORTURE_SEED=$TORTURE_SEED"
exec cargo nextest run --profile torture --locked "${fast[@]}" --workspace --test e2e \
    --features podfleet-tests/crash-points \
    -E "${TORTURE_FILTER:-test(/^(crash_points|torture|load|bad_disk)::/)}"
