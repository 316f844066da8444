#!/bin/sh
# The real product and its drivers, by their Maven coordinates, into the usual local repository; prints their paths.
#   fetch.sh kernel VERSION...                        packs of the Carbon kernel
#   fetch.sh driver mysql|mariadb|postgresql...       JDBC drivers
set -eu

fetch() { # group artifact version extension
    path="$HOME/.m2/repository/$(echo "$1" | tr . /)/$2/$3/$2-$3.$4"
    # Maven renames what it has downloaded and checked, so a file that is there is whole.
    [ -s "$path" ] || mvn -q -B dependency:get -Dartifact="$1:$2:$3:$4" -Dtransitive=false >&2
    [ -s "$path" ] || { echo "fetch.sh: Maven did not bring $1:$2:$3:$4" >&2; exit 1; }
    echo "$path"
}

kind=${1-}
[ $# -ge 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 64; }
shift
for what in "$@"; do
    case "$kind $what" in
    "kernel "*) fetch org.wso2.carbon wso2carbon-core "$what" zip ;;
    "driver mysql") fetch com.mysql mysql-connector-j 8.4.0 jar ;;
    "driver mariadb") fetch org.mariadb.jdbc mariadb-java-client 3.4.1 jar ;;
    "driver postgresql") fetch org.postgresql postgresql 42.7.4 jar ;;
    *) echo "fetch.sh: there is no $kind $what" >&2; exit 64 ;;
    esac
done
