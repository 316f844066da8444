# Functions that note which uploaded files a mend has put where, so that the look that follows need not read them whole
# once more. $HACTL_BACKUP/digests has lines
#   put PROCESS SHA256 PATH           a second name of an uploaded file, whose digest was found right when it came
#   PATH// DEVICE:INODE:SIZE WRITTEN CHANGED SHA256    the same, as it was when the mend was done with it
# shellcheck disable=SC2154 # hactl_newline comes from mend.sh, and hactl_mending from lock.sh

hactl_note_put() { # SHA256 PATH
    printf 'put %s %s %s\n' "$$" "$1" "$2" >> "$HACTL_BACKUP/digests" 2> /dev/null || :
}

# To be called when nothing more is done to them. What was written to since the mend began has nothing noted of it, nor
# has what lies where times are coarse: two writes in one second could not be told apart.
hactl_note_digests() {
    [ -f "$HACTL_BACKUP/digests" ] || return 0
    hactl_notes=
    while read -r hactl_word hactl_process hactl_digest hactl_path; do
        # shellcheck disable=SC3013 # dash, bash and busybox all know -ot
        if [ "$hactl_word $hactl_process" = "put $$" ] && [ "$hactl_path" -ot "$hactl_mending" ]; then
            hactl_line=$(stat -L -c '%n// %d:%i:%s %y %z' "$hactl_path") || continue
            case $hactl_line in
            *.000000000*) ;;
            *'// '*:*:*' '*.[0-9]*' '*.[0-9]*) hactl_notes="$hactl_notes$hactl_line $hactl_digest$hactl_newline" ;;
            esac
        fi
    done < "$HACTL_BACKUP/digests"
    printf '%s' "$hactl_notes" >> "$HACTL_BACKUP/digests" 2> /dev/null || :
}
