//! Rules about probes.

use super::Rules;
use crate::model::inventory::{Failover, Probe, suggest};
use crate::model::placeholders;

/// The values that every probe may use.
const VALUES: [&str; 4] = ["admin.username", "admin.password", "admin.basic", "hostname"];

impl Rules<'_> {
    pub(super) fn failover(&mut self) {
        let Some(failover) = &self.document.failover else { return };
        // A probe that could not be read was left out, and those behind it would be reported in the wrong place.
        let left_out = format!("failover.probes[{}]", failover.probes.len());
        if self.checked.positions.get(&left_out).is_some() {
            return;
        }
        for (index, probe) in failover.probes.iter().enumerate() {
            let at = format!("failover.probes[{index}]");
            self.probe(failover, probe, &at);
            if failover.probes[..index].iter().any(|other| other.name == probe.name) {
                let message = format!("two probes are named `{}`", probe.name);
                self.wrong("bad-probe", &format!("{at}.name"), message, "give each probe its own name");
            }
        }
    }

    fn probe(&mut self, failover: &Failover, probe: &Probe, at: &str) {
        let bad = |byte: u8| byte <= b' ' || byte >= 0x7f;
        if probe.name.trim().is_empty() || probe.name.bytes().any(|byte| byte.is_ascii_control()) {
            let hint = "write a short name such as `login`";
            self.wrong("bad-probe", &format!("{at}.name"), "the probe's name can't be shown".into(), hint);
        }
        if !probe.path.starts_with('/') || probe.path.bytes().any(bad) || probe.path.contains("${") {
            let message = format!("`{}` is no path that can be asked for", probe.path);
            let hint =
                "begin it with `/`, write blanks and other letters as %20, and put values into headers or the body";
            self.wrong("bad-probe", &format!("{at}.path"), message, hint);
        }
        if probe.expect.contains.is_empty() {
            let hint = "write some words of the right answer: a node that is stopping answers 200 with nothing in it";
            self.wrong("bad-probe", &format!("{at}.expect.contains"), "every answer holds nothing".into(), hint);
        }
        for (name, value) in &probe.headers {
            let path = format!("{at}.headers.{name}");
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) {
                let message = format!("`{name}` is no name of a header");
                self.wrong("bad-probe", &path, message, "write it as in `Content-Type: text/xml`");
            }
            self.places(failover, value, &path);
        }
        let Some(body) = &probe.body else { return };
        let path = format!("{at}.body");
        if body.file.is_some() == body.text.is_some() && !self.is_spoilt(&path) {
            let message = "a body is either `file` or `text`".to_owned();
            self.wrong("bad-probe", &path, message, "write `{ file: PATH }` or `{ text: … }`");
        }
        if let Some(text) = &body.text {
            self.places(failover, text, &format!("{path}.text"));
        }
    }

    /// Every place of a text must have a value.
    fn places(&mut self, failover: &Failover, text: &str, at: &str) {
        for name in placeholders(text) {
            if let Some(secret) = name.strip_prefix("secret.")
                && !failover.secrets.contains_key(secret)
            {
                if !self.is_spoilt(&format!("failover.secrets.{secret}")) {
                    let message = format!("there is no secret `{secret}` in `failover.secrets`");
                    let hint = format!("add `secrets: {{ {secret}: {{ env: VARIABLE }} }}` under `failover`");
                    self.wrong("bad-probe", at, message, hint);
                }
            } else if name.starts_with("admin.") && VALUES.contains(&name) && self.document.admin.is_none() {
                if !self.is_spoilt("admin") {
                    let message = format!("`${{{name}}}` is used, and the inventory has no `admin`");
                    let hint = "add `admin: { username: admin, password: { env: VARIABLE } }`";
                    self.wrong("bad-probe", at, message, hint);
                }
            } else if !name.starts_with("secret.") && !VALUES.contains(&name) {
                let hint = match suggest::nearest(name, VALUES.iter().copied()) {
                    Some((near, _)) => format!("did you mean `${{{near}}}`?"),
                    None => "there are `${secret.NAME}`, `${admin.username}`, `${admin.password}`, `${admin.basic}` \
                             and `${hostname}`"
                        .to_owned(),
                };
                self.wrong("bad-probe", at, format!("`${{{name}}}` has no value"), hint);
            }
        }
    }
}
