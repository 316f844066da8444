# Functions that undo what a run has changed, from its backup folder. They need those of mend.sh.
# shellcheck disable=SC2154 # which also sets hactl_newline, hactl_temporary and hactl_kept

# Goes through the changes of the run in FOLDER, the last one first, and calls `hactl_undo_VERB KEPT BEFORE NOW PATH` for
# each that is as the run left it, and `hactl_refuse_VERB KEPT PATH` for each that was changed since.
# A change that never came about, or is undone already, is passed over.
hactl_each_change() { # VERB FOLDER
    hactl_verb=$1
    hactl_from=$2
    [ -d "$2" ] || hactl_fail backup-missing "there is no backup of that run on this host: $2"
    [ -e "$2/manifest" ] || return 0
    hactl_changes=$(sed '/^$/d' "$2/manifest" | sed '1!G;h;$!d') || hactl_fail cannot-look "cannot read $2/manifest"
    hactl_changes=$hactl_changes$hactl_newline
    hactl_imagined=$hactl_newline
    while [ -n "${hactl_changes%"$hactl_newline"}" ]; do
        hactl_line=${hactl_changes%%"$hactl_newline"*}
        hactl_changes=${hactl_changes#*"$hactl_newline"}
        # A line that was cut off belongs to a change that was never made.
        case $hactl_line in
        *' '*' '*' /'*/) hactl_one_change ;;
        esac
    done
}

hactl_one_change() {
    hactl_old_kept=${hactl_line%% *}
    hactl_line=${hactl_line#* }
    hactl_old=${hactl_line%% *}
    hactl_line=${hactl_line#* }
    hactl_new=${hactl_line%% *}
    hactl_line=${hactl_line#* }
    hactl_place=${hactl_line%/}
    hactl_now "$hactl_place"
    [ "$hactl_state" != "$hactl_old" ] || return 0
    # shellcheck disable=SC2254 # what could not be known in advance is a * in the manifest
    case $hactl_state in
    $hactl_new) "hactl_undo_$hactl_verb" "$hactl_old_kept" "$hactl_old" "$hactl_state" "$hactl_place" ;;
    # It may be what an earlier change of the same run left or found: then that one has the last word.
    *) hactl_has_earlier "$hactl_place" || "hactl_refuse_$hactl_verb" "$hactl_old_kept" "$hactl_place" ;;
    esac
}

# Is there an earlier change of PATH among those that are still to be gone through?
hactl_has_earlier() { # PATH
    hactl_rest=$hactl_changes
    while [ -n "${hactl_rest%"$hactl_newline"}" ]; do
        hactl_line=${hactl_rest%%"$hactl_newline"*}
        hactl_rest=${hactl_rest#*"$hactl_newline"}
        hactl_line=${hactl_line#* }
        hactl_line=${hactl_line#* }
        [ "${hactl_line#* }" != "$1/" ] || return 0
    done
    return 1
}

# Sets hactl_state to what is at PATH, or to what will be there when the later changes are undone: hactl_imagined has a
# line `PATH/ STATE` for each of them, the newest first.
hactl_now() { # PATH
    case $hactl_imagined in
    *"$hactl_newline$1/ "*)
        hactl_state=${hactl_imagined#*"$hactl_newline$1/ "}
        hactl_state=${hactl_state%%"$hactl_newline"*}
        ;;
    *) hactl_state "$1" ;;
    esac
}

hactl_undo_show() { # KEPT BEFORE NOW PATH
    case $2 in
    absent) printf 'undo remove %s\n' "$4" ;;
    *) printf 'undo restore %s\n' "$4" ;;
    esac
    hactl_imagined=$hactl_newline$4/\ $2$hactl_imagined
}

hactl_refuse_show() { # KEPT PATH
    printf 'refuse %s was changed since and is left alone' "$2"
    [ "$1" = - ] || printf '; what was there before that run is %s/%s' "$hactl_from" "$1"
    echo
}

# One change that cannot be undone does not keep the others from it.
hactl_undo_mend() { # KEPT BEFORE NOW PATH
    (hactl_undo "$@") || hactl_refuse_mend "$1" "$4"
}

hactl_refuse_mend() { # KEPT PATH
    hactl_left="$hactl_left $2"
}

hactl_undo() { # KEPT BEFORE NOW PATH
    case $2/$3 in
    absent/*) hactl_remove "$4" "$3" ;;
    file:*/file:*)
        [ "${2##*:}" = "${3##*:}" ] || hactl_write "$4" "${3##*:}" "${2##*:}" 600 cat "$hactl_from/$1"
        hactl_restore_attributes "$4" "${2%:*}"
        ;;
    file:*/absent)
        hactl_write "$4" absent "${2##*:}" 600 cat "$hactl_from/$1"
        hactl_restore_attributes "$4" "${2%:*}"
        ;;
    directory:*/directory:*) hactl_restore_attributes "$4" "$2" ;;
    directory:*/absent)
        hactl_directory "$4" 700 -
        hactl_restore_attributes "$4" "$2"
        ;;
    directory:*/link:*) hactl_restore_folder "$4" "$3" "$hactl_from/$1" "$2" ;;
    link:*/absent) hactl_replace_link "$4" "$(readlink "$hactl_from/$1")" absent ;;
    link:*/directory:*) hactl_replace_link "$4" "$(readlink "$hactl_from/$1")" restored ;;
    link:*/link:*) hactl_replace_link "$4" "$(readlink "$hactl_from/$1")" "link:$(readlink "$4")" ;;
    *) hactl_fail in-the-way "$4 is of another kind than before" ;;
    esac
}

# STATE is KIND:MODE:UID:GID.
hactl_restore_attributes() { # PATH STATE
    hactl_state "$1"
    case $hactl_state in
    "$2" | "$2":*) return 0 ;;
    esac
    hactl_rest=${2#*:}
    hactl_attributes "$1" "${hactl_rest%%:*}" "${hactl_rest#*:}"
}

# A folder that had made way for a link.
hactl_restore_folder() { # PATH STATE SOURCE BEFORE
    hactl_make_temporary "$1"
    { rm -f "$hactl_temporary" && cp -a "$3" "$hactl_temporary"; } || hactl_fail cannot-write "cannot restore $1"
    hactl_next_kept
    cp -P "$1" "$HACTL_BACKUP/$hactl_kept" || hactl_fail cannot-back-up "cannot keep the link $1"
    hactl_record "$hactl_kept" "$2" "$4" "$1"
    { rm -f "$1" && mv -f "$hactl_temporary" "$1"; } || hactl_fail cannot-write "cannot restore $1"
}

# Prints a line per change of the run in FOLDER: `undo WHAT` or `refuse WHY`.
hactl_show_rollback() { # FOLDER
    hactl_need sha256sum
    hactl_each_change show "$1"
}

# Undoes the changes of the run in FOLDER; what was changed since is left alone, named, and makes this fail in the end.
hactl_roll_back() { # FOLDER
    hactl_need sha256sum
    hactl_left=
    hactl_each_change mend "$1"
    # Whoever reads those files must read the old ones. A rollback can be undone too.
    if [ -f "$1/afterwards" ]; then
        [ ! -d "$HACTL_BACKUP" ] || cp "$1/afterwards" "$HACTL_BACKUP/afterwards" ||
            hactl_fail cannot-back-up "cannot write $HACTL_BACKUP/afterwards"
        # shellcheck disable=SC1091 # written by the run itself
        . "$1/afterwards"
    fi
    [ -z "$hactl_left" ] ||
        hactl_fail file-changed-since "left alone, because it was changed since:$hactl_left (see the backup in $1)"
}
