#!/bin/bash
# init.sh host|database: pid 1 of a container. Starts the role's service, and collects every process that ends.
set -euo pipefail

# What tests/containers/base.sh made for this container.
own=/ground
[ -s "$own/ready" ] || { echo "run tests/containers/base.sh first: it makes keys and passwords" >&2; exit 1; }

host() {
    install -m 600 "$own/host_key" /etc/ssh/ssh_host_ed25519_key
    install -d -m 700 -o ops -g ops /home/ops/.ssh
    install -m 600 -o ops -g ops "$own/authorized_keys" /home/ops/.ssh/authorized_keys
    # A package that was just installed runs, with its own default site.
    if command -v nginx > /dev/null; then nginx; fi
    mkdir -p /run/sshd
    /usr/sbin/sshd -D -e &
}

database() {
    install -d -o mysql -g mysql /run/mysqld /var/lib/mysql
    # Only the first time: the databases are as an owner hands them over, empty and with a user.
    if [ ! -d /var/lib/mysql/mysql ]; then
        mariadb-install-db --user=mysql --datadir=/var/lib/mysql --auth-root-authentication-method=socket --skip-test-db \
            > /var/log/mariadb-install.log
        {
            # The server reads one statement a line.
            echo "CREATE USER 'wso2'@'%' IDENTIFIED BY '$(cat "$own/password")';"
            for name in SHARED_DB IDENTITY_DB; do
                echo "CREATE DATABASE $name CHARACTER SET latin1;"
                echo "GRANT ALL ON $name.* TO 'wso2'@'%';"
            done
        } > /run/mysqld/first.sql
        chown mysql: /run/mysqld/first.sql
        first=--init-file=/run/mysqld/first.sql
    fi
    mariadbd --user=mysql --bind-address=0.0.0.0 --skip-name-resolve ${first:+"$first"} &
}

service=$1
"$service"
main=$!
trap 'kill -TERM "$main"' TERM INT
# Without an argument, `wait` would end when the service has; with one, it would collect nobody else. So: whoever ends is
# collected, and the container ends with its service.
while kill -0 "$main" 2> /dev/null; do wait -n || true; done
