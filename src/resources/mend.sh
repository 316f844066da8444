# Functions for mends. They run in a shell of their own under `set -e`, with
#   HACTL_BLOBS   the folder of uploaded files, each named by its digest
#   HACTL_BACKUP  this run's backup folder, made on first use
#   HACTL_SHARED_BLOBS  not empty when more than one item needs the same uploaded file
# The caller ignores HUP, INT, PIPE and TERM, so that a lost connection does not end a mend half-way; what may last long and
# can be cut takes them again.
#
# Whatever changes something keeps what was there first, checks that it still is what was looked at, and puts the new
# thing in place by one rename. A failure prints what the command said and then one line `hactl: CODE: sentence`.
#
# $HACTL_BACKUP/manifest has a line per change, in order, written before the change is made:
#   KEPT BEFORE AFTER PATH/
#   KEPT          the kept thing's name in this folder, or - when there was nothing to keep
#   BEFORE AFTER  absent | file:MODE:UID:GID:SHA256 | directory:MODE:UID:GID | link:=TEXT | link:SHA256 of a text that
#                 is no plain word; what cannot be known in advance is *
#   PATH          may hold anything but a newline; the slash behind it keeps a blank at its end
# A line that is cut off is alone on its line: every entry begins with a newline of its own.

HACTL_SHARED_BLOBS=${HACTL_SHARED_BLOBS-}

hactl_newline='
'

hactl_fail() { # CODE SENTENCE
    [ -z "${hactl_temporary-}" ] || rm -rf "$hactl_temporary"
    printf 'hactl: %s: %s\n' "$1" "$2" >&2
    exit 1
}

hactl_need() { # PROGRAM
    command -v "$1" > /dev/null 2>&1 || hactl_fail "$1-missing" "there is no $1 on this host"
}

# Sets hactl_path to what PATH leads to, so that a link stays a link.
hactl_resolve() { # PATH
    hactl_path=$1
    if [ -L "$1" ]; then
        hactl_path=$(readlink -f "$1") || hactl_fail cannot-write "cannot follow the link $1"
    fi
    hactl_folder=${hactl_path%/*}
    hactl_folder=${hactl_folder:-/}
}

# Sets hactl_temporary to a new file beside PATH, which nobody else can have put there: with `set -C` the shell opens it
# only if it makes it. A process less than mktemp, for every file; mktemp finds another name where this one is taken,
# and says what is wrong where nothing can be made.
hactl_make_temporary() { # PATH
    hactl_temporary=
    hactl_number=00000$$
    hactl_number=${hactl_number#"${hactl_number%??????}"}
    hactl_new=${1%/*}/.hactl.${1##*/}.$hactl_number
    if (set -C && umask 077 && : > "$hactl_new") 2> /dev/null; then
        hactl_temporary=$hactl_new
    else
        hactl_temporary=$(mktemp "${1%/*}/.hactl.${1##*/}.XXXXXX") || hactl_fail cannot-write "cannot write beside $1"
    fi
}

# Sets hactl_kept to a free name in the backup folder, which nobody else may enter.
hactl_next_kept() {
    [ -d "$HACTL_BACKUP" ] || (umask 077 && mkdir -p "$HACTL_BACKUP") ||
        hactl_fail cannot-back-up "cannot make the backup folder $HACTL_BACKUP"
    hactl_kept=1
    while [ -e "$HACTL_BACKUP/$hactl_kept" ] || [ -L "$HACTL_BACKUP/$hactl_kept" ]; do
        hactl_kept=$((hactl_kept + 1))
    done
}

hactl_record() { # KEPT BEFORE AFTER PATH
    [ "$1" != - ] || hactl_next_kept
    printf '\n%s %s %s %s/\n' "$1" "$2" "$3" "$4" >> "$HACTL_BACKUP/manifest" ||
        hactl_fail cannot-back-up "cannot write $HACTL_BACKUP/manifest"
}

# Sets hactl_digest to the digest of what is read.
hactl_digest() {
    hactl_digest=$(sha256sum) || hactl_fail cannot-write "cannot compute a digest"
    hactl_digest=${hactl_digest%% *}
}

# Sets hactl_state to that of a link that says TEXT.
hactl_link_state() { # TEXT
    case $1 in
    *[!A-Za-z0-9/._-]*)
        hactl_digest=$(printf '%s\n' "$1" | sha256sum) || hactl_fail cannot-write "cannot compute a digest"
        hactl_state=link:${hactl_digest%% *}
        ;;
    *) hactl_state=link:=$1 ;;
    esac
}

# Sets hactl_state to what is at PATH itself, as the manifest writes it.
hactl_state() { # PATH
    if [ -L "$1" ]; then
        hactl_text=$(readlink "$1") || hactl_fail cannot-write "cannot read the link $1"
        hactl_link_state "$hactl_text"
    elif [ -f "$1" ]; then
        { hactl_state=$(stat -c '%a:%u:%g' "$1") && hactl_digest=$(sha256sum < "$1"); } ||
            hactl_fail cannot-write "cannot read $1"
        hactl_state=file:$hactl_state:${hactl_digest%% *}
    elif [ -d "$1" ]; then
        hactl_state=directory:$(stat -c '%a:%u:%g' "$1") || hactl_fail cannot-write "cannot look at $1"
    elif [ -e "$1" ]; then
        hactl_state=other
    else
        hactl_state=absent
    fi
}

# Gives a new thing the owner of the folder that it is in, as far as this user may.
hactl_inherit_owner() { # FOLDER PATH
    if ! [ -O "$1" ] || ! [ -G "$1" ]; then
        { hactl_owner=$(stat -c '%u:%g' "$1") && chown -h "$hactl_owner" "$2"; } 2> /dev/null || :
    fi
}

# Writes TEXT, or what is read, in base64, to the file PATH, which must still have the digest READ, or still be absent.
# MODE and OWNER are those that it was seen with. What drafts.sh has prepared need only be put in place.
hactl_put() { # PATH READ|absent DIGEST MODE OWNER [TEXT]
    if [ -n "$hactl_gathers" ]; then
        hactl_draft "$@"
        return
    fi
    if hactl_put_draft "$1" "$2" "$3" "$4"; then return; fi
    if [ $# = 6 ]; then
        hactl_write "$1" "$2" "$3" "$4" hactl_text "$6"
    else
        hactl_need base64
        hactl_write "$1" "$2" "$3" "$4" base64 -d
    fi
}

# Prints TEXT. It may be a secret: where printf is not the shell's own, it must not be among the words of a program,
# which anybody can see.
hactl_text() { # TEXT
    hactl_search=$PATH
    # shellcheck disable=SC2123 # outside of which there is only what is the shell's own
    PATH=/nowhere
    if printf '' 2> /dev/null; then
        PATH=$hactl_search
        printf '%s' "$1"
    else
        PATH=$hactl_search
        head -c "${#1}" << END
$1
END
    fi
}

# The same with what COMMAND prints.
hactl_write() { # PATH READ|absent DIGEST MODE COMMAND...
    hactl_temporary=
    hactl_need sha256sum
    hactl_resolve "$1"
    hactl_next_kept
    hactl_read=$2
    hactl_wanted=$3
    hactl_mode=$4
    shift 4
    if [ "$hactl_read" = absent ]; then
        hactl_write_new "$@"
    else
        hactl_write_over "$@"
    fi
}

# The shell's own printf does not tell why it cannot write: another write does.
hactl_unwritten() {
    head -c 65536 /dev/zero | cat >> "$hactl_temporary" || :
    hactl_fail cannot-write "cannot write $hactl_path"
}

# What arrived is not what was sent. Some base64 do not notice a full disk: another write tells.
hactl_damaged() {
    head -c 65536 /dev/zero | cat >> "$hactl_temporary" || hactl_fail cannot-write "cannot write $hactl_path"
    hactl_fail content-damaged "what arrived for $hactl_path is not what was sent"
}

hactl_write_new() { # COMMAND...
    [ -d "$hactl_folder" ] || hactl_fail target-missing "the folder $hactl_folder is not there"
    hactl_make_temporary "$hactl_path"
    "$@" > "$hactl_temporary" || hactl_unwritten
    chmod "$hactl_mode" "$hactl_temporary" || hactl_fail cannot-write "cannot set the mode of $hactl_path"
    hactl_inherit_owner "$hactl_folder" "$hactl_temporary"
    # shellcheck disable=SC3013 # dash, bash and busybox all know -ef
    if [ "$1" != hactl_second_name ] || ! [ "$hactl_temporary" -ef "$2" ]; then
        hactl_digest < "$hactl_temporary"
        [ "$hactl_digest" = "$hactl_wanted" ] || hactl_damaged
        sync "$hactl_temporary" || hactl_fail cannot-write "cannot write $hactl_path to the disk"
    fi
    hactl_record - absent "file:$hactl_mode:*:*:$hactl_wanted" "$hactl_path"
    hactl_put_in_place absent
}

# Renames the temporary file, which is written and recorded, to hactl_path.
hactl_put_in_place() { # READ|absent
    if [ "$1" = absent ] && { [ -e "$hactl_path" ] || [ -L "$hactl_path" ]; }; then
        hactl_fail file-changed-meanwhile "$hactl_path has appeared since it was looked at; it was not touched"
    fi
    mv -f "$hactl_temporary" "$hactl_path" || hactl_fail cannot-write "cannot put $hactl_path in place"
}

hactl_write_over() { # COMMAND...
    [ -f "$hactl_path" ] ||
        hactl_fail file-changed-meanwhile "$hactl_path is no longer the file that was looked at; it was not touched"
    hactl_make_temporary "$hactl_path"
    # A copy has the mode, the owner and the access list of the file; then its content is replaced.
    cp -p "$hactl_path" "$hactl_temporary" || hactl_fail cannot-write "cannot write $hactl_path"
    if [ -e /sys/fs/selinux/enforce ]; then
        chcon --reference="$hactl_path" "$hactl_temporary" ||
            hactl_fail cannot-write "cannot keep the SELinux context of $hactl_path"
    fi
    "$@" > "$hactl_temporary" || hactl_unwritten
    hactl_seen=$(stat -c '%a:%u:%g %i %s %y %z' "$hactl_path" "$hactl_temporary") ||
        hactl_fail cannot-write "cannot look at $hactl_path"
    hactl_written=${hactl_seen#*"$hactl_newline"}
    hactl_written=${hactl_written%% *}
    hactl_seen=${hactl_seen%%"$hactl_newline"*}
    [ "$hactl_written" = "${hactl_seen%% *}" ] ||
        hactl_fail owned-by-another "the mode or owner of $hactl_path (${hactl_seen%% *}) cannot be kept"
    cp -p "$hactl_path" "$HACTL_BACKUP/$hactl_kept" || {
        rm -f "$HACTL_BACKUP/$hactl_kept"
        hactl_fail cannot-back-up "cannot keep $hactl_path as $HACTL_BACKUP/$hactl_kept"
    }
    hactl_sums=$(sha256sum "$HACTL_BACKUP/$hactl_kept" "$hactl_temporary") ||
        hactl_fail cannot-write "cannot compute a digest"
    # A name with a backslash in it makes sha256sum put one in front of the line.
    hactl_digest=${hactl_sums##*"$hactl_newline"}
    hactl_digest=${hactl_digest#\\}
    hactl_sums=${hactl_sums#\\}
    if [ "${hactl_sums%% *}" != "$hactl_read" ]; then
        rm -f "$HACTL_BACKUP/$hactl_kept"
        hactl_fail file-changed-meanwhile "$hactl_path was edited since it was looked at; it was not touched"
    fi
    [ "${hactl_digest%% *}" = "$hactl_wanted" ] || hactl_damaged
    sync "$hactl_temporary" "$HACTL_BACKUP/$hactl_kept" || hactl_fail cannot-write "cannot write $hactl_path to the disk"
    hactl_record "$hactl_kept" "file:$hactl_written:$hactl_read" "file:$hactl_written:$hactl_wanted" "$hactl_path"
    # The kept copy has the file's own time, so the shell itself sees an edit since then. Where a copy's time is coarse,
    # one more process tells.
    # shellcheck disable=SC3013 # dash, bash and busybox all know -nt and -ot
    if { [ "$hactl_path" -nt "$HACTL_BACKUP/$hactl_kept" ] || [ "$hactl_path" -ot "$HACTL_BACKUP/$hactl_kept" ]; } &&
        [ "$(stat -c '%a:%u:%g %i %s %y %z' "$hactl_path")" != "$hactl_seen" ]; then
        hactl_fail file-changed-meanwhile "$hactl_path was edited since it was looked at; it was not touched"
    fi
    hactl_put_in_place "$hactl_read"
}

# Writes the uploaded file BLOB to PATH.
hactl_install() { # BLOB PATH MODE READ|absent
    [ -f "$HACTL_BLOBS/$1" ] || hactl_fail blob-missing "the uploaded file for $2 is not at $HACTL_BLOBS/$1"
    # A new file becomes a second name of the blob, whose digest was found right when it came: nothing is copied, and
    # nothing is read again. Not where two files would become one: when another item needs the blob too; and not under
    # SELinux, where the label of the blob would come with it.
    if [ "$4$HACTL_SHARED_BLOBS" = absent ] && ! [ -e /sys/fs/selinux/enforce ]; then
        hactl_temporary=
        hactl_resolve "$2"
        # The system never gives a name that is taken. Otherwise, and where ln does not know -T, the long way tells more.
        if [ -d "$hactl_folder" ] && [ -O "$hactl_folder" ] && [ -G "$hactl_folder" ] && ! [ -e "$hactl_path" ] &&
            [ -O "$HACTL_BLOBS/$1" ] && [ -G "$HACTL_BLOBS/$1" ] && chmod "$3" "$HACTL_BLOBS/$1"; then
            hactl_record - absent "file:$3:*:*:$1" "$hactl_path"
            if ln -T "$HACTL_BLOBS/$1" "$hactl_path" 2> /dev/null; then
                hactl_note_put "$1" "$hactl_path"
                return
            fi
        fi
        hactl_next_kept
        hactl_wanted=$1
        hactl_mode=$3
        hactl_write_new hactl_second_name "$HACTL_BLOBS/$1"
    else
        hactl_write "$2" "$4" "$1" "$3" cat "$HACTL_BLOBS/$1"
    fi
}

# Makes the temporary file a second name of BLOB; where that cannot be, a copy.
hactl_second_name() { # BLOB
    ln -f "$1" "$hactl_temporary" 2> /dev/null || cat "$1"
}

# Makes the folder PATH, and those above it that are missing. OWNER - is the owner of the folder above.
hactl_directory() { # PATH MODE OWNER|-
    hactl_temporary=
    [ ! -d "$1" ] || return 0
    if [ -e "$1" ] || [ -L "$1" ]; then
        hactl_fail in-the-way "$1 is there and is not a folder"
    fi
    hactl_folder=${1%/*}
    if [ -n "$hactl_folder" ] && ! [ -d "$hactl_folder" ]; then
        hactl_directory "$hactl_folder" 755 -
    fi
    hactl_record - absent "directory:*" "$1"
    # The zeros keep a folder from inheriting more than was asked for.
    mkdir -m "00$2" "$1" || hactl_fail cannot-write "cannot make the folder $1"
    hactl_folder=${1%/*}
    hactl_inherit_owner "${hactl_folder:-/}" "$1"
    if [ "$3" != - ]; then
        chown "$3" "$1" || hactl_fail cannot-write "cannot give $1 to $3"
    fi
}

# Sets the mode and the owner of a file or folder. OWNER is a user's name, or UID:GID.
hactl_attributes() { # PATH MODE|- OWNER|-
    hactl_temporary=
    hactl_resolve "$1"
    [ ! -f "$hactl_path" ] || hactl_need sha256sum
    hactl_state "$hactl_path"
    hactl_before=$hactl_state
    case $hactl_before in
    absent | other | link:*) hactl_fail file-changed-meanwhile "$hactl_path is no longer what was looked at" ;;
    esac
    hactl_kind=${hactl_before%%:*}
    hactl_rest=${hactl_before#*:}
    hactl_mode=${hactl_rest%%:*}
    hactl_rest=${hactl_rest#*:}
    hactl_user=${hactl_rest%%:*}
    hactl_rest=${hactl_rest#*:}
    [ "$2" = - ] || hactl_mode=$2
    case $3 in
    -) ;;
    *:*)
        hactl_user=${3%%:*}
        case $hactl_rest in
        *:*) hactl_rest=${3#*:}:${hactl_rest#*:} ;;
        *) hactl_rest=${3#*:} ;;
        esac
        ;;
    *) hactl_user=$(id -u "$3") || hactl_fail owner-missing "there is no user $3 on this host" ;;
    esac
    hactl_record - "$hactl_before" "$hactl_kind:$hactl_mode:$hactl_user:$hactl_rest" "$hactl_path"
    # The owner comes first: a change of owner takes the set-user-ID bits away.
    if [ "$3" != - ]; then
        chown "$3" "$hactl_path" || hactl_fail cannot-write "cannot give $hactl_path to $3"
    fi
    # The zeros take the set-group-ID bit of a folder away too when it is not wanted.
    chmod "00$hactl_mode" "$hactl_path" || hactl_fail cannot-write "cannot set the mode of $hactl_path"
}

# Removes the file or link PATH, which must still be what STATE says, or the folder PATH, which must be empty.
hactl_remove() { # PATH STATE
    hactl_temporary=
    hactl_state "$1"
    # shellcheck disable=SC2254 # the state may hold a *
    case $hactl_state in
    $2) ;;
    *) hactl_fail file-changed-meanwhile "$1 is no longer what was looked at; it was not touched" ;;
    esac
    case $hactl_state in
    directory:*)
        hactl_record - "$hactl_state" absent "$1"
        rmdir "$1" || hactl_fail in-the-way "$1 holds something that was put there since"
        ;;
    *)
        hactl_next_kept
        cp -pP "$1" "$HACTL_BACKUP/$hactl_kept" || hactl_fail cannot-back-up "cannot keep $1"
        hactl_record "$hactl_kept" "$hactl_state" absent "$1"
        rm -f "$1" || hactl_fail cannot-write "cannot remove $1"
        ;;
    esac
}

# Removes what a run that died has left; what it was made from is in that run's backup.
hactl_remove_leftover() { # PATH
    case ${1##*/} in
    .hactl.*.??????) rm -rf "$1" || hactl_fail cannot-write "cannot remove $1" ;;
    *) hactl_fail in-the-way "$1 is not a temporary file of hactl's" ;;
    esac
}

# Runs COMMAND as if hactl were not there. Its output goes to a file: a daemon that it starts would hold the connection
# open otherwise.
hactl_run() { # COMMAND
    hactl_temporary=
    hactl_next_kept
    hactl_log=$HACTL_BACKUP/$hactl_kept
    hactl_status=0
    (
        trap - HUP PIPE INT TERM
        unset LC_ALL
        exec sh -c "$1"
    ) < /dev/null > "$hactl_log" 2>&1 || hactl_status=$?
    if [ "$hactl_status" != 0 ]; then
        tail -n 20 "$hactl_log" >&2
        hactl_fail command-failed "\`$1\` ended with status $hactl_status; what it said is in $hactl_log"
    fi
}
