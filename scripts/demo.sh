#!/usr/bin/env bash
# Shows the main job in a minute, in a home of its own, and leaves nothing behind.
# With KEEP=1 the fleet stays up, and the last lines say how to look at it and how to end it.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly AGENTS=(orchestrator enhancer coder reviewer)
home='' kept=''
readonly TARGET=${CARGO_TARGET_DIR:-$PWD/target}

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
    bold='' dim='' plain=''
fi

explain() { printf '\n%s# %s%s\n' "$dim" "$1" "$plain"; }

# Prints a command as a person would type it, then runs it.
run() {
    local word line=''
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./=:-]+$ ]] || word="\"$word\""
        line+=" $word"
    done
    printf '%s$%s%s\n' "$bold" "$line" "$plain"
    "$@"
}

fail() {
    printf '\ndemo: error: %s\n' "$*" >&2
    exit 1
}

# Everything that the fleet writes goes below one directory with a short path, since sockets lie
# in it; a fleet of the caller's own is not seen and not touched.
enter_private_home() {
    home=$(mktemp -d /tmp/podfleet.XXXXXX)
    unset "${!FLEET_@}" TMUX TMUX_PANE
    export HOME=$home
    export FLEET_HOME=$home/config FLEET_STATE_DIR=$home/state FLEET_RUNTIME_DIR=$home/run
    export TMUX_TMPDIR=$home/tmux
    export PATH=$TARGET/debug:$PATH
    mkdir -m 700 "$FLEET_HOME" "$FLEET_STATE_DIR" "$FLEET_RUNTIME_DIR" "$TMUX_TMPDIR"
}

# Ends whatever still has the private home in its environment, should `down` have failed.
end_strays() {
    local environ pid
    for environ in /proc/[0-9]*/environ; do
        pid=${environ//[!0-9]/}
        [[ $pid -ne $$ && $pid -ne $BASHPID ]] || continue
        if tr '\0' '\n' 2>/dev/null <"$environ" |
            grep -qxF "FLEET_RUNTIME_DIR=$FLEET_RUNTIME_DIR"; then
            kill -KILL "$pid" 2>/dev/null || true
        fi
    done
}

clean_up() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [[ -n $home && -z $kept ]]; then
        fleet down --all >/dev/null 2>&1 || true
        tmux -L podfleet-demo kill-server >/dev/null 2>&1 || true
        end_strays 2>/dev/null
        rm -rf "$home"
    fi
    exit "$status"
}

write_keepers() {
    cat >"$home/env" <<END
for name in TMUX TMUX_PANE \$(env | sed -n 's/^\(FLEET_[A-Z_]*\)=.*/\1/p'); do unset "\$name"; done
export HOME=$HOME FLEET_HOME=$FLEET_HOME FLEET_STATE_DIR=$FLEET_STATE_DIR
export FLEET_RUNTIME_DIR=$FLEET_RUNTIME_DIR TMUX_TMPDIR=$TMUX_TMPDIR
export PATH=$TARGET/debug:\$PATH
END
    cat >"$home/end" <<END
. $home/env
fleet down --all || exit
tmux -L podfleet-demo kill-server 2>/dev/null
rm -rf $home
END
}

keep() {
    write_keepers
    kept=yes
    cat <<END

The fleet is up. To look at it, in a shell of its own:

  bash
  . $home/env
  fleet ps                           who is there, and how it goes
  fleet attach coder                 type to an agent (detach: ctrl-\\ d)
  tmux -L podfleet-demo attach -t =coder:     the same in tmux
  fleet log coder                    what it was told

To end it and remove everything:

  sh $home/end
END
}

views() { tmux -L podfleet-demo list-sessions -F '#{session_name}' 2>/dev/null || true; }

# Prints the process ids of the agents, and fails unless all are alive.
agent_pids() {
    local pids pid
    pids=$(fleet ps --json | grep -oE '"agent_pid": *[0-9]+' | grep -oE '[0-9]+' || true)
    [[ $(wc -w <<<"$pids") -eq ${#AGENTS[@]} ]] || fail 'an agent is missing'
    for pid in $pids; do
        kill -0 "$pid" 2>/dev/null || fail "agent $pid is gone"
    done
    echo "$pids"
}

same_agents_as() {
    local pids
    pids=$(agent_pids)
    [[ $pids == "$1" ]] || fail 'an agent was restarted'
}

has_every_view() {
    local agent
    for agent in "${AGENTS[@]}"; do
        views | grep -qx "$agent" || fail "the view of $agent is missing"
    done
}

explain 'Build the binary (the first time this takes a minute or two).'
run cargo build --quiet --locked --package podfleet-cli

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
enter_private_home

explain 'A roster says who is in the fleet. These four are simulated agents.'
run fleet init --preset local-canary --fleet demo --write

explain 'Bring it up: every agent in a pod of its own.'
run fleet up

explain 'Who is there, and how it goes:'
run fleet ps
agents=$(agent_pids)

explain 'Give one of them work. The receipt names its evidence.'
run fleet send coder -m 'Please count to three.' --wait answered

explain 'Kill the tmux server, with every session in it.'
run tmux -L podfleet-demo kill-server

explain 'Only the views are gone (VIEW). The agents never noticed:'
run fleet ps
same_agents_as "$agents"

explain 'Bring the views back. Nothing is restarted.'
run fleet up
run fleet ps
same_agents_as "$agents"
has_every_view

if [[ -n ${KEEP:-} ]]; then
    keep
    exit
fi

explain 'End it.'
run fleet down --all
explain 'Done, and nothing is left behind.'
