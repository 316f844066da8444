//! Texts of a playbook with the host's own values in them.

use std::collections::{BTreeSet, HashSet};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};

use crate::model::RemotePath;
use crate::model::inventory::{Problem, Span};
use crate::steps::{HostContext, StepError};

/// A text that may hold `{{ host.address }}`, `{{ host.name }}`, `{{ host.member_address }}`, `{{ vars.NAME }}` and
/// `{{ cluster }}`. Anything that is not defined is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    /// Where it stands: `apply.yaml:12:7`.
    at: String,
    literal: bool,
}

/// Where a playbook's text stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) file: &'a str,
    pub(super) span: Span,
}

impl Site<'_> {
    /// As people and editors write it.
    pub(super) fn at(&self) -> String {
        format!("{}:{}:{}", self.file, self.span.line, self.span.column)
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.keep_trailing_newline(true);
    // Nothing but the newline differs from the default, so this cannot fail.
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment
}

/// What the engine says, in one line and without its own place.
fn said(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

impl Template {
    /// Reads the text; a mistake in its form is found here, not on the first host.
    pub(super) fn new(text: &str, site: Site<'_>, problems: &mut Vec<Problem>) -> Self {
        let literal = !["{{", "{%", "{#"].iter().any(|open| text.contains(open));
        if !literal {
            match environment().template_from_str(text) {
                Err(error) => {
                    let message = format!("this text has a mistake in its braces: {}", said(&error));
                    problems.push(Problem::new("template-form", Some(site.span), "", message));
                }
                Ok(template) => check_names(&template.undeclared_variables(false), site, problems),
            }
        }
        Self { text: text.to_owned(), at: site.at(), literal }
    }

    /// The same for a path on the host.
    pub(super) fn path(text: &str, site: Site<'_>, problems: &mut Vec<Problem>) -> Self {
        let template = Self::new(text, site, problems);
        if template.literal
            && let Err(error) = text.parse::<RemotePath>()
        {
            problems.push(Problem::new("bad-remote-path", Some(site.span), "", error.to_string()));
        }
        template
    }

    /// The text with the host's values.
    pub(super) fn fill(&self, on: &HostContext<'_>) -> Result<String, StepError> {
        if self.literal {
            return Ok(self.text.clone());
        }
        let host = context! {
            name => on.host.name.as_str(),
            address => on.host.address.as_str(),
            member_address => on.host.member_address.as_str(),
        };
        let values =
            context! { host, vars => minijinja::value::Serde(&on.host.vars), cluster => on.cluster.name.as_str() };
        environment().render_str(&self.text, values).map_err(|error| {
            let cause = format!("`{}` has no value on {}: {}", self.text.trim(), on.host.name, said(&error));
            let hint = "give the host, its group or the cluster that value under `vars`";
            self.refuse("template-value", cause, hint)
        })
    }

    /// The path with the host's values.
    pub(super) fn fill_path(&self, on: &HostContext<'_>) -> Result<RemotePath, StepError> {
        let path = self.fill(on)?;
        let hint = "write an absolute path on the host";
        path.parse().map_err(|error: crate::model::PathError| self.refuse("bad-remote-path", error.to_string(), hint))
    }

    /// An error at this text.
    pub(super) fn refuse(&self, code: &'static str, cause: impl Into<String>, hint: &str) -> StepError {
        StepError { code, at: self.at.clone(), cause: cause.into(), hint: Some(hint.to_owned()) }
    }
}

fn check_names(names: &HashSet<String>, site: Site<'_>, problems: &mut Vec<Problem>) {
    let known = ["host", "vars", "cluster"];
    for name in names.iter().collect::<BTreeSet<_>>() {
        if !known.contains(&name.as_str()) {
            let message = format!("`{name}` is not a value that a playbook knows");
            let hint = "there are `host.name`, `host.address`, `host.member_address`, `vars.NAME` and `cluster`";
            problems.push(Problem::new("template-value", Some(site.span), "", message).hint(hint));
        }
    }
}
