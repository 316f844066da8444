#!/bin/bash
# ground.sh: real hosts on one Linux machine, made of namespaces. Needs root, and what `ground.sh parts` lists.
#
#   up [N] [--postgresql] [--while PID]   is-1..is-N (2), lb-1, db-1, outer and inner; nothing to do when they are up
#   clean                                 the same hosts as if nothing had ever happened on them
#   down                                  ends everything, also what is half made
#   status                                who is up, at which address
#   parts [--postgresql] [--systemd]      names what is missing on this machine
#   enter HOST COMMAND...                 runs a command in a host, as root
#   reboot HOST [--systemd]               switches a node or the balancer off and on; with systemd as its init from then on
#   inventory [WORD...]                   prints an inventory; inventory.sh says of which words
#   block A B PORT | unblock              two hosts no longer reach each other's TCP port
#   fence                                 SSH leads to the hosts through inner alone, and to that through outer; until unblock
#   db pause|resume|stop|start            the databases don't answer, or are gone
#
# A host has its own address, root, accounts, sshd and process numbers, and pid 1 that collects zombies. `ops` logs in and
# may use sudo; `jump` logs in to outer and inner, each with a key of its own, and gets no shell there. Everything is under target/ground, or $HACTL_GROUND: `inventory.yaml`, `ssh_config`, keys, passwords. With
# $HACTL_GROUND_NET (10.79.0) several grounds stand side by side. --while ends the ground when process PID has ended.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=${HACTL_GROUND:-$here/../../target/ground}
net=${HACTL_GROUND_NET:-10.79.0}
# Names the network's parts; an interface's name may have 15 characters.
tag=hg$(tr . - <<< "$net")
# shellcheck source=tests/ground/network.sh
. "$here/network.sh"
# shellcheck source=tests/ground/hosts.sh
. "$here/hosts.sh"
# shellcheck source=tests/ground/databases.sh
. "$here/databases.sh"

usage() {
    sed -n '2,19s/^# \{0,1\}//p' "$here/ground.sh" >&2
    exit 64
}

parts() {
    local missing=() program
    [ "$(id -u)" = 0 ] || missing+=("root")
    for program in ip:iproute2 nft:nftables unshare:util-linux nsenter:util-linux flock:util-linux sshd:openssh-server \
        ssh-keygen:openssh-client sudo:sudo java:openjdk-17-jre-headless unzip:unzip nginx:nginx openssl:openssl \
        mariadbd:mariadb-server mariadb-install-db:mariadb-server pgrep:procps mvn:maven curl:curl; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${program%:*}" > /dev/null || missing+=("${program%:*} (${program#*:})")
    done
    [ -z "$postgresql" ] || [ -n "$(postgresql_programs)" ] || missing+=("initdb (postgresql)")
    [ -z "$systemd" ] || [ -x /lib/systemd/systemd ] || missing+=("systemd (systemd)")
    # A container has root and no right to make namespaces.
    unshare --mount --net --pid --fork true 2> /dev/null || missing+=("the right to make namespaces")
    [ ${#missing[@]} -eq 0 ] || { printf '%s\n' "${missing[@]}"; return 1; }
}

# Keys, passwords and the certificate are kept from one ground to the next.
secrets() {
    local name
    mkdir -p "$state"/{host_keys,secrets,tls,keys,probes}
    chmod 700 "$state/secrets" "$state/host_keys"
    [ -f "$state/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C ground -f "$state/id_ed25519"
    for name in $bastions; do
        [ -f "$state/id_$name" ] || ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$state/id_$name"
    done
    for name in $hosts; do
        [ -f "$state/host_keys/$name" ] || ssh-keygen -q -t ed25519 -N '' -C '' -f "$state/host_keys/$name"
    done
    [ -s "$state/secrets/shared_db" ] || (umask 077; openssl rand -hex 12 > "$state/secrets/shared_db")
    # As the product ships it.
    [ -s "$state/secrets/admin" ] || (umask 077; echo admin > "$state/secrets/admin")
    [ -s "$state/secrets/keystore" ] || (umask 077; openssl rand -hex 12 > "$state/secrets/keystore")
    [ -s "$state/keys/ground.p12" ] || "$(java_home)/bin/keytool" -genkeypair -keystore "$state/keys/ground.p12" -storetype PKCS12 \
        -storepass:file "$state/secrets/keystore" -alias ground -keyalg RSA -keysize 2048 -dname CN=sso.example.com -validity 3650
    [ -s "$state/tls/sso.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=sso.example.com \
        -addext subjectAltName=DNS:sso.example.com -keyout "$state/tls/sso.key" -out "$state/tls/sso.crt" 2> /dev/null
}

describe() { # writes what people and tests need to find the hosts
    local name
    for name in $hosts; do echo "$name $(address_of "$name")"; done > "$state/hosts.txt"
    java_home > "$state/java_home.txt"
    while read -r name address; do echo "$address $(cut -d' ' -f1,2 "$state/host_keys/$name.pub")"; done \
        < "$state/hosts.txt" > "$state/known_hosts"
    {
        while read -r name address; do printf 'Host %s\n    HostName %s\n' "$name" "$address"; done < "$state/hosts.txt"
        printf 'Host *\n    User ops\n    IdentityFile %s/id_ed25519\n    IdentitiesOnly yes\n' "$state"
        printf '    UserKnownHostsFile %s/known_hosts\n    StrictHostKeyChecking yes\n' "$state"
    } > "$state/ssh_config"
    cp "$here/probes/"* "$state/probes/"
    (cd "$state" && "$here/inventory.sh" > inventory.yaml)
}

all_up() {
    local name
    for name in $hosts; do is_up "$name" || return 1; done
}

up() {
    local name missing watched=$1
    missing=$(parts) || { echo "ground.sh: this machine lacks: $(paste -sd, <<< "$missing")" >&2; exit 69; }
    printf '%s\n' "$hosts" "$postgresql" > "$state/wanted"
    if cmp -s "$state/wanted" "$state/standing" && all_up; then
        echo "ground.sh: the ground is up already" >&2
    else
        demolish
        trap 'echo "ground.sh: could not be set up; taken down" >&2; trap - EXIT; demolish' EXIT
        secrets
        lan_up
        for name in $hosts; do
            join_lan "$name"
            settle "$name"
        done
        describe
        mv "$state/wanted" "$state/standing"
        trap - EXIT
    fi
    date +%s%N > "$state/generation"
    [ -z "$watched" ] || watch_over "$watched"
    status
}

# Furnishes and boots a host, with what runs on it.
settle() { # NAME
    furnish "$1"
    [ "$1" != db-1 ] || furnish_databases
    boot "$1"
    case "$1" in
    # A package that was just installed runs, with its own default site.
    lb-1) enter lb-1 nginx ;;
    db-1)
        lay_down_databases
        start_databases
        empty_databases
        ;;
    esac
}

clean() {
    local name
    all_up || { echo "ground.sh: the ground is not up" >&2; exit 69; }
    for name in $hosts; do
        unblock "$name"
        [ "$name" = db-1 ] || { raze "$name"; settle "$name"; }
    done
    enter db-1 pgrep -x mariadbd > /dev/null || start_databases
    empty_databases
}

# Takes the ground down when a process has ended, however it ended; unless somebody has set it up again since.
watch_over() { # PID
    local generation
    generation=$(< "$state/generation")
    # shellcheck disable=SC2016
    setsid bash -c 'tail --pid="$1" -s 0.2 -f /dev/null; [ "$(cat "$2/generation")" != "$3" ] || exec "$4" down' \
        watch "$1" "$state" "$generation" "$here/ground.sh" < /dev/null > /dev/null 2>&1 9>&- &
}

demolish() {
    rm -f "$state/standing" "$state/generation"
    lan_down
    rm -rf "$state/hosts"
}

status() {
    local name
    for name in $hosts; do
        echo "$name $(address_of "$name") $(is_up "$name" && echo up || echo down)"
    done
}

command=${1-}
[ $# -eq 0 ] || shift
number=2 bastions='outer inner' postgresql='' systemd='' watched=''
case "$command" in
up | parts)
    while [ $# -gt 0 ]; do
        case "$1" in
        [1-9]) number=$1 ;;
        --postgresql) postgresql=yes ;;
        --systemd) [ "$command" = parts ] || usage; systemd=yes ;;
        --while) watched=${2:?--while PID}; shift ;;
        *) usage ;;
        esac
        shift
    done
    hosts="$(seq -s' ' -f 'is-%g' "$number") lb-1 db-1 $bastions"
    ;;
*)
    hosts=$(sed -n 1p "$state/standing" 2> /dev/null || true)
    postgresql=$(sed -n 2p "$state/standing" 2> /dev/null || true)
    ;;
esac
[ "$command" != parts ] || { parts; exit; }
mkdir -p "$state"
state=$(cd "$state" && pwd)
case "$command" in
# One at a time: two hands on one ground would pull each other's hosts down.
up | down | clean | reboot)
    case "$command ${1-} ${2-}" in
    reboot\ is-[1-9]\  | reboot\ lb-1\  | reboot\ is-[1-9]\ --systemd | reboot\ lb-1\ --systemd) ;;
    reboot*) usage ;;
    esac
    exec 9> "$state/lock"
    flock -w 120 9 || { echo "ground.sh: somebody else is at work on this ground" >&2; exit 75; }
    case "$command" in up) up "$watched" ;; down) demolish ;; clean) clean ;; reboot) reboot "$@" ;; esac
    ;;
status) status ;;
enter) enter "$@" ;;
inventory) cd "$state" && exec "$here/inventory.sh" "$@" ;;
block) [ $# -eq 3 ] || usage; block "$@" ;;
fence) fence ;;
unblock)
    # shellcheck disable=SC2086
    unblock $hosts
    ;;
db) database "${1-}" ;;
*) usage ;;
esac
