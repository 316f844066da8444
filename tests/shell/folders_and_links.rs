//! Folders and symbolic links.

use std::os::unix::fs::symlink;

use hactl::resources::{Directory, MountPoint, Symlink};

use crate::host::on_every_shell;

#[test]
fn a_folder_is_made_with_those_above_it() {
    on_every_shell(|host| {
        let folder = Directory::new(host.path("a b/c/Userstores")).mode(0o750);
        assert_eq!(host.converge(&folder), ["create the folder, mode 750"]);
        assert_eq!((host.mode("a b"), host.mode("a b/c/Userstores")), (0o755, 0o750));
        host.set_mode("a b/c/Userstores", 0o700);
        assert_eq!(host.converge(&folder), ["mode: 700 -> 750"]);
        host.write("file", "x");
        assert_eq!(host.assess(&Directory::new(host.path("file"))).unwrap_err().code, "in-the-way");
        assert_eq!(host.assess(&Directory::new(host.path("file/below"))).unwrap_err().code, "cannot-look");
    });
}

#[test]
fn a_link_is_made_and_turned_to_another_folder() {
    on_every_shell(|host| {
        for folder in ["one", "two"] {
            std::fs::create_dir(host.at(folder)).unwrap();
        }
        let link = |target| Symlink::new(host.path("it's a link"), host.path(target));
        host.converge(&link("one"));
        host.converge(&link("two"));
        assert_eq!(std::fs::read_link(host.at("it's a link")).unwrap(), host.at("two"));
        assert_eq!(std::fs::read_dir(host.at("one")).unwrap().count(), 0, "the new link went into the old folder");
    });
}

#[test]
fn an_empty_folder_makes_way_for_a_link() {
    on_every_shell(|host| {
        for folder in ["share/Tenants", "tenants"] {
            std::fs::create_dir_all(host.at(folder)).unwrap();
        }
        host.converge(&Symlink::new(host.path("tenants"), host.path("share/Tenants")));
        assert!(host.at("tenants").is_symlink());
    });
}

#[test]
fn a_folder_with_content_is_moved_only_when_that_is_allowed() {
    on_every_shell(|host| {
        std::fs::create_dir_all(host.at("share")).unwrap();
        host.write("userstores/a b.xml", "one");
        host.write("userstores/deep/c.xml", "two");
        host.set_mode("userstores/deep/c.xml", 0o600);
        symlink("c.xml", host.at("userstores/deep/link")).unwrap();
        let link = Symlink::new(host.path("userstores"), host.path("share"));
        let error = host.assess(&link).unwrap_err();
        assert_eq!(error.code, "in-the-way");
        assert!(error.cause.contains("3 files and 1 folder"), "{error}");
        assert!(error.hint.unwrap().contains("--adopt"));

        host.write("share/a b.xml", "one");
        host.converge(&link.adopt(true));
        assert_eq!(host.read("share/deep/c.xml"), "two");
        assert_eq!(host.mode("share/deep/c.xml"), 0o600);
        assert!(host.at("share/deep/link").is_symlink());
        assert_eq!(host.read("userstores/a b.xml"), "one");
        assert!(host.at("userstores").is_symlink());
    });
}

#[test]
fn adopting_overwrites_nothing_and_moves_nothing_then() {
    on_every_shell(|host| {
        host.write("share/same.xml", "theirs");
        host.write("userstores/same.xml", "ours");
        host.write("userstores/another.xml", "ours too");
        let link = Symlink::new(host.path("userstores"), host.path("share")).adopt(true);
        let error = host.mend(&host.assess(&link).unwrap()).unwrap_err();
        assert_eq!(error.code, "in-the-way");
        assert!(error.cause.contains("same.xml"), "{error}");
        assert_eq!(host.read("share/same.xml"), "theirs");
        assert_eq!(host.read("userstores/same.xml"), "ours");
        assert!(!host.at("share/another.xml").exists());
        host.no_leftovers();
    });
}

#[test]
fn a_link_across_an_unmounted_mount_point_is_never_made() {
    on_every_shell(|host| {
        let mount = |target: &str| MountPoint { target: target.parse().unwrap(), source: None, kind: None };
        std::fs::create_dir_all(host.at("share/Tenants")).unwrap();
        let link = Symlink::new(host.path("tenants"), host.path("share/Tenants"));
        let unmounted = link.clone().must_be_mounted(Some(mount(host.path("share").as_str())));
        assert_eq!(host.assess(&unmounted).unwrap_err().code, "not-mounted");
        symlink(host.at("share/Tenants"), host.at("tenants")).unwrap();
        assert_eq!(host.assess(&unmounted).unwrap_err().code, "not-mounted");
        std::fs::remove_file(host.at("tenants")).unwrap();

        let new = Symlink::new(host.path("tenants"), host.path("share/New"));
        assert_eq!(host.mend(&host.assess(&new).unwrap()).unwrap_err().code, "target-missing");
        // `/proc` is mounted wherever these tests can run.
        let mounted = new.must_be_mounted(Some(mount("/proc")));
        host.converge(&mounted);
        assert!(host.at("share/New").is_dir());
    });
}

#[test]
fn a_right_link_to_a_missing_target_is_warned_of() {
    on_every_shell(|host| {
        symlink(host.at("gone"), host.at("link")).unwrap();
        let link = Symlink::new(host.path("link"), host.path("gone"));
        assert_eq!(host.is_in_place(&link).warnings.len(), 1);
    });
}
