//! The user's ssh_config: the name that is looked up in it is one.

use super::Rules;
use crate::model::inventory::SshSettings;
use crate::model::inventory::position::below;

impl Rules<'_> {
    pub(super) fn ssh_config(&mut self) {
        let document = self.document;
        let mut layers: Vec<(String, &SshSettings)> = vec![("ssh".to_owned(), &document.ssh)];
        layers.extend(document.groups.iter().map(|(name, group)| (format!("groups.{name}.ssh"), &group.ssh)));
        layers.extend(document.hosts.iter().map(|(name, host)| (format!("hosts.{name}.ssh"), &host.ssh)));
        for (place, ssh) in layers {
            let Some(name) = ssh.config_host.as_deref() else { continue };
            // It goes to a program as a word of its command line, where a dash in front would make an option of it.
            let odd =
                |letter: char| letter.is_whitespace() || letter.is_control() || "@/'\"`$\\;&<>|(){}".contains(letter);
            if name.is_empty() || name.starts_with('-') || name.contains(odd) {
                let message = format!("`{name}` is not the name of a host");
                let hint = "write one word, as you would after `ssh`; the user goes to `user`, and the port to `port`";
                self.wrong("bad-config-host", &below(&place, "config_host"), message, hint);
            }
        }
    }
}
