# Functions for the rules of a preflight. They print `KEY TEXT` lines and change nothing. What can't be looked at ends a
# rule's probe with a message and a status other than 0.

# Finds the product's own process by its pid file; what is found is known to every rule behind.
hactl_find_product() { # HOME PID_FILE
    hactl_home=$(cd -P "$1" 2> /dev/null && pwd -P) || hactl_home=
    hactl_pid=
    if [ -f "$2" ]; then hactl_pid=$(tr -dc 0-9 < "$2" 2> /dev/null); fi
    if [ -n "$hactl_pid" ] && ! [ -d "/proc/$hactl_pid" ]; then hactl_pid=; fi
    hactl_own=
    if [ -n "$hactl_pid" ] && hactl_is_product "$hactl_pid"; then hactl_own=$hactl_pid; fi
}

# Was this process started from the product's home?
hactl_is_product() { # PID
    hactl_said=$(tr '\000' '\n' 2> /dev/null < "/proc/$1/cmdline" | sed -n 's/^-Dcarbon\.home=//p')
    [ -n "$hactl_said" ] && [ -n "$hactl_home" ] && [ "$(cd -P "$hactl_said" 2> /dev/null && pwd -P)" = "$hactl_home" ]
}

# Sets hactl_name, hactl_state and hactl_user to those of a process, the user as a number.
hactl_process() { # PID
    hactl_name='' hactl_state='' hactl_user=''
    while read -r hactl_key hactl_value _; do
        case $hactl_key in
        Name:) hactl_name=$hactl_value ;;
        State:) hactl_state=$hactl_value ;;
        Uid:)
            hactl_user=$hactl_value
            break
            ;;
        esac
    done 2> /dev/null < "/proc/$1/status" || :
}

# The process that the pid file names, if there is one.
hactl_pid_file() {
    if [ -n "$hactl_pid" ]; then
        hactl_process "$hactl_pid"
        if [ -n "$hactl_own" ]; then hactl_value=own; else hactl_value=foreign; fi
        printf 'pid %s %s %s %s %s\n' "$hactl_value" "$hactl_pid" "$hactl_state" "$hactl_user" "$hactl_name"
    fi
}

# Who holds a TCP port: `port PORT free`, `port PORT own` or `port PORT held USER PID NAME`, a dash for what is not to be seen.
hactl_port() { # PORT
    [ -r /proc/net/tcp ] || hactl_cannot cannot-look 'cannot read /proc/net/tcp'
    hactl_hex=$(printf %04X "$1")
    hactl_listeners=$(grep -h ":$hactl_hex [0-9A-F]*:[0-9A-F]* 0A " /proc/net/tcp /proc/net/tcp6 2> /dev/null)
    if [ -z "$hactl_listeners" ]; then
        printf 'port %s free\n' "$1"
        return 0
    fi
    printf '%s\n' "$hactl_listeners" |
        while read -r _ _ _ _ _ _ _ hactl_uid _ hactl_inode _; do
            # Only root sees what other users' processes hold.
            # shellcheck disable=SC2012 # all names in that folder are numbers
            hactl_holder=$(ls -l /proc/[0-9]*/fd 2> /dev/null |
                sed -n -e '/^\/proc\/[0-9]*\/fd:$/h' -e "/socket:\\[$hactl_inode\\]\$/{g;s/[^0-9]*\\([0-9]*\\).*/\\1/p;q;}")
            if [ -n "$hactl_holder" ] && hactl_is_product "$hactl_holder"; then
                printf 'port %s own\n' "$1"
            elif [ -n "$hactl_holder" ]; then
                hactl_process "$hactl_holder"
                printf 'port %s held %s %s %s\n' "$1" "$hactl_uid" "$hactl_holder" "${hactl_name:--}"
            elif [ -n "$hactl_own" ] && hactl_process "$hactl_own" && [ "$hactl_user" = "$hactl_uid" ]; then
                printf 'port %s own\n' "$1"
            else
                printf 'port %s held %s - -\n' "$1" "$hactl_uid"
            fi
        done
}

# The same for PORTs that OFFSET shifts or, where that is a dash, the offset of the configuration file.
hactl_shifted_ports() { # OFFSET|- CONFIGURATION DEFAULT PORT...
    hactl_offset=$1
    if [ "$1" = - ]; then
        hactl_offset=$3
        if [ -f "$2" ]; then
            hactl_said=$(sed -n '/^[[:space:]]*\[server\]/,/^[[:space:]]*\[/s/^[[:space:]]*offset[[:space:]]*=[[:space:]]*"\{0,1\}\([0-9]\{1,5\}\)"\{0,1\}[[:space:]]*\(#.*\)\{0,1\}$/\1/p' "$2") ||
                hactl_cannot cannot-look "cannot read $2"
            hactl_offset=${hactl_said:-$3}
        fi
    fi
    shift 3
    for hactl_one in "$@"; do hactl_port "$((hactl_one + hactl_offset))"; done
}

# Every IPv4 address of the host's interfaces.
hactl_addresses() {
    if [ -r /proc/net/fib_trie ]; then
        sed -n -e '/|-- /{s/.*|-- //;h;}' -e '/\/32 host LOCAL/{g;s/^/address /p;}' /proc/net/fib_trie
    elif command -v ip > /dev/null; then
        ip -4 -o addr show | sed -n 's/.* inet \([0-9.]*\).*/address \1/p'
    else
        hactl_cannot cannot-look 'there is neither /proc/net/fib_trie nor ip'
    fi
}

# What the JDK says of itself.
hactl_java() { # JAVA_HOME, or nothing for that of the session
    hactl_jdk=${1:-${JAVA_HOME-}}
    if [ -z "$hactl_jdk" ]; then
        echo 'java unset'
    elif ! [ -x "$hactl_jdk/bin/java" ]; then
        printf 'java missing %s\n' "$hactl_jdk"
    else
        hactl_status=0
        hactl_said=$(unset JAVA_TOOL_OPTIONS && "$hactl_jdk/bin/java" -version 2>&1) || hactl_status=$?
        printf 'java %s %s\n' "$hactl_status" "$hactl_jdk"
        printf '%s\n' "$hactl_said" | sed 's/^/said /'
    fi
    if [ -n "$hactl_own" ]; then printf 'running %s\n' "$hactl_own"; fi
}

# Does a TCP server take a connection: `server HOST PORT open|closed|silent|unnamed|untried TEXT`.
hactl_server() { # HOST PORT
    hactl_status=0
    if command -v bash > /dev/null; then
        # shellcheck disable=SC2016 # for the shell inside
        hactl_said=$(timeout 3 bash -c 'exec 3<> "/dev/tcp/$1/$2"' bash "$1" "$2" 2>&1) || hactl_status=$?
    elif command -v nc > /dev/null; then
        hactl_said=$(timeout 4 nc -z -w 3 "$1" "$2" 2>&1 < /dev/null) || hactl_status=$?
        case $hactl_said in
        *'invalid option'*)
            # That of busybox: it runs a program once it is connected.
            hactl_status=0
            hactl_said=$(timeout 4 nc -w 3 "$1" "$2" -e true 2>&1 < /dev/null) || hactl_status=$?
            ;;
        esac
    elif command -v python3 > /dev/null; then
        hactl_said=$(timeout 4 python3 -c 'import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()' "$1" "$2" 2>&1) || hactl_status=$?
    else
        printf 'server %s %s untried there is no bash, nc or python3\n' "$1" "$2"
        return 0
    fi
    # The last line but that of a shell that repeats itself.
    hactl_text=$(printf '%s\n' "$hactl_said" | sed -n 's/^bash: line [0-9]*: //;s/^bash: //;1p')
    case $hactl_status/$hactl_said in
    0/*) hactl_value=open ;;
    124/* | 143/* | *[Tt]'imed out'*) hactl_value=silent ;;
    *'not known'* | *'name resolution'* | *'bad address'* | *gaierror*) hactl_value=unnamed ;;
    126/* | 127/* | *'unrecognized option'* | *'invalid option'*) hactl_value=untried ;;
    *) hactl_value=closed ;;
    esac
    printf 'server %s %s %s %s\n' "$1" "$2" "$hactl_value" "$hactl_text"
}

# The jars of FOLDER whose names begin with PREFIX: `jar SHA256 PATH`.
hactl_jars() { # FOLDER PREFIX
    for hactl_one in "$1/$2"*.jar; do
        if [ -f "$hactl_one" ]; then hactl_digest jar "$hactl_one"; fi
    done
}

hactl_digest() { # KEY FILE
    hactl_sum=$(sha256sum < "$2") || hactl_cannot cannot-look "cannot read $2"
    printf '%s %s %s\n' "$1" "${hactl_sum%% *}" "$2"
}

# The digests of the key stores in FOLDER.
hactl_keystores() { # FOLDER
    for hactl_one in "$1"/*.jks "$1"/*.p12 "$1"/*.pfx "$1"/*.bcfks; do
        if [ -f "$hactl_one" ]; then hactl_digest keystore "$hactl_one"; fi
    done
}

# The rendered files whose digest is not the one that was noted when they were rendered.
hactl_rendered() { # HOME NOTES
    [ -f "$2" ] || return 0
    cd "$1" || hactl_cannot cannot-look "cannot look into $1"
    sed -n 's/^\([^#=]*\)=\([0-9a-f]\{32\}\)$/\2  \1/p' "$2" | md5sum -c 2> /dev/null | sed -n 's/^\(.*\): FAILED.*/edited \1/p'
}

# What a product says of its own version: the text of FILEs that are there.
hactl_version() { # FILE...
    for hactl_one in "$@"; do
        if [ -f "$hactl_one" ]; then sed -e 's/^/version /' -e 60q "$hactl_one"; fi
    done
}

# The disk that PATH is on, or will be on: `KEY FREE SIZE MOUNT`, in kB.
hactl_disk() { # KEY PATH
    hactl_one=$2
    while [ -n "$hactl_one" ] && ! [ -d "$hactl_one" ]; do hactl_one=${hactl_one%/*}; done
    df -Pk "${hactl_one:-/}" |
        sed -n "2s/^.* \\([0-9]\\{1,\\}\\)  *[0-9]\\{1,\\}  *\\([0-9]\\{1,\\}\\)  *[0-9]\\{1,\\}%  *\\(.*\\)\$/$1 \\2 \\1 \\3/p"
}

# Processors, memory and disk in kB, open files.
hactl_limits() { # HOME
    printf 'processors %s\n' "$(nproc 2> /dev/null)"
    while read -r hactl_key hactl_value _; do
        if [ "$hactl_key" = MemTotal: ]; then
            printf 'memory %s\n' "$hactl_value"
            break
        fi
    done < /proc/meminfo
    hactl_disk disk "$1"
    if [ -n "$hactl_own" ] && [ -r "/proc/$hactl_own/limits" ]; then
        sed -n 's/^Max open files *\([^ ]*\) .*/files \1/p' "/proc/$hactl_own/limits"
    else
        # shellcheck disable=SC3045 # dash, bash and busybox have -n
        printf 'files %s\n' "$(ulimit -n)"
    fi
}

# Who owns the product, and who runs it.
hactl_owner() { # HOME RUN_AS|-
    hactl_me=$(id -un 2> /dev/null) || hactl_me=$(id -u)
    printf 'me %s %s\n' "$(id -u)" "$hactl_me"
    if [ "$2" != - ] && ! id -u "$2" > /dev/null 2>&1; then printf 'nobody %s\n' "$2"; fi
    if [ -d "$1" ]; then printf 'owner %s\n' "$(stat -L -c %U "$1")"; fi
    if [ -n "$hactl_own" ]; then
        hactl_process "$hactl_own"
        printf 'user %s\n' "$hactl_user"
    fi
}

# How long the name service takes to say something about ADDRESS, even if it is only that it has no name.
hactl_resolver() { # ADDRESS
    if command -v getent > /dev/null && command -v timeout > /dev/null; then
        hactl_status=0
        timeout 2 getent hosts "$1" > /dev/null 2>&1 || hactl_status=$?
        case $hactl_status in
        124 | 143) echo 'resolver silent' ;;
        *) echo 'resolver answers' ;;
        esac
    else
        echo 'resolver untried'
    fi
}
