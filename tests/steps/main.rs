//! What the steps want, as files: `cases/CASE/inventory.yaml` against the shipped file of its version, and what comes out.
//!
//! A case holds `inventory.yaml` and, of what there is to see, `findings.txt` (what `validate` says), `error.txt` (why the
//! steps refuse), `after/HOST.toml` (the whole configuration file afterwards) and `changes.txt` (every item of every
//! host, by step). `secrets.txt` holds `NAME=VALUE` lines. `HACTL_BLESS=1` writes what comes out, for a person to read.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends here")]

mod case;
mod explanations;
mod profiles;
mod refusals;
mod schemas;
mod units;

use std::path::Path;

use case::Case;

#[test]
fn every_case_comes_out_as_it_stands_in_its_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/steps/cases");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        count += 1;
        wrong.extend(Case::read(&entry.unwrap().path()).differences());
    }
    assert!(count > 20, "only {count} cases were found");
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}
