use super::*;
use crate::model::inventory::{Place, read as read_inventory};

fn hosts() -> Vec<Host> {
    let text = "
version: 1
cluster: iam
hosts:
  is-1: { address: 10.0.0.1, product: { name: wso2is, version: 7.1.0, home: /opt/is } }
  other: { address: 10.0.0.2 }
";
    let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
    let inventory = read_inventory(text, &place).unwrap_or_else(|problems| panic!("{problems:?}"));
    inventory.clusters[0].hosts.clone()
}

const RED_HAT: &str = "\
os id \"rhel\"
os version \"9.4\"
os name \"Red Hat Enterprise Linux 9.4 (Plow)\"
kernel 5.14.0-427.el9.x86_64
architecture x86_64
user root
init systemd
shell /usr/bin/bash
libc glibc 2.34
selinux 1
zone +0200 CEST Europe/Berlin
processes 127234
address6 20010db8000000000000000000000042
address 127.0.0.1
address 192.0.2.1
address 192.0.2.1
processors 4
memory 16384000
disk 52000000 104000000 /opt/the products
files 65535
tmp 900000 2000000 /tmp
state 7000000 9000000 /var
jdk 17.0.9 /usr/lib/jvm/java-17-openjdk-17.0.9
jdk - /opt/jdk 8
java 0 /usr/lib/jvm/java-17-openjdk-17.0.9
said openjdk version \"17.0.9\" 2023-10-17
";

#[test]
fn what_a_host_says_is_read_line_by_line() {
    let clock = Clock::between("1000.25", "1000.5", 1000.0, 1000.25);
    let facts = read(RED_HAT, &hosts()[0], clock);
    assert_eq!(facts.system.as_deref(), Some("Red Hat Enterprise Linux 9.4 (Plow)"));
    assert_eq!((facts.system_id.as_deref(), facts.system_version.as_deref()), (Some("rhel"), Some("9.4")));
    assert_eq!(facts.kernel.as_deref(), Some("5.14.0-427.el9.x86_64"));
    assert_eq!((facts.processors, facts.memory_kb), (Some(4), Some(16_384_000)));
    assert_eq!(facts.libc.as_deref(), Some("glibc 2.34"));
    assert_eq!((facts.selinux, facts.apparmor), (Some("enforcing"), None));
    assert_eq!(facts.zone.as_deref(), Some("Europe/Berlin (CEST, +0200)"));
    assert_eq!((facts.open_files.as_deref(), facts.processes.as_deref()), (Some("65535"), Some("127234")));
    assert_eq!(facts.addresses, ["192.0.2.1", "2001:db8::42"]);
    let disk = |of, mount: &str, free_kb, size_kb| Disk { of, mount: mount.to_owned(), free_kb, size_kb };
    assert_eq!(
        facts.disks,
        [
            disk("product", "/opt/the products", 52_000_000, 104_000_000),
            disk("tmp", "/tmp", 900_000, 2_000_000),
            disk("state", "/var", 7_000_000, 9_000_000)
        ]
    );
    let home = "/usr/lib/jvm/java-17-openjdk-17.0.9".to_owned();
    assert_eq!(facts.jdks[0], Jdk { home: home.clone(), version: Some("17.0.9".to_owned()) });
    assert_eq!(facts.jdks[1], Jdk { home: "/opt/jdk 8".to_owned(), version: None });
    assert_eq!(facts.java, Some(Java { home: Some(home), version: Some(17) }));
    assert_eq!((facts.clock_ahead, facts.clock_uncertainty), (Some(0.25), Some(0.0)));
}

#[test]
fn what_a_host_does_not_say_is_not_made_up() {
    assert_eq!(read("", &hosts()[0], None), HostFacts::default());
    let bare = "os id alpine\nkernel \nlibc musl\njava unset\nselinux 0\napparmor Y\nzone +0000 UTC UTC\ndisk x y z\n";
    let facts = read(bare, &hosts()[0], None);
    assert_eq!((facts.system_id.as_deref(), facts.kernel), (Some("alpine"), None));
    assert_eq!((facts.libc.as_deref(), facts.zone.as_deref()), (Some("musl"), Some("UTC (+0000)")));
    assert_eq!((facts.selinux, facts.apparmor), (Some("permissive"), Some(true)));
    assert_eq!(facts.java, Some(Java { home: None, version: None }));
    assert_eq!(facts.disks, []);
    let balancer = read("disk 1 2 /\ntmp 1 2 /\n", &hosts()[1], None);
    assert_eq!(balancer.disks.iter().map(|disk| disk.of).collect::<Vec<_>>(), ["tmp"], "no product, no disk of it");
}
