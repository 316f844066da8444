//! D01, D02, D08: the JDBC drivers, and the way to the database servers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Rule, Subject, Verdict};
use crate::model::Script;
use crate::steps::jdbc_driver;
use crate::steps::{datasources, node};

pub(super) static RULES: &[Rule] = &[
    Rule { id: "D01", applies: |of| !wanted_jars(of).is_empty(), probe: ask_wanted_jars, judge: missing_driver },
    Rule { id: "D02", applies: |of| !families(of).is_empty(), probe: ask_families, judge: driver_versions },
    Rule { id: "D08", applies: |of| !servers(of).is_empty(), probe: ask_servers, judge: unreachable },
];

/// The beginnings of the names of drivers for each kind of database, when the inventory brings no driver.
fn wanted_jars(of: &Subject) -> BTreeMap<&'static str, &[String]> {
    let databases = &of.cluster.databases;
    let mut wanted = BTreeMap::new();
    if databases.driver.is_none() {
        for database in datasources::all(databases).filter(|database| database.driver_class.is_none()) {
            let jars = of.profile.databases.types.get(&database.kind).map_or(&[][..], |dialect| &dialect.jars);
            if !jars.is_empty() {
                wanted.insert(database.kind.word(), jars);
            }
        }
    }
    wanted
}

fn ask_jars(of: &Subject, prefixes: &[&str], script: &mut Script) {
    let folder = of.path(&of.profile.files.drivers);
    for prefix in prefixes {
        script.call("hactl_jars", &[&folder, prefix]);
    }
}

fn ask_wanted_jars(of: &Subject, script: &mut Script) {
    let prefixes: Vec<&str> = wanted_jars(of).values().flat_map(|jars| jars.iter()).map(String::as_str).collect();
    ask_jars(of, &prefixes, script);
}

fn missing_driver(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let judge = |facts: &Facts<'_>| {
        let there: Vec<&str> = jars(facts).map(|(_, path)| file_name(path)).collect();
        let lacks = |jars: &[String]| !there.iter().any(|name| jars.iter().any(|jar| name.starts_with(jar)));
        let verdict = |(kind, jars): (&str, &[String])| {
            let folder = facts.subject.path(&facts.subject.profile.files.drivers);
            let cause = format!("there is no driver for {kind} in {folder} (no {}*.jar)", jars.join("*.jar, "));
            facts.error(cause, "name the driver under `databases.driver`: hactl brings it to every node")
        };
        let lacking: Vec<Verdict> =
            wanted_jars(facts.subject).into_iter().filter(|(_, jars)| lacks(jars)).map(verdict).collect();
        lacking
    };
    facts.iter().flat_map(judge).collect()
}

/// The beginnings of the names that all versions of a driver share: of those that the inventory brings, or of those that
/// fit its databases.
fn families(of: &Subject) -> Vec<String> {
    let mut families = jdbc_driver::families(&of.cluster, &of.profile);
    families.extend(wanted_jars(of).values().flat_map(|jars| jars.iter().cloned()));
    families.sort_unstable();
    families.dedup();
    families
}

fn ask_families(of: &Subject, script: &mut Script) {
    let families = families(of);
    ask_jars(of, &families.iter().map(String::as_str).collect::<Vec<_>>(), script);
}

fn driver_versions(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    // The first node with a driver of a family, and its jars as names and digests.
    let mut first: BTreeMap<String, (&Facts<'_>, Jars<'_>)> = BTreeMap::new();
    for facts in facts {
        let brought = jdbc_driver::file_names(&facts.subject.cluster);
        for family in families(facts.subject) {
            let there: Jars<'_> = jars(facts)
                .map(|(digest, path)| (file_name(path), digest))
                .filter(|(name, _)| name.starts_with(&family))
                .collect();
            let own: Vec<&str> = brought.iter().copied().filter(|name| name.starts_with(&family)).collect();
            let others = there.keys().filter(|name| !own.contains(*name)).count();
            if others > 0 && others + own.len() > 1 {
                let names = joined(there.keys().copied().chain(own.iter().copied()));
                let hint = "remove all but one, here and from the dropins; which one is loaded is open";
                verdicts.push(facts.warning(format!("several versions of one driver: {names}"), hint));
            }
            // What the inventory brings is made equal by the next apply; a node without any is another rule's.
            if !own.is_empty() || there.is_empty() {
                continue;
            }
            let Some((other, known)) = first.get(&family) else {
                first.insert(family, (facts, there));
                continue;
            };
            if *known != there {
                let names = |jars: &Jars<'_>| joined(jars.keys().copied());
                let cause = format!(
                    "the driver {} is not the same as {} on {}",
                    names(&there),
                    names(known),
                    other.subject.host.name
                );
                let hint = "name the driver under `databases.driver`: hactl brings it to every node";
                verdicts.push(facts.warning(cause, hint));
            }
        }
    }
    verdicts
}

/// The digests of jars by their names.
type Jars<'a> = BTreeMap<&'a str, &'a str>;

/// Names in order, each once.
fn joined<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

fn jars<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    facts.values("jar").filter_map(|line| line.split_once(' '))
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn servers(of: &Subject) -> Vec<(String, u16)> {
    datasources::servers(&of.cluster, &of.profile)
}

fn ask_servers(of: &Subject, script: &mut Script) {
    for (host, port) in servers(of) {
        script.call("hactl_server", &[&host, &port.to_string()]);
    }
}

fn unreachable(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let peers = facts.first().is_some_and(|facts| node::has_peers(&facts.subject.cluster));
    facts.iter().flat_map(|facts| facts.values("server").filter_map(move |line| server(facts, line, peers))).collect()
}

fn server(facts: &Facts<'_>, line: &str, peers: bool) -> Option<Verdict> {
    let mut words = line.splitn(4, ' ');
    let [host, port, state, text] = std::array::from_fn(|_| words.next().unwrap_or_default());
    let from = if peers { format!("from {}", facts.subject.host.name) } else { "from the node".to_owned() };
    let hint = format!("does the server run, may this host reach {host}:{port}, and is the name right?");
    match state {
        "open" => None,
        "silent" => Some(facts.error(format!("{host}:{port} does not answer {from} within 3 s"), hint)),
        "unnamed" => {
            let cause = format!("the name {host} is not known on {}", facts.subject.host.name);
            Some(facts.error(cause, "correct the name, or write it into the host's /etc/hosts"))
        }
        "closed" => Some(facts.error(format!("{host}:{port} takes no connection {from}: {text}"), hint)),
        _ => {
            let cause = format!("{host}:{port} was not tried {from}: {text}");
            Some(facts.warning(cause, "install bash or nc on the host, or try it by hand"))
        }
    }
}
