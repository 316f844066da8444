# The lock of one host: a file that says who holds it, made by a hard link, which appears whole or not at all.
# Lines of "key value": run, owner, boot, process, command, taken, expires. Times are seconds by this host's own clock,
# so that a controller whose clock is off cannot break or outlive a lock.
hactl_lock=$HACTL_STATE/lock
# "PID START" of the shell that mends, so that a run that takes the lock over waits until that shell has ended.
hactl_mending=$HACTL_STATE/mending
# "RUN begun" or "RUN ended" of the last run that has mended here, so that another notices it that looked before.
hactl_last=$HACTL_STATE/last-mend

hactl_lock_fail() { printf 'hactl: %s: %s\n' "$1" "$2" >&2; exit 1; }

hactl_lock_read() { # FILE: sets hactl_run and hactl_expires
    hactl_run='' hactl_expires=0
    while read -r hactl_key hactl_value; do
        case $hactl_key in
        run) hactl_run=$hactl_value ;;
        expires) hactl_expires=$hactl_value ;;
        esac
    done < "$1"
}

hactl_start_of() { # PID: sets hactl_started to when it started, in ticks since boot; fails when it does not run
    hactl_started=
    read -r hactl_stat 2> /dev/null < "/proc/$1/stat" || return 1
    # The name in parentheses may hold blanks; the start time is the 20th field after it.
    # shellcheck disable=SC2086
    set -- ${hactl_stat##*) }
    case $1 in Z | X) return 1 ;; esac
    shift 19
    hactl_started=$1
}

hactl_still_mending() {
    [ -s "$hactl_mending" ] || return 1
    read -r hactl_pid hactl_start < "$hactl_mending" || return 1
    hactl_start_of "$hactl_pid" && [ "$hactl_started" = "$hactl_start" ]
}

hactl_lock_take() { # RUN SECONDS RUN_TO_BREAK DETAILS
    # Made with the engine's umask, so that nobody else may enter it.
    [ -d "$HACTL_STATE" ] || mkdir -p "$HACTL_STATE/blobs" ||
        hactl_lock_fail state-folder "cannot make $HACTL_STATE, where backups and the lock are kept"
    hactl_now=$(date +%s)
    hactl_new=$HACTL_STATE/.lock.$1
    hactl_tries=0 hactl_broken=
    while
        # Again in each round: whoever has just taken the lock may have cleared it away.
        printf 'run %s\n%s\ntaken %s\nexpires %s\n' "$1" "$4" "$hactl_now" "$((hactl_now + $2))" > "$hactl_new" ||
            hactl_lock_fail state-folder "cannot write below $HACTL_STATE"
        ! ln "$hactl_new" "$hactl_lock" 2> /dev/null
    do
        hactl_tries=$((hactl_tries + 1))
        [ "$hactl_tries" -le 5 ] || hactl_lock_fail state-folder "cannot make the lock $hactl_lock"
        hactl_lock_read "$hactl_lock" 2> /dev/null || continue
        [ "$hactl_run" != "$1" ] || break
        if [ "$hactl_run" != "$3" ] && [ "$hactl_now" -lt "$hactl_expires" ]; then
            rm -f "$hactl_new"
            echo held
            cat "$hactl_lock"
            echo "now $hactl_now"
            return 0
        fi
        hactl_old=$hactl_run
        # Two may find the same dead lock: only the one that moved that very lock away has broken it.
        mv "$hactl_lock" "$hactl_new.old" 2> /dev/null || continue
        hactl_lock_read "$hactl_new.old"
        if [ "$hactl_run" = "$hactl_old" ]; then hactl_broken=$hactl_old; else ln "$hactl_new.old" "$hactl_lock"; fi
        rm -f "$hactl_new.old"
    done
    # Ours and what runs that died here have left. Nothing is said before: to speak to a run that is gone is to die.
    rm -f "$HACTL_STATE"/.lock.*
    [ -z "$hactl_broken" ] || echo "broke $hactl_broken"
    hactl_tries=0
    while hactl_still_mending; do
        hactl_tries=$((hactl_tries + 1))
        [ "$hactl_tries" -le 60 ] || hactl_lock_fail still-mending "an earlier run still mends here (process $hactl_pid)"
        sleep 1
    done
    echo taken
    # Nobody else puts anything there as long as we hold the lock.
    for hactl_one in "$HACTL_STATE"/blobs/*; do
        if [ -e "$hactl_one" ]; then echo blobs; fi
        break
    done
}

hactl_lock_keep() { # RUN: it must still be ours; from now on others can tell that we mend
    hactl_lock_read "$hactl_lock" 2> /dev/null
    [ "$hactl_run" = "$1" ] ||
        hactl_lock_fail lock-lost "the lock is now held by ${hactl_run:-nobody}: nothing was done here"
    hactl_start_of $$
    echo "$$ $hactl_started" > "$hactl_mending"
    echo "$1 begun" > "$hactl_last"
}

hactl_lock_renew() { # SECONDS: our lock lasts so much longer, from now
    hactl_now=$(date +%s)
    while read -r hactl_key hactl_value; do
        [ "$hactl_key" != expires ] || hactl_value=$((hactl_now + $1))
        printf '%s %s\n' "$hactl_key" "$hactl_value"
    done < "$hactl_lock" > "$hactl_lock.new" && mv -f "$hactl_lock.new" "$hactl_lock"
}

hactl_lock_release() { # RUN
    hactl_lock_read "$hactl_lock" 2> /dev/null
    [ "$hactl_run" = "$1" ] || return 0
    if [ -e "$hactl_mending" ]; then echo "$1 ended" > "$hactl_last"; fi
    rm -f "$hactl_mending" "$hactl_lock"
}

hactl_lock_show() {
    if [ -d "$HACTL_STATE" ] && ! [ -x "$HACTL_STATE" ]; then
        hactl_lock_fail state-folder "$HACTL_STATE cannot be looked into"
    fi
    if [ -e "$hactl_lock" ]; then
        echo held
        cat "$hactl_lock"
        echo "now $(date +%s)"
    else
        echo free
    fi
}
