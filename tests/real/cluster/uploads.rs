//! Large files on their way to the hosts.

use std::fs;
use std::process::Command;

use hactl::model::Sha256;

use super::Cluster;

/// Of so much, what a cut has left is asked for.
const SIZE: usize = 8_000_000;
/// What reaches the host before the connection dies.
const BEFORE: usize = 3_000_000;

#[test]
fn a_run_whose_connection_dies_in_an_upload_sends_the_rest_and_goes_on() {
    let Some(cluster) = Cluster::start(&["ForceCommand FOLDER/wrap"]) else { return };
    let content: Vec<u8> = (0..SIZE).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(cluster.driver(), &content).unwrap();
    let inventory = fs::read_to_string(cluster.inventory()).unwrap();
    let digest = |content: &[u8]| Sha256::of(content).to_string();
    fs::write(cluster.inventory(), inventory.replace(&digest(b"the bytes of a driver"), &digest(&content))).unwrap();
    // Look, lock, and then the upload: its host reads a part of it, and the server of the connection dies.
    let cut = format!(
        "p=$PPID; while [ \"$(cat /proc/$p/comm)\" != sshd ]; do p=$(ps -o ppid= -p $p | tr -d ' '); done\n\
         head -c {BEFORE} | sh -c \"$SSH_ORIGINAL_COMMAND\"\nkill -9 $p\nexit 1\n"
    );
    cluster.hook(0, 3, &cut);
    // Ask, and the rest.
    cluster.hook(0, 5, "printf '%s\\n' \"$SSH_ORIGINAL_COMMAND\" | sed 's/.*\\\\0012//' > taken\n");
    cluster.expect(0, &["apply"]);
    let taken = fs::read_to_string(cluster.servers[0].file("taken")).unwrap();
    assert!(taken.starts_with("take ") && taken.ends_with(&format!(" {BEFORE}'\n")), "{taken}");
    for index in 0..2 {
        let driver = cluster.home(index).join("repository/components/lib/mysql-connector-j-8.4.0.jar");
        assert!(fs::read(driver).unwrap() == content);
    }
    cluster.is_converged();
}

#[test]
fn what_nobody_has_asked_for_since_a_day_is_cleared_away() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let blobs = cluster.servers[0].file("state/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let (old, new) = (blobs.join("0123.4194998.part"), blobs.join("4567.4194999.part"));
    fs::write(&old, "half").unwrap();
    fs::write(&new, "half").unwrap();
    let aged = Command::new("touch").args(["-d", "2 days ago"]).arg(&old).status().unwrap();
    assert!(aged.success());
    cluster.expect(0, &["apply"]);
    assert!(!old.exists() && new.exists());
}
