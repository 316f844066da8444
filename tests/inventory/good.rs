//! Every file of `good/` is right, and its `.resolved.txt` is what it means.

use std::fmt::Write as _;

use hactl::model::inventory::Severity;

#[test]
fn every_good_inventory_means_what_its_file_says() {
    let mut differences = Vec::new();
    let good = crate::inventories("good");
    assert!(!good.is_empty());
    for (path, text) in &good {
        let file = path.file_name().unwrap().to_string_lossy();
        let (inventory, problems) = crate::read(text, &file);
        let errors: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
        let mut resolved = String::new();
        for cluster in &inventory.clusters {
            writeln!(resolved, "cluster {}", cluster.name).unwrap();
            for host in &cluster.hosts {
                writeln!(resolved, "{host:#?}").unwrap();
            }
        }
        for file in &inventory.files {
            writeln!(resolved, "file {} for {}", file.path.display(), file.key).unwrap();
        }
        crate::hold_against(&path.with_extension("resolved.txt"), &resolved, &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
