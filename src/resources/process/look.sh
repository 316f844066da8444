# Functions for a look at the product's process. What they print: lines `KEY TEXT`.
# shellcheck disable=SC2154,SC2012 # hactl_newline and others come from look.sh and shared.sh; the names are numbers

# Is there a product at all? Without it there is nothing else to look at.
hactl_look_home() { # HOME
    [ -d "$1" ] || {
        echo 'home missing'
        exit 0
    }
    echo 'home there'
}

# What the product would be started with now: `wanted SHA256`, and the newest change of a file of that: `changed EPOCH FILE`.
hactl_look_wanted() { # HOME WORDS NOTE PATTERN...
    hactl_fingerprint "$@"
    [ -n "$hactl_fingerprint" ] || hactl_cannot cannot-look "cannot read what the product at $1 reads when it starts"
    printf 'wanted %s\n' "$hactl_fingerprint"
}

# Does systemd start the unit with the machine?
hactl_look_unit() { # UNIT
    command -v systemctl > /dev/null || hactl_cannot systemctl-missing 'there is no systemctl on this host'
    printf 'enabled %s\n' "$(systemctl is-enabled "$1" 2> /dev/null)"
}

# The processes: `process PID STARTED SECONDS USER`, and of the first one `since EPOCH`, `fingerprint TEXT`.
hactl_look_processes() { # HOME MAIN
    hactl_find_processes "$1" "$2"
    # What a process that starts now has as its start time. A container may lie about the machine's.
    hactl_line=$(cat /proc/self/stat) || hactl_cannot cannot-look 'cannot read /proc/self/stat'
    hactl_line=${hactl_line##*) }
    # The time that the kernel gave to what it has just made: not every date knows the parts of a second.
    hactl_now=$(stat -c '%Y %y' /proc/self/stat) || hactl_cannot cannot-look 'cannot read the time of /proc/self/stat'
    hactl_parts=${hactl_now#*.}
    hactl_parts=${hactl_parts%% *}
    hactl_now=${hactl_now%% *}
    # Where stat does not know them either, whole seconds have to do.
    case $hactl_parts in *[!0-9]* | '' | 000000000) hactl_parts= ;; esac
    # shellcheck disable=SC2086 # the numbers are to be split
    hactl_ticks=$(set -- $hactl_line && shift 19 && echo "$1")
    hactl_pid=
    hactl_since=
    hactl_since_exact=
    for hactl_one in $hactl_pids; do
        hactl_stat_process "$hactl_one" || continue
        hactl_seconds=$(((hactl_ticks - hactl_started) / 100))
        hactl_user=$(stat -c %u "/proc/$hactl_one" 2> /dev/null) || continue
        printf 'process %s %s %s %s\n' "$hactl_one" "$hactl_started" "$hactl_seconds" "$hactl_user"
        if [ -z "$hactl_pid" ]; then
            hactl_pid=$hactl_one
            hactl_since=$((hactl_now - hactl_seconds))
            printf 'since %s\n' "$hactl_since"
            # In thousandths. The 1 before the parts keeps their leading zeros from meaning octal numbers.
            if [ -n "$hactl_parts" ]; then
                hactl_since_exact=$((hactl_now * 1000 + 1${hactl_parts%??????} - 1000 - (hactl_ticks - hactl_started) * 10))
            fi
            if hactl_environment "$hactl_one" HACTL_FINGERPRINT; then printf 'fingerprint %s\n' "$hactl_value"; fi
        fi
    done
}

# The process that the pid file names: `pid-file own|foreign|zombie|gone PID NAME`; nothing where there is no file.
hactl_look_pid_file() { # FILE
    [ -f "$1" ] || return 0
    hactl_named=$(tr -dc 0-9 < "$1" 2> /dev/null) || return 0
    [ -n "$hactl_named" ] || return 0
    case " $hactl_pids " in
    *" $hactl_named "*) printf 'pid-file own %s\n' "$hactl_named" ;;
    *)
        hactl_name=
        { read -r hactl_name < "/proc/$hactl_named/comm"; } 2> /dev/null || :
        if ! hactl_stat_process "$hactl_named"; then
            printf 'pid-file gone %s\n' "$hactl_named"
        elif [ "$hactl_state" = Z ]; then
            printf 'pid-file zombie %s %s\n' "$hactl_named" "$hactl_name"
        else
            printf 'pid-file foreign %s %s\n' "$hactl_named" "$hactl_name"
        fi
        ;;
    esac
}

# Sets hactl_offset to OFFSET or, where that is a dash, to what the configuration file shifts the ports by.
hactl_look_offset() { # OFFSET|- CONFIGURATION DEFAULT
    hactl_offset=$1
    if [ "$1" = - ]; then
        hactl_offset=$(sed -n '/^[[:space:]]*\[server\]/,/^[[:space:]]*\[/s/^[[:space:]]*offset[[:space:]]*=[[:space:]]*"\{0,1\}\([0-9]\{1,5\}\)"\{0,1\}[[:space:]]*\(#.*\)\{0,1\}$/\1/p' "$2" 2> /dev/null) || :
    fi
    hactl_offset=${hactl_offset:-$3}
}

# Who listens at the PORTs, shifted by hactl_offset: `port PORT own|free`, or `port PORT held PID NAME` with dashes for what is not to be seen.
# All ports of the process itself: `listens PORT`.
hactl_look_ports() { # PORT...
    hactl_inodes=
    hactl_user=
    hactl_net=/proc/net
    if [ -n "$hactl_pid" ]; then
        hactl_net=/proc/$hactl_pid/net
        hactl_inodes=$(ls -l "/proc/$hactl_pid/fd" 2> /dev/null | sed -n 's/.* socket:\[\([0-9]*\)\]$/\1/p')
        # Only root and the process's own user see its sockets; for others, its user has to do.
        if [ -z "$hactl_inodes" ]; then hactl_user=$(stat -c %u "/proc/$hactl_pid" 2> /dev/null) || :; fi
    fi
    hactl_inodes=$hactl_newline$hactl_inodes$hactl_newline
    hactl_listeners=$(
        # The fields: number, address:port, peer, state, queues, timer, retransmissions, user, timeout, inode.
        cat "$hactl_net/tcp" "$hactl_net/tcp6" 2> /dev/null |
            sed -n 's/^ *[0-9]*: [0-9A-F]*:\([0-9A-F]*\) [0-9A-F]*:0000 0A [^ ]* [^ ]* [^ ]*  *\([0-9]*\)  *[0-9]* \([0-9]*\) .*/\1 \2 \3/p'
    )
    hactl_held=' '
    while read -r hactl_hex hactl_uid hactl_inode; do
        [ -n "$hactl_hex" ] || continue
        hactl_port=$((0x$hactl_hex))
        case $hactl_inodes in
        *"$hactl_newline$hactl_inode$hactl_newline"*) hactl_own=1 ;;
        *) if [ -n "$hactl_user" ] && [ "$hactl_user" = "$hactl_uid" ]; then hactl_own=1; else hactl_own=; fi ;;
        esac
        case $hactl_held in *" $hactl_port="*) continue ;; esac
        hactl_held="$hactl_held$hactl_port=${hactl_own:-$hactl_inode/$hactl_uid} "
        if [ -n "$hactl_own" ]; then printf 'listens %s\n' "$hactl_port"; fi
    done << EOF
$hactl_listeners
EOF
    hactl_serves=$hactl_pid
    for hactl_port in "$@"; do
        hactl_port=$((hactl_port + hactl_offset))
        case $hactl_held in
        *" $hactl_port=1 "*) ;;
        *) hactl_serves= ;;
        esac
        case $hactl_held in
        *" $hactl_port=1 "*) printf 'port %s own\n' "$hactl_port" ;;
        *" $hactl_port="*)
            hactl_inode=${hactl_held#*" $hactl_port="}
            hactl_look_holder "$hactl_port" "${hactl_inode%%/*}"
            ;;
        *) printf 'port %s free\n' "$hactl_port" ;;
        esac
    done
}

hactl_look_holder() { # PORT INODE
    hactl_holder=$(ls -l /proc/[0-9]*/fd 2> /dev/null |
        sed -n -e '/^\/proc\/[0-9]*\/fd:$/h' -e "/socket:\\[$2\\]\$/{g;s/[^0-9]*\\([0-9]*\\).*/\\1/p;q;}")
    hactl_name=
    # The process may have opened it since its files were listed.
    if [ -n "$hactl_pid" ] && [ "$hactl_holder" = "$hactl_pid" ]; then
        printf 'listens %s\nport %s own\n' "$1" "$1"
        return 0
    fi
    if [ -n "$hactl_holder" ]; then
        { read -r hactl_name < "/proc/$hactl_holder/comm"; } 2> /dev/null || :
    fi
    printf 'port %s held %s %s\n' "$1" "${hactl_holder:--}" "${hactl_name:--}"
}

# How the product answers: `answer STATUS`, `says TEXT` with the beginning of what it says, `contains` when that holds
# CONTAINS; or `untried`. Only asked where the ports are the product's own. Its certificate is nobody's business here.
hactl_look_answer() { # METHOD PATH HTTPS HTTP CONTAINS HEADER...
    [ -n "$hactl_serves" ] || return 0
    hactl_method=$1 hactl_path=$2 hactl_contains=$5
    hactl_https=$(($3 + hactl_offset))
    hactl_http=$(($4 + hactl_offset))
    shift 5
    hactl_break=$(printf '\r')
    hactl_head=
    if command -v curl > /dev/null; then
        hactl_rest=$#
        while [ "$hactl_rest" -gt 0 ]; do
            set -- "$@" -H "$1"
            shift
            hactl_rest=$((hactl_rest - 1))
        done
        hactl_said=$(curl -q -s -k -i -m 5 --noproxy '*' -X "$hactl_method" "$@" "https://127.0.0.1:$hactl_https$hactl_path" 2> /dev/null | tr -d '\000') || :
    elif command -v bash > /dev/null && command -v timeout > /dev/null; then
        for hactl_one in "$@"; do hactl_head=$hactl_head$hactl_one$hactl_break$hactl_newline; done
        # shellcheck disable=SC2016 # for the shell inside
        hactl_said=$(printf '%s %s HTTP/1.0\r\nHost: localhost\r\n%s\r\n' "$hactl_method" "$hactl_path" "$hactl_head" |
            timeout 5 bash -c 'exec 3<> "/dev/tcp/127.0.0.1/$1" && cat >&3 && cat <&3' bash "$hactl_http" 2> /dev/null | tr -d '\000') || :
    else
        echo 'untried'
        return 0
    fi
    hactl_first=${hactl_said%%"$hactl_newline"*}
    hactl_first=${hactl_first#HTTP/* }
    printf 'answer %s\n' "${hactl_first%%[!0-9]*}"
    hactl_said=${hactl_said#*"$hactl_break$hactl_newline$hactl_break$hactl_newline"}
    case $hactl_said in *"$hactl_contains"*) echo contains ;; esac
    printf 'says %s\n' "$(printf '%s' "$hactl_said" | head -c 120 | tr '\n\r' '  ')"
}

# The lines of the log since the process's own start that hold one of the texts: `log KIND LINE`. Where there is no
# process: since the last start. Where a start has failed, or none of it is left, also the last lines: `tail LINE`.
# HACTL_TEXTS holds lines `KIND TEXT`.
hactl_look_log() { # LOG ROTATED
    hactl_files=$1
    hactl_from='' hactl_sure='' hactl_exact=''
    if [ -n "$hactl_since" ]; then
        # The clock of the lines is that of the process.
        if hactl_environment "$hactl_pid" TZ; then export TZ="$hactl_value"; fi
        # Both the time and the age were cut to whole seconds: it may have begun a second earlier or later.
        hactl_begun=$((hactl_since - 1))
        { hactl_from=$(date -d "@$hactl_begun" '+%Y-%m-%d %H:%M:%S') &&
            hactl_sure=$(date -d "@$((hactl_since + 1))" '+%Y-%m-%d %H:%M:%S'); } ||
            hactl_cannot cannot-look 'cannot convert a time'
        if [ -n "$hactl_since_exact" ]; then
            hactl_exact=$(date -d "@${hactl_since_exact%???}" "+%Y-%m-%d %H:%M:%S,${hactl_since_exact#"${hactl_since_exact%???}"}") ||
                hactl_cannot cannot-look 'cannot convert a time'
        fi
        # shellcheck disable=SC2086 # the pattern is to be spread out
        hactl_files=$( (IFS= && stat -c '%Y %n' $2) 2> /dev/null | sort -n |
            while read -r hactl_time hactl_one; do [ "$hactl_time" -lt "$hactl_begun" ] || printf '%s\n' "$hactl_one"; done)
        hactl_files=$hactl_files${hactl_files:+$hactl_newline}$1
    fi
    (
        IFS=$hactl_newline
        set -f
        # shellcheck disable=SC2086 # the names are to be split
        set -- $hactl_files
        for hactl_one in "$@"; do
            [ ! -f "$hactl_one" ] || if [ -n "$hactl_from" ]; then cat "$hactl_one"; else tail -n 3000 "$hactl_one"; fi
        done
    ) | HACTL_TEXTS=$hactl_texts awk -v from="$hactl_from" -v sure="$hactl_sure" -v exact="$hactl_exact" '
        function begins(line) {
            for (i = 1; i <= texts; i++) if (kind[i] == "begins" && index(line, text[i])) return 1
            return 0
        }
        BEGIN {
            texts = split(ENVIRON["HACTL_TEXTS"], text, "\n")
            for (i = 1; i <= texts; i++) {
                kind[i] = text[i]; sub(/ .*/, "", kind[i])
                text[i] = substr(text[i], length(kind[i]) + 2)
            }
            live = from == ""
        }
        !live {
            if (!match($0, /\[[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]/)) next
            time = substr($0, RSTART + 1, 23)
            if (exact != "" && time ~ /,[0-9][0-9][0-9]$/) {
                if (time < exact) next
            }
            # Around the start, what a process before has said at its end ends with the first words of this one.
            else if (time < from || time < sure && !begins($0)) next
            live = 1
        }
        {
            found = ""
            for (i = 1; i <= texts; i++) if (index($0, text[i])) { found = kind[i]; break }
            if (found == "begins") {
                count = lines = failed = started = 0
                begun = from == ""
                found = ""
            }
            last[lines++ % 20] = substr($0, 1, 400)
            # What fails once it has started is not the start.
            if (found == "" || started && (found == "failed" || found == "caused")) next
            if (found == "caused" && (!failed || failed++ > 60)) next
            if (found == "failed") failed++
            if (found == "started") started = 1
            if (count < 4000) kept[count++] = found " " substr($0, 1, 600)
        }
        END {
            if (begun) print "log begins -"
            for (i = 0; i < count; i++) print "log " kept[i]
            if (failed || !started)
                for (i = lines > 20 ? lines - 20 : 0; i < lines; i++) print "tail " last[i % 20]
        }'
}
