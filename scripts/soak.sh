#!/usr/bin/env bash
# Runs a fleet of thirty simulated agents while pods, agents, guards, views and tmux are killed at
# random and messages are sent, and holds every receipt against the agents' own journals.
#
#   SOAK_SECONDS   for how long, 1800 if not set
#   SOAK_AGENTS    how many agents, 30 if not set
#   SOAK_SEED      repeats a run (it is printed); chosen anew if not set
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PATH"
export SOAK_SEED=${SOAK_SEED:-$RANDOM$RANDOM} SOAK_SECONDS=${SOAK_SECONDS:-1800}

echo "SOAK_SEED=$SOAK_SEED SOAK_SECONDS=$SOAK_SECONDS"
exec cargo nextest run --workspace --profile torture --locked --ignore-default-filter \
    -E 'binary(e2e) & test(/^soak::/)'
