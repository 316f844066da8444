# shellcheck shell=bash
# shellcheck disable=SC2154 # ground.sh sets state, net, tag, hosts, bastions, here and postgresql
# A host: its folder, its processes.

# The JDK of this machine, as the hosts see it.
java_home() {
    local java
    java=$(readlink -f "$(command -v java)")
    java=${java%/bin/java}
    echo "${java%/jre}"
}

folder_of() { echo "$state/hosts/$1"; }

# What a host owns, in the state of a Debian that was just installed.
furnish() { # NAME
    local name=$1 d
    d=$(folder_of "$name")
    mkdir -p "$d"/{tree,root,opt,srv,mnt,home/ops,home/wso2carbon} "$d"/var/{lib,log,cache,spool,tmp}
    mkdir -p "$d/var/log/nginx" "$d/var/lib/nginx"
    ln -s /run "$d/var/run"
    mkdir -p "$d/var/www/html"
    cp /usr/share/nginx/html/index.html "$d/var/www/html/" 2> /dev/null || true
    chmod 1777 "$d/var/tmp"
    chmod 700 "$d/root"
    copy_etc "$d/etc"
    cp /etc/skel/.profile "$d/home/ops/" 2> /dev/null || true
    accounts "$d/etc"
    case " $bastions " in *" $name "*) door_keeper "$name" "$d" ;; esac
    name_service "$name" "$d/etc"
    secure_shell "$name" "$d/etc"
    units "$name" "$d/etc"
    mkdir -m 700 "$d/home/ops/.ssh"
    cp "$state/id_ed25519.pub" "$d/home/ops/.ssh/authorized_keys"
    chown -R 20001:20001 "$d/home/ops"
    chown -R 20002:20002 "$d/home/wso2carbon"
}

accounts() { # ETC
    local file
    for file in passwd group shadow; do sed -i '/^\(ops\|wso2carbon\):/d' "$1/$file"; done
    cat >> "$1/passwd" << 'END'
ops:x:20001:20001::/home/ops:/bin/bash
wso2carbon:x:20002:20002::/home/wso2carbon:/bin/sh
END
    printf 'ops:x:20001:\nwso2carbon:x:20002:\n' >> "$1/group"
    # `*` is no password, and does not lock the account for sshd.
    printf 'ops:*:19000:0:99999:7:::\nwso2carbon:*:19000:0:99999:7:::\n' >> "$1/shadow"
    mkdir -p "$1/sudoers.d"
    printf 'Defaults:ops !syslog\nops ALL=(ALL) NOPASSWD: ALL\n' > "$1/sudoers.d/ops"
    chmod 440 "$1/sudoers.d/ops"
}

# Whoever makes an account on this machine meanwhile has files in there that come and go.
copy_etc() { # TO
    local try
    for try in 1 2 3 4 5; do
        [ "$try" = 1 ] || sleep 0.3
        rm -rf "$1"
        if cp -a /etc "$1"; then return; fi
    done
    return 1
}

# A bastion's account, which may be jumped through and nothing else.
door_keeper() { # NAME FOLDER
    printf 'jump:x:20003:20003::/home/jump:/usr/sbin/nologin\n' >> "$2/etc/passwd"
    printf 'jump:x:20003:\n' >> "$2/etc/group"
    printf 'jump:*:19000:0:99999:7:::\n' >> "$2/etc/shadow"
    install -d -m 700 "$2/home/jump" "$2/home/jump/.ssh"
    cp "$state/id_$1.pub" "$2/home/jump/.ssh/authorized_keys"
    chown -R 20003:20003 "$2/home/jump"
}

# With a resolver that does not answer, each login takes seconds: names come from the file alone.
name_service() { # NAME ETC
    local other
    rm -f "$2/resolv.conf" "$2/hosts" "$2/hostname"
    : > "$2/resolv.conf"
    echo "$1" > "$2/hostname"
    sed -i 's/^hosts:.*/hosts: files/' "$2/nsswitch.conf"
    {
        printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n'
        for other in $hosts; do printf '%s\t%s\n' "$(address_of "$other")" "$other"; done
        printf '%s.254\tmachine\n' "$net"
    } > "$2/hosts"
}

secure_shell() { # NAME ETC
    rm -rf "$2"/ssh/ssh_host_* "$2"/ssh/sshd_config.d
    install -m 600 "$state/host_keys/$1" "$2/ssh/ssh_host_ed25519_key"
    cat > "$2/ssh/sshd_config" << 'END'
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
LogLevel VERBOSE
END
}

# What starts with the host where systemd is its init: none of what this machine has enabled.
units() { # NAME ETC
    local wants=$2/systemd/system/multi-user.target.wants
    rm -rf "$2/systemd/system"
    mkdir -p "$wants"
    ln -s /lib/systemd/system/ssh.service "$wants/"
    [ "$1" != lb-1 ] || ln -s /lib/systemd/system/nginx.service "$wants/"
    # The audit of the kernel is this machine's.
    ln -s /dev/null "$2/systemd/system/systemd-journald-audit.socket"
    # Without an id of its own, systemd would take it for a first boot and enable what there is.
    tr -d - < /proc/sys/kernel/random/uuid > "$2/machine-id"
    : > "$2/fstab"
    echo 'SSHD_OPTS=-E /var/log/sshd.log' > "$2/default/ssh"
}

# Boots a host, and returns when its sshd listens.
boot() { # NAME [--systemd]
    local name=$1 init=sshd d java shown=() i
    d=$(folder_of "$name")
    [ "${2-}" != --systemd ] || init=$(namespace_of "$name")
    # It tells below when this boot's sshd listens.
    rm -f "$d/var/log/sshd.log"
    java=$(java_home)
    case "$java" in /usr/*) ;; *) shown=("$java") ;; esac
    setsid ip netns exec "$(namespace_of "$name")" \
        unshare --mount --uts --ipc --pid --fork --kill-child --propagation private \
        "$here/boot.sh" "$init" "$name" "$d" "${shown[@]}" < /dev/null > "$d/boot.log" 2>&1 9>&- &
    echo $! > "$d/parent"
    disown
    for ((i = 0; i < 300; i++)); do
        if grep -qs '^Server listening on' "$d/var/log/sshd.log"; then
            # The parent is `unshare`; pid 1 of the host is its only child.
            tr -d ' ' < "/proc/$(< "$d/parent")/task/$(< "$d/parent")/children" > "$d/pid"
            return 0
        fi
        kill -0 "$(< "$d/parent")" 2> /dev/null || break
        sleep 0.1
    done
    echo "ground.sh: $name does not come up:" >&2
    cat "$d/boot.log" "$d/var/log/sshd.log" >&2 || true
    return 1
}

# Runs a command in a host, as root.
enter() { # NAME COMMAND...
    local pid
    pid=$(cat "$(folder_of "$1")/pid" 2> /dev/null) || { echo "ground.sh: $1 is not up" >&2; return 1; }
    shift
    # The descriptor of the lock is not for what stays.
    nsenter -t "$pid" -m -u -i -n -p -r -w -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@" 9>&-
}

# Is this host up? The pid might be another process's by now: then it is not in the host's network.
is_up() { # NAME
    local pid
    pid=$(cat "$(folder_of "$1")/pid" 2> /dev/null) || return 1
    ip netns pids "$(namespace_of "$1")" 2> /dev/null | grep -qx "$pid"
}

# Switches a host off and on: what it owns stays, and no process of it.
reboot() { # NAME [--systemd]
    end_processes_in "$(namespace_of "$1")"
    boot "$@"
    # Without an init that starts it.
    [ "$1 ${2-}" != "lb-1 " ] || enter lb-1 nginx
}

# Ends a host; nothing of it stays, but its place in the network.
raze() { # NAME
    end_processes_in "$(namespace_of "$1")"
    rm -rf "$(folder_of "$1")"
}
