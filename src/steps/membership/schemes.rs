//! The options of each membership scheme, by the names that the inventory gives them.

use std::net::Ipv4Addr;

use crate::model::inventory::{Clustering, Scheme, SecretSource};

/// The value of an option.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given<'a> {
    /// Shown in plans.
    Text(String),
    /// Never shown.
    Secret(&'a SecretSource),
}

/// Why the options of a scheme are not enough.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lacking {
    /// Its key below `clustering`.
    pub(super) at: String,
    /// What is wrong.
    pub(super) cause: String,
    /// What to do next.
    pub(super) hint: &'static str,
}

/// The options that the inventory gives for its scheme; a scheme without options of its own has none.
///
/// # Errors
/// What the product requires and the inventory does not say.
pub(super) fn options(clustering: &Clustering) -> Result<Vec<(&'static str, Given<'_>)>, Vec<Lacking>> {
    let mut options =
        Options { section: clustering.scheme.word().replace('-', "_"), given: Vec::new(), lacking: Vec::new() };
    match clustering.scheme {
        Scheme::Wka => {}
        Scheme::Multicast => {
            if let Some(multicast) = &clustering.multicast {
                options.multicast_address(multicast.address.as_deref());
                options.maybe("port", multicast.port.map(|port| port.to_string()));
                options.maybe("timeout", multicast.timeout.map(|seconds| seconds.to_string()));
                options.maybe("ttl", multicast.ttl.map(|hops| hops.to_string()));
            }
        }
        Scheme::Aws => match &clustering.aws {
            None => options.missing(),
            Some(aws) => {
                options.given.push(("access_key", Given::Secret(&aws.access_key)));
                options.given.push(("secret_key", Given::Secret(&aws.secret_key)));
                options.required("security_group", &aws.security_group);
                options.required("region", &aws.region);
                options.tag(aws.tag_key.as_ref(), aws.tag_value.as_ref());
            }
        },
        Scheme::AwsEcs => match &clustering.aws_ecs {
            None => options.missing(),
            Some(ecs) => {
                options.required("region", &ecs.region);
                options.required("cluster_name", &ecs.cluster_name);
                options.network(&ecs.vpc_cidr_block);
                options.tag(ecs.tag_key.as_ref(), ecs.tag_value.as_ref());
            }
        },
        Scheme::Kubernetes => match &clustering.kubernetes {
            None => options.missing(),
            Some(kubernetes) => {
                options.required("namespace", &kubernetes.namespace);
                options.required("services", &kubernetes.services);
                options.maybe("api_server", kubernetes.api_server.clone());
                options.given.extend(kubernetes.token.as_ref().map(|token| ("token", Given::Secret(token))));
            }
        },
    }
    if options.lacking.is_empty() { Ok(options.given) } else { Err(options.lacking) }
}

struct Options<'a> {
    section: String,
    given: Vec<(&'static str, Given<'a>)>,
    lacking: Vec<Lacking>,
}

impl Options<'_> {
    fn lack(&mut self, key: &str, cause: String, hint: &'static str) {
        let at = format!("clustering.{}.{key}", self.section);
        self.lacking.push(Lacking { at: at.trim_end_matches('.').to_owned(), cause, hint });
    }

    fn missing(&mut self) {
        let cause = format!("the scheme needs its options under `{}`", self.section);
        self.lack("", cause, "see `hactl schema` for its keys");
    }

    fn required(&mut self, key: &'static str, value: &str) {
        if value.trim().is_empty() {
            self.lack(key, format!("`{key}` is empty, and the product requires it"), "give its value");
        } else {
            self.given.push((key, Given::Text(value.to_owned())));
        }
    }

    fn maybe(&mut self, key: &'static str, value: Option<String>) {
        self.given.extend(value.map(|value| (key, Given::Text(value))));
    }

    fn tag(&mut self, key: Option<&String>, value: Option<&String>) {
        match (key, value) {
            (Some(_), None) => self.lack("tag_key", "a tag's key without its value".into(), "give `tag_value` too"),
            (None, Some(_)) => self.lack("tag_value", "a tag's value without its key".into(), "give `tag_key` too"),
            _ => {}
        }
        self.maybe("tag_key", key.cloned());
        self.maybe("tag_value", value.cloned());
    }

    fn multicast_address(&mut self, address: Option<&str>) {
        let Some(address) = address else { return };
        if address.parse::<Ipv4Addr>().is_ok_and(|address| address.is_multicast()) {
            self.given.push(("address", Given::Text(address.to_owned())));
        } else {
            let cause = format!("`{address}` is not a multicast group");
            self.lack("address", cause, "multicast groups are from 224.0.0.0 to 239.255.255.255");
        }
    }

    fn network(&mut self, block: &str) {
        match pattern(block) {
            Some(pattern) => self.given.push(("vpc_cidr_block", Given::Text(pattern))),
            None => {
                let cause = format!("`{block}` is not a block of IPv4 addresses");
                self.lack("vpc_cidr_block", cause, "write it as 10.0.0.0/16, or in the product's way as 10.0.*.*");
            }
        }
    }
}

/// A block such as `10.0.0.0/16` in the form that the product compares addresses with: `10.0.*.*`.
fn pattern(block: &str) -> Option<String> {
    let Some((address, bits)) = block.split_once('/') else {
        let parts: Vec<&str> = block.split('.').collect();
        let is_part = |part: &&str| *part == "*" || part.split('-').all(|number| number.parse::<u8>().is_ok());
        return (parts.len() == 4 && parts.iter().all(is_part)).then(|| block.to_owned());
    };
    let (address, bits) = (address.parse::<Ipv4Addr>().ok()?, bits.parse::<u32>().ok().filter(|bits| *bits <= 32)?);
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    let (first, last) = (u32::from(address) & mask, u32::from(address) | !mask);
    let parts = first.to_be_bytes().into_iter().zip(last.to_be_bytes()).map(|part| match part {
        (0, 255) => "*".to_owned(),
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    });
    Some(parts.collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_block_becomes_the_pattern_that_the_product_compares_with() {
        for (block, expected) in [
            ("10.0.0.0/16", Some("10.0.*.*")),
            ("172.31.16.5/20", Some("172.31.16-31.*")),
            ("10.1.2.3/32", Some("10.1.2.3")),
            ("0.0.0.0/0", Some("*.*.*.*")),
            ("10.0.*.*", Some("10.0.*.*")),
            ("10.0.0.0/33", None),
            ("10.0.0.0", Some("10.0.0.0")),
            ("vpc-1234", None),
        ] {
            assert_eq!(pattern(block).as_deref(), expected, "{block}");
        }
    }
}
