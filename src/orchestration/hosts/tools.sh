# What hactl's scripts will miss on this host, as lines that begin with NONCE. Leaves nothing behind.

# Which of these programs are not there: `NONCE missing NAME`.
hactl_missing() { # NONCE NAME...
    hactl_nonce=$1
    shift
    for hactl_one in "$@"; do
        command -v "$hactl_one" > /dev/null 2>&1 || printf '\n%s missing %s\n' "$hactl_nonce" "$hactl_one"
    done
}

# Is none of these programs there: `NONCE none NAME...`.
hactl_none() { # NONCE NAME...
    hactl_nonce=$1
    shift
    for hactl_one in "$@"; do
        if command -v "$hactl_one" > /dev/null 2>&1; then return 0; fi
    done
    printf '\n%s none %s\n' "$hactl_nonce" "$*"
}

# Can a file be written in the folder for temporary files, and be run there: `NONCE tmp closed|noexec FOLDER TEXT`.
hactl_temporary() { # NONCE
    hactl_folder=${TMPDIR:-/tmp}
    # No pid in its name: that of a process that was killed comes again, and its file may still be there.
    hactl_file=$hactl_folder/.hactl.ping.$1
    trap 'rm -f "$hactl_file"' EXIT
    trap 'exit 1' HUP INT TERM
    # More than a page: an empty file still finds a place on a full disk. cat says why not; a shell says "I/O error".
    if ! hactl_said=$( (umask 077 && set -C && printf '#!/bin/sh\nexit 0\n%08192d\n' 0 | cat > "$hactl_file") 2>&1); then
        printf '\n%s tmp closed %s %s\n' "$1" "$hactl_folder" "$hactl_said"
    elif chmod 700 "$hactl_file" && ! "$hactl_file" 2> /dev/null; then
        printf '\n%s tmp noexec %s\n' "$1" "$hactl_folder"
    fi
}

# Can hactl's own folder be written to, or made: `NONCE state FOLDER`. HACTL_STATE is set before.
hactl_state() { # NONCE
    hactl_one=$HACTL_STATE
    while [ -n "$hactl_one" ] && ! [ -e "$hactl_one" ]; do hactl_one=${hactl_one%/*}; done
    if ! [ -w "${hactl_one:-/}" ]; then printf '\n%s state %s\n' "$1" "${hactl_one:-/}"; fi
}
