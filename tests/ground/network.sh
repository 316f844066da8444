# shellcheck shell=bash
# shellcheck disable=SC2154 # ground.sh sets state, net, tag, hosts, bastions, here and postgresql
# The hosts' network: one bridge in a namespace of its own, so that whatever firewall this machine has (Docker's FORWARD
# DROP with bridge-nf-call-iptables, above all) has no say in what goes from host to host.

address_of() { # NAME
    case "$1" in
    is-*) echo "$net.${1#is-}" ;;
    lb-1) echo "$net.101" ;;
    db-1) echo "$net.102" ;;
    outer) echo "$net.111" ;;
    inner) echo "$net.112" ;;
    esac
}

namespace_of() { echo "$tag-$1"; }

lan_up() {
    local lan
    lan=$(namespace_of lan)
    ip netns add "$lan"
    ip -n "$lan" link set lo up
    ip -n "$lan" link add lan type bridge
    ip -n "$lan" link set lan up
    ip link add "$tag" type veth peer name machine netns "$lan"
    ip -n "$lan" link set machine master lan up
    ip addr add "$net.254/24" dev "$tag"
    ip link set "$tag" up
}

join_lan() { # NAME
    local own lan
    own=$(namespace_of "$1") lan=$(namespace_of lan)
    ip netns add "$own"
    ip link add eth0 netns "$own" type veth peer name "$1" netns "$lan"
    ip -n "$lan" link set "$1" master lan up
    ip -n "$own" addr add "$(address_of "$1")/24" dev eth0
    ip -n "$own" link set lo up
    ip -n "$own" link set eth0 up
}

# Every process in a namespace is ended: only hosts of this ground are in there.
end_processes_in() { # NAMESPACE
    local pids i
    for ((i = 0; i < 200; i++)); do
        pids=$(ip netns pids "$1" 2> /dev/null) || return 0
        [ -n "$pids" ] || { leave_no_cgroup "$1"; return; }
        # shellcheck disable=SC2086
        kill -KILL $pids 2> /dev/null || true
        sleep 0.05
    done
    echo "ground.sh: some process of $1 does not end" >&2
    return 1
}

# The cgroups that a host's systemd has made; rmdir alone can take them away, each when it is empty.
leave_no_cgroup() { # NAMESPACE
    # shellcheck disable=SC2016
    unshare --mount -- bash -c '
        mount -t cgroup2 cgroup2 /mnt 2> /dev/null || exit 0
        for ((i = 0; i < 100; i++)); do
            [ -d "/mnt/$1" ] || exit 0
            find "/mnt/$1" -depth -type d -exec rmdir {} + 2> /dev/null || sleep 0.05
        done
        echo "ground.sh: the cgroup $1 does not end" >&2
        exit 1' leave "$1"
}

lan_down() { # also of a ground that is half made
    local namespace
    for namespace in $(ip netns list | cut -d' ' -f1 | grep "^$tag-" || true); do
        end_processes_in "$namespace"
        ip netns del "$namespace"
    done
    ip link del "$tag" 2> /dev/null || true
}

# Drops what two hosts say to each other over a TCP port, in both directions, without an answer.
block() { # A B PORT
    local own other
    for own in "$1" "$2"; do
        other=$([ "$own" = "$1" ] && echo "$2" || echo "$1")
        filter "$own" "ip saddr $(address_of "$other") tcp dport $3 drop" "ip saddr $(address_of "$other") tcp sport $3 drop"
    done
}

# What says something to another host's sshd is dropped without an answer, unless it is the one door to it.
fence() {
    local name door
    for name in $hosts; do
        case "$name" in
        outer) continue ;;
        inner) door=outer ;;
        *) door=inner ;;
        esac
        filter "$name" "ip saddr != { 127.0.0.0/8, $(address_of "$name"), $(address_of "$door") } tcp dport 22 drop"
    done
}

# Adds rules for what comes into a host.
filter() { # NAME RULE...
    local name=$1 rule
    shift
    {
        echo 'add table inet ground'
        echo 'add chain inet ground input { type filter hook input priority 0; }'
        for rule in "$@"; do echo "add rule inet ground input $rule"; done
    } | ip netns exec "$(namespace_of "$name")" nft -f -
}

unblock() {
    local name
    for name in "$@"; do
        ip netns exec "$(namespace_of "$name")" nft 'add table inet ground; delete table inet ground'
    done
}
