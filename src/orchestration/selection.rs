//! `--limit`, `--step` and `--skip-step`: which hosts and which steps take part.

use crate::model::inventory::{Cluster, Host};

/// Which hosts and steps take part. Empty lists mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of hosts or groups; `*` stands for any text, and a `!` before it leaves out what it names.
    pub limit: Vec<String>,
    /// Only these steps.
    pub steps: Vec<String>,
    /// All but these steps.
    pub skip_steps: Vec<String>,
}

/// A name that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{flag} {}: {cause}", if name.is_empty() { "\"\"" } else { name })]
pub struct SelectionError {
    /// The flag.
    pub flag: &'static str,
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub cause: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Selection {
    /// The cluster's hosts that take part, in its order.
    ///
    /// # Errors
    /// When a name of `--limit` stands for no host of the cluster, or no host is left: a typo must not read as success.
    pub fn hosts<'a>(&self, cluster: &'a Cluster) -> Result<Vec<&'a Host>, SelectionError> {
        let (out, only): (Vec<&str>, Vec<&str>) = {
            let (out, only): (Vec<_>, Vec<_>) = self.limit.iter().partition(|name| name.starts_with('!'));
            (out.into_iter().map(|name| &name[1..]).collect(), only.into_iter().map(String::as_str).collect())
        };
        for name in out.iter().chain(&only) {
            if !cluster.hosts.iter().any(|host| names(host, name)) {
                let known: Vec<&str> = cluster.hosts.iter().map(|host| host.name.as_str()).collect();
                return Err(SelectionError {
                    flag: "--limit",
                    name: (*name).to_owned(),
                    cause: format!("no host or group of {} has this name", cluster.name),
                    hint: nearest(name, &known).map(|near| format!("did you mean `{near}`?")),
                });
            }
        }
        let taken = |host: &&Host| {
            (only.is_empty() || only.iter().any(|name| names(host, name))) && !out.iter().any(|name| names(host, name))
        };
        let hosts: Vec<&Host> = cluster.hosts.iter().filter(taken).collect();
        if hosts.is_empty() && !self.limit.is_empty() {
            let cause = format!("leaves no host of {}", cluster.name);
            return Err(SelectionError { flag: "--limit", name: self.limit.join(","), cause, hint: None });
        }
        Ok(hosts)
    }

    /// Does this step take part?
    pub fn takes_step(&self, step: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == step);
        (self.steps.is_empty() || named(&self.steps)) && !named(&self.skip_steps)
    }

    /// Refuses a step that the playbook does not have, and flags that leave no step: "in place" would be no truth then.
    ///
    /// # Errors
    /// Names the flag and the nearest step.
    pub fn check_steps(&self, known: &[&str]) -> Result<(), SelectionError> {
        let flagged = self.steps.iter().map(|name| ("--step", name));
        let all = flagged.chain(self.skip_steps.iter().map(|name| ("--skip-step", name)));
        for (flag, name) in all {
            if !known.contains(&name.as_str()) {
                let hint = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the playbook has {}", known.join(", ")),
                };
                let cause = "the playbook has no such step".to_owned();
                return Err(SelectionError { flag, name: name.clone(), cause, hint: Some(hint) });
            }
        }
        if !self.skip_steps.is_empty() && !known.iter().any(|step| self.takes_step(step)) {
            let cause = "leaves no step of the playbook".to_owned();
            return Err(SelectionError { flag: "--skip-step", name: self.skip_steps.join(","), cause, hint: None });
        }
        Ok(())
    }
}

fn names(host: &Host, pattern: &str) -> bool {
    matches(pattern, host.name.as_str()) || host.groups.iter().any(|group| matches(pattern, group))
}

/// Does `*` in the pattern, standing for any text, make it the name?
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(after, &rest[at..]))
        }),
    }
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate));
    near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("is-*", "is-1") && matches("*", "") && matches("*-1", "is-1") && matches("i*-*1", "is-1"));
        assert!(!matches("is-*", "lb-1") && !matches("is", "is-1"));
    }

    #[test]
    fn a_step_that_is_misspelt_is_named_with_the_nearest() {
        let selection = Selection { steps: vec!["datasource".to_owned()], ..Selection::default() };
        let error = selection.check_steps(&["datasources", "membership"]).unwrap_err();
        assert_eq!(error.to_string(), "--step datasource: the playbook has no such step");
        assert_eq!(error.hint.as_deref(), Some("did you mean `datasources`?"));
    }

    #[test]
    fn flags_that_leave_no_step_are_refused() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let skipped = |steps: &[&str], skip: &[&str]| {
            let selection = Selection { steps: names(steps), skip_steps: names(skip), ..Selection::default() };
            selection.check_steps(&["datasources", "membership"]).map_err(|error| error.to_string())
        };
        assert_eq!(skipped(&[], &["membership"]), Ok(()));
        let refused = skipped(&["membership"], &["membership"]).unwrap_err();
        assert_eq!(refused, "--skip-step membership: leaves no step of the playbook");
        let refused = skipped(&[""], &[]).unwrap_err();
        assert_eq!(refused, "--step \"\": the playbook has no such step");
    }
}
