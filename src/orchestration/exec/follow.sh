# Follows a log through its rotations, and says where what it shows stands: whoever loses the connection goes on there.
#
# Before the bytes of a file comes a line of its own: a record separator, the nonce, and INODE OFFSET. Behind a gap that
# nobody can close stands the nonce and `missed`.

# shellcheck disable=SC2154,SC2012,SC2030,SC2031 # hactl_log and others come from before; `ls` alone knows the numbers of files

# Sets hactl_log to the file that is to be followed, or to nothing. Whoever looks for another one by then says so after this.
hactl_newest() {
    hactl_log=$hactl_name
    [ -e "$hactl_log" ] || hactl_log=
}

hactl_at() { # INODE OFFSET
    printf '\036%s %s %s\n' "$hactl_nonce" "$1" "$2"
}

# Sets hactl_inode and hactl_size to those of a file, whatever its name is a link to.
hactl_stat() { # FILE
    hactl_said=$(ls -dinL -- "$1" 2> /dev/null) || return 1
    set -f
    # shellcheck disable=SC2086 # its words are wanted; the numbers come before the name
    set -- $hactl_said
    set +f
    hactl_inode=$1 hactl_size=$6
}

# The same for the open file, which may be called otherwise by now.
hactl_stat_open() {
    hactl_stat /dev/fd/3 || hactl_stat "$hactl_log" || hactl_inode=0 hactl_size=0
}

# Sets hactl_start to where the last lines of the opened file begin. What is written meanwhile does not count.
hactl_last_lines() { # LINES
    hactl_part=67108864
    [ "$hactl_part" -lt "$hactl_size" ] || hactl_part=$hactl_size
    hactl_bytes=$(tail -c "+$((hactl_size - hactl_part + 1))" -- "$hactl_log" | head -c "$hactl_part" | tail -n "$1" | wc -c)
    hactl_start=$((hactl_size - hactl_bytes))
}

# Shows what was written to a file after somebody has left it, whatever it is called by now.
hactl_rest() { # INODE OFFSET
    hactl_file=$(ls -diL -- "${hactl_log%/*}"/* 2> /dev/null | while read -r hactl_inode hactl_file; do
        [ "$hactl_inode" != "$1" ] || printf '%s\n' "$hactl_file"
    done | head -n 1)
    # A packed or removed one is not there any more.
    if [ -n "$hactl_file" ] && hactl_stat "$hactl_file" && [ "$hactl_size" -ge "$2" ]; then
        hactl_at "$1" "$2"
        tail -c "+$(($2 + 1))" -- "$hactl_file"
    else
        printf '\036%s missed\n' "$hactl_nonce"
    fi
}

# Sets hactl_start to where the opened file is shown from, for somebody who has seen another, or this one.
hactl_resume() { # INODE OFFSET
    hactl_start=0
    if [ "$hactl_inode" != "$1" ]; then
        hactl_rest "$1" "$2"
    elif [ "$hactl_size" -ge "$2" ]; then
        hactl_start=$2
    else
        printf '\036%s missed\n' "$hactl_nonce"
    fi
}

# Says once why nothing is shown.
hactl_waits() { # SENTENCE
    [ "$hactl_told" = "$1" ] || printf '%s\n' "$1" >&2
    hactl_told=$1
}

# The file stays open under its number, so that a rotation takes nothing away: `cat` goes on where it has stopped.
hactl_follow() { # LINES|- INODE OFFSET
    hactl_first=$1 hactl_told=
    while :; do
        hactl_newest
        if [ -z "$hactl_log" ]; then
            hactl_waits "there is no $hactl_name yet"
            # What is made from now on is shown from its start.
            [ "$hactl_first" = - ] || hactl_first=+
            sleep 1
            continue
        fi
        if ! [ -r "$hactl_log" ] || ! command exec 3< "$hactl_log"; then
            hactl_waits "$hactl_log cannot be read by this user"
            sleep 1
            continue
        fi
        hactl_told=
        hactl_stat_open
        case $hactl_first in
        -)
            hactl_resume "$2" "$3"
            hactl_stat_open
            ;;
        +) hactl_start=0 ;;
        *) hactl_last_lines "$hactl_first" ;;
        esac
        hactl_first=+
        hactl_at "$hactl_inode" "$hactl_start"
        tail -c "+$((hactl_start + 1))" <&3
        hactl_watch_open
        exec 3<&-
    done
}

# Shows what is written to the open file, until another one takes its place, or it is emptied.
hactl_watch_open() {
    hactl_open=$hactl_inode hactl_seen=$hactl_size
    while :; do
        sleep 1
        hactl_newest
        if [ -z "$hactl_log" ] || ! hactl_stat "$hactl_log"; then
            # Moved away, and nothing in its place yet: it may still be written to.
            cat <&3
        elif [ "$hactl_inode" != "$hactl_open" ]; then
            # What was written last is read before it is left.
            cat <&3
            sleep 1
            cat <&3
            return
        elif [ "$hactl_size" -lt "$hactl_seen" ]; then
            return
        elif [ "$hactl_size" -gt "$hactl_seen" ]; then
            hactl_seen=$hactl_size
            cat <&3
        fi
    done
}
