#!/bin/bash
# boot.sh INIT NAME FOLDER [SHOWN...]: becomes pid 1 of one host, in mount, pid, uts and network namespaces of its own.
#
# The host's root is a tmpfs: programs come from this machine and can't be written to; what a host owns lies in FOLDER.
# SHOWN are further folders of this machine that the host sees, such as a JDK outside /usr. INIT is `sshd`, beside which
# nothing runs, or the name of a cgroup: then pid 1 is systemd, which has that one and starts what the host's /etc enables.
set -euo pipefail
init=$1 name=$2 folder=$3
shift 3

mount -t tmpfs -o mode=755 tmpfs "$folder/tree"
cd "$folder/tree"
for entry in /usr /bin /sbin /lib*; do
    if [ -L "$entry" ]; then
        cp -a "$entry" .
    else
        mkdir ".$entry"
        mount --rbind -o ro "$entry" ".$entry"
    fi
done
for own in etc opt var root home srv mnt; do
    mkdir "$own"
    mount --bind "$folder/$own" "$own"
done
for shown in "$@"; do
    mkdir -p ".$shown"
    mount --bind -o ro "$shown" ".$shown"
done

mkdir -p dev proc sys tmp run/sshd run/lock old
chmod 1777 run/lock
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys 2> /dev/null || mount --rbind /sys sys
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
    touch "dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for stream in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${stream#*:}" "dev/${stream%:*}"; done

if [ "$init" != sshd ]; then
    # The kernel is this machine's: systemd must not set it.
    mount --bind -o ro proc/sys proc/sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mkdir -p "sys/fs/cgroup/$init"
    echo 0 > "sys/fs/cgroup/$init/cgroup.procs"
    umount sys/fs/cgroup
fi

hostname "$name"
# As an administrator would have set it, as far as this machine lets us.
ulimit -n "$(ulimit -Hn)"
pivot_root . old
cd /
umount -l /old
rmdir /old

if [ "$init" != sshd ]; then
    # What a program sees that asks systemd whether it runs in a container. It sees its own cgroup as the whole tree.
    export container=hactl-ground
    exec unshare --cgroup -- sh -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /lib/systemd/systemd --log-target=console'
fi
# -E: a log of its own. What hactl asks of a host is counted there.
/usr/sbin/sshd -D -E /var/log/sshd.log &
# A bash that waits collects every child, also those that it did not start: this host has no zombies. It waits for ever,
# since it is an init: only SIGKILL from outside ends it, and all of the host with it.
trap '' HUP INT TERM
while :; do
    wait || true
    # sshd has ended: the host goes on without it, and a background read keeps this from spinning.
    read -r -t 1 _ <> <(:) || true
done
