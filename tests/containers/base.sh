#!/bin/bash
# base.sh: what `docker compose -f docker-compose.test.yml up` needs, once. Repeating it changes nothing.
#
# The base image debian:bookworm-slim, pulled, or made with debootstrap where no registry answers; the product's pack and
# its driver by their Maven coordinates; keys, passwords and a certificate in target/containers.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=$here/../../target/containers
image=debian:bookworm-slim

# A registry that does not answer must not hold anybody up; where there is no `timeout` (macOS), Docker's own is waited for.
bounded() { # SECONDS COMMAND...
    local limit=$1
    shift
    if command -v timeout > /dev/null; then timeout "$limit" "$@"; else "$@"; fi
}

make_base() {
    local folder become=()
    command -v debootstrap > /dev/null || { echo "base.sh: no registry answers, and there is no debootstrap to make $image with" >&2; exit 69; }
    [ "$(id -u)" = 0 ] || become=(sudo)
    folder=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "${become[*]} rm -rf '$folder'" EXIT
    bounded 600 "${become[@]}" debootstrap --variant=minbase --include=ca-certificates bookworm "$folder" > "$state/debootstrap.log" 2>&1 ||
        { tail -5 "$state/debootstrap.log" >&2; exit 1; }
    "${become[@]}" rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
    "${become[@]}" tar -C "$folder" -c . | docker import - "$image" > /dev/null
}

furnish() { # NAME
    local d=$state/$1
    mkdir -p "$d"
    [ -s "$d/host_key" ] || ssh-keygen -q -t ed25519 -N '' -C '' -f "$d/host_key"
    cp "$state/id_ed25519.pub" "$d/authorized_keys"
    cp "$state/password" "$d/password"
    echo yes > "$d/ready"
}

docker version > /dev/null || { echo "base.sh: no Docker engine answers" >&2; exit 69; }
mkdir -p "$state/tls"
if ! docker image inspect "$image" > /dev/null 2>&1; then
    bounded 180 docker pull -q "$image" || make_base
fi
"$here/../ground/fetch.sh" kernel 4.5.1
"$here/../ground/fetch.sh" driver mysql
[ -s "$state/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C ops -f "$state/id_ed25519"
[ -s "$state/password" ] || (umask 077; openssl rand -hex 12 > "$state/password")
# The one that the kernel is shipped with.
[ -s "$state/admin" ] || (umask 077; echo admin > "$state/admin")
[ -s "$state/tls/sso.crt" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=sso.example.com \
    -addext subjectAltName=DNS:sso.example.com -keyout "$state/tls/sso.key" -out "$state/tls/sso.crt" 2> /dev/null
: > "$state/known_hosts"
port=2200
for name in is-1 is-2 lb-1 db-1; do
    furnish "$name"
    port=$((port + 1))
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$state/$name/host_key.pub")" >> "$state/known_hosts"
done
