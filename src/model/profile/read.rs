//! Reads a profile: layers are merged, then every key and placeholder must be known.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Profile, Template, known};

/// Why a profile can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No profile fits the product and version.
    #[error("no profile for {product} {version}; known are {}", known.join(", "))]
    Unknown {
        /// The product asked for.
        product: String,
        /// The version asked for.
        version: String,
        /// What is known, the nearest first.
        known: Vec<String>,
    },
    /// The text is not YAML, or not a mapping.
    #[error("profile {profile}: {cause}")]
    Unreadable {
        /// Which profile.
        profile: String,
        /// What is wrong, with line and column.
        cause: String,
    },
    /// A key, a value or a placeholder is wrong.
    #[error("profile {profile}: {at}: {cause}")]
    Wrong {
        /// Which profile.
        profile: String,
        /// The path of keys.
        at: String,
        /// What is wrong.
        cause: String,
    },
}

impl ProfileError {
    /// A stable word for this kind of failure; `hactl explain CODE` tells more.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "profile-unknown",
            Self::Unreadable { .. } => "profile-unreadable",
            Self::Wrong { .. } => "profile-wrong",
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { .. } => {
                "write one of these versions, or name a file of your own under `product.profile`".into()
            }
            Self::Unreadable { .. } | Self::Wrong { .. } => {
                "compare it with the profiles in `playbooks/profiles`".into()
            }
        }
    }
}

impl Profile {
    /// Reads a profile from its text. `name` stands in errors; what it `extends` is one of the compiled-in profiles.
    ///
    /// # Errors
    /// When the text is not YAML, or holds a key, value or placeholder that has no meaning.
    pub fn parse(text: &str, name: &str) -> Result<Self, ProfileError> {
        let merged = Value::Object(layers(text, name, &mut vec![name.to_owned()])?);
        let wrong =
            |at: &str, cause: String| ProfileError::Wrong { profile: name.to_owned(), at: at.to_owned(), cause };
        let mut profile: Self = match serde_json::from_value(merged.clone()) {
            Ok(profile) => profile,
            Err(error) => {
                let (at, cause) = misfit(&merged).unwrap_or_else(|| ("top".to_owned(), error.to_string()));
                return Err(wrong(&at, cause));
            }
        };
        profile.name = name.to_owned();
        let understood = serde_json::to_value(&profile).map_err(|error| wrong("top", error.to_string()))?;
        if let Some((at, cause)) = not_understood(&merged, &understood, "") {
            return Err(wrong(&at, cause));
        }
        for (at, template, allowed) in profile.templates() {
            if let Some(unknown) = template.placeholders().find(|name| !allowed.contains(name)) {
                let cause = format!("unknown placeholder `{{{unknown}}}`; known are {}", braced(allowed));
                return Err(wrong(&at, cause));
            }
        }
        profile.complete().map_err(|(at, cause)| wrong(&at, cause))?;
        Ok(profile)
    }

    /// Every text with placeholders, where it stands, and which placeholders it may hold.
    fn templates(&self) -> Vec<(String, &Template, &'static [&'static str])> {
        let mut all: Vec<(String, &Template, &'static [&'static str])> = Vec::new();
        for (kind, dialect) in &self.databases.types {
            let at = format!("databases.types.{}.url", kind.word());
            all.push((at, &dialect.url, &["host", "port", "name"]));
            let at = format!("databases.types.{}.schema.create", kind.word());
            all.extend(dialect.schema.iter().map(|schema| (at.clone(), &schema.create, &["name"][..])));
        }
        for (index, internal) in self.endpoint.internal_urls.iter().enumerate() {
            let at = format!("endpoint.internal_urls.{index}.url");
            all.push((at, &internal.url, &["hostname", "https"]));
        }
        all
    }

    /// What no type can say: values that must fit one another.
    fn complete(&self) -> Result<(), (String, String)> {
        if !self.user_store.types.contains_key(&self.user_store.recommended) {
            return Err(("user_store.recommended".into(), "not one of `user_store.types`".into()));
        }
        if self.java.from > self.java.to {
            return Err(("java".into(), "`from` is later than `to`".into()));
        }
        for (at, path) in [
            ("files.configuration", &self.files.configuration),
            ("files.drivers", &self.files.drivers),
            ("files.start_script", &self.files.start_script),
        ] {
            if path.starts_with('/') {
                return Err((at.into(), "must be relative to the product's home".into()));
            }
        }
        self.check_probes()
    }
}

/// The profile's text with everything that it extends below it.
fn layers(text: &str, name: &str, seen: &mut Vec<String>) -> Result<Map<String, Value>, ProfileError> {
    let unreadable = |cause: String| ProfileError::Unreadable { profile: name.to_owned(), cause };
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let value: Value =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| unreadable(error.to_string()))?;
    let Value::Object(mut own) = value else {
        return Err(unreadable("not a mapping of keys".into()));
    };
    let base = match own.shift_remove("extends") {
        None => Map::new(),
        Some(Value::String(base)) => {
            if seen.contains(&base) {
                return Err(unreadable(format!("extends itself: {} -> {base}", seen.join(" -> "))));
            }
            let Some(below) = known::text(&base) else {
                let all = known::names().collect::<Vec<_>>().join(", ");
                return Err(unreadable(format!("extends: there is no profile `{base}`; known are {all}")));
            };
            seen.push(base.clone());
            layers(below, &base, seen)?
        }
        Some(_) => return Err(unreadable("extends: the name of a profile is expected".into())),
    };
    Ok(merge(base, own))
}

/// `over` over `base`: tables key by key, everything else as a whole; `null` takes away.
fn merge(mut base: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        let below = base.shift_remove(&key);
        match (below, value) {
            (_, Value::Null) => {}
            (Some(Value::Object(below)), Value::Object(above)) => {
                base.insert(key, Value::Object(merge(below, above)));
            }
            (_, Value::Object(above)) => {
                base.insert(key, Value::Object(merge(Map::new(), above)));
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
    base
}

/// The first key of `written` that is not in `understood`, by its path.
fn not_understood(written: &Value, understood: &Value, at: &str) -> Option<(String, String)> {
    match (written, understood) {
        (Value::Object(written), Value::Object(understood)) => written.iter().find_map(|(key, value)| {
            let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            match understood.get(key) {
                Some(below) => not_understood(value, below, &path),
                None => {
                    let nearest = nearest(key, understood.keys());
                    let hint = nearest.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    Some((path, format!("unknown key{hint}")))
                }
            }
        }),
        (Value::Array(written), Value::Array(understood)) => {
            let pairs = written.iter().zip(understood).enumerate();
            pairs.into_iter().find_map(|(index, (a, b))| not_understood(a, b, &format!("{at}.{index}")))
        }
        _ => None,
    }
}

/// The section whose values are of the wrong kind, and why.
fn misfit(merged: &Value) -> Option<(String, String)> {
    fn check<T: serde::de::DeserializeOwned>(merged: &Value, key: &str) -> Option<(String, String)> {
        let value = merged.get(key).unwrap_or(&Value::Null);
        let error = T::deserialize(value).err()?;
        let cause = if value.is_null() { "missing".to_owned() } else { error.to_string() };
        Some((key.to_owned(), cause))
    }
    check::<String>(merged, "product")
        .or_else(|| check::<String>(merged, "version"))
        .or_else(|| check::<String>(merged, "kernel"))
        .or_else(|| check::<super::JavaRange>(merged, "java"))
        .or_else(|| check::<super::Files>(merged, "files"))
        .or_else(|| check::<super::Ports>(merged, "ports"))
        .or_else(|| check::<super::Keys>(merged, "keys"))
        .or_else(|| check::<super::DatabaseFacts>(merged, "databases"))
        .or_else(|| check::<super::KeystoreFacts>(merged, "keystores"))
        .or_else(|| check::<super::UserStoreFacts>(merged, "user_store"))
        .or_else(|| check::<super::ClusteringFacts>(merged, "clustering"))
        .or_else(|| check::<super::EndpointFacts>(merged, "endpoint"))
        .or_else(|| check::<super::ProcessFacts>(merged, "process"))
        .or_else(|| check::<Option<IndexMap<String, super::ProbeFacts>>>(merged, "probes"))
        .or_else(|| check::<Option<super::SharedWrite>>(merged, "shared_write"))
}

fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::osa_distance(key, known), known.as_str()));
    scored.filter(|(distance, _)| *distance <= 3).min().map(|(_, known)| known)
}

fn braced(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(", ")
}
