//! What is wrong with the membership of an inventory.

use super::{hazelcast, members, schemes};
use crate::model::inventory::{Cluster, Clustering, Scheme};
use crate::model::profile::{ClusteringFacts, Profile};
use crate::steps::Finding;
use crate::steps::node::has_peers;

/// Everything that is wrong with the membership.
pub(in crate::steps) fn check(cluster: &Cluster, profile: &Profile) -> Vec<Finding> {
    let facts = &profile.clustering;
    let product = format!("{} {}", profile.product, profile.version);
    let Some(clustering) = &cluster.clustering else {
        if !has_peers(cluster) {
            return Vec::new();
        }
        let cause = "several nodes run without `clustering`: what one of them changes stays in the others' caches";
        let hint = "add `clustering: { scheme: wka }`";
        let finding = match facts.agent_missing {
            None => Finding::error("M12", "clustering", cause).hint(hint),
            Some(_) => Finding::warning("M12", "clustering", cause),
        };
        return vec![finding];
    };
    let Some(scheme) = facts.schemes.get(&clustering.scheme) else {
        let known = facts.schemes.keys().map(|scheme| scheme.word()).collect::<Vec<_>>().join(", ");
        let cause = format!("{product} does not know the scheme `{}`; it knows {known}", clustering.scheme.word());
        return vec![Finding::error("scheme-unknown", "clustering.scheme", cause).hint("choose one of these")];
    };
    let mut findings = Vec::new();
    if let Some(why) = &facts.agent_missing {
        findings.push(Finding::warning("clustering-agent-missing", "clustering", why.clone()));
    }
    if let Some(needed) = &scheme.needs {
        let cause = format!("{product} has no scheme `{}` of its own: it needs {needed}", clustering.scheme.word());
        findings.push(
            Finding::warning("scheme-needs-file", "clustering.scheme", cause).hint("bring the file to every node"),
        );
    }
    findings.extend(members::check(cluster, clustering, scheme));
    if let Err(lacking) = schemes::options(clustering) {
        findings.extend(lacking.into_iter().map(|lack| Finding::error("M10", lack.at, lack.cause).hint(lack.hint)));
    }
    if let Some(ecs) = clustering.aws_ecs.as_ref().filter(|_| clustering.scheme == Scheme::AwsEcs)
        && ecs.tag_key.is_none()
    {
        let cause = "no tag is given: the product then looks for a stack that newer ECS clusters do not have";
        let hint = "give `tag_key` and `tag_value` of the container instances";
        findings.push(Finding::warning("M10", "clustering.aws_ecs", cause).hint(hint));
    }
    findings.extend(check_names(clustering));
    findings.extend(check_heartbeat(clustering, facts));
    findings
}

/// Names become attributes of XML and keys of a properties file, unescaped.
fn check_names(clustering: &Clustering) -> Vec<Finding> {
    let own = clustering.properties.keys().map(|name| ("clustering.properties", name));
    let hazelcast = clustering.hazelcast.properties.keys().map(|name| ("clustering.hazelcast.properties", name));
    let wrong = own.chain(hazelcast).filter(|(_, name)| {
        name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    });
    let finding = |(at, name): (&str, &String)| {
        let cause = format!("`{name}` is not the name of a property");
        Finding::error("property-name", format!("{at}.{name}"), cause).hint("letters, digits, `.`, `_` and `-`")
    };
    wrong.map(finding).collect()
}

fn check_heartbeat(clustering: &Clustering, facts: &ClusteringFacts) -> Vec<Finding> {
    let properties = hazelcast(clustering, facts);
    let seconds = |property: &str| properties.get(property).and_then(|text| text.parse::<u32>().ok());
    let mut findings = Vec::new();
    let at = "clustering.hazelcast.max_no_heartbeat_seconds";
    let interval = seconds(&facts.heartbeat_interval.property).unwrap_or(facts.heartbeat_interval.default);
    match seconds(&facts.heartbeat.property) {
        None => {
            let cause = format!("a node that loses power stays a member for up to {} s", facts.heartbeat.default);
            findings.push(Finding::warning("M11", at, cause).hint(format!("set `{at}` to 20 to 60")));
        }
        Some(limit) if limit <= interval.saturating_mul(2) => {
            let cause =
                format!("{limit} s are not more than two heartbeats of {interval} s: one late packet expels a node");
            findings.push(Finding::error("M11", at, cause).hint(format!("set `{at}` to 20 to 60")));
        }
        Some(_) => {}
    }
    if properties.get("hazelcast.shutdownhook.enabled").is_some_and(|value| value != "false") {
        let cause =
            "Hazelcast's own shutdown hook races the server's: \"Hazelcast instance is not active!\" at every stop";
        let at = "clustering.hazelcast.properties";
        findings.push(Finding::warning("M13", at, cause).hint("take `hazelcast.shutdownhook.enabled` out"));
    }
    findings
}
