# Functions for mends of the product's process.
# shellcheck disable=SC2154,SC2034 # hactl_newline and others come from mend.sh and shared.sh

hactl_pause() {
    sleep 0.2 2> /dev/null || sleep 1
}

# Sets hactl_clock to the seconds since the machine's start.
hactl_clock() {
    read -r hactl_clock hactl_rest < /proc/uptime
    hactl_clock=${hactl_clock%%.*}
}

# Sets hactl_me, and hactl_user to who should run the product: USER, or the owner of HOME.
hactl_choose_user() { # HOME USER|-
    hactl_me=$(id -un) || hactl_me=$(id -u)
    hactl_user=$2
    if [ "$2" = - ]; then
        hactl_user=$hactl_me
        if [ "$(id -u)" = 0 ]; then
            hactl_user=$(stat -L -c %U "$1") || hactl_fail cannot-start "cannot look at $1"
            # An owner without a name is nobody to become.
            if [ "$hactl_user" = UNKNOWN ]; then hactl_user=$hactl_me; fi
        fi
    fi
    if [ "$hactl_user" != "$hactl_me" ]; then
        id -u "$hactl_user" > /dev/null 2>&1 || hactl_fail owner-missing "there is no user $hactl_user on this host"
        [ "$(id -u)" = 0 ] || hactl_fail cannot-become "the product runs as $hactl_user, and $hactl_me can't become another user"
    fi
}

# Runs the product's script as its user, without anything of this session, and keeps what it says in hactl_said.
# A program that it leaves behind keeps no file of the connection open.
hactl_run_script() { # HOME SCRIPT JAVA_HOME|- WORD...
    # What is left in this session ends with the connection.
    hactl_need setsid
    hactl_next_kept
    hactl_log=$HACTL_BACKUP/$hactl_kept
    : > "$hactl_log" || hactl_fail cannot-back-up "cannot write $hactl_log"
    hactl_status=0
    (
        # A Java process that inherits an ignored TERM can't be asked to stop.
        trap - HUP PIPE INT TERM
        unset LC_ALL CARBON_HOME JAVACMD
        cd "$1" || exit 1
        if [ "$3" != - ]; then export JAVA_HOME="$3"; fi
        hactl_script=$2
        shift 3
        if [ "$hactl_user" = "$hactl_me" ]; then
            exec setsid sh "$hactl_script" "$@"
        elif command -v su > /dev/null 2>&1; then
            # First of all su: it sets the limits of the user, and every host with users has it.
            hactl_command="exec setsid sh '$(printf '%s' "$hactl_script" | sed "s/'/'\\\\''/g")' $*"
            exec su -s /bin/sh "$hactl_user" -c "$hactl_command"
        elif command -v runuser > /dev/null 2>&1; then
            exec setsid runuser -u "$hactl_user" -- sh "$hactl_script" "$@"
        elif command -v setpriv > /dev/null 2>&1; then
            exec setsid setpriv --reuid "$hactl_user" --regid "$(id -g "$hactl_user")" --init-groups sh "$hactl_script" "$@"
        else
            echo 'there is no su, runuser or setpriv on this host'
            exit 1
        fi
    ) < /dev/null > "$hactl_log" 2>&1 || hactl_status=$?
    hactl_said=$(head -c 600 "$hactl_log" | tr '\n\r' '; ')
    rm -f "$hactl_log"
}

# Waits until a process is gone, for at most SECONDS.
hactl_await_end() { # PID STARTED SECONDS
    hactl_clock
    hactl_until=$((hactl_clock + $3))
    while hactl_lives "$1" "$2"; do
        hactl_clock
        [ "$hactl_clock" -lt "$hactl_until" ] || return 1
        hactl_pause
    done
}

# Sets hactl_owner to the unit of systemd that a process belongs to, where that one runs the product at HOME: what a unit
# runs, it may start again when somebody else has stopped it. A product that was started by hand can be in the unit of the
# sshd or of a cron, which are nobody's to stop.
hactl_unit_of() { # PID HOME UNIT|-
    hactl_owner=$(sed -n 's|^[^/]*:/system\.slice/\([^/]*\.service\)$|\1|p' "/proc/$1/cgroup" 2> /dev/null) || hactl_owner=
    hactl_owner=${hactl_owner%%"$hactl_newline"*}
    [ -z "$hactl_owner" ] || [ "$hactl_owner" = "$3" ] ||
        systemctl cat "$hactl_owner" 2> /dev/null | grep -q -F -e "$2/" || hactl_owner=
}

# Stops the process that was seen as PID with the start time STARTED: first as the product wants it, then by TERM, then by
# KILL. The script and the unit are only asked where they know of this very process: the script's word goes to whatever
# process the pid file names.
hactl_stop_process() { # PID STARTED SECONDS HOME SCRIPT JAVA_HOME|- USER|- PID_FILE UNIT|- WORD...
    hactl_temporary=
    hactl_lives "$1" "$2" || return 0
    hactl_ends=$1
    hactl_start_time=$2
    hactl_patience=$3
    hactl_choose_user "$4" "$7"
    hactl_asked=
    hactl_unit_of "$1" "$4" "$9"
    if [ -n "$hactl_owner" ]; then
        # The limit of a unit of ours is the same.
        systemctl stop "$hactl_owner" > /dev/null 2>&1 || :
        hactl_asked=1
    elif [ -f "$8" ] && [ "$(tr -dc 0-9 < "$8" 2> /dev/null)" = "$1" ]; then
        hactl_home_of_script=$4
        hactl_script=$5
        hactl_java=$6
        shift 9
        hactl_run_script "$hactl_home_of_script" "$hactl_script" "$hactl_java" "$@"
        case $hactl_said in *JAVA_HOME*) ;; *) hactl_asked=1 ;; esac
    fi
    if [ -z "$hactl_asked" ]; then hactl_signal TERM; fi
    hactl_await_end "$hactl_ends" "$hactl_start_time" "$hactl_patience" && return 0
    # Never another process that has got the number since.
    hactl_lives "$hactl_ends" "$hactl_start_time" || return 0
    hactl_signal KILL
    hactl_await_end "$hactl_ends" "$hactl_start_time" 10 ||
        hactl_fail cannot-stop "process $hactl_ends does not end, not even by KILL"
}

hactl_signal() { # SIGNAL
    kill -s "$1" "$hactl_ends" 2> /dev/null || ! hactl_lives "$hactl_ends" "$hactl_start_time" ||
        hactl_fail cannot-stop "may not send $1 to process $hactl_ends"
}

# Moves a pid file out of the way: the script would do nothing as long as any process has the number in it.
hactl_clear_pid_file() { # PID_FILE
    [ -e "$1" ] || [ -L "$1" ] || return 0
    hactl_next_kept
    mv -f "$1" "$HACTL_BACKUP/$hactl_kept" || hactl_fail cannot-write "cannot move $1 out of the way"
}

# Starts the product with a fingerprint of what it reads, and returns as soon as its process is there. Whether it will
# serve is not told here.
# HACTL_READS holds the PATTERNs, a line each.
hactl_start_process() { # HOME SCRIPT JAVA_HOME|- USER|- PID_FILE UNIT|- MAIN WORDS WORD...
    hactl_temporary=
    hactl_find_processes "$1" "$7"
    [ -z "$hactl_pids" ] || hactl_fail file-changed-meanwhile "the product was started by somebody else, as process${hactl_pids}"
    hactl_choose_user "$1" "$4"
    hactl_patterns=$HACTL_READS
    hactl_words=$8
    hactl_spread_fingerprint "$1"
    HACTL_FINGERPRINT=$hactl_fingerprint
    export HACTL_FINGERPRINT
    hactl_clear_pid_file "$5"
    hactl_place=$1
    hactl_main=$7
    hactl_unit=$6
    hactl_said=
    hactl_patience=10
    if [ "$6" = - ]; then
        hactl_script=$2
        hactl_java=$3
        shift 8
        hactl_run_script "$hactl_place" "$hactl_script" "$hactl_java" "$@"
        case $hactl_said in
        *JAVA_HOME*) hactl_fail java-home-wrong "the product was not started: its script says: $hactl_said" ;;
        esac
        [ "$hactl_status" = 0 ] || hactl_fail cannot-start "the start script ended with status $hactl_status: $hactl_said"
    else
        hactl_start_unit "$6"
        # As long as systemd has the script running, its process may come.
        hactl_patience=30
    fi
    hactl_clock
    hactl_until=$((hactl_clock + hactl_patience))
    while hactl_clock && [ "$hactl_clock" -lt "$hactl_until" ]; do
        hactl_find_processes "$hactl_place" "$hactl_main"
        for hactl_one in $hactl_pids; do
            if hactl_environment "$hactl_one" HACTL_FINGERPRINT && [ "$hactl_value" = "$HACTL_FINGERPRINT" ]; then
                [ "$hactl_unit" = - ] || rm -f "/run/hactl/$hactl_unit.env"
                return 0
            fi
        done
        [ "$hactl_unit" = - ] || systemctl is-active --quiet "$hactl_unit" || break
        hactl_pause
    done
    hactl_said=${hactl_said:+: the script says: $hactl_said}
    if [ "$hactl_unit" != - ]; then
        rm -f "/run/hactl/$hactl_unit.env"
        hactl_said=": systemd says of $hactl_unit: $(systemctl show --property=ActiveState,SubState,Result,ExecMainStatus "$hactl_unit" | tr '\n' ' ')"
        hactl_said=${hactl_said% }
    fi
    if [ -n "$hactl_pids" ]; then
        hactl_said=": the process${hactl_pids} is there and was not started by this run"
        [ -z "$hactl_unread" ] || hactl_said=" that is known to be this run's: the environment of the process${hactl_pids} can't be read"
    fi
    hactl_fail start-did-nothing "after the start there is no process of the product$hactl_said"
}

hactl_spread_fingerprint() { # HOME
    hactl_place=$1
    set -f
    IFS=$hactl_newline
    # shellcheck disable=SC2086 # a pattern a line
    set -- $hactl_patterns
    unset IFS
    set +f
    hactl_fingerprint "$hactl_place" "$hactl_words" - "$@"
    [ -n "$hactl_fingerprint" ] || hactl_fail cannot-start "cannot read what the product reads when it starts"
}

# The unit reads the fingerprint from a file that goes away once the process has it: what systemd starts by itself later is
# not this start, and is judged by its time.
hactl_start_unit() { # UNIT
    hactl_need systemctl
    mkdir -p /run/hactl || hactl_fail cannot-write 'cannot make the folder /run/hactl'
    printf 'HACTL_FINGERPRINT=%s\n' "$HACTL_FINGERPRINT" > "/run/hactl/$1.env" ||
        hactl_fail cannot-write "cannot write /run/hactl/$1.env"
    # One that failed too often would not be started.
    systemctl reset-failed "$1" > /dev/null 2>&1 || :
    hactl_status=0
    hactl_said=$(systemctl start "$1" 2>&1) || hactl_status=$?
    [ "$hactl_status" = 0 ] || hactl_fail cannot-start "systemctl start $1 ended with status $hactl_status: $hactl_said"
}

# Makes systemd know the unit as it is written now, and start it with the machine.
hactl_enable_unit() { # UNIT
    hactl_need systemctl
    hactl_said=$(systemctl daemon-reload 2>&1 && systemctl enable "$1" 2>&1) ||
        hactl_fail cannot-start "systemd does not take the unit $1: $hactl_said"
}
