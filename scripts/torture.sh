#!/usr/bin/env bash
# Runs the proof of docs/reliability.md at its full size: a kill at every marked step, 200 kills at
# random moments, 10,000 messages to an agent that streams. It takes an hour or more.
#
#   TORTURE_SEED     repeats the kills of a run that failed (it is printed); chosen anew if not set
#   TORTURE_ROUNDS   how many kills at random moments, 200 if not set
#   LOAD_MESSAGES    how many messages, 10000 if not set
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PATH"
export TORTURE_SEED=${TORTURE_SEED:-$RANDOM$RANDOM} \
    TORTURE_ROUNDS=${TORTURE_ROUNDS:-200} \
    LOAD_MESSAGES=${LOAD_MESSAGES:-10000}

echo "TORTURE_SEED=$TORTURE_SEED"
exec cargo nextest run --profile torture --cargo-profile torture --locked -p podfleet-tests --features crash-points \
    -E 'test(/^(crash_points|torture|load|bad_disk)::/)'
