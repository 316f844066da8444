# Functions that prepare what several mends are about to write; what they call is in mend.sh.
#
# Each file by itself costs a cp, a sha256sum, a sync and more. Here the items of a stage are gone through twice: first
# each `hactl_put` only writes its draft beside its file; then one process of a kind keeps, checks and syncs them all; and
# when its turn comes, an item has only to see that nothing has happened since, and to rename. Nothing here ends the
# script: what is out of the ordinary has no draft, and where anything at all is not as it should be, all drafts go away.
# Those items then go the long way of mend.sh, which says what is wrong.
# shellcheck disable=SC2154,SC2034 # hactl_newline and others come from there, or go there

hactl_gathers=
# A line `READ DIGEST MODE OWNER PATH` for each draft; an OWNER - is ourselves. No word of it has anything but plain characters.
hactl_drafts=
# The same for those that need only be put in place, with ` UID:GID` at the end.
hactl_ready=

# Each ITEM is a function.
hactl_prepare() { # ITEM...
    hactl_drafts=
    hactl_gathers=yes
    for hactl_one in "$@"; do "$hactl_one"; done
    hactl_gathers=
    hactl_ready=
    [ -n "$hactl_drafts" ] || return 0
    # The lists are split at their line ends, and at nothing else.
    set -f
    IFS=$hactl_newline
    hactl_prepare_all || hactl_drop_drafts
    unset IFS
    set +f
    hactl_temporary=
}

# What the engine calls when an item has failed.
hactl_after_failure() {
    hactl_drop_drafts
}

# Sets hactl_temporary to the name of PATH's draft, by which a later run knows what this one has left.
hactl_draft_of() { # PATH
    hactl_number=00000$$
    hactl_temporary=${1%/*}/.hactl.${1##*/}.${hactl_number#"${hactl_number%??????}"}
}

# Writes the draft of a file that is like any other: no link, in a folder that is there, under a name of its own. The
# content is TEXT, or what is read, in base64.
hactl_draft() { # PATH READ|absent DIGEST MODE OWNER [TEXT]
    case $1$4$5 in
    *[!A-Za-z0-9/._:-]*) return 0 ;;
    esac
    case ${1##*/} in
    manifest | afterwards | digests) return 0 ;;
    esac
    case $hactl_drafts in
    *"/${1##*/}$hactl_newline"*) return 0 ;;
    esac
    # Under SELinux a file has a label besides.
    if [ -L "$1" ] || ! [ -d "${1%/*}" ] || [ -e /sys/fs/selinux/enforce ]; then return 0; fi
    if [ "$2" = absent ]; then
        # It gets the owner of its folder, who is ourselves.
        if [ -e "$1" ] || ! [ -O "${1%/*}" ] || ! [ -G "${1%/*}" ]; then return 0; fi
    elif ! [ -f "$1" ] || [ -e "$HACTL_BACKUP/${1##*/}" ]; then
        return 0
    fi
    hactl_owner=$5
    if [ -O "$1" ] && [ -G "$1" ]; then hactl_owner=-; fi
    hactl_draft_of "$1"
    # The shell itself makes the file, and only where there is none.
    set -C
    { printf '' > "$hactl_temporary"; } 2> /dev/null || hactl_temporary=
    set +C
    [ -n "$hactl_temporary" ] || return 0
    hactl_line="$2 $3 $4 $hactl_owner $1"
    shift 5
    if [ $# = 1 ]; then hactl_text "$1"; else base64 -d; fi > "$hactl_temporary" || {
        rm -f "$hactl_temporary"
        return 0
    }
    hactl_drafts=$hactl_drafts$hactl_line$hactl_newline
}

# Keeps what will be replaced, gives the drafts their modes and owners, checks it all and brings it to the disk.
hactl_prepare_all() {
    [ -d "$HACTL_BACKUP" ] || mkdir -p "$HACTL_BACKUP" || return 1
    set --
    for hactl_line in $hactl_drafts; do
        [ "${hactl_line%% *}" = absent ] || set -- "$@" "${hactl_line##* }"
    done
    [ $# = 0 ] || cp -p "$@" "$HACTL_BACKUP/" || return 1
    hactl_give_attributes && hactl_compare_attributes && hactl_compare_digests
}

# One chmod, and one chown where it is needed, for all drafts with the same mode and owner.
hactl_give_attributes() {
    hactl_done=$hactl_newline
    for hactl_line in $hactl_drafts; do
        hactl_rest=${hactl_line#* * }
        hactl_rest=${hactl_rest% *}
        case $hactl_done in
        *"$hactl_newline$hactl_rest$hactl_newline"*) continue ;;
        esac
        hactl_done=$hactl_done$hactl_rest$hactl_newline
        set --
        for hactl_other in $hactl_drafts; do
            case $hactl_other in
            *" $hactl_rest "*)
                hactl_draft_of "${hactl_other##* }"
                set -- "$@" "$hactl_temporary"
                ;;
            esac
        done
        # The owner comes first: a change of owner takes the set-user-ID bits away.
        case $hactl_rest in
        *' -') ;;
        *) chown "${hactl_rest#* }" "$@" || return 1 ;;
        esac
        chmod "${hactl_rest%% *}" "$@" || return 1
    done
}

# Has each draft all that ls tells of mode, owner and access list of the file that it will replace? Lists those that have.
hactl_compare_attributes() {
    set --
    for hactl_line in $hactl_drafts; do
        hactl_draft_of "${hactl_line##* }"
        [ "${hactl_line%% *}" = absent ] || set -- "$@" "${hactl_line##* }" "$hactl_temporary"
    done
    [ $# = 0 ] || hactl_listed=$(ls -ldn "$@") || return 1
    for hactl_line in $hactl_drafts; do
        hactl_ids=-
        if [ "${hactl_line%% *}" != absent ]; then
            hactl_draft_of "${hactl_line##* }"
            hactl_read_listed "${hactl_line##* }"
            hactl_seen=$hactl_attributes
            hactl_read_listed "$hactl_temporary"
            [ "$hactl_seen" = "$hactl_attributes" ] || return 1
        fi
        hactl_ready="$hactl_ready$hactl_line $hactl_ids$hactl_newline"
    done
}

# Sets hactl_attributes to the mode as ls writes it, a + for an access list behind it, and hactl_ids; and hactl_ids.
hactl_read_listed() { # PATH
    hactl_attributes=
    for hactl_one in $hactl_listed; do
        case $hactl_one in
        *" $1") hactl_attributes=$hactl_one ;;
        esac
    done
    IFS=' '
    # shellcheck disable=SC2086 # the columns
    set -- $hactl_attributes
    IFS=$hactl_newline
    hactl_ids=${3-}:${4-}
    hactl_attributes="${1-} $hactl_ids"
}

# The kept files must be what was read, and the drafts what was sent.
hactl_compare_digests() {
    set --
    hactl_wanted=
    for hactl_line in $hactl_drafts; do
        hactl_path=${hactl_line##* }
        hactl_read=${hactl_line%% *}
        if [ "$hactl_read" != absent ]; then
            set -- "$@" "$HACTL_BACKUP/${hactl_path##*/}"
            hactl_wanted="$hactl_wanted$hactl_read  $HACTL_BACKUP/${hactl_path##*/}$hactl_newline"
        fi
        hactl_digest=${hactl_line#* }
        hactl_draft_of "$hactl_path"
        set -- "$@" "$hactl_temporary"
        hactl_wanted="$hactl_wanted${hactl_digest%% *}  $hactl_temporary$hactl_newline"
    done
    [ "$(sha256sum "$@")$hactl_newline" = "$hactl_wanted" ] && sync "$@"
}

# Removes the drafts that were not put in place, and what was kept for them.
hactl_drop_drafts() {
    hactl_ready=
    hactl_rest=$hactl_drafts
    hactl_drafts=
    set --
    while [ -n "$hactl_rest" ]; do
        hactl_line=${hactl_rest%%"$hactl_newline"*}
        hactl_rest=${hactl_rest#*"$hactl_newline"}
        hactl_path=${hactl_line##* }
        hactl_draft_of "$hactl_path"
        [ -f "$hactl_temporary" ] || continue
        set -- "$@" "$hactl_temporary"
        [ "${hactl_line%% *}" = absent ] || set -- "$@" "$HACTL_BACKUP/${hactl_path##*/}"
    done
    [ $# = 0 ] || rm -f "$@"
}

# Puts the draft of PATH in place, if there is one; fails where it is not, or something has happened to PATH since.
hactl_put_draft() { # PATH READ|absent DIGEST MODE
    hactl_ids=
    set -f
    IFS=$hactl_newline
    for hactl_line in $hactl_ready; do
        case $hactl_line in
        "$2 $3 $4 "*" $1 "*) hactl_ids=${hactl_line##* } ;;
        esac
    done
    unset IFS
    set +f
    [ -n "$hactl_ids" ] || return 1
    hactl_path=$1
    if [ "$2" = absent ]; then
        hactl_draft_of "$1"
        hactl_record - absent "file:$4:*:*:$3" "$1"
    else
        hactl_kept=${1##*/}
        # shellcheck disable=SC3013 # dash, bash and busybox all know -nt and -ot
        if [ -L "$1" ] || ! [ -f "$1" ] || [ "$1" -nt "$HACTL_BACKUP/$hactl_kept" ] ||
            [ "$1" -ot "$HACTL_BACKUP/$hactl_kept" ]; then
            hactl_draft_of "$1"
            rm -f "$hactl_temporary" "$HACTL_BACKUP/$hactl_kept"
            hactl_temporary=
            return 1
        fi
        hactl_draft_of "$1"
        hactl_record "$hactl_kept" "file:$4:$hactl_ids:$2" "file:$4:$hactl_ids:$3" "$1"
    fi
    hactl_put_in_place "$2"
}
