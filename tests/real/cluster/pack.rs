//! Hosts on which the product is not there yet: its pack goes to them, and everything below it is known after that.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hactl::model::Sha256;

use super::{Cluster, SHIPPED, files_below};
use crate::sshd::skip;

/// Two hosts without the product, and its pack beside the inventory. `None` when the test was skipped.
fn bare(config: &[&str]) -> Option<Cluster> {
    let cluster = Cluster::start(config)?;
    let tree = cluster.folder.path().join("tree/wso2is-7.1.0");
    fs::create_dir_all(cluster.folder.path().join("tree")).unwrap();
    assert!(Command::new("cp").arg("-a").arg(cluster.home(0)).arg(&tree).status().unwrap().success());
    for below in ["bin", "repository/resources/security"] {
        fs::create_dir_all(tree.join(below)).unwrap();
    }
    fs::write(tree.join("bin/wso2server.sh"), "#!/bin/sh\n").unwrap();
    fs::write(tree.join("repository/resources/security/wso2carbon.p12"), "the shipped key store").unwrap();
    let own = cluster.folder.path().join("wso2carbon.p12");
    fs::write(own, "the key store of the inventory").unwrap();
    if !zip(&cluster, &["-q", "-r", "../pack.zip", "wso2is-7.1.0"]) {
        skip("there is no zip on this machine");
        return None;
    }
    for index in 0..2 {
        fs::remove_dir_all(cluster.home(index)).unwrap();
    }
    write_inventory(&cluster);
    Some(cluster)
}

/// Runs `zip` in the folder above the pack's own.
fn zip(cluster: &Cluster, words: &[&str]) -> bool {
    let folder = cluster.folder.path().join("tree");
    Command::new("zip").args(words).current_dir(folder).status().is_ok_and(|status| status.success())
}

fn pack(cluster: &Cluster) -> std::path::PathBuf {
    cluster.folder.path().join("pack.zip")
}

/// The usual inventory with the pack, whose digest is right, and a key store that is named like the shipped one.
fn write_inventory(cluster: &Cluster) {
    cluster.write_inventory(
        "keystores:\n  primary: { file: wso2carbon.p12, type: PKCS12, password: { env: HACTL_TEST_PASSWORD }, alias: own }\n",
    );
    let digest = Sha256::of(&fs::read(pack(cluster)).unwrap());
    let with_pack = format!("version: 7.1.0, pack: {{ file: pack.zip, sha256: {digest} }} }}");
    let text = fs::read_to_string(cluster.inventory()).unwrap().replace("version: 7.1.0 }", &with_pack);
    fs::write(cluster.inventory(), text).unwrap();
}

fn store(cluster: &Cluster, index: usize) -> std::path::PathBuf {
    cluster.home(index).join("repository/resources/security/wso2carbon.p12")
}

/// As [`Cluster::is_converged`], with the product and its key store there.
#[track_caller]
fn is_converged(cluster: &Cluster) {
    cluster.is_converged();
    for index in 0..2 {
        assert!(cluster.home(index).join("bin/wso2server.sh").exists());
        assert_eq!(fs::read_to_string(store(cluster, index)).unwrap(), "the key store of the inventory");
        assert_eq!(fs::metadata(store(cluster, index)).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(cluster.value(index, "keystore.primary.alias"), "own");
    }
}

#[test]
fn one_apply_brings_empty_hosts_to_the_configured_product_and_the_next_has_nothing_to_do() {
    let Some(cluster) = bare(&[]) else { return };
    let plan = cluster.expect(2, &["plan"]);
    let unknown = format!("file:{}  [keystores, datasources", cluster.toml_file(0).display());
    assert!(plan.stdout.contains(": the product is not there\n    unpack pack.zip, "), "{}", plan.stdout);
    assert!(plan.stdout.contains(&unknown) && plan.stdout.contains(": known after product-pack"), "{}", plan.stdout);
    assert!(plan.stdout.contains("2 changes on 2 hosts"), "{}", plan.stdout);
    let report = cluster.report(0, &["apply"]);
    for host in report["hosts"].as_array().unwrap() {
        assert_eq!(host["outcome"], "changed", "{host:#}");
        let items: Vec<&str> =
            host["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        let kinds: Vec<&str> = items.iter().map(|id| id.split(':').next().unwrap()).collect();
        assert_eq!(kinds, ["unpack", "upload", "upload", "file"], "what came first is reported too");
        // Look, lock, pack, mend, look, driver, store, mend, look again.
        assert_eq!(host["execs"], 9, "{host:#}");
        let changes: usize =
            host["items"].as_array().unwrap().iter().map(|item| item["changes"].as_array().unwrap().len()).sum();
        assert_eq!(host["changes"], changes);
    }
    assert_eq!(report["stages"].as_array().unwrap()[0]["name"], "Lay down the product");
    is_converged(&cluster);
    // A rollback undoes every edit, and leaves the product where it is.
    let run = report["run"].as_str().unwrap();
    cluster.expect(0, &["rollback", run, "--yes"]);
    assert_eq!(cluster.toml(0), SHIPPED);
    assert_eq!(fs::read_to_string(store(&cluster, 0)).unwrap(), "the shipped key store");
    cluster.expect(0, &["apply"]);
    is_converged(&cluster);
}

#[test]
fn a_home_that_is_there_is_left_alone_and_needs_no_pack_on_the_host() {
    let Some(cluster) = bare(&[]) else { return };
    cluster.expect(0, &["apply"]);
    fs::write(cluster.home(0).join("bin/wso2server.sh"), "patched by hand").unwrap();
    is_converged(&cluster);
    assert_eq!(fs::read_to_string(cluster.home(0).join("bin/wso2server.sh")).unwrap(), "patched by hand");
    fs::remove_file(cluster.home(0).join("bin/wso2server.sh")).unwrap();
    let done = cluster.expect(1, &["apply"]);
    assert!(
        done.stdout.contains("is there and is not the product") && done.stdout.contains("[in-the-way]"),
        "{}",
        done.stdout
    );
    assert_eq!(done.stdout.matches("error: is-1").count(), 1, "what follows from it is not told too: {}", done.stdout);
}

#[test]
fn kill_9_at_any_moment_leaves_a_whole_home_or_none_and_the_next_run_converges() {
    let Some(cluster) = bare(&[]) else { return };
    let begun = Instant::now();
    cluster.expect(0, &["apply"]);
    let whole = begun.elapsed();
    let wanted = files_below(&cluster.home(0)).len();
    let moments = 10;
    for moment in 0..moments {
        for index in 0..2 {
            fs::remove_dir_all(cluster.home(index)).unwrap();
        }
        let mut child = cluster.command(&["apply"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + whole * moment / moments;
        while Instant::now() < end && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        cluster.expect(0, &["apply", "--lock-wait", "30"]);
        assert_eq!(files_below(&cluster.home(0)).len(), wanted);
        is_converged(&cluster);
    }
}

#[test]
fn a_pack_that_is_not_what_it_should_be_is_refused_before_anything_connects() {
    let Some(cluster) = bare(&["ForceCommand FOLDER/wrap"]) else { return };
    let refused = |code: &str, cause: &str| {
        let done = cluster.expect(65, &["apply"]);
        assert!(done.stderr.contains(code) && done.stderr.contains(cause), "{code}: {}", done.stderr);
        assert!(!cluster.servers[0].file("count").exists(), "nothing has connected");
    };
    let whole = fs::read(pack(&cluster)).unwrap();
    fs::write(pack(&cluster), [whole.as_slice(), b"x"].concat()).unwrap();
    refused("pack-digest", "not what the inventory names");
    // The digest was taken of a file that is cut off.
    fs::write(pack(&cluster), &whole[..whole.len() / 2]).unwrap();
    write_inventory(&cluster);
    refused("pack-damaged", "cut off");
    for (target, name) in [("/etc", "absolute"), ("../../..", "climbing")] {
        fs::write(pack(&cluster), &whole).unwrap();
        let link = format!("wso2is-7.1.0/{name}");
        symlink(target, cluster.folder.path().join("tree").join(&link)).unwrap();
        assert!(zip(&cluster, &["-q", "-y", "../pack.zip", &link]));
        write_inventory(&cluster);
        refused("pack-unsafe", "is a link that leads outside");
    }
    fs::write(pack(&cluster), &whole).unwrap();
    fs::write(cluster.folder.path().join("evil"), "").unwrap();
    assert!(zip(&cluster, &["-q", "../pack.zip", "../evil"]));
    write_inventory(&cluster);
    refused("pack-unsafe", "climbs out of its folder");
    fs::remove_file(pack(&cluster)).unwrap();
    refused("missing-file", "pack.zip");
}

#[test]
fn a_host_without_unzip_says_what_to_install_and_is_not_touched() {
    let programs = tempfile::tempdir().unwrap();
    for folder in ["/usr/local/bin", "/bin", "/usr/bin"] {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name();
            if !["unzip", "busybox", "bsdtar", "jar"].contains(&name.to_str().unwrap_or_default()) {
                // A name that is in both folders is one program.
                let _ = symlink(entry.path(), programs.path().join(name));
            }
        }
    }
    let Some(cluster) = bare(&[&format!("SetEnv PATH={} HOME=FOLDER", programs.path().display())]) else { return };
    let done = cluster.expect(1, &["apply"]);
    assert!(
        done.stdout.contains("[unzip-missing]") && done.stdout.contains("apt-get install unzip"),
        "{}",
        done.stdout
    );
    assert!(!cluster.servers[0].file("state/blobs").exists(), "nothing was uploaded");
    let unzip = ["/usr/bin/unzip", "/bin/unzip"].into_iter().find(|path| Path::new(path).exists());
    let Some(unzip) = unzip else { return skip("there is no unzip on this machine") };
    symlink(unzip, programs.path().join("unzip")).unwrap();
    cluster.expect(0, &["apply"]);
    is_converged(&cluster);
}

#[test]
fn the_primary_key_store_of_a_product_that_was_started_is_never_replaced() {
    let Some(cluster) = bare(&[]) else { return };
    cluster.expect(0, &["apply"]);
    fs::write(store(&cluster, 0), "a key that data depends on").unwrap();
    fs::write(cluster.home(0).join("wso2carbon.pid"), "4711\n").unwrap();
    let done = cluster.expect(1, &["apply"]);
    assert!(done.stdout.contains("[keystore-differs]") && done.stdout.contains("hint:"), "{}", done.stdout);
    assert_eq!(fs::read_to_string(store(&cluster, 0)).unwrap(), "a key that data depends on");
    fs::rename(store(&cluster, 0), cluster.home(0).join("kept.p12")).unwrap();
    cluster.expect(0, &["apply"]);
    is_converged(&cluster);
}
