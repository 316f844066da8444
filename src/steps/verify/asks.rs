//! What is asked: the probes of the profile and of the inventory, with their values filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use base64ct::Encoding as _;
use zeroize::Zeroizing;

use crate::model::inventory::{Cluster, Expect, Method, Secrets};
use crate::model::profile::{ProbeFacts, Profile};
use crate::model::{Form, Secret, fill, placeholders};
use crate::steps::StepError;

/// The local files that probes send, by their paths, as they were read on the controller.
pub type Bodies = BTreeMap<PathBuf, String>;

/// One request, ready to be sent, and what its answer must be. May hold secrets: it has no `Debug`.
pub struct Ask {
    /// What it is called.
    pub name: String,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// The body.
    pub body: Zeroizing<String>,
    /// What the answer must be.
    pub expect: Expect,
    /// May it be asked through the public name?
    pub public: bool,
    /// May it be asked as often as one likes?
    pub idempotent: bool,
}

/// Everything that is asked to prove that a cluster works.
pub struct Asks {
    /// What each node must answer.
    pub probes: Vec<Ask>,
    /// What is written through one node and read through another; or why nothing is.
    pub shared: Result<SharedAsks, String>,
    /// What is not asked, and why.
    pub left_out: Vec<String>,
    /// What must not stand in any output, in the forms in which it was sent.
    pub hidden: Vec<Arc<Secret>>,
}

/// How something is written that all nodes must see, and taken away again.
pub struct SharedAsks {
    /// What is written.
    pub what: String,
    /// What must be asked first; some products can't write before.
    pub prepare: Option<Ask>,
    /// Writes the value.
    pub write: Ask,
    /// Its answer holds the value.
    pub read: Ask,
    /// Takes the value away.
    pub remove: Ask,
    /// What an answer holds where this product has no such thing.
    pub missing: Option<String>,
}

/// The values of the places in a request.
struct Values<'a> {
    cluster: &'a Cluster,
    secrets: &'a Secrets,
    /// The administrator's name and password in base64, as HTTP wants it.
    basic: Option<Arc<Secret>>,
    /// What is written.
    value: &'a str,
}

impl Values<'_> {
    fn get(&self, name: &str) -> Option<Zeroizing<String>> {
        let admin = self.cluster.admin.as_ref();
        let text = match name {
            "hostname" => self.cluster.endpoint.as_ref()?.hostname.clone(),
            "value" => self.value.to_owned(),
            "admin.username" => admin?.username.clone(),
            "admin.password" => self.secrets.get(&admin?.password)?.expose().to_owned(),
            "admin.basic" => self.basic.as_ref()?.expose().to_owned(),
            other => {
                let source = self.cluster.failover.secrets.get(other.strip_prefix("secret.")?)?;
                self.secrets.get(source)?.expose().to_owned()
            }
        };
        Some(Zeroizing::new(text))
    }

    fn fill(&self, text: &str, form: Form) -> Result<Zeroizing<String>, String> {
        fill(text, form, |name| self.get(name).map(|value| value.to_string())).map(Zeroizing::new)
    }

    /// The request of a profile, whose expected answer may hold a value too. The error is the name of what it lacks.
    fn of_profile(&self, name: &str, facts: &ProbeFacts) -> Result<Ask, String> {
        let ask = self.ask(name, facts)?;
        let contains = self.fill(&facts.expect.contains, Form::Plain)?.to_string();
        Ok(Ask { expect: Expect { contains, ..ask.expect }, ..ask })
    }

    fn ask(&self, name: &str, facts: &ProbeFacts) -> Result<Ask, String> {
        let form = form(facts.headers.iter());
        let mut headers = Vec::new();
        for (header, value) in &facts.headers {
            headers.push((header.clone(), self.fill(value, Form::Plain)?));
        }
        Ok(Ask {
            name: name.to_owned(),
            method: facts.method,
            path: facts.path.clone(),
            headers,
            body: self.fill(facts.body.as_deref().unwrap_or_default(), form)?,
            expect: facts.expect.clone(),
            public: facts.public.unwrap_or(true),
            idempotent: facts.idempotent.unwrap_or(facts.method == Method::Get),
        })
    }
}

/// How values are written into a body.
fn form<'a>(mut headers: impl Iterator<Item = (&'a String, &'a String)>) -> Form {
    let kind = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    kind.map_or(Form::Plain, |(_, kind)| Form::of(kind))
}

impl Asks {
    /// What is asked of a cluster whose nodes have this profile. `value` is what is written: another one in every run.
    ///
    /// # Errors
    /// Everything that can't be asked as the inventory wants it.
    pub fn new(
        cluster: &Cluster,
        profile: &Profile,
        secrets: &Secrets,
        bodies: &Bodies,
        value: &str,
    ) -> Result<Self, Vec<StepError>> {
        let admin = cluster.admin.as_ref();
        let password = admin.and_then(|admin| secrets.get(&admin.password));
        let basic = admin.zip(password.as_ref()).map(|(admin, password)| {
            let basic = |password: &str| {
                let both = Zeroizing::new(format!("{}:{password}", admin.username));
                base64ct::Base64::encode_string(both.as_bytes())
            };
            Arc::new(password.map(basic))
        });
        let values = Values { cluster, secrets, basic: basic.clone(), value };
        let (mut probes, mut left_out) = (Vec::new(), Vec::new());
        let own = &cluster.failover.probes;
        for (name, facts) in profile.probes.iter().filter(|(name, _)| own.iter().all(|own| own.name != **name)) {
            match values.of_profile(name, facts) {
                Ok(ask) => probes.push(ask),
                Err(lacking) => left_out.push(format!("{name} was not asked: {}", lacks(&lacking))),
            }
        }
        let mut errors = Vec::new();
        for (index, probe) in own.iter().enumerate() {
            let at = format!("failover.probes[{index}]");
            let text = match probe.body.as_ref().and_then(|body| body.file.as_ref()) {
                Some(file) => bodies.get(file).cloned(),
                None => probe.body.as_ref().and_then(|body| body.text.clone()),
            };
            let facts = ProbeFacts {
                method: probe.method.unwrap_or_default(),
                path: probe.path.clone(),
                headers: probe.headers.clone(),
                body: text,
                expect: probe.expect.clone(),
                idempotent: probe.idempotent,
                public: probe.public,
            };
            match values.ask(&probe.name, &facts) {
                Ok(ask) => probes.push(ask),
                Err(lacking) => errors.push(StepError {
                    code: "probe-body",
                    at: format!("{at}.body"),
                    cause: format!("the probe `{}` can't be sent: {}", probe.name, lacks(&lacking)),
                    hint: Some("correct it in the file of its body, or give it the value that it wants".to_owned()),
                }),
            }
        }
        for ask in probes.iter().filter(|ask| !ask.idempotent) {
            left_out.push(format!("{} was not asked: it does something each time", ask.name));
        }
        probes.retain(|ask| ask.idempotent);
        let shared = shared(profile, &values);
        if !errors.is_empty() {
            return Err(errors);
        }
        let own_secrets = cluster.failover.secrets.values().filter_map(|source| secrets.get(source));
        let hidden = basic.into_iter().chain(password).chain(own_secrets).collect();
        Ok(Self { probes, shared, left_out, hidden })
    }
}

fn shared(profile: &Profile, values: &Values<'_>) -> Result<SharedAsks, String> {
    let Some(facts) = &profile.shared_write else {
        return Err(format!("{} {} has nothing to write that leaves no trace", profile.product, profile.version));
    };
    let ask = |name: &str, probe: &ProbeFacts| values.of_profile(name, probe).map_err(|lacking| lacks(&lacking));
    Ok(SharedAsks {
        what: facts.what.clone(),
        prepare: facts.prepare.as_ref().map(|prepare| ask("prepare", prepare)).transpose()?,
        write: ask("write", &facts.write)?,
        read: ask("read", &facts.read)?,
        remove: ask("remove", &facts.remove)?,
        missing: facts.missing.clone(),
    })
}

/// What is missing, in words.
fn lacks(name: &str) -> String {
    match name {
        "" => "a `${` in it is not closed".to_owned(),
        name if name.starts_with("admin.") => "the inventory has no `admin`".to_owned(),
        "hostname" => "the inventory has no `endpoint`".to_owned(),
        other => format!("there is no value for `${{{other}}}`"),
    }
}

/// What the files of bodies want and nobody has a value for. Needs no secret, so that it can be told before one is read.
pub fn check_bodies(cluster: &Cluster, bodies: &Bodies) -> Vec<StepError> {
    let mut errors = Vec::new();
    for (index, probe) in cluster.failover.probes.iter().enumerate() {
        let file = probe.body.as_ref().and_then(|body| body.file.as_ref());
        let Some(text) = file.and_then(|file| bodies.get(file)) else { continue };
        let known = |name: &str| match name {
            "hostname" => cluster.endpoint.is_some(),
            "admin.username" | "admin.password" | "admin.basic" => cluster.admin.is_some(),
            name => name.strip_prefix("secret.").is_some_and(|name| cluster.failover.secrets.contains_key(name)),
        };
        errors.extend(placeholders(text).find(|name| !known(name)).map(|name| StepError {
            code: "probe-body",
            at: format!("failover.probes[{index}].body.file"),
            cause: format!("the body of `{}` can't be sent: {}", probe.name, lacks(name)),
            hint: Some("declare it under `failover.secrets`, or correct the file".to_owned()),
        }));
    }
    errors
}
