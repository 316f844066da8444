#!/bin/bash
# run.sh FARM HACTL [ROUNDS]: the speeds behind a bastion, of many hosts, and of dead ones. README.md says what they mean.
#
# FARM is the folder of a farm of simulated hosts: `farm.sh up N --delay-ms D`, `down`, and its `tundelay`, as
# benches/farm has it. HACTL is a release build. Needs root, iproute2, nftables, python3 and OpenSSH.
#
#   controller  --20 ms--  bastion  --1 ms--  hosts
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
farm=$(cd "${1:?usage: run.sh FARM HACTL [ROUNDS]}" && pwd) hactl=$(readlink -f "${2:?HACTL}") rounds=${3:-5}
state=$farm/.state
work=$(mktemp -d /tmp/hactl-bastion.XXXXXX)
controller=hb-controller
export XDG_STATE_HOME=$work/state

# Where a farm's own delay is, there is none between the bastion and the controller: that one is made here.
path_up() {
    ip netns add "$controller"
    ip -n "$controller" link set lo up
    "$state/tundelay" "/run/netns/$controller" hb0 hb1 10000 > "$work/tundelay.out" &
    echo $! > "$work/pids"
    until grep -q ready "$work/tundelay.out"; do sleep 0.02; done
    ip link set hb0 txqueuelen 20000 up
    ip -n "$controller" link set hb1 txqueuelen 20000 up
    ip addr add 10.78.0.1 peer 10.78.0.2 dev hb0
    ip -n "$controller" addr add 10.78.0.2 peer 10.78.0.1 dev hb1
    ip -n "$controller" route add 10.77.0.0/17 via 10.78.0.1 dev hb1
    ip -n hactl-farm route add 10.78.0.0/24 dev hf1
    sysctl -qw net.ipv4.ip_forward=1
    # Packets to these are dropped without an answer.
    ip netns exec hactl-farm nft 'add table inet dead; add chain inet dead input { type filter hook input priority 0; }
        add rule inet dead input ip daddr 10.77.100.0/24 drop'
}

bastion_up() {
    ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
    mkdir -p /run/sshd
    cp "$state/id_ed25519.pub" "$work/authorized_keys"
    # What OpenSSH ships: ten logins at once, ten channels of commands.
    printf '%s\n' "ListenAddress 10.78.0.1:2222" "HostKey $work/host_key" "AuthorizedKeysFile $work/authorized_keys" \
        'PidFile none' 'StrictModes no' 'UsePAM no' 'UseDNS no' 'PermitRootLogin yes' > "$work/sshd_config"
    /usr/sbin/sshd -D -e -f "$work/sshd_config" 2> "$work/sshd.log" &
    echo $! >> "$work/pids"
    { cat "$state/known_hosts"; echo "[10.78.0.1]:2222 $(cut -d' ' -f1,2 "$work/host_key.pub")"; } > "$work/known_hosts"
    until grep -q 'Server listening' "$work/sshd.log"; do sleep 0.02; done
}

down() {
    trap - EXIT
    # shellcheck disable=SC2046
    [ ! -f "$work/pids" ] || kill -KILL $(cat "$work/pids") 2> /dev/null || true
    ip netns del "$controller" 2> /dev/null || true
    ip link del hb0 2> /dev/null || true
    "$farm/farm.sh" down 2> /dev/null || true
    rm -rf "$work"
}

inventory() { # NAME FIRST LAST [LINE]: hosts h001..., with a further line of `ssh`
    local name=$1 from=$2 to=$3 host address first second
    shift 3
    {
        printf 'version: 1\ncluster: bench\nssh:\n  user: root\n  port: 2222\n  agent: false\n'
        printf '  identity: %s\n  known_hosts: %s\n' "$state/id_ed25519" "$work/known_hosts"
        if [ $# -gt 0 ]; then printf '  %s\njump_hosts:\n  bastion: { address: 10.78.0.1, port: 2222 }\n' "$1"; fi
        echo 'hosts:'
        sed -n "${from},${to}p" "$state/hosts.tsv" | while read -r host address first second; do
            echo "  $host: { address: $address, vars: { m1: $first, m2: $second } }"
        done
    } > "$work/$name.yaml"
}

# Prints `SECONDS CPU-SECONDS MEGABYTES STATUS` of a command, run at the controller.
measure() {
    python3 - "$controller" "$@" << 'END'
import os, sys, time
began = time.monotonic()
pid = os.posix_spawnp("ip", ["ip", "netns", "exec", *sys.argv[1:]], os.environ,
    file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_DUP2, 1, 2)])
_, status, used = os.wait4(pid, 0)
print(f"{time.monotonic() - began:.3f} {used.ru_utime + used.ru_stime:.2f} {used.ru_maxrss / 1024:.0f} {os.waitstatus_to_exitcode(status)}")
END
}

median() { # reads lines of `measure`
    sort -n | awk '{ line[NR] = $0 } END { print line[int((NR + 1) / 2)] }'
}

# Some commands by turns, so that whatever else the machine does falls on all of them.
turns() { # NAME... -- each name is a function that prints a line of `measure`
    local i name
    for ((i = 0; i < rounds; i++)); do
        for name in "$@"; do "$name" >> "$work/$name.times"; done
    done
    for name in "$@"; do
        printf '%-28s %s\n' "$name" "$(median < "$work/$name.times")"
        rm "$work/$name.times"
    done
}

plan() { measure "$hactl" plan "$work/$1.yaml" --playbook "$work/playbook.yaml" "${@:2}"; }
ping() { measure "$hactl" hosts ping "$work/$1.yaml" --ssh-config none; }
ping_one_direct() { ping one; }
ping_one_behind() { ping one-behind; }
ping_fifty_direct() { ping fifty; }
ping_fifty_behind() { ping fifty-behind; }
one_direct() { plan one; }
one_behind() { plan one-behind; }
fifty_direct() { plan fifty; }
fifty_behind() { plan fifty-behind; }
all_alive() { plan alive --connect-timeout 3; }
five_dead() { plan dead --connect-timeout 3; }
upload_hactl() {
    clear_target
    measure "$hactl" apply "$work/one-behind.yaml" --playbook "$work/upload.yaml"
}
upload_scp() {
    clear_target
    measure scp -q -F "$work/ssh_config" -J root@10.78.0.1:2222 "$work/blob" "root@$(address 1):/tmp/blob"
}
address() { sed -n "${1}p" "$state/hosts.tsv" | cut -f2; }
clear_target() { ip netns exec "$controller" ssh -F "$work/ssh_config" "root@$(address 1)" 'rm -rf /tmp/blob* /var/lib/hactl' < /dev/null; }

trap down EXIT
"$farm/farm.sh" up 100 --delay-ms 1
path_up
bastion_up
# Workload W, as benches/farm has it: the hosts are brought to it first, so that there is nothing to do.
cp "$here/../farm/playbook.yaml" "$state/ojdbc8.jar" "$work"
printf 'stages:\n  - { name: Send, on: all, steps: [{ upload: { source: blob, path: /tmp/blob, mode: 0644 } }] }\n' > "$work/upload.yaml"
head -c 100000000 /dev/urandom > "$work/blob"
{
    printf 'Host *\n    Port 2222\n    User root\n    IdentityFile %s\n    IdentitiesOnly yes\n' "$state/id_ed25519"
    printf '    UserKnownHostsFile %s\n    StrictHostKeyChecking yes\n    BatchMode yes\n' "$work/known_hosts"
} > "$work/ssh_config"
# scp hands the configuration on to the ssh that jumps.
inventory one 1 1
inventory one-behind 1 1 'jump: bastion'
inventory fifty 1 50
inventory fifty-behind 1 50 'jump: bastion'
inventory alive 1 95
inventory dead 1 95
for i in 1 2 3 4 5; do echo "  dead-$i: { address: 10.77.100.$i, vars: { m1: 10.77.100.$i, m2: 10.77.100.$i } }" >> "$work/dead.yaml"; done

ip netns exec "$controller" "$hactl" apply "$work/alive.yaml" --playbook "$work/playbook.yaml" > "$work/apply.out" 2>&1 ||
    { cat "$work/apply.out"; exit 1; }
echo "each: median wall s, CPU s, MB at most, status"
turns one_direct one_behind fifty_direct fifty_behind
turns ping_one_direct ping_one_behind ping_fifty_direct ping_fifty_behind
turns upload_hactl upload_scp
turns all_alive five_dead
ip netns del "$controller"; ip link del hb0 2> /dev/null || true
# shellcheck disable=SC2046
kill -KILL $(cat "$work/pids") 2> /dev/null || true
rm "$work/pids"
"$farm/farm.sh" up 500 --delay-ms 1
path_up
cp "$state/known_hosts" "$work/known_hosts"
inventory many 1 500
ip netns exec "$controller" "$hactl" apply "$work/many.yaml" --playbook "$work/playbook.yaml" > /dev/null 2>&1
five_hundred() { plan many; }
five_hundred_at_once() { plan many --concurrency 500; }
turns five_hundred five_hundred_at_once
