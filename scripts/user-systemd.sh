#!/usr/bin/env bash
# Runs a real `systemd --user` for an ordinary user, without systemd as process 1. Needs root.
#
#   scripts/user-systemd.sh UID HOME
#
# UID need not be a listed user. HOME/run is its runtime directory. Returns when the manager ends
# (`systemctl --user exit` as that user). It gets a cgroup of its own: in the root one it would
# move every process of the machine. It sees a /run/systemd of its own, which says that the machine
# was booted by systemd. There is no logind, so no linger, and no journal.
set -euo pipefail

uid=$1 home=$2
readonly uid home runtime=$home/run name=podfleet-test-$1

install -d -o "$uid" -g "$uid" -m 700 "$runtime" "$home/.config/systemd/user"
# Nothing here may tidy up temporary files that it shares with the machine.
for unit in systemd-tmpfiles-setup.service systemd-tmpfiles-clean.timer; do
    ln -sf /dev/null "$home/.config/systemd/user/$unit"
done

own_cgroup() {
    local directory=$1/$name file
    mkdir -p "$directory"
    chown "$uid" "$directory"
    for file in cgroup.procs cgroup.threads cgroup.subtree_control tasks; do
        [[ ! -e $directory/$file ]] || chown "$uid" "$directory/$file"
    done
    echo $$ >"$directory/cgroup.procs"
}

if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    own_cgroup /sys/fs/cgroup
else
    own_cgroup /sys/fs/cgroup/systemd
    [[ ! -d /sys/fs/cgroup/unified ]] || own_cgroup /sys/fs/cgroup/unified
fi

# shellcheck disable=SC2016  # what the inner shell expands
exec unshare --mount --propagation private bash -euc '
    uid=$1 home=$2
    mkdir -p /run/systemd
    mount -t tmpfs -o mode=755 tmpfs /run/systemd
    mkdir /run/systemd/system
    exec setpriv --reuid="$uid" --regid="$uid" --clear-groups \
        env -i HOME="$home" USER=tester LOGNAME=tester SHELL=/bin/bash \
        PATH=/usr/local/bin:/usr/bin:/bin XDG_RUNTIME_DIR="$home/run" \
        /lib/systemd/systemd --user --unit=default.target
' - "$uid" "$home"
