//! A pack that is unpacked where nothing is, by whatever the host has.

use std::path::Path;
use std::time::{Duration, Instant};

use hactl::model::{Archive, Blob, Sha256};
use hactl::resources::{Resource as _, Unpack, Upload};

use crate::host::{Host, everything, is_root, on_every_shell, skipped, start};

/// A zip file of these entries, made by Python: a name that begins with `->` is a link's text. `None` without Python.
fn zip(host: &Host, name: &str, entries: &[(&str, &str)]) -> Option<Archive> {
    const MAKE: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as archive:
    for name, content in zip(sys.argv[2::2], sys.argv[3::2]):
        entry = zipfile.ZipInfo(name)
        entry.create_system = 3
        entry.external_attr = (0o120777 if content.startswith('->') else 0o100640) << 16
        archive.writestr(entry, content.removeprefix('->'))
";
    let path = host.at(&format!("../{name}"));
    let mut arguments = vec!["-c", MAKE, path.to_str().unwrap()];
    arguments.extend(entries.iter().flat_map(|(name, content)| [*name, *content]));
    let made = start("python3", &arguments).output();
    if !made.is_ok_and(|made| made.status.success()) {
        skipped("there is no python3 to make a zip file with");
        return None;
    }
    let content = std::fs::read(&path).unwrap();
    let blob = Blob { source: path, sha256: Sha256::of(&content), size: content.len() as u64 };
    let links = entries.iter().filter(|(_, content)| content.starts_with("->")).count();
    Some(Archive { blob, unpacked: 40_960, links })
}

const PRODUCT: [(&str, &str); 4] = [
    ("wso2is-7.1.0/bin/wso2server.sh", "#!/bin/sh\n"),
    ("wso2is-7.1.0/repository/conf/deployment.toml", "[server]\n"),
    ("wso2is-7.1.0/.hidden", "x"),
    ("wso2is-7.1.0/repository/a b", "c"),
];

fn unpack(host: &Host, archive: Archive) -> Unpack {
    Unpack::new(archive, host.path("opt/the home"), "bin/wso2server.sh")
}

fn entries(folder: &Path) -> Vec<String> {
    let below = |path: &Path| path.strip_prefix(folder).unwrap().display().to_string();
    everything(folder).iter().map(|path| below(path)).collect()
}

#[test]
fn a_pack_becomes_the_home_whatever_its_folder_is_called() {
    on_every_shell(|host| {
        let Some(archive) = zip(host, "is.zip", &PRODUCT) else { return };
        let changes = host.converge(&unpack(host, archive.clone()));
        assert!(changes[0].starts_with("unpack is.zip, ") && changes.len() == 1, "{changes:?}");
        assert_eq!(host.read("opt/the home/repository/conf/deployment.toml"), "[server]\n");
        assert_eq!(host.read("opt/the home/.hidden"), "x");
        assert_eq!(host.mode("opt/the home/bin/wso2server.sh") & 0o111, 0o111, "scripts can be run");
        assert_eq!(host.mode("opt/the home") & 0o755, 0o755);
        assert_eq!(host.is_in_place(&unpack(host, archive)).because, "bin/wso2server.sh is there");
        // Without a folder of its own; into a folder that is there and empty, through a link.
        let bare = PRODUCT.map(|(name, content)| (name.split_once('/').unwrap().1, content));
        let Some(archive) = zip(host, "bare.zip", &bare) else { return };
        std::fs::create_dir(host.at("empty")).unwrap();
        std::os::unix::fs::symlink(host.at("empty"), host.at("link")).unwrap();
        host.converge(&Unpack::new(archive, host.path("link"), "bin/wso2server.sh"));
        assert_eq!(host.read("empty/.hidden"), "x");
        assert!(host.at("link").is_symlink());
    });
}

#[test]
fn a_home_that_holds_anything_is_never_touched() {
    on_every_shell(|host| {
        let Some(archive) = zip(host, "is.zip", &PRODUCT) else { return };
        let resource = unpack(host, archive);
        let pending = host.assess(&resource).unwrap();
        host.write("opt/the home/precious", "data");
        let error = host.assess(&resource).unwrap_err();
        assert_eq!(error.code, "in-the-way");
        assert!(error.cause.ends_with("is not the product: it has no bin/wso2server.sh"), "{error}");
        // It has appeared after it was looked at.
        let error = host.mend(&pending).unwrap_err();
        assert_eq!(error.code, "file-changed-meanwhile", "{error}");
        assert_eq!(entries(&host.at("opt")), ["the home", "the home/precious"]);
        // The product itself, of whatever version, is in place.
        host.write("opt/the home/bin/wso2server.sh", "");
        host.is_in_place(&resource);
        std::fs::remove_dir_all(host.at("opt/the home")).unwrap();
        host.write("opt/the home", "a file");
        assert_eq!(host.assess(&resource).unwrap_err().code, "in-the-way");
        std::fs::remove_file(host.at("opt/the home")).unwrap();
        std::os::unix::fs::symlink("/nowhere", host.at("opt/the home")).unwrap();
        assert_eq!(host.assess(&resource).unwrap_err().code, "in-the-way");
    });
}

#[test]
fn a_pack_that_is_broken_or_not_the_product_leaves_nothing() {
    on_every_shell(|host| {
        let Some(whole) = zip(host, "is.zip", &PRODUCT) else { return };
        let content = std::fs::read(&whole.blob.source).unwrap();
        for broken in [&content[..content.len() / 2], b"", b"no zip file"] {
            std::fs::write(&whole.blob.source, broken).unwrap();
            let error = host.mend(&host.assess(&unpack(host, whole.clone())).unwrap()).unwrap_err();
            assert_eq!(error.code, "cannot-unpack", "{error}");
            assert_eq!(entries(&host.at("opt")), Vec::<String>::new());
        }
        let Some(other) = zip(host, "other.zip", &[("readme", "x"), ("src/bin/wso2server.sh", "x")]) else { return };
        let error = host.mend(&host.assess(&unpack(host, other)).unwrap()).unwrap_err();
        assert_eq!(error.code, "not-the-product", "{error}");
        assert_eq!(entries(&host.at("opt")), Vec::<String>::new());
    });
}

/// The controller refuses such packs; a host that gets one all the same writes nothing outside.
#[test]
fn evil_entries_write_nothing_outside_the_home() {
    on_every_shell(|host| {
        let outside = host.at("outside");
        std::fs::create_dir(&outside).unwrap();
        let absolute = format!("{}/absolute", outside.display());
        let text = format!("->{}", outside.display());
        let mut evil = PRODUCT.to_vec();
        evil.extend([("../../outside/climbed", "x"), (&absolute, "x"), ("wso2is-7.1.0/l", &text)]);
        evil.push(("wso2is-7.1.0/l/through", "x"));
        let Some(archive) = zip(host, "evil.zip", &evil) else { return };
        // Whether the program refuses it or makes it harmless is its own affair.
        let _ = host.mend(&host.assess(&unpack(host, archive)).unwrap());
        assert_eq!(entries(&outside), Vec::<String>::new());
        assert!(!host.at("../outside").exists());
    });
}

#[test]
fn a_host_without_anything_to_unpack_with_is_told_what_to_install_before_any_upload() {
    on_every_shell(|host| {
        host.without("busybox", |host| {
            let Some(archive) = zip(host, "is.zip", &PRODUCT) else { return };
            let error = host.assess(&unpack(host, archive.clone())).unwrap_err();
            assert_eq!(error.code, "unzip-missing");
            assert!(error.hint.unwrap().contains("apt-get install unzip"));
            // A JDK can do it, but not with links.
            if !Path::new("/usr/bin/jar").exists() {
                return skipped("there is no JDK in /usr");
            }
            let with_jdk = |archive| unpack(host, archive).java_home(Some("/usr".parse().unwrap()));
            let error = host.assess(&with_jdk(Archive { links: 1, ..archive.clone() })).unwrap_err();
            assert_eq!(error.code, "unzip-missing");
            let assessment = host.assess(&with_jdk(archive.clone())).unwrap();
            host.mend(&assessment).unwrap();
            assert_eq!(host.mode("opt/the home/bin/wso2server.sh") & 0o111, 0o111, "jar knows of no modes");
            host.is_in_place(&with_jdk(archive));
        });
        // A busybox that is not linked into the search path has an unzip of its own.
        host.without("", |host| {
            let Some(archive) = zip(host, "is.zip", &PRODUCT) else { return };
            if host.at("../programs/busybox").exists() {
                host.mend(&host.assess(&unpack(host, archive.clone())).unwrap()).unwrap();
                host.is_in_place(&unpack(host, archive));
            }
        });
    });
}

#[test]
fn a_disk_that_is_too_small_is_told_before_and_while_unpacking() {
    if !is_root() {
        return skipped("only root can mount");
    }
    on_every_shell(|host| {
        std::fs::create_dir(host.at("opt")).unwrap();
        let place = host.at("opt").display().to_string();
        let mounted = start("mount", &["-t", "tmpfs", "-o", "size=200k", "hactl-test", &place]).status();
        if !mounted.is_ok_and(|status| status.success()) {
            return skipped("a file system can't be mounted here");
        }
        let large = "x".repeat(110_000);
        let mut parts = PRODUCT.to_vec();
        parts.extend([("wso2is-7.1.0/one", large.as_str()), ("wso2is-7.1.0/two", &large)]);
        let archive = zip(host, "large.zip", &parts);
        let told = archive.map(|archive| {
            let before = host.assess(&unpack(host, Archive { unpacked: 230_000, ..archive.clone() })).unwrap_err();
            let pending = host.assess(&unpack(host, archive)).unwrap();
            (before, host.mend(&pending).unwrap_err(), entries(&host.at("opt")))
        });
        assert!(start("umount", &[&place]).status().unwrap().success());
        let Some((before, meanwhile, left)) = told else { return };
        assert_eq!((before.code, meanwhile.code), ("disk-full", "disk-full"), "{meanwhile}");
        assert!(before.cause.contains("takes 1 MiB"), "{before}");
        assert_eq!(left, Vec::<String>::new());
    });
}

#[test]
fn a_host_that_dies_while_it_unpacks_is_mended_by_the_next_run() {
    on_every_shell(|host| {
        let names: Vec<String> = (0..400).map(|number| format!("wso2is-7.1.0/lib/{number}")).collect();
        let mut parts = PRODUCT.to_vec();
        parts.extend(names.iter().map(|name| (name.as_str(), "content")));
        let Some(archive) = zip(host, "is.zip", &parts) else { return };
        let resource = unpack(host, archive.clone());
        let begun = Instant::now();
        host.converge(&resource);
        let whole = begun.elapsed();
        for part in 0..4u32 {
            std::fs::remove_dir_all(host.at("opt/the home")).unwrap();
            host.mend_and_die(&host.assess(&resource).unwrap(), whole * part / 5 + Duration::from_millis(1));
            let home = host.at("opt/the home");
            assert!(!home.exists() || entries(&home).len() == parts.len() + 4, "the home is whole or not there");
            let assessment = host.assess(&resource).unwrap();
            host.mend(&assessment).unwrap();
            host.is_in_place(&resource);
            host.no_leftovers();
        }
    });
}

#[test]
fn all_of_it_belongs_to_the_wanted_owner() {
    if !is_root() {
        return skipped("only root can give files away");
    }
    on_every_shell(|host| {
        use std::os::unix::fs::MetadataExt as _;
        let Some(archive) = zip(host, "is.zip", &PRODUCT) else { return };
        let nobody = unpack(host, archive).owner(Some("nobody".to_owned()));
        host.converge(&nobody);
        for path in everything(&host.at("opt/the home")) {
            assert_eq!(path.symlink_metadata().unwrap().uid(), 65534, "{}", path.display());
        }
        let Some(archive) = zip(host, "is.zip", &PRODUCT) else { return };
        std::fs::remove_dir_all(host.at("opt/the home")).unwrap();
        let stranger = unpack(host, archive).owner(Some("no-such-user".to_owned()));
        assert_eq!(host.mend(&host.assess(&stranger).unwrap()).unwrap_err().code, "owner-missing");
        assert_eq!(entries(&host.at("opt")), Vec::<String>::new());
    });
}

#[test]
fn a_store_that_the_product_was_started_with_is_never_replaced() {
    on_every_shell(|host| {
        let source = host.write("../own.p12", "the own store");
        let blob = Blob { source, sha256: Sha256::of(b"the own store"), size: 13 };
        host.write("security/own.p12", "the shipped store");
        let store = Upload::new(blob, host.path("security/own.p12")).mode(0o640).settled_by(vec![host.path("pid")]);
        // The product has not been started yet.
        let assessment = host.assess(&store).unwrap();
        assert!(assessment.because.contains("kept in the run's backup"), "{}", assessment.because);
        host.write("pid", "");
        let error = host.assess(&store).unwrap_err();
        assert_eq!(error.code, "keystore-differs");
        assert!(error.cause.contains("was started with it"), "{error}");
        std::fs::remove_file(host.at("pid")).unwrap();
        host.mend(&assessment).unwrap();
        host.write("pid", "");
        assert_eq!(host.is_in_place(&store).warnings, Vec::<String>::new());
        assert_eq!(host.mode("security/own.p12"), 0o640);
        assert_eq!(store.place().map(ToString::to_string), Some(host.at("security/own.p12").display().to_string()));
    });
}
