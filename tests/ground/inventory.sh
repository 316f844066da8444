#!/bin/bash
# inventory.sh [--kernel VERSION] [--database mysql|mariadb|postgresql] [--alone] [--own-key] [--only-nodes]
#              [--transport ssh|openssh] [--systemd]
#
# Prints an inventory of the ground in the current folder: a ground's state folder, where paths in it lead.
# --alone: one node without clustering, for kernels that come without it. --own-key: a PKCS12 key store instead of the
# shipped one. --only-nodes leaves out the balancer and the schema. --transport: who connects to the hosts, hactl itself or
# the user's own ssh. --systemd: the product is a unit of systemd, on hosts that have it as their init (ground.sh reboot).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kernel=4.5.1 database=mysql alone='' key='' nodes='' systemd='' transport=ssh
while [ $# -gt 0 ]; do
    case "$1" in
    --kernel) kernel=$2; shift ;;
    --database) database=$2; shift ;;
    --alone) alone=yes ;;
    --own-key) key=yes ;;
    --only-nodes) nodes=yes ;;
    --transport) transport=$2; shift ;;
    --systemd) systemd=yes ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
    esac
    shift
done
pack=$("$here/fetch.sh" kernel "$kernel")
driver=$("$here/fetch.sh" driver "$database")
digest() { sha256sum "$1" | cut -d' ' -f1; }
hosts() {
    local name address way=''
    [ "$transport" = ssh ] || way=", transport: $transport"
    while read -r name address; do
        case "$name" in
        is-1) echo "  $name: { address: $address$way }" ;;
        is-*) [ -n "$alone" ] || echo "  $name: { address: $address$way }" ;;
        lb-*) [ -n "$nodes" ] || echo "  $name: { address: $address$way, roles: [load-balancer] }" ;;
        esac
    done < hosts.txt
}

cat << END
version: 1
cluster: ground
ssh:
  user: ops
  identity: id_ed25519
  known_hosts: known_hosts
  agent: false
  become: { method: sudo }
product:
  name: wso2carbon
  version: $kernel
  home: /opt/wso2carbon-core-$kernel
  pack: { file: $pack, sha256: $(digest "$pack") }
  java_home: $(cat java_home.txt)
  run_as: wso2carbon
  service: $([ -n "$systemd" ] && echo systemd || echo script)
hosts:
$(hosts)
databases:
  driver: { file: $driver, sha256: $(digest "$driver") }
  shared_db: { type: $database, host: db-1, name: SHARED_DB, username: wso2, password: { file: secrets/shared_db } }
END
[ -n "$nodes" ] || echo "  create_schema: true"
[ -z "$key" ] ||
    printf 'keystores:\n  primary: { file: keys/ground.p12, type: PKCS12, password: { file: secrets/keystore }, alias: ground }\n'
[ -n "$alone" ] || echo "clustering: { scheme: wka, domain: ground.domain, port: 4000 }"
echo "endpoint: { hostname: sso.example.com, http_port: 80, https_port: 443 }"
[ -n "$nodes" ] || echo "load_balancer: { kind: nginx, show_node: true, certificate: tls/sso.crt, key: { file: tls/sso.key } }"
echo "admin: { username: admin, password: { file: secrets/admin } }"
