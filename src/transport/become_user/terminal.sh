# Runs the command $1 with a terminal of its own, which nothing but a password goes through. The command finds the input
# at 3, the output at 4 and the error at 5, byte for byte, and writes its exit status to 9. The lines of the input up to the
# first empty one are typed at the terminal; that one and all others are the command's.
if ! command -v script > /dev/null 2>&1; then
    echo 'a terminal is needed, and the host has no program named script that could make one' >&2
    exit 127
fi
hactl_folder=$(mktemp -d) && mkfifo "$hactl_folder/keys" "$hactl_folder/input" "$hactl_folder/status" || exit 1
# A pipe that is opened both ways waits for nobody, and does not end.
exec 6<> "$hactl_folder/keys" 8<> "$hactl_folder/input" 9<> "$hactl_folder/status"
# shellcheck disable=SC2094 # the other end of the same pipe
exec 3< "$hactl_folder/input" 7> "$hactl_folder/input"
rm -rf "$hactl_folder"
# A background command has no input but /dev/null.
exec 4>&1 5>&2 8<&0
{
    exec > /dev/null 2>&1 3<&- 4>&- 5>&- 9>&-
    while IFS= read -r hactl_line <&8; do
        if [ -z "$hactl_line" ]; then
            printf '\n' >&7
            exec cat <&8 >&7
        fi
        printf '%s\n' "$hactl_line" >&6
    done
    # Nobody will answer any more: a ^C ends what still asks.
    printf '\003' >&6
} &
hactl_typist=$!
exec 7>&- 8<&-
# It runs the command by the user's shell, which need not be one that understands it.
SHELL=/bin/sh script -q -c "$1" /dev/null <&6 >&5 2>&5
# Where the command was ended from outside, nothing else is there to be read.
echo 255 >&9
read -r hactl_status <&9
kill "$hactl_typist" 2> /dev/null
exit "$hactl_status"
