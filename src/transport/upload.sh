# Takes a file in on standard input, under its digest. Set before: sha256, size, keep (yes or no), HACTL_STATE.
# A file that is on its way is called SHA256.PROCESS.part: two uploads at once can't write into one another, and what a
# killed one has left is known by its process being gone.
# shellcheck disable=SC2154,SC2046 # what is set before; and the words of sha256sum's line

command -v sha256sum > /dev/null || exit 22
folder=$HACTL_STATE/blobs
file=$folder/$sha256
part=$file.$$.part

digest() { # FILE
    set -- $(sha256sum < "$1")
    printf '%s\n' "$1"
}

length() { # FILE
    number=$(wc -c < "$1")
    number=$((number))
}

has_digest() { # FILE
    found=$(sha256sum < "$1") && [ "${found%% *}" = "$sha256" ]
}

is_there() { [ -f "$file" ] && has_digest "$file"; }

# Is the process that writes PART still there? Sets `process`.
is_written() { # PART
    process=${1%.part}
    process=${process##*.}
    kill -0 "$process" 2> /dev/null
}

# Removes what dead uploads have left of this file, but the part of process KEPT.
clear_away() { # [KEPT]
    for old in "$file".*.part; do
        if [ -f "$old" ] && [ "$old" != "$file.${1-}.part" ] && ! is_written "$old"; then rm -f "$old"; fi
    done
}

# Says `there`, or `part PROCESS LENGTH DIGEST` of the longest that a cut has left.
ask() {
    if is_there; then
        echo there
        return
    fi
    best=0
    patience=15
    for old in "$file".*.part; do
        [ -f "$old" ] || continue
        # One whose connection has just died still writes what had reached it.
        while is_written "$old" && [ "$patience" -gt 0 ]; do
            patience=$((patience - 1))
            sleep 1
        done
        if ! [ -f "$old" ] || is_written "$old"; then continue; fi
        length "$old"
        if [ "$number" -gt "$best" ] && [ "$number" -le "$size" ]; then
            [ "$best" = 0 ] || rm -f "$file.$writer.part"
            best=$number
            writer=$process
        else
            rm -f "$old"
        fi
    done
    [ "$best" = 0 ] || printf 'part %s %s %s\n' "$writer" "$best" "$(digest "$file.$writer.part")"
}

# Takes the file, or what it lacks when the part of process PROCESS holds LENGTH bytes of it.
take() { # [PROCESS LENGTH]
    [ -d "$folder" ] || mkdir -p "$folder" || exit 21
    is_there && return
    kept=no
    trap '[ "$kept" = yes ] || rm -f "$part"' EXIT
    trap 'exit 23' HUP INT TERM
    if [ $# = 2 ]; then
        mv "$file.$1.part" "$part" || exit 26
        length "$part"
        [ "$number" = "$2" ] || exit 26
    fi
    clear_away "$$"
    kept=$keep
    cat >> "$part" || {
        kept=no
        exit 23
    }
    # What has the right digest has the right length too: only the other is measured.
    if ! has_digest "$part"; then
        length "$part"
        [ "$number" -ge "$size" ] || exit 25
        kept=no
        exit 24
    fi
    kept=no
    sync "$part" 2> /dev/null || :
    mv -f "$part" "$file" || exit 23
    # There is nothing left to clear away.
    kept=yes
}
