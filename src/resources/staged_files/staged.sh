# Functions for files that go live together, and for the program that reads them. In a probe they need those of look.sh,
# in a mend those of mend.sh. hactl_serves says which program it is.
# shellcheck disable=SC2154,SC2034 # those also set hactl_path, hactl_folder, hactl_mode, hactl_kept and hactl_newline
# shellcheck disable=SC2030,SC2031 # another main file is tested in a subshell, and only there
# shellcheck disable=SC2016 # the commands are evaluated when their variables are known

# Sets what all the others go by. TEST, START and RELOAD are shell text with $hactl_main, $hactl_pid_file and $hactl_pid.
hactl_serves() { # NAME PROGRAM FOLDER MAIN PID_FILE UNIT|- TEST START RELOAD prints|- HINTS
    hactl_name=$1
    hactl_program=$2
    hactl_configured=$3
    hactl_main=$3/$4
    hactl_main_name=$4
    hactl_pid_file=$5
    hactl_unit=$6
    hactl_test=$7
    hactl_start=$8
    hactl_reload=$9
    shift 9
    hactl_prints=$1
    hactl_hints=$2
    # A login without a terminal may not have them.
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
}

# Sets hactl_pid and hactl_started to those of the program that runs; fails when none does.
hactl_process() {
    hactl_pid=
    hactl_started=
    [ -r "$hactl_pid_file" ] || return 1
    read -r hactl_number < "$hactl_pid_file" || :
    case $hactl_number in
    '' | *[!0-9]*) return 1 ;;
    esac
    { read -r hactl_line < "/proc/$hactl_number/stat"; } 2> /dev/null || return 1
    # Another program may have got the number since.
    hactl_text=${hactl_line#*'('}
    [ "${hactl_text%%')'*}" = "$hactl_program" ] || return 1
    hactl_line=${hactl_line##*') '}
    [ "${hactl_line%% *}" != Z ] || return 1
    # shellcheck disable=SC2086 # numbers with blanks between them
    set -- $hactl_line
    shift 19
    hactl_started=$1
    hactl_pid=$hactl_number
}

# Sets hactl_children to the processes that the program has for its work.
hactl_children() {
    hactl_children=' '
    for hactl_one in /proc/[0-9]*/stat; do
        { read -r hactl_line < "$hactl_one"; } 2> /dev/null || continue
        hactl_line=${hactl_line##*') '}
        hactl_line=${hactl_line#* }
        [ "${hactl_line%% *}" = "$hactl_pid" ] || continue
        hactl_one=${hactl_one%/stat}
        hactl_children="$hactl_children${hactl_one##*/} "
    done
}

# Sets hactl_digest to one of all the PATHs and what they hold, and hactl_boot to this boot of the host.
hactl_fingerprint() { # PATH...
    hactl_lines=
    for hactl_one in "$@"; do
        hactl_digest=absent
        [ ! -f "$hactl_one" ] || hactl_digest=$(sha256sum < "$hactl_one") || return 1
        hactl_lines=$hactl_lines${hactl_digest%% *}\ $hactl_one$hactl_newline
    done
    hactl_digest=$(printf '%s' "$hactl_lines" | sha256sum) || return 1
    hactl_digest=${hactl_digest%% *}
    hactl_boot=-
    if [ -r /proc/sys/kernel/random/boot_id ]; then read -r hactl_boot < /proc/sys/kernel/random/boot_id; fi
}

# --- for probes ---

# Says which program is there, which one runs, and what the one that runs has read when hactl last had to do with it.
hactl_look_service() {
    command -v sha256sum > /dev/null || hactl_cannot sha256sum-missing "there is no sha256sum on this host"
    if hactl_said=$(command -v "$hactl_program"); then
        printf 'program %s\n' "$hactl_said"
        "$hactl_program" -v 2>&1 < /dev/null | sed -n '1s/^[^0-9]*\([0-9][0-9.]*\).*/version \1/p'
    fi
    hactl_fingerprint
    printf 'boot %s\n' "$hactl_boot"
    if hactl_process; then printf 'process %s %s\n' "$hactl_pid" "$hactl_started"; fi
    if [ -r "$HACTL_STATE/loaded/$hactl_name" ]; then
        read -r hactl_line < "$HACTL_STATE/loaded/$hactl_name" && printf 'loaded %s\n' "$hactl_line"
    fi
    hactl_look_through "$hactl_configured" || :
}

# What is at PATH. A file may hold the MARK of an owner, or be just as its package has brought it.
hactl_look_staged() { # PATH MARK shown|secret
    echo staged
    hactl_look_through "$1" || return 0
    if ! [ -f "$hactl_path" ]; then
        hactl_look_other "$hactl_path"
        return
    fi
    hactl_stat "$hactl_path"
    hactl_sum=$(sha256sum < "$hactl_path") || hactl_cannot cannot-look "cannot read $hactl_path"
    hactl_text=foreign
    if grep -qF -e "$2" "$hactl_path"; then
        hactl_text=own
    elif hactl_is_packaged "$hactl_path"; then
        hactl_text=packaged
    fi
    printf 'file %s %s %s\n' "$hactl_mode" "$hactl_text" "${hactl_sum%% *}"
    if [ "$3" = shown ] && [ "$hactl_size" -lt 262144 ]; then
        sed 's/^/| /' "$hactl_path" || hactl_cannot cannot-look "cannot read $hactl_path"
        echo
    fi
}

# Is PATH a configuration file that nobody has touched since its package brought it?
hactl_is_packaged() { # PATH
    if [ -r /var/lib/dpkg/status ] && hactl_said=$(md5sum < "$1" 2> /dev/null); then
        ! grep -qxF " $1 ${hactl_said%% *}" /var/lib/dpkg/status || return 0
    fi
    if command -v rpm > /dev/null; then
        rpm -qf "$1" > /dev/null 2>&1 && ! rpm -Vf "$1" 2> /dev/null | grep -qF " $1"
    else
        return 1
    fi
}

# --- for mends ---

# Makes hactl_stage, a copy of the whole configuration beside it, in which the new files are tried.
hactl_stage() {
    hactl_temporary=
    hactl_need sha256sum
    hactl_need base64
    hactl_resolve "$hactl_configured"
    [ -d "$hactl_path" ] || hactl_fail target-missing "the folder $hactl_path is not there"
    hactl_stage=$(mktemp -d "$hactl_folder/.hactl.${hactl_path##*/}.XXXXXX") ||
        hactl_fail cannot-write "cannot write beside $hactl_path"
    hactl_real=$hactl_path
    # As it is, links too: it is as deep as the real one, so that links between them lead where they led.
    if ! cp -pPR "$hactl_real/." "$hactl_stage" || ! mkdir -m 700 "$hactl_stage/.new"; then
        hactl_unstage cannot-write "cannot copy $hactl_real"
    fi
    # The main file may be a link to elsewhere; it must be a copy, to name the copies of the others.
    if [ -f "$hactl_main" ]; then
        if ! rm -f "$hactl_stage/$hactl_main_name" || ! cp -p "$hactl_main" "$hactl_stage/$hactl_main_name"; then
            hactl_unstage cannot-write "cannot copy $hactl_main"
        fi
    fi
}

# Fails, without leaving the copy behind.
hactl_unstage() { # CODE SENTENCE
    rm -rf "$hactl_stage"
    hactl_fail "$@"
}

# Puts what is read, in base64, or the uploaded file BLOB, into the copy as number N, which will be PATH.
hactl_stage_file() { # N PATH DIGEST MODE BLOB|-
    if [ "$5" = - ]; then
        base64 -d > "$hactl_stage/.new/$1" || hactl_unstage cannot-write "cannot write beside $2"
    else
        cat "$HACTL_BLOBS/$5" > "$hactl_stage/.new/$1" ||
            hactl_unstage blob-missing "the uploaded file for $2 is not at $HACTL_BLOBS/$5"
    fi
    hactl_digest=$(sha256sum < "$hactl_stage/.new/$1") || hactl_unstage cannot-write "cannot compute a digest"
    [ "${hactl_digest%% *}" = "$3" ] || hactl_unstage content-damaged "what arrived for $2 is not what was sent"
    hactl_text=$hactl_stage/${2#"$hactl_configured/"}
    if ! mkdir -p "${hactl_text%/*}" || ! rm -f "$hactl_text" || ! cp "$hactl_stage/.new/$1" "$hactl_text" ||
        ! chmod "$4" "$hactl_text"; then
        hactl_unstage cannot-write "cannot write beside $2"
    fi
}

hactl_pattern() { # TEXT
    printf '%s\n' "$1" | sed 's/[][\\.*^$|]/\\&/g'
}

# Makes the files of the copy speak of the copy, wherever they speak of the real folder.
hactl_redirect() {
    hactl_text=$(printf '%s\n' "$hactl_stage" | sed 's/[\\&|]/\\&/g')
    for hactl_from in "$hactl_configured" "$hactl_real"; do
        hactl_from=$(hactl_pattern "$hactl_from")
        find "$hactl_stage" -name .new -prune -o -type f -print | while IFS= read -r hactl_one; do
            grep -q -e "$hactl_from/" "$hactl_one" || continue
            if ! sed -e "s|^$hactl_from/|$hactl_text/|" -e "s|\([^A-Za-z0-9._/-]\)$hactl_from/|\1$hactl_text/|g" \
                "$hactl_one" > "$hactl_stage/.new/text" || ! cat "$hactl_stage/.new/text" > "$hactl_one"; then
                exit 1
            fi
        done || hactl_unstage cannot-write "cannot write beside $hactl_configured"
        [ "$hactl_configured" != "$hactl_real" ] || break
    done
}

# Says what the program said, in the words of the real folder, and sets hactl_advice to what helps.
hactl_quote() { # FILE
    hactl_said=$(tail -n 8 "$1" 2> /dev/null | sed "s|$(hactl_pattern "${hactl_stage:-$hactl_configured}")|$hactl_real|g") || :
    printf '%s\n' "$hactl_said" >&2
    hactl_advice=
    hactl_rest=$hactl_hints$hactl_newline
    while [ -n "$hactl_rest" ] && [ -z "$hactl_advice" ]; do
        hactl_line=${hactl_rest%%"$hactl_newline"*}
        hactl_rest=${hactl_rest#*"$hactl_newline"}
        case $hactl_said in
        *"${hactl_line%%	*}"*) [ -z "$hactl_line" ] || hactl_advice=" (${hactl_line#*	})" ;;
        esac
    done
}

# The program itself judges the whole configuration, with the new files in it. PATH must be among what it has read.
hactl_stage_test() { # PATH
    hactl_redirect
    hactl_status=0
    (
        hactl_main=$hactl_stage/$hactl_main_name
        unset LC_ALL
        eval "$hactl_test"
    ) < /dev/null > "$hactl_stage/.new/said" 2> "$hactl_stage/.new/complaints" || hactl_status=$?
    if [ "$hactl_status" != 0 ]; then
        [ -s "$hactl_stage/.new/complaints" ] || hactl_status=said
        if [ "$hactl_status" = said ]; then hactl_quote "$hactl_stage/.new/said"; else hactl_quote "$hactl_stage/.new/complaints"; fi
        hactl_unstage configuration-refused "$hactl_program refuses the new configuration, and nothing was changed$hactl_advice"
    fi
    hactl_error_log=
    [ "$hactl_prints" = prints ] || return 0
    grep -qxF "# configuration file $hactl_stage/${1#"$hactl_configured/"}:" "$hactl_stage/.new/said" ||
        hactl_unstage not-included "$hactl_main does not include ${1%/*}, so $hactl_program would not read $1"
    hactl_error_log=$(sed -n 's/^[[:blank:]]*error_log[[:blank:]]\{1,\}\([^;[:blank:]]*\).*/\1/p' "$hactl_stage/.new/said" | sed -n 1p)
}

# Puts number N in place as PATH, and keeps beside it what was there.
hactl_go_live() { # N PATH READ|absent DIGEST MODE
    [ "$3" = absent ] || cp -p "$2" "$hactl_stage/.new/$1.old" || hactl_fail cannot-back-up "cannot keep $2"
    [ -d "${2%/*}" ] || hactl_directory "${2%/*}" 755 -
    hactl_write "$2" "$3" "$4" "$5" cat "$hactl_stage/.new/$1"
    : > "$hactl_stage/.new/$1.live"
}

# Puts back what was there before number N.
hactl_go_back() { # N PATH READ|absent DIGEST MODE
    [ -e "$hactl_stage/.new/$1.live" ] || return 0
    if [ "$3" = absent ]; then
        hactl_remove "$2" "file:*:$4"
    else
        hactl_write "$2" "$4" "$3" "$5" cat "$hactl_stage/.new/$1.old"
    fi
}

# What `hactl rollback` runs once the old files are back.
hactl_afterwards() {
    hactl_temporary=
    [ -d "$HACTL_BACKUP" ] || hactl_next_kept
    base64 -d > "$HACTL_BACKUP/afterwards" || hactl_fail cannot-back-up "cannot write $HACTL_BACKUP/afterwards"
}

hactl_by_systemd() {
    [ "$hactl_unit" != - ] && [ -d /run/systemd/system ] && command -v systemctl > /dev/null
}

# Where systemd has the program, only its journal knows what the program said.
hactl_gave_up() {
    ! hactl_by_systemd ||
        journalctl --unit "$hactl_unit" --lines 8 --output cat --no-pager < /dev/null >> "$hactl_log" 2>&1 || :
    return 1
}

# Runs COMMAND, or the systemd unit's VERB where systemd has the program; what is said goes to hactl_log.
hactl_order() { # VERB COMMAND
    if hactl_by_systemd && { [ "$1" = start ] || systemctl is-active --quiet "$hactl_unit"; }; then
        systemctl "$1" "$hactl_unit" < /dev/null > "$hactl_log" 2>&1 || hactl_gave_up || return 1
        return
    fi
    (
        trap - HUP PIPE INT TERM
        unset LC_ALL
        eval "$2"
    ) < /dev/null > "$hactl_log" 2>&1
}

# Are there processes that were not there before?
hactl_is_new() {
    hactl_process || return 1
    [ "$hactl_pid" = "$hactl_old" ] || return 0
    hactl_children
    for hactl_one in $hactl_children; do
        case $hactl_before in
        *" $hactl_one "*) ;;
        *) return 0 ;;
        esac
    done
    return 1
}

# Do those that were there before take no more requests?
hactl_is_over() {
    [ "$hactl_pid" = "$hactl_old" ] || hactl_before="$hactl_before $hactl_old "
    for hactl_one in $hactl_before; do
        ! hactl_listens "$hactl_one" || return 1
    done
}

# Does the process PID listen at a port?
hactl_listens() { # PID
    hactl_text=$(ls -l "/proc/$1/fd" 2> /dev/null) || return 1
    for hactl_table in "/proc/$1/net/tcp" "/proc/$1/net/tcp6"; do
        [ -r "$hactl_table" ] || continue
        while read -r _ _ _ hactl_line _ _ _ _ _ hactl_number _; do
            [ "$hactl_line" = 0A ] || continue
            case $hactl_text in
            *"socket:[$hactl_number]"*) return 0 ;;
            esac
        done < "$hactl_table"
    done
    return 1
}

hactl_pause() {
    sleep 0.1 2> /dev/null || sleep 1
}

# Starts the program, or makes it read its files anew; fails when it does not, with what it said in hactl_log.
hactl_serve() {
    hactl_tries=0
    if ! hactl_process; then
        hactl_order start "$hactl_start" || return 1
        until hactl_process; do
            hactl_tries=$((hactl_tries + 1))
            [ "$hactl_tries" -lt 60 ] || hactl_gave_up || return 1
            hactl_pause
        done
        return 0
    fi
    hactl_children
    hactl_before=$hactl_children
    hactl_old=$hactl_pid
    hactl_size=0
    [ ! -f "$hactl_error_log" ] || hactl_size=$(wc -c < "$hactl_error_log")
    hactl_order reload "$hactl_reload" || return 1
    # The order is taken at once, and carried out later or never. It was when there are new processes, and no old one
    # takes requests any more.
    until hactl_is_new && hactl_is_over; do
        if [ -f "$hactl_error_log" ] && tail -c "+$((hactl_size + 1))" "$hactl_error_log" | grep -F '[emerg]' > "$hactl_log"; then
            return 1
        fi
        hactl_tries=$((hactl_tries + 1))
        [ "$hactl_tries" -lt 60 ] || hactl_gave_up || return 1
        hactl_pause
    done
}

# Notes that the process that runs now has read the PATHs as they are.
hactl_loaded() { # PATH...
    hactl_process || hactl_fail service-failed "$hactl_program has ended again"
    hactl_fingerprint "$@" || hactl_fail cannot-write "cannot compute a digest"
    hactl_text=$HACTL_STATE/loaded/$hactl_name
    if ! (umask 077 && mkdir -p "$HACTL_STATE/loaded") ||
        ! printf '%s %s %s %s\n' "$hactl_digest" "$hactl_boot" "$hactl_pid" "$hactl_started" > "$hactl_text.new" ||
        ! mv -f "$hactl_text.new" "$hactl_text"; then
        hactl_fail state-folder "cannot write $hactl_text"
    fi
}

# The old files are back, by `hactl rollback`: the program must read them too. That of a package that is gone need not.
hactl_serve_again() { # PATH...
    command -v "$hactl_program" > /dev/null || return 0
    hactl_process || return 0
    hactl_temporary=
    hactl_log=$(mktemp) || hactl_fail cannot-write "cannot write a temporary file"
    hactl_temporary=$hactl_log
    hactl_stage=
    hactl_error_log=
    hactl_real=$hactl_configured
    (unset LC_ALL && eval "$hactl_test") < /dev/null > /dev/null 2> "$hactl_log" || {
        hactl_quote "$hactl_log"
        hactl_fail configuration-refused "$hactl_program refuses the old configuration; it goes on with the newer one$hactl_advice"
    }
    hactl_serve || {
        hactl_quote "$hactl_log"
        hactl_fail service-failed "$hactl_program does not read the old configuration$hactl_advice"
    }
    hactl_loaded "$@"
    rm -f "$hactl_log"
    hactl_temporary=
}
