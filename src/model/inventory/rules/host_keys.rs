//! Pinned host keys: every one is a fingerprint that a key can have.

use super::Rules;
use crate::model::inventory::fingerprint::fault;
use crate::model::inventory::position::below;
use crate::model::inventory::{OneOrMany, SshSettings};

impl Rules<'_> {
    pub(super) fn host_keys(&mut self) {
        let document = self.document;
        let at = |place: String, ssh: &SshSettings| (below(&place, "host_keys"), ssh.host_keys.clone());
        let mut pins = vec![at("ssh".to_owned(), &document.ssh)];
        pins.extend(document.groups.iter().map(|(name, group)| at(format!("groups.{name}.ssh"), &group.ssh)));
        pins.extend(document.hosts.iter().map(|(name, host)| at(format!("hosts.{name}.ssh"), &host.ssh)));
        let hops = document.jump_hosts.iter();
        pins.extend(hops.map(|(name, hop)| (below(&below("jump_hosts", name), "host_keys"), hop.host_keys.clone())));
        for (path, pins) in &pins {
            for (index, pin) in pins.iter().flat_map(OneOrMany::as_slice).enumerate() {
                let Some((what, hint)) = fault(pin) else { continue };
                let at = match pins {
                    Some(OneOrMany::Many(_)) => format!("{path}[{index}]"),
                    _ => path.clone(),
                };
                self.wrong("bad-fingerprint", &at, format!("`{pin}` {what}"), hint);
            }
        }
    }
}
