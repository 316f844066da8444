//! hactl as another user than the one who logs in.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::{Cluster, SHIPPED, files_below};
use crate::account::{Account, Counter};
use crate::sshd::{me, output};

/// Lets hosts be reached as this user, with more keys of `ssh` and `product`.
fn reach(cluster: &Cluster, user: &str, ssh: &str, product: &str) {
    cluster.write_inventory("");
    let text = fs::read_to_string(cluster.inventory()).unwrap();
    let text = text
        .replace(&format!("user: {}, agent: false", me()), &format!("user: {user}, agent: false{ssh}"))
        .replace("product: { name: wso2is,", &format!("product: {{ {product}name: wso2is,"));
    fs::write(cluster.inventory(), text).unwrap();
}

fn by_sudo(cluster: &Cluster, password: &str) -> &'static str {
    let file = cluster.folder.path().join("sudo-password");
    fs::write(&file, password).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    ", become: { method: sudo, password: { file: sudo-password } }"
}

#[test]
fn a_whole_plan_with_a_wrong_password_is_one_attempt_on_a_host() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let log = cluster.folder.path().join("sudo.log");
    let count = Counter::new("plan", cluster.servers[0].folder());
    for tries in [1, 3] {
        let rules = format!(
            "Defaults:USER logfile={}, pam_service={}, passwd_tries={tries}, timestamp_timeout=0\nUSER ALL=(ALL) ALL",
            log.display(),
            count.pam.name
        );
        let Some(account) = Account::new("sudo", &rules) else { return };
        account.set_password("right");
        reach(&cluster, account.name(), by_sudo(&cluster, "poison-wrong"), "");
        for words in [["plan", "--limit", "is-1"], ["apply", "--limit", "is-1"], ["status", "--limit", "is-1"]] {
            fs::write(&log, "").unwrap();
            count.reset();
            let done = cluster.hactl(&words);
            let said = format!("{}{}", done.stdout, done.stderr);
            assert!([1, 3].contains(&done.exit), "{words:?}: {} {said}", done.exit);
            assert!(
                said.contains("sudo did not take the password of") && !said.contains("poison"),
                "{words:?}: {said}"
            );
            super::interrupted::eventually("sudo's log", || {
                fs::read_to_string(&log).unwrap().contains("incorrect password")
            });
            let logged = fs::read_to_string(&log).unwrap();
            assert_eq!(logged.matches("1 incorrect password attempt").count(), 1, "{words:?}: {logged}");
            assert_eq!(logged.matches("incorrect password attempt").count(), 1, "{words:?}: {logged}");
            // Where sudo asks again by itself, giving up is what the second one counts.
            assert_eq!(count.attempts(), usize::from(tries != 1) + 1, "{words:?} with {tries} tries");
        }
        reach(&cluster, account.name(), by_sudo(&cluster, "right"), "");
        cluster.expect(2, &["plan", "--limit", "is-1"]);
    }
}

#[test]
fn what_hactl_writes_below_the_home_belongs_to_the_product_s_user_and_keeps_its_mode() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let Some(ops) = Account::new("sudo", "USER ALL=(ALL) ALL") else { return };
    let Some(product) = Account::new("sudo", "") else { return };
    let Some(nobody) = Account::new("sudo", "") else { return };
    ops.set_password("poison-sudo");
    let shipped = |cluster: &Cluster| {
        for index in 0..2 {
            fs::write(cluster.toml_file(index), SHIPPED).unwrap();
            fs::set_permissions(cluster.toml_file(index), fs::Permissions::from_mode(0o640)).unwrap();
            drop(fs::remove_file(cluster.home(index).join("repository/components/lib/mysql-connector-j-8.4.0.jar")));
            output("chown", &["-R", &format!("{0}:{0}", product.name()), cluster.home(index).to_str().unwrap()]);
        }
    };
    let run_as = format!("run_as: {}, ", product.name());
    // As root, by sudo with a password.
    shipped(&cluster);
    reach(&cluster, ops.name(), by_sudo(&cluster, "poison-sudo"), &run_as);
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
    belongs(&cluster, product.name());
    // As the product's user, who becomes nobody.
    shipped(&cluster);
    let own_state = |text: &str, user: &str| {
        let text = text.lines().map(|line| match line.split_once("state_folder: ") {
            Some((before, _)) => format!("{before}state_folder: /home/{user}/state-{} }}", line.len() + before.len()),
            None => line.to_owned(),
        });
        text.collect::<Vec<_>>().join("\n")
    };
    reach(&cluster, product.name(), "", &run_as);
    let text = fs::read_to_string(cluster.inventory()).unwrap();
    fs::write(cluster.inventory(), own_state(&text, product.name())).unwrap();
    cluster.expect(0, &["apply"]);
    cluster.is_converged();
    belongs(&cluster, product.name());
    // As somebody who is neither: nothing is begun.
    shipped(&cluster);
    reach(&cluster, nobody.name(), "", &run_as);
    let mut cluster = cluster;
    cluster.preflight = true;
    output("chmod", &["-R", "a+rX", cluster.home(0).to_str().unwrap(), cluster.home(1).to_str().unwrap()]);
    let done = cluster.expect(5, &["apply"]);
    let wanted = format!("the product runs as {}, and hactl works as {}", product.name(), nobody.name());
    assert!(done.stdout.contains(&wanted), "{}{}", done.stdout, done.stderr);
    assert_eq!(cluster.toml(0), SHIPPED);
}

#[track_caller]
fn belongs(cluster: &Cluster, user: &str) {
    let id: u32 = output("id", &["-u", user]).trim().parse().unwrap();
    for index in 0..2 {
        let all = files_below(&cluster.home(index));
        assert!(all.iter().any(|file| file.ends_with("mysql-connector-j-8.4.0.jar")), "{all:?}");
        for file in all {
            let seen = fs::metadata(&file).unwrap();
            assert_eq!((seen.uid(), seen.gid()), (id, id), "{}", file.display());
        }
        assert_eq!(mode(&cluster.toml_file(index)), 0o640);
        assert_eq!(mode(&cluster.home(index).join("repository/components/lib/mysql-connector-j-8.4.0.jar")) & 0o022, 0);
    }
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().mode() & 0o7777
}
