# shellcheck shell=bash
# shellcheck disable=SC2154 # ground.sh sets state, net, tag, hosts, bastions, here and postgresql
# What runs on db-1: MariaDB, and PostgreSQL where it is asked for.

# Repeats a command until it succeeds.
until_true() { # SECONDS WHAT COMMAND...
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" > /dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { echo "ground.sh: $what does not come up" >&2; return 1; }
        sleep 0.1
    done
}

postgresql_programs() {
    local folder last=
    for folder in /usr/lib/postgresql/*/bin; do [ ! -x "$folder/initdb" ] || last=$folder; done
    echo "$last"
}

furnish_databases() {
    local data
    data=$(folder_of db-1)/var/lib
    mkdir -p "$data/mysql" "$data/postgresql"
    chown mysql:mysql "$data/mysql"
    chmod 755 "$data/postgresql"
}

lay_down_databases() {
    enter db-1 mariadb-install-db --user=mysql --datadir=/var/lib/mysql --auth-root-authentication-method=socket \
        --skip-test-db > "$state/mariadb-install.log" 2>&1 || { cat "$state/mariadb-install.log" >&2; return 1; }
    [ -n "$postgresql" ] || return 0
    local data=/var/lib/postgresql/data
    enter db-1 install -d -o postgres -g postgres -m 700 "$data"
    enter db-1 runuser -u postgres -- "$(postgresql_programs)/initdb" -D "$data" -E UTF8 --auth=peer > "$state/initdb.log" 2>&1
    echo "host all wso2 $net.0/24 scram-sha-256" | enter db-1 tee -a "$data/pg_hba.conf" > /dev/null
}

start_databases() {
    # shellcheck disable=SC2016
    enter db-1 sh -c 'install -d -o mysql -g mysql /run/mysqld && setsid mariadbd --user=mysql --datadir=/var/lib/mysql \
        --bind-address=0.0.0.0 --skip-name-resolve --innodb-flush-log-at-trx-commit=2 \
        < /dev/null >> /var/log/mariadb.log 2>&1 &'
    until_true 30 MariaDB enter db-1 mariadb-admin ping
    [ -n "$postgresql" ] || return 0
    enter db-1 install -d -o postgres -g postgres /run/postgresql
    enter db-1 runuser -u postgres -- "$(postgresql_programs)/pg_ctl" -D /var/lib/postgresql/data -l /var/lib/postgresql/data/log -w -t 30 \
        -o "-c listen_addresses=* -c unix_socket_directories=/run/postgresql -c fsync=off" start > /dev/null
}

# Empty databases, and a user who may do everything in them, as a database's owner hands them over.
empty_databases() {
    local password name
    password=$(< "$state/secrets/shared_db")
    {
        echo "CREATE USER IF NOT EXISTS 'wso2'@'%' IDENTIFIED BY '$password';"
        for name in SHARED_DB IDENTITY_DB; do
            echo "DROP DATABASE IF EXISTS $name; CREATE DATABASE $name CHARACTER SET latin1;"
            echo "GRANT ALL ON $name.* TO 'wso2'@'%';"
        done
    } | enter db-1 mariadb
    [ -n "$postgresql" ] || return 0
    {
        echo "DO \$\$ BEGIN CREATE ROLE wso2 LOGIN PASSWORD '$password'; EXCEPTION WHEN duplicate_object THEN NULL; END \$\$;"
        for name in SHARED_DB IDENTITY_DB; do
            echo "DROP DATABASE IF EXISTS \"$name\" WITH (FORCE); CREATE DATABASE \"$name\" OWNER wso2;"
        done
    } | enter db-1 runuser -u postgres -- psql -q -v ON_ERROR_STOP=1 -d postgres 2> /dev/null
}

# `pause`: the network swallows what goes to the databases. `stop`: they are gone, and connections are refused.
database() { # pause|resume|stop|start
    case "$1" in
    pause) filter db-1 "tcp dport { 3306, 5432 } drop" ;;
    resume) unblock db-1 ;;
    stop)
        enter db-1 mariadb-admin shutdown
        until_true 30 "the end of MariaDB" enter db-1 sh -c '! pgrep -x mariadbd'
        [ -z "$postgresql" ] ||
            enter db-1 runuser -u postgres -- "$(postgresql_programs)/pg_ctl" -D /var/lib/postgresql/data -m fast -w stop > /dev/null
        ;;
    start) start_databases ;;
    *) usage ;;
    esac
}
