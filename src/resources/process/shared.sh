# Functions for the product's process that a look and a mend both need. They read /proc and change nothing.
# shellcheck disable=SC2154,SC2034,SC2013 # what is missing here is in look.sh or mend.sh; the names in /proc are single words

# Sets hactl_pids to the processes of the product at HOME: of the class MAIN, with HOME as their home and their folder.
# A pid file is not asked: it outlives its process, and another one may get the number.
hactl_find_processes() { # HOME MAIN
    hactl_pids=
    hactl_home=$(cd -P "$1" 2> /dev/null && pwd -P) || hactl_home=
    [ -n "$hactl_home" ] || return 0
    # The words of a command line end with a NUL, at which the grep of busybox would stop otherwise.
    for hactl_one in $(grep -l -z -x -F -e "$2" /proc/[0-9]*/cmdline 2> /dev/null); do
        hactl_one=${hactl_one#/proc/}
        hactl_one=${hactl_one%/cmdline}
        if hactl_is_of "$hactl_one" "$1" "$2"; then hactl_pids="$hactl_pids $hactl_one"; fi
    done
}

hactl_is_of() { # PID HOME MAIN
    hactl_words=$(tr '\000' '\n' 2> /dev/null < "/proc/$1/cmdline" | sed -n -e 's/^-Dcarbon\.home=//p' -e "/^$3\$/p")
    case $hactl_words in
    *"$hactl_newline$3") hactl_words=${hactl_words%"$hactl_newline$3"} ;;
    *) return 1 ;;
    esac
    [ "$hactl_words" = "$2" ] || [ "$(cd -P "$hactl_words" 2> /dev/null && pwd -P)" = "$hactl_home" ] || return 1
    # Another root folder, as in a container, may have a home of the same name.
    # shellcheck disable=SC3013 # dash, bash and busybox all know -ef
    ! [ -e "/proc/$1/cwd/." ] || [ "/proc/$1/cwd" -ef "$2" ]
}

# Sets hactl_state and hactl_started (in ticks since the machine's start) to those of a process.
hactl_stat_process() { # PID|self
    hactl_started=
    read -r hactl_line 2> /dev/null < "/proc/$1/stat" || return 1
    # The name of a program may hold blanks and brackets.
    hactl_line=${hactl_line##*) }
    # shellcheck disable=SC2086 # the numbers are to be split
    set -- $hactl_line
    hactl_state=$1
    shift 19
    hactl_started=$1
}

# Does the process that was seen with this start time live?
hactl_lives() { # PID STARTED
    hactl_stat_process "$1" && [ "$hactl_started" = "$2" ] && [ "$hactl_state" != Z ] && [ "$hactl_state" != X ]
}

# Sets hactl_value to a variable of a process's environment; fails when it has none, or it can't be read, and then
# hactl_unread is set.
hactl_environment() { # PID NAME
    hactl_unread=
    # In a container, even root may be denied what belongs to others (it lacks CAP_SYS_PTRACE and its like); the owner never is.
    hactl_value=$({ cat "/proc/$1/environ" || hactl_read_as_owner "$1" "/proc/$1/environ" || echo 'hactl: unread'; } 2> /dev/null |
        tr '\000' '\n' | sed -n -e "s/^$2=//p" -e 's/^hactl: unread$/&/p')
    case $hactl_value in
    *'hactl: unread') hactl_value='' hactl_unread=1 ;;
    esac
    [ -n "$hactl_value" ]
}

# Prints a file of /proc as the owner of the process sees it. The kernel wants both of its numbers, user and group.
hactl_read_as_owner() { # PID FILE
    [ "$(id -u)" = 0 ] || return 1
    hactl_ids=$(stat -c '%u %g' "/proc/$1") || return 1
    if command -v setpriv > /dev/null; then
        setpriv --reuid "${hactl_ids% *}" --regid "${hactl_ids#* }" --clear-groups cat "$2" && return
    fi
    hactl_owner=$(stat -c %U "/proc/$1") && [ "$hactl_owner" != UNKNOWN ] || return 1
    su -s /bin/sh "$hactl_owner" -c "cat '$2'" < /dev/null
}

# Sets hactl_fingerprint to the digest of what a process reads when it starts: WORDS, and the names and contents of the
# files at the PATTERNs, which are below HOME unless they begin with a slash; one that ends with a slash is a whole
# folder. With a NOTE, the files' newest change is told too.
hactl_fingerprint() { # HOME WORDS NOTE|- PATTERN...
    hactl_fingerprint=$(
        export LC_ALL=C
        cd "$1" || exit 1
        hactl_words=$2
        hactl_note=$3
        shift 3
        IFS=$hactl_newline
        hactl_files=
        for hactl_pattern in "$@"; do
            # The patterns are to be spread out, and names may hold blanks.
            case $hactl_pattern in
            */) hactl_found=$(find "$hactl_pattern" -type f 2> /dev/null || :) ;;
            *) hactl_found=$(
                # shellcheck disable=SC2086
                for hactl_one in $hactl_pattern; do [ ! -f "$hactl_one" ] || printf '%s\n' "$hactl_one"; done
            ) ;;
            esac
            [ -z "$hactl_found" ] || hactl_files=$hactl_files$hactl_found$hactl_newline
        done
        set -f
        # shellcheck disable=SC2086
        set -- $hactl_files
        hactl_sums=
        if [ $# != 0 ]; then
            hactl_sums=$(sha256sum -- "$@") || exit 1
            hactl_sums=$(printf '%s\n' "$hactl_sums" | sort -u) || exit 1
        fi
        hactl_sum=$(printf '%s\n%s\n' "$hactl_words" "$hactl_sums" | sha256sum) || exit 1
        printf '%s\n' "${hactl_sum%% *}"
        if [ "$hactl_note" != - ] && [ $# != 0 ]; then
            stat -L -c "$hactl_note %Y %n$hactl_newline$hactl_note %Z %n" -- "$@" | sort -k 2 -n | tail -n 1
        fi
    )
}
