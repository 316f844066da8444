# Functions for the facts about a host, besides those of the preflight. They print `KEY TEXT` lines and change nothing; what
# cannot be told is left out.

# The system, its kernel, its first process, who we are there.
hactl_system() {
    for hactl_one in /etc/os-release /usr/lib/os-release; do
        # It is shell, but somebody else's: read, and not run.
        if [ -r "$hactl_one" ]; then
            sed -n -e 's/^ID=/os id /p' -e 's/^VERSION_ID=/os version /p' -e 's/^PRETTY_NAME=/os name /p' "$hactl_one"
            break
        fi
    done
    printf 'kernel %s\n' "$(uname -r 2> /dev/null)"
    printf 'architecture %s\n' "$(uname -m 2> /dev/null)"
    printf 'user %s\n' "$(id -un 2> /dev/null)"
    printf 'init %s\n' "$(cat /proc/1/comm 2> /dev/null)"
    printf 'shell %s\n' "$(readlink -f "$(command -v sh)" 2> /dev/null)"
    if hactl_said=$(getconf GNU_LIBC_VERSION 2> /dev/null); then
        printf 'libc %s\n' "$hactl_said"
    else
        # Without its version: what loads programs is named by the library that it belongs to.
        for hactl_one in /lib/ld-musl-*.so.1 /lib*/ld-linux*.so.[0-9] /lib/ld64.so.[0-9]; do
            [ -e "$hactl_one" ] || continue
            case $hactl_one in
            *musl*) echo 'libc musl' ;;
            *) echo 'libc glibc' ;;
            esac
            break
        done
    fi
}

# SELinux and AppArmor, where they are there.
hactl_guards() {
    if [ -r /sys/fs/selinux/enforce ]; then printf 'selinux %s\n' "$(cat /sys/fs/selinux/enforce)"; fi
    if [ -r /sys/module/apparmor/parameters/enabled ]; then
        printf 'apparmor %s\n' "$(cat /sys/module/apparmor/parameters/enabled)"
    fi
}

# The time zone by its name, its letters and its distance from UTC.
hactl_zone() {
    hactl_name=
    if hactl_said=$(readlink -f /etc/localtime 2> /dev/null); then
        case $hactl_said in */zoneinfo/*) hactl_name=${hactl_said##*/zoneinfo/} ;; esac
    fi
    printf 'zone %s %s\n' "$(date '+%z %Z')" "$hactl_name"
}

# How many processes and threads the user may have.
hactl_processes() {
    sed -n 's/^Max processes *\([^ ]*\) .*/processes \1/p' /proc/self/limits 2> /dev/null
}

# The IPv6 addresses of the host's interfaces that others can reach.
hactl_addresses6() {
    sed -n 's/^\([0-9a-f]\{32\}\) [0-9a-f]* [0-9a-f]* 00 .*/address6 \1/p' /proc/net/if_inet6 2> /dev/null
}

# Every JDK in the places where they are: `jdk VERSION|- FOLDER`, each once.
hactl_jdks() { # JAVA_HOME
    hactl_seen=:
    hactl_path=$(command -v java) && hactl_path=$(readlink -f "$hactl_path") || hactl_path=
    for hactl_one in "$1" "${JAVA_HOME-}" "${hactl_path%/bin/java}" /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* /opt/jvm/*; do
        if [ -n "$hactl_one" ] && [ -x "$hactl_one/bin/java" ] && hactl_one=$(cd -P "$hactl_one" && pwd -P); then
            case $hactl_seen in *":$hactl_one:"*) continue ;; esac
            hactl_seen=$hactl_seen$hactl_one:
            hactl_said=$(sed -n 's/^JAVA_VERSION="\(.*\)".*/\1/p' "$hactl_one/release" 2> /dev/null)
            printf 'jdk %s %s\n' "${hactl_said:--}" "$hactl_one"
        fi
    done
}
