//! `hactl init`: an inventory to start from.

use std::fmt::Write as _;

use crate::model::inventory::{FILL_IN, Place, Problem, Severity, address_fault, is_ip_address, read_leniently};

/// What `hactl init` may be told.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// The cluster's name.
    pub cluster: String,
    /// The product's name.
    pub product: String,
    /// The product's version; `None` leaves it to be filled in.
    pub version: Option<String>,
    /// The product's folder on the hosts; `None` leaves it to be filled in.
    pub home: Option<String>,
}

impl Default for InitOptions {
    fn default() -> Self {
        Self { cluster: "iam".to_owned(), product: "wso2is".to_owned(), version: None, home: None }
    }
}

/// A commented inventory for these addresses, each as `[USER@]ADDRESS[:PORT]`. What only the user can know is marked, and
/// `hactl validate` asks for it.
///
/// # Errors
/// When one of them is no address, or what the options say can't stand in an inventory.
pub fn init(addresses: &[String], options: &InitOptions) -> Result<String, Problem> {
    let mut hosts = String::new();
    let unknown = [FILL_IN.to_owned(), FILL_IN.to_owned()];
    let addresses = if addresses.is_empty() { &unknown } else { addresses };
    for (index, text) in addresses.iter().enumerate() {
        let host = Address::parse(text)?;
        // Writing to a String can't fail.
        let _ = writeln!(hosts, "  is-{}: {{ {} }}", index + 1, host.settings().join(", "));
    }
    let text = include_str!("init.yaml")
        .replace("@CLUSTER@", &options.cluster)
        .replace("@PRODUCT@", &options.product)
        .replace("@VERSION@", options.version.as_deref().unwrap_or(FILL_IN))
        .replace("@HOME@", options.home.as_deref().unwrap_or(FILL_IN))
        .replace("@FILL-IN@", FILL_IN)
        .replace("@HOSTS@\n", &hosts);
    // What `validate` would refuse at once is not written in the first place, such as one address twice.
    let place = Place { file: String::new(), folder: "/".into(), home: None };
    let (_, problems) = read_leniently(&text, &place);
    let wrong = |problem: &Problem| problem.severity == Severity::Error && problem.code != "not-filled-in";
    problems.into_iter().find(wrong).map_or(Ok(text), Err)
}

/// `[USER@]ADDRESS[:PORT]` in its parts.
struct Address<'a> {
    user: Option<&'a str>,
    address: &'a str,
    port: Option<u16>,
}

impl<'a> Address<'a> {
    fn parse(text: &'a str) -> Result<Self, Problem> {
        let (user, rest) = match text.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (address, port) = match rest.rsplit_once(':') {
            Some((address, port)) if !address.contains(':') || address.ends_with(']') => (address, Some(port)),
            _ => (rest, None),
        };
        let number: Option<u16> = port.and_then(|port| port.parse().ok()).filter(|port| *port != 0);
        let address = address.strip_prefix('[').and_then(|bare| bare.strip_suffix(']')).unwrap_or(address);
        let plain =
            |user: &str| !user.is_empty() && user.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if address_fault(address).is_some()
            || user.is_some_and(|user| !plain(user))
            || number.is_none() && port.is_some()
        {
            return Err(Problem::new("bad-address", None, "", format!("`{text}` is no address"))
                .hint("write addresses as `192.168.2.1`, `is-1.example.com` or `ops@192.168.2.1:2222`"));
        }
        Ok(Self { user, address, port: number })
    }

    /// The host's settings in the inventory's own words.
    fn settings(&self) -> Vec<String> {
        let quote = if self.address.contains(':') { "\"" } else { "" };
        let mut settings = vec![format!("address: {quote}{}{quote}", self.address)];
        let user = self.user.map(|user| format!("user: {user}"));
        let port = self.port.map(|port| format!("port: {port}"));
        let ssh: Vec<String> = user.into_iter().chain(port).collect();
        if !ssh.is_empty() {
            settings.push(format!("ssh: {{ {} }}", ssh.join(", ")));
        }
        if !is_ip_address(self.address) && self.address != FILL_IN {
            settings.push(format!("member_address: {FILL_IN}"));
        }
        settings
    }
}
