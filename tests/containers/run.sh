#!/bin/bash
# run.sh HACTL: docker-compose.test.yml by README's words, with this hactl: base image, build, up, validate, apply, apply
# again, down. Where no Docker engine answers and root may start one, its own is used; where none can run, it says SKIPPED
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

command -v docker > /dev/null || skip "there is no docker"
docker compose version > /dev/null 2>&1 || command -v docker-compose > /dev/null || skip "there is no docker compose"
trap tidy EXIT
timeout 20 docker info > /dev/null 2>&1 || start_engine

say "base image, keys, pack"
timeout 900 tests/containers/base.sh
say "build"
compose 900 build > target/containers/build.log 2>&1 || { tail -20 target/containers/build.log; exit 1; }
say "up"
compose 120 up --detach > /dev/null 2>&1
# It is up when the database answers, and every host: a plan says 2, since something is to be done.
ready() {
    local status=0
    docker exec "$database" mariadb -e 'USE SHARED_DB' 2> /dev/null || return 1
    "$hactl" plan "$inventory" > /dev/null 2>&1 || status=$?
    [ "$status" = 2 ]
}
database=$(compose 20 ps -q db-1)
for ((i = 0; i < 60; i++)); do
    if ready; then break; fi
    sleep 1
done
say "validate, preflight, apply, apply again"
"$hactl" validate "$inventory"
"$hactl" preflight "$inventory"
timeout 600 "$hactl" apply "$inventory"
again=$("$hactl" apply "$inventory" 2>&1)
echo "$again"
grep -q 'nothing to do' <<< "$again"
say "done"
