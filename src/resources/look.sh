# Functions for probes. They print what is there and change nothing.
#
# What they print: any number of lines `note KIND TEXT`, then one head line, then content:
#   absent | file MODE OWNER GROUP | directory MODE OWNER | link | other WHAT
# Whatever cannot be looked at ends the probe with a message and a status other than 0; it is never `absent`.
# Every process costs: what the shell can test itself is not left to a program.

hactl_newline='
'
hactl_ahead=
hactl_digests=

hactl_cannot() { # CODE SENTENCE
    printf 'hactl: %s: %s\n' "$1" "$2" >&2
    exit 1
}

# Has the look ahead found nothing at PATH? A link that leads nowhere is not absent itself, though that look, which follows
# links, has found nothing.
hactl_is_absent() { # PATH
    ! [ -L "$1" ] || return 1
    case $hactl_ahead in
    *" '$1': No such file or directory$hactl_newline"*) return 0 ;;
    *) return 1 ;;
    esac
}

# A missing file, a closed folder and a broken mount all fail `test -e`. Only the system's own word tells them apart.
hactl_look_absent() { # PATH
    if hactl_is_absent "$1"; then
        echo absent
        return
    fi
    if hactl_said=$(LC_ALL=C stat -c %a "$1" 2>&1 > /dev/null); then
        hactl_cannot cannot-look "$1 appeared while it was looked at"
    fi
    case $hactl_said in
    *'No such file or directory') echo absent ;;
    *)
        printf '%s\n' "$hactl_said" >&2
        hactl_cannot cannot-look "cannot look at $1"
        ;;
    esac
}

# Names what a run that died has left beside PATH: what mend.sh makes is called .hactl.NAME.XXXXXX.
hactl_look_leftovers() { # PATH
    for hactl_one in "${1%/*}/.hactl.${1##*/}."??????; do
        if [ -e "$hactl_one" ] || [ -L "$hactl_one" ]; then
            printf 'note leftover %s\n' "$hactl_one"
        fi
    done
}

# Sets hactl_path to what PATH leads to when it is a link, and to PATH when it is not.
hactl_look_through() { # PATH
    hactl_path=$1
    if [ -L "$1" ]; then
        hactl_path=$(readlink -f "$1") || hactl_path=
        if [ -z "$hactl_path" ] || ! [ -e "$hactl_path" ]; then
            printf 'other a link to %s, which is not there\n' "$(readlink "$1")"
            return 1
        fi
    fi
    hactl_look_leftovers "$hactl_path"
}

# Looks at all PATHs in one process, before the probes that ask for them. What the system says of those that are not
# there is kept too: a probe that finds nothing need not ask again.
hactl_look_ahead() { # PATH...
    hactl_ahead=$hactl_newline$(LC_ALL=C stat -L -c "%n/ %s %a %U %G$hactl_newline%n// %d:%i:%s %y %z" "$@" 2>&1)$hactl_newline || :
}

# Reads what digests.sh has noted in FILE.
hactl_read_digests() { # FILE
    [ -f "$1" ] || return 0
    while read -r hactl_line; do hactl_digests=$hactl_digests$hactl_line$hactl_newline; done < "$1"
}

# Sets hactl_found to what stands behind START in the line of TEXT that begins with it; fails where none does. Line by line,
# because the time in which a shell cuts a text grows with the square of its length.
hactl_find_line() { # TEXT START
    hactl_found=
    set -f
    IFS=$hactl_newline
    for hactl_line in $1; do
        case $hactl_line in
        "$2"*)
            hactl_found=${hactl_line#"$2"}
            break
            ;;
        esac
    done
    unset IFS
    set +f
    [ -n "$hactl_found" ]
}

# Sets hactl_sum to the digest that PATH had when this run put it there, if it is still that very file, and nothing was
# done to it since: it is the same inode, of the same size, and the times of its last write and of its last change of any
# kind are the same. Nobody can set the latter.
hactl_known_digest() { # PATH
    hactl_sum=
    if [ -n "$hactl_digests" ] && hactl_find_line "$hactl_ahead" "$1// " &&
        hactl_find_line "$hactl_digests" "$1// $hactl_found "; then
        hactl_sum=$hactl_found
    fi
}

# Sets hactl_size, hactl_mode, hactl_owner and hactl_group to those of what PATH leads to.
hactl_stat() { # PATH
    if hactl_find_line "$hactl_ahead" "$1/ "; then
        hactl_group=$hactl_found
    else
        hactl_group=$(LC_ALL=C stat -L -c '%s %a %U %G' "$1") || hactl_cannot cannot-look "cannot look at $1"
    fi
    hactl_size=${hactl_group%% *}
    hactl_group=${hactl_group#* }
    hactl_mode=${hactl_group%% *}
    hactl_group=${hactl_group#* }
    hactl_owner=${hactl_group%% *}
    hactl_group=${hactl_group#* }
}

# What is at PATH, through links; the content of a file follows its head line, byte for byte.
hactl_look() { # PATH
    hactl_look_through "$1" || return 0
    if [ -f "$hactl_path" ]; then
        hactl_stat "$hactl_path"
        if [ "$hactl_size" -gt 4194304 ]; then
            hactl_cannot too-large "$hactl_path is too large to edit: $hactl_size bytes"
        fi
        printf 'file %s %s %s\n' "$hactl_mode" "$hactl_owner" "$hactl_group"
        cat "$hactl_path" || hactl_cannot cannot-look "cannot read $hactl_path"
    else
        hactl_look_other "$hactl_path"
    fi
}

hactl_look_other() { # PATH
    if [ -d "$1" ]; then
        hactl_stat "$1"
        printf 'directory %s %s\n' "$hactl_mode" "$hactl_owner"
    elif [ -p "$1" ]; then
        echo 'other a pipe'
    elif [ -S "$1" ]; then
        echo 'other a socket'
    elif [ -e "$1" ]; then
        echo 'other a device'
    else
        hactl_look_absent "$1"
    fi
}

# The same, with the file's digest instead of its content.
hactl_look_digest() { # PATH
    hactl_look_through "$1" || return 0
    if [ -f "$hactl_path" ]; then
        command -v sha256sum > /dev/null || hactl_cannot sha256sum-missing "there is no sha256sum on this host"
        hactl_stat "$hactl_path"
        hactl_known_digest "$hactl_path"
        [ -n "$hactl_sum" ] || hactl_sum=$(sha256sum < "$hactl_path") || hactl_cannot cannot-look "cannot read $hactl_path"
        printf 'file %s %s %s\n%s\n' "$hactl_mode" "$hactl_owner" "$hactl_group" "${hactl_sum%% *}"
    else
        hactl_look_other "$hactl_path"
    fi
}

# What is at PATH itself, and what at the TARGET that it should lead to; a folder's files and folders are counted.
hactl_look_link() { # PATH TARGET
    hactl_look_leftovers "$1"
    if [ -d "$2" ]; then
        echo 'note target directory'
    elif [ -e "$2" ]; then
        echo 'note target file'
    elif hactl_is_absent "$2" || hactl_said=$(hactl_look_absent "$2"); then
        echo 'note target absent'
    else
        exit 1
    fi
    if [ -L "$1" ]; then
        echo link
        readlink "$1" || hactl_cannot cannot-look "cannot read the link $1"
    elif [ -d "$1" ]; then
        hactl_files=$(find "$1" ! -type d) || hactl_cannot cannot-look "cannot list $1"
        hactl_folders=$(find "$1" -type d) || hactl_cannot cannot-look "cannot list $1"
        hactl_count "$hactl_files"
        hactl_files=$hactl_number
        hactl_count "$hactl_folders"
        printf 'note content %s %s\n' "$hactl_files" "$((hactl_number - 1))"
        hactl_look_other "$1"
    elif [ -f "$1" ]; then
        echo 'other a file'
    else
        hactl_look_other "$1"
    fi
}

hactl_count() { # LINES
    hactl_number=0
    [ -z "$1" ] || hactl_number=$(printf '%s\n' "$1" | wc -l)
    hactl_number=$((hactl_number))
}

# The lines of the mount table that name PLACE, which is spelled as the table spells it.
hactl_look_mount() { # PLACE
    hactl_said=$(grep -F " $1 " /proc/self/mountinfo) || [ $? = 1 ] || hactl_cannot cannot-look "cannot read the mount table"
    [ -z "$hactl_said" ] || printf '%s\n' "$hactl_said" | sed 's/^/note mount /'
}

# Names the PATHs that are there: a pattern that fits nothing comes as it is.
hactl_look_matches() { # PATH...
    for hactl_one in "$@"; do
        [ ! -e "$hactl_one" ] || printf 'note match %s\n' "$hactl_one"
    done
}

# How CHECK ends. What it prints is not part of the answer; it does not run under hactl's own locale.
hactl_check() { # CHECK
    hactl_status=0
    (
        unset LC_ALL
        exec sh -c "$1"
    ) < /dev/null > /dev/null || hactl_status=$?
    printf 'checked %s\n' "$hactl_status"
}

# What is at HOME, where a product should be. A note says whether it holds FILE (`product`), nothing, or something else;
# and where there is no product, further notes say what can unpack one, and how much room there is beside it, in KiB.
hactl_look_unpacked() { # HOME FILE JAVA_HOME|-
    hactl_look_through "$1" || return 0
    if [ -f "$hactl_path/$2" ]; then
        echo 'note holds product'
    else
        if [ -d "$hactl_path" ]; then
            hactl_said=$(ls -A "$hactl_path") || hactl_cannot cannot-look "cannot list $hactl_path"
            if [ -z "$hactl_said" ]; then echo 'note holds nothing'; else echo 'note holds something'; fi
        fi
        hactl_look_unpacker "$3"
        hactl_folder=$hactl_path
        while [ -n "$hactl_folder" ] && ! [ -d "$hactl_folder" ]; do hactl_folder=${hactl_folder%/*}; done
        hactl_said=$(df -P -k "${hactl_folder:-/}" 2> /dev/null | sed -n '$s/.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*/note room \1/p')
        [ -z "$hactl_said" ] || printf '%s\n' "$hactl_said"
    fi
    if [ -f "$hactl_path" ]; then echo 'other a file'; else hactl_look_other "$hactl_path"; fi
}

# Names what can unpack a zip archive, the best first: the first three restore modes and links. A
# JDK's jar restores neither, but is where a product can run at all.
hactl_look_unpacker() { # JAVA_HOME|-
    if command -v unzip > /dev/null; then
        echo 'note unpacker unzip'
    elif busybox --list 2> /dev/null | grep -qx unzip; then
        echo 'note unpacker busybox'
    elif command -v bsdtar > /dev/null; then
        echo 'note unpacker bsdtar'
    elif [ -x "$1/bin/jar" ]; then
        printf 'note unpacker %s\n' "$1/bin/jar"
    elif command -v jar > /dev/null; then
        echo 'note unpacker jar'
    fi
}
