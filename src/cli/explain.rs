//! `hactl explain CODE`: what a code means, from `playbooks/explanations`.

use serde::Deserialize;

/// What one code means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// The code, as it stands in an error, or an exit code.
    pub code: String,
    /// What it is, in one line.
    pub title: String,
    /// What it means and what to do.
    pub text: String,
}

/// Every explanation that is compiled in, as file name and text.
const FILES: &[(&str, &str)] = &[
    ("exit-codes.yaml", include_str!("../../playbooks/explanations/exit-codes.yaml")),
    ("orchestration.yaml", include_str!("../../playbooks/explanations/orchestration.yaml")),
    ("inventory.yaml", include_str!("../../playbooks/explanations/inventory.yaml")),
    ("resources.yaml", include_str!("../../playbooks/explanations/resources.yaml")),
    ("steps.yaml", include_str!("../../playbooks/explanations/steps.yaml")),
    ("preflight.yaml", include_str!("../../playbooks/explanations/preflight.yaml")),
    ("transport.yaml", include_str!("../../playbooks/explanations/transport.yaml")),
    ("openssh.yaml", include_str!("../../playbooks/explanations/openssh.yaml")),
    ("user-config.yaml", include_str!("../../playbooks/explanations/user-config.yaml")),
    ("authentication.yaml", include_str!("../../playbooks/explanations/authentication.yaml")),
    ("become.yaml", include_str!("../../playbooks/explanations/become.yaml")),
    ("exec.yaml", include_str!("../../playbooks/explanations/exec.yaml")),
    ("faults.yaml", include_str!("../../playbooks/explanations/faults.yaml")),
    ("ladder.yaml", include_str!("../../playbooks/explanations/ladder.yaml")),
    ("host-keys.yaml", include_str!("../../playbooks/explanations/host-keys.yaml")),
    ("http.yaml", include_str!("../../playbooks/explanations/http.yaml")),
    ("refusals.yaml", include_str!("../../playbooks/explanations/refusals.yaml")),
    ("editors.yaml", include_str!("../../playbooks/explanations/editors.yaml")),
];

/// All explanations, in the order of their files.
///
/// # Errors
/// When one of the files is not as it should be; a test holds that none is.
pub fn all() -> Result<Vec<Explanation>, String> {
    let mut all = Vec::new();
    for (name, text) in FILES {
        let some: Vec<Explanation> = serde_saphyr::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        all.extend(some);
    }
    Ok(all)
}

/// The explanation of a code, or the nearest codes.
pub(super) fn explain(code: &str) -> Result<String, String> {
    let all = all()?;
    if let Some(found) = all.iter().find(|known| known.code.eq_ignore_ascii_case(code)) {
        return Ok(format!("{}: {}\n\n{}", found.code, found.title, found.text.trim_end()));
    }
    let likeness = |known: &Explanation| strsim::jaro_winkler(&known.code.to_lowercase(), &code.to_lowercase());
    let mut near: Vec<_> = all.iter().map(|known| (likeness(known), known.code.as_str())).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<&str> =
        near.into_iter().filter(|(likeness, _)| *likeness > 0.7).take(3).map(|(_, code)| code).collect();
    let near = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
    Err(format!("`{code}` is not a code that hactl knows{near} `hactl explain` lists them all"))
}

/// Every code and its title, a line each.
pub(super) fn list() -> Result<String, String> {
    let all = all()?;
    let width = all.iter().map(|known| known.code.len()).max().unwrap_or_default();
    Ok(all.iter().map(|known| format!("{:width$}  {}", known.code, known.title)).collect::<Vec<_>>().join("\n"))
}
