//! What a product is asked to prove that it works.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Profile;
use crate::model::inventory::{Expect, Method};
use crate::model::placeholders;

/// The values that a request of a profile may use.
const VALUES: [&str; 4] = ["admin.username", "admin.password", "admin.basic", "hostname"];

/// The value that is written and read.
const VALUE: &str = "value";

/// One request, and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeFacts {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The path.
    pub path: String,
    /// Headers; `Content-Type` says how values are written into the body.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The body.
    pub body: Option<String>,
    /// What the answer must be.
    pub expect: Expect,
    /// May it be sent as often as one likes? Else only a `GET` may.
    pub idempotent: Option<bool>,
    /// May it be asked through the public name? Else it may.
    pub public: Option<bool>,
}

/// What is written through one node and read through another, with `${value}` where the written value goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedWrite {
    /// What is written: `a server role`.
    pub what: String,
    /// What must be asked first.
    pub prepare: Option<ProbeFacts>,
    /// Writes the value.
    pub write: ProbeFacts,
    /// Its answer holds the value.
    pub read: ProbeFacts,
    /// Takes the value away.
    pub remove: ProbeFacts,
    /// What an answer holds where an installation has no such thing.
    pub missing: Option<String>,
}

impl Profile {
    /// What no type can say of the probes.
    pub(super) fn check_probes(&self) -> Result<(), (String, String)> {
        for (name, probe) in &self.probes {
            probe.check(&format!("probes.{name}"), false)?;
        }
        let Some(shared) = &self.shared_write else { return Ok(()) };
        let all = [("write", &shared.write), ("read", &shared.read), ("remove", &shared.remove)];
        let prepare = shared.prepare.iter().map(|prepare| ("prepare", prepare));
        for (name, probe) in prepare.chain(all) {
            probe.check(&format!("shared_write.{name}"), true)?;
        }
        // An answer that holds something else would pass for the value that was written.
        if !shared.read.expect.contains.contains("${value}") {
            return Err(("shared_write.read.expect.contains".into(), "does not hold `${value}`".into()));
        }
        Ok(())
    }
}

impl ProbeFacts {
    fn check(&self, at: &str, with_value: bool) -> Result<(), (String, String)> {
        if !self.path.starts_with('/') {
            return Err((format!("{at}.path"), "must begin with `/`".into()));
        }
        if self.expect.contains.is_empty() {
            return Err((format!("{at}.expect.contains"), "every answer holds nothing".into()));
        }
        let headers = self.headers.iter().map(|(name, value)| (format!("{at}.headers.{name}"), value));
        let body = self.body.iter().map(|body| (format!("{at}.body"), body));
        let expect = [(format!("{at}.expect.contains"), &self.expect.contains)];
        for (at, text) in headers.chain(body).chain(expect) {
            let known = |name: &str| VALUES.contains(&name) || (with_value && name == VALUE);
            if let Some(unknown) = placeholders(text).find(|name| !known(name)) {
                return Err((at, format!("unknown placeholder `${{{unknown}}}`")));
            }
        }
        Ok(())
    }
}
