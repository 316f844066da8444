# Functions that unpack a product's pack. They need those of mend.sh.
# shellcheck disable=SC2154 # which also sets hactl_path, hactl_folder and hactl_temporary

# Unpacks the uploaded archive BLOB beside HOME, and puts it there by one rename. HOME must be missing or empty. What is
# in the archive's only folder becomes the content of HOME, which must hold FILE.
hactl_unpack() { # BLOB HOME FILE OWNER|- PROGRAM
    hactl_temporary=
    [ -f "$HACTL_BLOBS/$1" ] || hactl_fail blob-missing "the uploaded file for $2 is not at $HACTL_BLOBS/$1"
    # The product stays where it is in a rollback; that there was a run is seen by its backup folder.
    hactl_next_kept
    hactl_resolve "$2"
    (umask 022 && mkdir -p "$hactl_folder") || hactl_fail cannot-write "cannot make the folder $hactl_folder"
    hactl_temporary=$(mktemp -d "$hactl_folder/.hactl.${hactl_path##*/}.XXXXXX") ||
        hactl_fail cannot-write "cannot write beside $hactl_path"
    hactl_unpack_by "$5" "$1" "$hactl_temporary" >&2 || hactl_fail cannot-unpack "cannot unpack the pack for $hactl_path"
    hactl_content=$hactl_temporary
    if ! [ -f "$hactl_temporary/$3" ]; then
        # The names of several entries, with newlines between them, are the name of nothing.
        hactl_content=$hactl_temporary/$(ls -A "$hactl_temporary")
    fi
    [ -f "$hactl_content/$3" ] || hactl_fail not-the-product "the pack for $hactl_path holds no $3"
    hactl_unpacked_mode "$hactl_content" "${3%/*}"
    hactl_give "$hactl_content" "$4"
    sync -f "$hactl_content" 2> /dev/null || sync
    if [ -d "$hactl_path" ]; then
        rmdir "$hactl_path" || hactl_fail file-changed-meanwhile "$hactl_path is no longer empty; it was not touched"
    fi
    if [ -e "$hactl_path" ] || [ -L "$hactl_path" ]; then
        hactl_fail file-changed-meanwhile "$hactl_path has appeared since it was looked at; it was not touched"
    fi
    hactl_rename "$hactl_content" "$hactl_path" || hactl_fail cannot-write "cannot put $hactl_path in place"
    rm -rf "$hactl_temporary"
}

# The archive was looked through: every entry and every link of it stays inside.
hactl_unpack_by() { # PROGRAM BLOB FOLDER
    (
        trap - HUP PIPE INT TERM
        umask 022
        # By its bare name: some take a path for a pattern.
        cd "$HACTL_BLOBS" || exit 1
        # Without it, names that are not ASCII are spelled out; where the locale is not there, nothing changes.
        LC_ALL=C.UTF-8
        case $1 in
        unzip) EXTRACT_UNSAFE_SYMLINKS=1 unzip -q -o "$2" -d "$3" ;;
        busybox) EXTRACT_UNSAFE_SYMLINKS=1 busybox unzip -q -o "$2" -d "$3" ;;
        bsdtar) bsdtar -xf "$2" -C "$3" --no-same-owner ;;
        *) cd "$3" && "$1" xf "$HACTL_BLOBS/$2" ;;
        esac
    )
}

# The folder itself can be entered; its scripts can be run, also where PROGRAM or the archive knew of no modes.
hactl_unpacked_mode() { # FOLDER SCRIPTS
    chmod u+rwx,go+rx "$1" || hactl_fail cannot-write "cannot set the mode of $1"
    for hactl_one in "$1/$2"/*.sh; do
        [ ! -f "$hactl_one" ] || [ -x "$hactl_one" ] || chmod a+rx "$hactl_one" ||
            hactl_fail cannot-write "cannot set the mode of $hactl_one"
    done
}

# Gives FOLDER and all that is in it to OWNER, or to the owner of the folder that it will be in.
hactl_give() { # FOLDER OWNER|-
    if [ "$2" != - ]; then
        { hactl_user=$(id -u "$2") && hactl_owner=$hactl_user:$(id -g "$2"); } ||
            hactl_fail owner-missing "there is no user $2 on this host"
        chown -Rh "$hactl_owner" "$1" || hactl_fail cannot-write "cannot give $1 to $2"
    elif ! [ -O "$hactl_folder" ] || ! [ -G "$hactl_folder" ]; then
        { hactl_owner=$(stat -c '%u:%g' "$hactl_folder") && chown -Rh "$hactl_owner" "$1"; } 2> /dev/null || :
    fi
}
