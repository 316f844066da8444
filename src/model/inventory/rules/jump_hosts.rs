//! Jump hosts: every one that is named is there, and every one that is there is named.

use super::Rules;
use crate::model::inventory::address::fault;
use crate::model::inventory::position::below;
use crate::model::inventory::{JumpHost, SshSettings, suggest};

impl Rules<'_> {
    pub(super) fn jump_hosts(&mut self) {
        let document = self.document;
        let mut layers = vec![("ssh".to_owned(), &document.ssh)];
        layers.extend(document.groups.iter().map(|(name, group)| (format!("groups.{name}.ssh"), &group.ssh)));
        layers.extend(document.hosts.iter().map(|(name, host)| (format!("hosts.{name}.ssh"), &host.ssh)));
        for (place, ssh) in &layers {
            self.jump(&below(place, "jump"), ssh);
        }
        for (name, jump_host) in &document.jump_hosts {
            let place = below("jump_hosts", name);
            let named = |ssh: &SshSettings| hops(ssh).any(|hop| hop == name);
            if !layers.iter().any(|(_, ssh)| named(ssh))
                && !layers.iter().any(|(at, _)| self.is_spoilt(&below(at, "jump")))
            {
                let message = format!("nobody is reached through the jump host `{name}`");
                self.wrong_name("unused-jump-host", &place, message, &format!("add `jump: [{name}]` under `ssh`"));
            }
            let address = jump_host.address.as_deref().unwrap_or(name);
            if let Some((what, hint)) = fault(address) {
                let at = if jump_host.address.is_some() { below(&place, "address") } else { place };
                self.wrong("bad-address", &at, format!("the address `{address}` {what}"), hint);
            }
        }
    }

    fn jump(&mut self, path: &str, ssh: &SshSettings) {
        let known: Vec<&str> = self.document.jump_hosts.keys().map(String::as_str).collect();
        let all: Vec<&str> = hops(ssh).map(String::as_str).collect();
        for (index, hop) in all.iter().enumerate() {
            let at = if matches!(ssh.jump, Some(crate::model::inventory::OneOrMany::Many(_))) {
                format!("{path}[{index}]")
            } else {
                path.to_owned()
            };
            if all.iter().take(index).any(|before| before == hop) {
                let message = format!("the way leads through `{hop}` twice");
                self.wrong("duplicate-jump-host", &at, message, "name each hop once, the outermost first");
                continue;
            }
            let near = suggest::nearest(hop, known.iter().copied());
            // A bare word that is almost a name is no address.
            let is_address = JumpHost::parse(hop).is_some() && (near.is_none() || hop.contains(['.', ':', '@']));
            if !known.contains(hop) && !is_address {
                let hint = match near {
                    Some((near, _)) => format!("did you mean `{near}`?"),
                    None => "name one of `jump_hosts`, or write an address as `user@address:port`".to_owned(),
                };
                self.wrong("unknown-jump-host", &at, format!("there is no jump host `{hop}`"), hint);
            }
        }
    }
}

fn hops(ssh: &SshSettings) -> impl Iterator<Item = &String> {
    ssh.jump.iter().flat_map(|jump| jump.as_slice())
}
