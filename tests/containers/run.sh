#!/bin/bash
# run.sh HACTL: docker-compose.test.yml by README's words, with this hactl: base image, build, up, validate, apply, apply
# again, down; and looks itself, past hactl, whether what apply has proved is true. Where no Docker engine answers and root may start one, its own is used; where none can run, it says SKIPPED
# with the reason and succeeds, unless HACTL_REQUIRE_DOCKER=1. Nothing of it stays, and every wait has an end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
hactl=$(realpath "${1:?run.sh HACTL}")
inventory=tests/containers/inventory.yaml
engine='' own=''
began=$SECONDS
say() { printf -- '-- containers: %s (%s s)\n' "$1" "$((SECONDS - began))"; }

skip() {
    echo "SKIPPED: containers: $1"
    if [ "${HACTL_REQUIRE_DOCKER-}" = 1 ]; then exit 1; fi
    exit 0
}

compose() { # SECONDS WORD...
    local limit=$1 program=(docker-compose)
    shift
    if docker compose version > /dev/null 2>&1; then program=(docker compose); fi
    timeout "$limit" "${program[@]}" -f docker-compose.test.yml "$@"
}

tidy() {
    local status=$?
    trap - EXIT
    if [ "$status" != 0 ]; then compose 20 logs --tail=20 2>&1 || true; fi
    compose 60 down --volumes --timeout 5 > /dev/null 2>&1 || true
    if [ -n "$engine" ]; then
        kill -TERM "$engine" 2> /dev/null || true
        timeout 30 tail --pid="$engine" -s 0.2 -f /dev/null || kill -KILL "$engine" 2> /dev/null || true
        # What the engine leaves mounted of its network.
        umount "$own"/exec/netns/* 2> /dev/null || true
        rm -rf "$own" target/containers/engine || true
    fi
    exit "$status"
}

# An engine of our own: its folder and socket go with it. It leaves the machine's firewall alone; builds use the
# machine's network, and ports are published by Docker's own proxy.
start_engine() {
    local i
    [ "$(id -u)" = 0 ] || skip "no Docker engine answers, and only root could start one"
    command -v dockerd > /dev/null || skip "no Docker engine answers, and there is no dockerd"
    # One of an earlier run that was killed still has the folder.
    for i in $(pgrep -x dockerd); do
        if tr '\000' '\n' < "/proc/$i/cmdline" | grep -qxF -e "$PWD/target/containers/engine"; then
            kill -TERM "$i" 2> /dev/null || true
            timeout 30 tail --pid="$i" -s 0.2 -f /dev/null || kill -KILL "$i" 2> /dev/null || true
        fi
    done
    rm -rf target/containers/engine
    mkdir -p target/containers/engine
    # The path of a socket may have 107 characters.
    own=$(mktemp -d /tmp/hactl-docker.XXXXXX)
    export DOCKER_HOST="unix://$own/sock"
    setsid dockerd --data-root "$PWD/target/containers/engine" --exec-root "$own/exec" --pidfile "$own/pid" -H "$DOCKER_HOST" \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false < /dev/null > "$own/log" 2>&1 &
    engine=$!
    for ((i = 0; i < 60; i++)); do
        if timeout 10 docker info > /dev/null 2>&1; then return 0; fi
        kill -0 "$engine" 2> /dev/null || break
        sleep 1
    done
    skip "dockerd does not start: $(grep -v level=info "$own/log" | tail -3)"
}

for program in docker curl; do command -v "$program" > /dev/null || skip "there is no $program"; done
docker compose version > /dev/null 2>&1 || command -v docker-compose > /dev/null || skip "there is no docker compose"
trap tidy EXIT
timeout 20 docker info > /dev/null 2>&1 || start_engine

# Containers and volumes of an earlier run that was killed would be taken as they are.
compose 60 down --volumes --timeout 5 > /dev/null 2>&1 || true

say "base image, keys, pack"
timeout 900 tests/containers/base.sh
say "build"
compose 900 build > target/containers/build.log 2>&1 || { tail -20 target/containers/build.log; exit 1; }
say "up"
compose 120 up --detach > /dev/null 2>&1
# The database is there: the nodes' containers are started after it is healthy. A host is there when it can be looked at,
# and then a plan says 2, since something is to be done.
ready() {
    local status=0
    timeout 20 "$hactl" plan "$inventory" > target/containers/plan.log 2>&1 || status=$?
    [ "$status" = 2 ]
}
for ((i = 0; i < 60; i++)); do
    if ready; then break; fi
    sleep 1
done
ready || { cat target/containers/plan.log; exit 1; }

in_host() { # HOST WORD...
    local container
    container=$(compose 20 ps -q "$1")
    shift
    timeout 20 docker exec "$container" "$@"
}

# The nodes' processes: each has one, which a run with nothing to do leaves alone.
processes() {
    local host
    for host in is-1 is-2; do
        echo "$host $(in_host "$host" pgrep -x -u wso2carbon java | tr '\n' ' ')"
    done
}

# Who has answered a login through the published port of the balancer; nothing, when the answer was not the right one.
login() {
    local said
    said=$(curl --silent --noproxy '*' --max-time 10 --cacert target/containers/tls/sso.crt --dump-header - \
        --resolve sso.example.com:8443:127.0.0.1 --header 'SOAPAction: urn:login' --header 'Content-Type: text/xml' \
        --data-binary @tests/ground/probes/login.xml https://sso.example.com:8443/services/AuthenticationAdmin)
    grep -q 'return>true' <<< "$said" || { echo "no login: $said" >&2; return 1; }
    tr -d '\r' <<< "$said" | sed -n 's/^X-Hactl-Node: //Ip'
}

refuse() {
    echo "run.sh: $1" >&2
    exit 1
}

say "validate, preflight"
"$hactl" validate "$inventory"
"$hactl" preflight "$inventory"
say "apply"
timeout 300 "$hactl" apply "$inventory" | tee target/containers/apply.log
grep -q '^Prove it .*both nodes answer through sso.example.com.*what is-1 wrote is-2 reads' target/containers/apply.log ||
    refuse "apply does not end with the proof"

say "what is there, past hactl"
before=$(processes)
echo "$before"
[ "$(grep -c '^is-[12] [0-9][0-9]* $' <<< "$before")" = 2 ] || refuse "not one process on each node"
for ((i = 0; i < 12; i++)); do login; done | sort | uniq -c | tee target/containers/logins.log
[ "$(wc -l < target/containers/logins.log)" = 2 ] || refuse "not both nodes have answered logins through the balancer"
coordinators=0
for host in is-1 is-2; do
    in_host "$host" ss -Htn state established '( sport = :4000 or dport = :4000 )' | grep -q 10.79.200 ||
        refuse "$host is connected to no other member"
    elected=$(in_host "$host" grep -c 'Elected this member' /opt/wso2carbon-core-4.5.1/repository/logs/wso2carbon.log || true)
    coordinators=$((coordinators + elected))
done
[ "$coordinators" = 1 ] || refuse "$coordinators coordinators"
tables=$(in_host db-1 mariadb --skip-column-names \
    --execute "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'SHARED_DB'")
wanted=$(in_host is-1 grep -ci '^ *CREATE TABLE' /opt/wso2carbon-core-4.5.1/dbscripts/mysql.sql)
echo "$tables of $wanted tables"
[ "$tables" = "$wanted" ] || refuse "the schema is not whole"

say "apply again"
again=$(timeout 120 "$hactl" apply "$inventory" 2>&1)
echo "$again"
grep -q 'nothing to do' <<< "$again"
[ "$(processes)" = "$before" ] || refuse "a run with nothing to do has restarted a node"
say "done"
