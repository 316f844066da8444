//! The profiles that are compiled in.

use super::{Profile, ProfileError};

/// Their names and texts, from `playbooks/profiles`.
const PROFILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// The text of the compiled-in profile with this name.
pub(super) fn text(name: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of all compiled-in profiles.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

impl Profile {
    /// The compiled-in profile of a product version: of those whose version is the beginning of `version`, the longest.
    ///
    /// # Errors
    /// When there is none; the error lists those that there are, the nearest first.
    pub fn find(product: &str, version: &str) -> Result<Self, ProfileError> {
        let fits = |known: &&Known| known.product == product && begins_with(version, known.version);
        if let Some(found) = known().iter().filter(fits).max_by_key(|known| known.version.len()) {
            return Self::parse(found.text, found.name);
        }
        let wanted = format!("{product} {version}");
        let mut others: Vec<(bool, usize, String)> = known()
            .iter()
            .map(|known| {
                let name = format!("{} {}", known.product, known.version);
                (known.product != product, strsim::osa_distance(&wanted, &name), name)
            })
            .collect();
        others.sort();
        Err(ProfileError::Unknown {
            product: product.to_owned(),
            version: version.to_owned(),
            known: others.into_iter().map(|(_, _, name)| name).collect(),
        })
    }

    /// All compiled-in profiles of products.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn known() -> Result<Vec<Self>, ProfileError> {
        known().iter().map(|known| Self::parse(known.text, known.name)).collect()
    }
}

/// A compiled-in profile of a product: its file is named `PRODUCT-VERSION.yaml`, so that one is found without reading all.
struct Known {
    name: &'static str,
    product: &'static str,
    version: &'static str,
    text: &'static str,
}

/// Those that name a product; the others are there to be extended.
fn known() -> Vec<Known> {
    let products = PROFILES.iter().filter(|(_, text)| text.lines().any(|line| line.starts_with("product:")));
    let known = products.filter_map(|(name, text)| {
        let (product, version) = name.rsplit_once('-')?;
        Some(Known { name, product, version, text })
    });
    known.collect()
}

/// Is `version` one of `family`: `7.1` of `7.1.0`, but not of `7.10`?
fn begins_with(version: &str, family: &str) -> bool {
    let rest = version.strip_prefix(family);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}
