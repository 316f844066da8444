//! Names that must not be mixed up with one another or with other text.

use std::fmt;
use std::str::FromStr;

/// The name of a host in the inventory: what every line of output begins with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
pub struct HostName(String);

/// Why a text is not a host's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name: letters, digits, `.`, `_` and `-` are allowed, and it begins with a letter or digit")]
pub struct NameError(pub String);

impl HostName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let ok = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if ok { Ok(Self(text.to_owned())) } else { Err(NameError(text.to_owned())) }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a step, as written in a playbook and after `--step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
pub struct StepName(pub &'static str);

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// An absolute path on a host, without `.`, `..`, doubled or trailing slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct RemotePath(String);

/// Why a text is not a path on a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("`{0}` is not an absolute path")]
    NotAbsolute(String),
    /// It climbs, or holds a character that no sane path holds.
    #[error("`{0}` holds `..` or a control character")]
    Unsafe(String),
}

impl RemotePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below this one. `below` is relative and must not climb.
    pub fn join(&self, below: &str) -> Result<Self, PathError> {
        format!("{}/{below}", self.0).parse()
    }

    /// The folder this path is in; the root is its own.
    pub fn parent(&self) -> Self {
        match self.0.rsplit_once('/') {
            Some((folder, _)) if !folder.is_empty() => Self(folder.to_owned()),
            _ => Self("/".to_owned()),
        }
    }

    /// The last part of the path.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// Is this path `folder` itself or below it?
    pub fn is_within(&self, folder: &Self) -> bool {
        self == folder || folder.0 == "/" || self.0.strip_prefix(&folder.0).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl FromStr for RemotePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if !text.starts_with('/') {
            return Err(PathError::NotAbsolute(text.to_owned()));
        }
        let mut clean = String::with_capacity(text.len());
        for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." || part.contains(char::is_control) {
                return Err(PathError::Unsafe(text.to_owned()));
            }
            clean.push('/');
            clean.push_str(part);
        }
        Ok(Self(if clean.is_empty() { "/".to_owned() } else { clean }))
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_kept_in_one_spelling() {
        let path: RemotePath = "//opt/./wso2is//repository/".parse().unwrap();
        assert_eq!(path.as_str(), "/opt/wso2is/repository");
        assert_eq!(path.join("conf/deployment.toml").unwrap().parent(), path.join("conf").unwrap());
        assert!(path.join("../../etc").is_err());
        assert!("opt".parse::<RemotePath>().is_err());
        assert!("/a\nb".parse::<RemotePath>().is_err());
        assert!(path.is_within(&"/opt".parse().unwrap()));
        assert!(!path.is_within(&"/op".parse().unwrap()));
        assert_eq!("/".parse::<RemotePath>().unwrap().parent().as_str(), "/");
    }
}
