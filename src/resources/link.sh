# Functions for mends of links; what they call is in mend.sh.
# shellcheck disable=SC2154 # hactl_newline and others come from there

# Renames FROM to TO, and replaces a link at TO even if it leads to a folder.
hactl_rename() { # FROM TO
    hactl_said=$(LC_ALL=C mv -fT "$1" "$2" 2>&1) && return 0
    case $hactl_said in
    *nrecognized\ option* | *nvalid\ option*)
        # An old busybox: not in one step, because its mv would follow the link.
        if [ -L "$2" ]; then
            rm -f "$2" || return 1
        fi
        mv -f "$1" "$2"
        ;;
    *)
        printf '%s\n' "$hactl_said" >&2
        return 1
        ;;
    esac
}

# Makes PATH a link to TARGET. EXPECTED is what was seen: absent, link:TEXT, empty or content (of a real folder, which is
# then moved into TARGET without overwriting anything).
hactl_link() { # PATH TARGET EXPECTED
    [ -e "$2" ] || hactl_fail target-missing "$2, to which $1 should lead, is not there"
    hactl_replace_link "$@"
}

hactl_replace_link() { # PATH TARGET EXPECTED
    hactl_temporary=
    hactl_need sha256sum
    hactl_next_kept
    hactl_link_state "$2"
    hactl_after=$hactl_state
    hactl_folder=${1%/*}
    hactl_folder=${hactl_folder:-/}
    [ -d "$hactl_folder" ] || hactl_fail target-missing "the folder $hactl_folder is not there"
    case $3 in
    absent)
        if [ -e "$1" ] || [ -L "$1" ]; then
            hactl_fail file-changed-meanwhile "$1 has appeared since it was looked at; it was not touched"
        fi
        hactl_record - absent "$hactl_after" "$1"
        # The system never makes a link over anything: where nothing is in its place, it needs no rename. Not where its
        # owner must be changed first, and not where ln does not know -T, without which it goes into a new folder.
        if [ -O "$hactl_folder" ] && [ -G "$hactl_folder" ] && ln -sT "$2" "$1" 2> /dev/null; then return; fi
        ;;
    link:*)
        { [ -L "$1" ] && [ "$(readlink "$1")" = "${3#link:}" ]; } ||
            hactl_fail file-changed-meanwhile "$1 is no longer the link that was looked at; it was not touched"
        hactl_state "$1"
        cp -P "$1" "$HACTL_BACKUP/$hactl_kept" || hactl_fail cannot-back-up "cannot keep the link $1"
        hactl_record "$hactl_kept" "$hactl_state" "$hactl_after" "$1"
        ;;
    *)
        hactl_link_over_folder "$@"
        return
        ;;
    esac
    hactl_new_link "$2" "$1"
    hactl_rename "$hactl_temporary" "$1" || hactl_fail cannot-write "cannot put the link $1 in place"
}

# Sets hactl_temporary to a new link to TARGET beside PATH. A name that is taken is never followed or replaced.
hactl_new_link() { # TARGET PATH
    hactl_number=00000$$
    hactl_temporary=${2%/*}/.hactl.${2##*/}.${hactl_number#"${hactl_number%??????}"}
    if [ -e "$hactl_temporary" ] || [ -L "$hactl_temporary" ] || ! ln -s "$1" "$hactl_temporary"; then
        hactl_temporary=
        hactl_fail cannot-write "cannot make the link $2"
    fi
    hactl_inherit_owner "$hactl_folder" "$hactl_temporary"
}

# A `restored` folder has come from a backup, and what it holds is at TARGET already.
hactl_link_over_folder() { # PATH TARGET empty|content|restored
    { [ -d "$1" ] && ! [ -L "$1" ]; } ||
        hactl_fail file-changed-meanwhile "$1 is no longer the folder that was looked at; it was not touched"
    if [ "$3" = empty ]; then
        [ -z "$(ls -A "$1")" ] || hactl_fail file-changed-meanwhile "$1 is no longer empty; it was not touched"
    elif [ "$3" = content ]; then
        [ -d "$2" ] || hactl_fail in-the-way "$2, into which the content of $1 should be moved, is not a folder"
        hactl_merge check "$1" "$2"
    fi
    hactl_state "$1"
    cp -a "$1" "$HACTL_BACKUP/$hactl_kept" || {
        rm -rf "${HACTL_BACKUP:?}/$hactl_kept"
        hactl_fail cannot-back-up "cannot keep the folder $1"
    }
    [ "$3" != content ] || hactl_merge copy "$1" "$2"
    hactl_record "$hactl_kept" "$hactl_state" "$hactl_after" "$1"
    hactl_new_link "$2" "$1"
    if [ "$3" = empty ]; then
        rmdir "$1" || hactl_fail cannot-write "cannot replace the folder $1"
        hactl_rename "$hactl_temporary" "$1" || hactl_fail cannot-write "cannot put the link $1 in place"
        return
    fi
    # The folder steps aside by a rename, and goes away only when the link is there; its content is in the backup too.
    hactl_link=$hactl_temporary
    hactl_make_temporary "$1"
    { rm -f "$hactl_temporary" && mv -f "$1" "$hactl_temporary"; } || {
        rm -f "$hactl_link"
        hactl_temporary=
        hactl_fail cannot-write "cannot move the folder $1 aside"
    }
    hactl_rename "$hactl_link" "$1" || {
        mv -f "$hactl_temporary" "$1"
        hactl_temporary=$hactl_link
        hactl_fail cannot-write "cannot put the link $1 in place"
    }
    rm -rf "$hactl_temporary" || hactl_fail cannot-write "cannot remove $hactl_temporary, which is kept in the backup"
}

# Checks or copies every file below FROM that is not below TO. What is in both must be the same.
hactl_merge() { # check|copy FROM TO
    hactl_list=$(cd "$2" && find . ! -name .) || hactl_fail cannot-write "cannot list $2"
    hactl_rest=$hactl_list$hactl_newline
    while [ -n "${hactl_rest%"$hactl_newline"}" ]; do
        hactl_one=${hactl_rest%%"$hactl_newline"*}
        hactl_rest=${hactl_rest#*"$hactl_newline"}
        hactl_one=${hactl_one#./}
        hactl_merge_one "$1" "$2/$hactl_one" "$3/$hactl_one"
    done
}

hactl_merge_one() { # check|copy FROM TO
    if [ -d "$2" ] && ! [ -L "$2" ]; then
        if [ -d "$3" ]; then return 0; fi
        if [ -e "$3" ] || [ -L "$3" ]; then hactl_fail in-the-way "$2 is a folder and $3 is not; nothing was moved"; fi
        [ "$1" = check ] || hactl_merge_folder "$2" "$3"
    elif [ -L "$2" ] || [ -f "$2" ]; then
        if [ -e "$3" ] || [ -L "$3" ]; then
            hactl_same "$2" "$3" || hactl_fail in-the-way "$2 and $3 both are there and differ; nothing was moved"
        elif [ "$1" = copy ]; then
            hactl_merge_file "$2" "$3"
        fi
    else
        hactl_fail in-the-way "$2 is neither a file nor a folder nor a link; nothing was moved"
    fi
}

hactl_same() { # ONE OTHER
    if [ -L "$1" ] || [ -L "$2" ]; then
        [ -L "$1" ] && [ -L "$2" ] && [ "$(readlink "$1")" = "$(readlink "$2")" ]
    else
        [ -f "$2" ] && [ "$(sha256sum < "$1")" = "$(sha256sum < "$2")" ]
    fi
}

hactl_merge_folder() { # FROM TO
    hactl_owner=$(stat -c '%a %u:%g' "$1") || hactl_fail cannot-write "cannot look at $1"
    mkdir "$2" 2> /dev/null || [ -d "$2" ] || hactl_fail cannot-write "cannot make the folder $2"
    { chown "${hactl_owner#* }" "$2" && chmod "${hactl_owner%% *}" "$2"; } ||
        hactl_fail cannot-write "cannot keep the mode and owner of $1"
}

# Another node may adopt the same name into the shared folder at this moment: a hard link never overwrites.
hactl_merge_file() { # FROM TO
    hactl_make_temporary "$2"
    if [ -L "$1" ]; then rm -f "$hactl_temporary"; fi
    cp -pP "$1" "$hactl_temporary" || hactl_fail cannot-write "cannot write $2"
    hactl_same "$1" "$hactl_temporary" || hactl_fail content-damaged "$2 is not what $1 holds"
    [ -L "$1" ] || sync "$hactl_temporary" || hactl_fail cannot-write "cannot write $2 to the disk"
    if hactl_said=$(LC_ALL=C ln "$hactl_temporary" "$2" 2>&1); then
        rm -f "$hactl_temporary"
    elif [ -e "$2" ] || [ -L "$2" ]; then
        hactl_same "$1" "$2" || hactl_fail in-the-way "$2 has appeared meanwhile and differs from $1"
        rm -f "$hactl_temporary"
    else
        # A file system without hard links.
        mv -f "$hactl_temporary" "$2" || hactl_fail cannot-write "cannot put $2 in place"
    fi
    hactl_temporary=
}
