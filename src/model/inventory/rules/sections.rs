//! Rules about the cluster's name, clustering, the endpoint and the vault.

use super::Rules;
use crate::model::HostName;
use crate::model::inventory::{Problem, Scheme, SecretSource, address};

impl Rules<'_> {
    /// The name becomes part of file names, and is typed after `--confirm`.
    pub(super) fn cluster(&mut self) {
        let document = self.document;
        if let Err(error) = document.cluster.parse::<HostName>() {
            self.wrong("bad-cluster-name", "cluster", error.to_string(), "write a short name such as `iam-prod`");
        }
        if let Some(endpoint) = &document.endpoint
            && let Some((reason, hint)) = address::fault(&endpoint.hostname)
        {
            let hint =
                if reason.contains("port") { "the ports go to `http_port` and `https_port`".to_owned() } else { hint };
            let message = format!("`{}` {reason}", endpoint.hostname);
            self.wrong("bad-address", "endpoint.hostname", message, hint);
        }
    }

    /// A scheme's options belong to that scheme.
    pub(super) fn clustering(&mut self) {
        let Some(clustering) = &self.document.clustering else {
            return;
        };
        let sections = [
            ("multicast", Scheme::Multicast, clustering.multicast.is_some(), false),
            ("aws", Scheme::Aws, clustering.aws.is_some(), true),
            ("aws_ecs", Scheme::AwsEcs, clustering.aws_ecs.is_some(), true),
            ("kubernetes", Scheme::Kubernetes, clustering.kubernetes.is_some(), true),
        ];
        for (key, scheme, given, needed) in sections {
            let path = format!("clustering.{key}");
            let word = key.replace('_', "-");
            if scheme == clustering.scheme && needed && !given && !self.is_spoilt(&path) {
                let message = format!("`scheme: {word}` needs `{path}`");
                self.wrong(
                    "missing-key",
                    "clustering.scheme",
                    message,
                    format!("add `{key}:` under `clustering`; `hactl schema` tells its keys"),
                );
            }
            if scheme != clustering.scheme && given {
                let span = self.checked.positions.get(&path).map(|position| position.key);
                let message = format!("`{path}` has no effect, because the scheme is another");
                let hint = format!("take it away, or write `scheme: {word}`");
                self.problems.push(Problem::new("unused-section", span, path, message).hint(hint).warning());
            }
        }
    }

    /// A vault string needs a password, and the password itself can't be in the vault.
    pub(super) fn vault(&mut self) {
        let is_vault = |source: &SecretSource| matches!(source, SecretSource::Vault(_));
        let uses = &self.checked.secrets;
        if let Some(own) = uses.iter().find(|wanted| wanted.key == "vault.password" && is_vault(&wanted.source)) {
            let message = "the vault's password is itself in the vault".to_owned();
            self.wrong(
                "bad-secret-source",
                &own.key,
                message,
                "write `{ env: … }`, `{ file: … }` or `{ command: … }` here",
            );
        }
        let known = self.document.vault.is_some() || self.is_spoilt("vault");
        if let Some(first) = uses.iter().find(|wanted| is_vault(&wanted.source)).filter(|_| !known) {
            let message = format!("`{}` is in a vault, and nothing says how to open it", first.key);
            self.wrong(
                "no-vault-password",
                &first.key,
                message,
                "add `vault: { password: { env: VARIABLE } }` at the top",
            );
        }
    }
}
