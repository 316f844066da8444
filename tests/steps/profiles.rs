//! The profiles: those of the folder, and what is wrong with a bad one.

use std::fs;
use std::path::Path;

use hactl::model::profile::{Profile, ProfileError};

fn folder() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/profiles");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn every_profile_of_the_folder_is_whole_and_is_found_by_its_product_and_version() {
    let mut products = 0;
    for (name, text) in folder() {
        if !text.lines().any(|line| line.starts_with("product:")) {
            continue; // Only there to be extended; those that extend it are whole.
        }
        let profile = Profile::parse(&text, &name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(name, format!("{}-{}", profile.product, profile.version));
        for version in [profile.version.clone(), format!("{}.0", profile.version), format!("{}.1.12", profile.version)]
        {
            assert_eq!(Profile::find(&profile.product, &version).unwrap(), profile, "{name} {version}");
        }
        products += 1;
    }
    assert_eq!(Profile::known().unwrap().len(), products);
}

#[test]
fn every_version_that_the_project_promises_is_there() {
    for version in ["5.9.0", "5.10.0", "5.11.0", "6.0.0", "6.1.0", "7.0.0", "7.1.0", "7.2.0", "7.3.0"] {
        let profile = Profile::find("wso2is", version).unwrap();
        assert!(profile.databases.identity_db.is_some(), "{version}");
    }
    for version in ["4.5.1", "4.6.0", "4.7.1", "4.8.0", "4.9.1-m1", "4.10.32"] {
        assert!(Profile::find("wso2carbon", version).unwrap().databases.identity_db.is_none(), "{version}");
    }
}

#[test]
fn an_unknown_version_is_answered_with_the_nearest_ones() {
    let Err(ProfileError::Unknown { known, .. }) = Profile::find("wso2is", "7.4.0") else { panic!() };
    assert!(known[0].starts_with("wso2is 7."), "{known:?}");
    assert!(known.iter().any(|known| known == "wso2carbon 4.10"));
    let error = Profile::find("wso2am", "4.5.0").unwrap_err().to_string();
    assert!(error.starts_with("no profile for wso2am 4.5.0; known are wso2"), "{error}");
    assert!(Profile::find("wso2is", "7.10.0").is_err(), "7.1 is not the beginning of 7.10");
    assert!(Profile::find("wso2is", "7").is_err());
}

#[test]
fn what_is_wrong_with_a_profile_is_said_with_its_path() {
    let base = "extends: carbon-toml\nproduct: mine\nversion: \"1\"\nkernel: \"4.9\"\njava: { from: 11, to: 17 }\n";
    assert!(Profile::parse(base, "mine").is_ok());
    for (more, expected) in [
        ("keys: { hostnam: a.b }", "profile mine: keys.hostnam: unknown key; did you mean `hostname`?"),
        (
            "clustering: { schemes: { wka: { prot: 1 } } }",
            "profile mine: clustering.schemes.wka.prot: unknown key; did you mean `port`?",
        ),
        (
            "databases: { types: { mysql: { url: \"jdbc:mysql://{hots}/{name}\" } } }",
            "profile mine: databases.types.mysql.url: unknown placeholder `{hots}`; known are `{host}`, `{port}`, `{name}`",
        ),
        (
            "databases: { types: { mysql: { url: \"jdbc:mysql://{host\" } } }",
            "databases.types.mysql.url: unknown placeholder",
        ),
        (
            "endpoint: { internal_urls: [{ key: a.b, url: \"https://{name}\" }] }",
            "endpoint.internal_urls.0.url: unknown placeholder",
        ),
        ("ports: { https: no }", "profile mine: ports: "),
        ("files: { drivers: null }", "profile mine: files: missing field `drivers`"),
        ("keys: { hostname: \"a..b\" }", "profile mine: keys: `a..b` is not a path of keys"),
        ("user_store: { recommended: keep }", "profile mine: user_store.recommended: not one of"),
        ("files: { drivers: /lib }", "profile mine: files.drivers: must be relative"),
        ("ports: { https: 1 }\nports: { https: 2 }", "profile mine: "),
        ("- a", "profile mine: "),
    ] {
        let error = Profile::parse(&format!("{base}{more}\n"), "mine").unwrap_err().to_string();
        assert!(error.contains(expected), "{more}\n  is: {error}\n  not: {expected}");
    }
    let error = Profile::parse("extends: carbon-tmol\nproduct: mine\n", "mine").unwrap_err().to_string();
    assert!(error.contains("there is no profile `carbon-tmol`"), "{error}");
}

#[test]
fn a_version_of_ones_own_changes_one_value_and_keeps_the_rest() {
    let text = "extends: wso2is-7.1\nversion: \"7.1\"\nports: { https: 443 }\nclustering: { schemes: { aws: null } }\n";
    let (mine, base) = (Profile::parse(text, "mine").unwrap(), Profile::find("wso2is", "7.1.0").unwrap());
    assert_eq!((mine.ports.https, mine.ports.http), (443, base.ports.http));
    assert_eq!(mine.clustering.schemes.len() + 1, base.clustering.schemes.len());
    assert_eq!(mine.keys, base.keys);
}
