//! O01, O02, O03, O07: the JDK, the process that runs, the ports, the owner.

use super::{Facts, Rule, Subject, Verdict, always};
use crate::model::Script;

pub(super) static RULES: &[Rule] = &[
    Rule { id: "O01", applies: always, probe: ask_java, judge: java },
    Rule { id: "O02", applies: always, probe: ask_pid_file, judge: pid_file },
    Rule { id: "O03", applies: always, probe: ask_ports, judge: ports },
    Rule { id: "O07", applies: always, probe: ask_owner, judge: owner },
];

fn ask_java(of: &Subject, script: &mut Script) {
    let home = of.product.java_home.as_ref().map_or("", |home| home.as_str());
    script.call("hactl_java", &[home]);
}

fn java(facts: &[Facts<'_>]) -> Vec<Verdict> {
    facts.iter().filter_map(java_of).collect()
}

fn java_of(facts: &Facts<'_>) -> Option<Verdict> {
    let hint = "name a JDK of the host under `product.java_home`";
    let (state, home) = facts.value("java")?.split_once(' ').unwrap_or(("unset", ""));
    match state {
        "unset" if facts.value("running").is_some() => {
            let cause =
                "JAVA_HOME is unset in a session over SSH: the running node could not be started again from here";
            return Some(facts.warning(cause, hint));
        }
        "unset" => {
            let cause = "JAVA_HOME is unset in a session over SSH, and the inventory names no JDK: the start script does nothing";
            return Some(facts.error(cause, hint));
        }
        "missing" => return Some(facts.error(format!("there is no {home}/bin/java that can be run"), hint)),
        _ => {}
    }
    let range = facts.subject.profile.java;
    let Some(version) = facts.values("said").find_map(java_version) else {
        let said = facts.value("said").unwrap_or_default();
        return Some(facts.error(format!("{home}/bin/java does not tell its version: {said}"), hint));
    };
    if (range.from..=range.to).contains(&version) {
        return None;
    }
    let product = &facts.subject.product;
    let cause = format!(
        "{home} is JDK {version}; {} {} is made for {} to {}",
        product.name, product.version, range.from, range.to
    );
    Some(facts.error(cause, hint))
}

/// The feature version in a line such as `openjdk version "17.0.9" 2023-10-17` or `java version "1.8.0_402"`.
pub(in crate::steps) fn java_version(line: &str) -> Option<u16> {
    let (_, version) = line.split_once(" version \"")?;
    let version = version.strip_prefix("1.").unwrap_or(version);
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn ask_pid_file(_: &Subject, script: &mut Script) {
    script.line("hactl_pid_file");
}

fn pid_file(facts: &[Facts<'_>]) -> Vec<Verdict> {
    facts.iter().filter_map(pid_file_of).collect()
}

fn pid_file_of(facts: &Facts<'_>) -> Option<Verdict> {
    let mut words = facts.value("pid")?.splitn(5, ' ');
    let [whose, pid, state, _, name] = std::array::from_fn(|_| words.next().unwrap_or_default());
    if whose != "foreign" {
        return None;
    }
    let file = facts.subject.path(&facts.subject.profile.files.pid);
    Some(if state == "Z" {
        let cause = format!("{file} names process {pid} ({name}), which has ended but is still listed as a zombie");
        facts.warning(
            format!("{cause}: the start script would say `already running` and do nothing"),
            format!("hactl moves {file} aside when it starts the product; find out why the host's process 1 does not collect ended processes"),
        )
    } else {
        facts.warning(
            format!("{file} names process {pid}, which is {name} and not the product: the start script would say `already running` and do nothing"),
            format!("hactl moves it aside when it starts the product; whoever starts it by hand must remove {file} first"),
        )
    })
}

fn ask_ports(of: &Subject, script: &mut Script) {
    let ports = of.profile.ports;
    // What the inventory says is written before the node is started; else the host's own configuration counts.
    let offset = of.product.port_offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
    let configuration = of.path(&of.profile.files.configuration);
    let shipped = ports.offset.to_string();
    let words = [&offset, &configuration, &shipped, &ports.https.to_string(), &ports.http.to_string()];
    script.call("hactl_shifted_ports", &words.map(String::as_str));
}

fn ports(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let judge = |facts: &Facts<'_>| {
        let holders = held(facts);
        let verdict = |(port, holder)| {
            let cause =
                format!("port {port} is held by {holder}: the node would say that it has started, and not serve");
            facts.error(cause, "stop that process, or set `product.port_offset`")
        };
        holders.into_iter().map(verdict).collect::<Vec<_>>()
    };
    facts.iter().flat_map(judge).collect()
}

/// The ports that another process holds, each with that process in words.
pub(super) fn held(facts: &Facts<'_>) -> Vec<(String, String)> {
    let mut held: Vec<(String, String)> = Vec::new();
    for line in facts.values("port") {
        let words: Vec<&str> = line.split(' ').collect();
        let (port, holder) = match words.as_slice() {
            [port, "held", user, "-", ..] => (port, format!("a process of user id {user}")),
            [port, "held", _, pid, name] => (port, format!("process {pid} ({name})")),
            _ => continue,
        };
        // One process often listens twice, for IPv4 and IPv6.
        if !held.iter().any(|(known, _)| known == port) {
            held.push(((*port).to_owned(), holder));
        }
    }
    held
}

/// Can hactl, as whom it works on this host, give files to `run_as` and start a process of that user's?
fn runner(facts: &Facts<'_>, run_as: &str) -> Option<Verdict> {
    if facts.value("nobody").is_some() {
        let cause = format!("the product runs as {run_as}, and there is no such user on this host");
        return Some(facts.error(cause, "create that user on the host, or correct `product.run_as`"));
    }
    let (id, me) = facts.value("me")?.split_once(' ')?;
    (id != "0" && me != run_as).then(|| {
        let cause = format!("the product runs as {run_as}, and hactl works as {me}, who can't become somebody else");
        facts.error(cause, format!("set `ssh.become`, or let `ssh.user` be {run_as}"))
    })
}

fn ask_owner(of: &Subject, script: &mut Script) {
    let run_as = of.product.run_as.as_deref().unwrap_or("-");
    script.call("hactl_owner", &[of.product.home.as_str(), run_as]);
}

fn owner(facts: &[Facts<'_>]) -> Vec<Verdict> {
    let judge = |facts: &Facts<'_>| {
        let product = &facts.subject.product;
        let mut verdicts: Vec<Verdict> = product.run_as.iter().filter_map(|run_as| runner(facts, run_as)).collect();
        if let (Some(owner), Some(run_as)) = (facts.value("owner"), &product.run_as)
            && owner != run_as
        {
            let cause = format!("{} belongs to {owner}, and the product runs as {run_as}", product.home);
            verdicts.push(facts.warning(cause, format!("`chown -R {run_as} {}`", product.home)));
        }
        if facts.value("user") == Some("0") {
            let hint = "stop it, give its files to a user of its own, and name that user under `product.run_as`";
            verdicts.push(facts.warning("the product runs as root", hint));
        }
        verdicts
    };
    facts.iter().flat_map(judge).collect()
}
