//! The last net before any output: secrets are kept out by their type, and if one slips through it is taken out here.

use base64ct::Encoding as _;
use zeroize::Zeroizing;

use super::{Secret, quote};

/// Shorter secrets are not looked for: their letters stand in every other word.
const SHORTEST: usize = 6;

/// Takes known secrets out of text, also in the forms in which they travel.
#[derive(Default)]
pub struct Redactor(Vec<Zeroizing<String>>);

impl Redactor {
    /// Knows these secrets.
    pub fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let long = secrets.map(Secret::expose).filter(|secret| secret.len() >= SHORTEST);
        let mut forms: Vec<_> = long.flat_map(forms).map(Zeroizing::new).collect();
        // The longest first: a secret may be part of another one.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self(forms)
    }

    /// The text with every secret replaced by `[redacted]`.
    pub fn clean(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), "[redacted]") } else { text }
        })
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.0.len())
    }
}

/// The forms in which a secret may show: plain, base64, percent-encoded, with XML entities, as JSON and TOML write it, quoted for a shell.
fn forms(secret: &str) -> Vec<String> {
    let percent = secret.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;");
    let all = xml.replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;");
    let json = serde_json::Value::from(secret).to_string();
    let json_xml = serde_json::Value::from(all.as_str()).to_string();
    let inner = |quoted: &str| quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned();
    vec![
        base64ct::Base64::encode_string(secret.as_bytes()),
        percent.collect(),
        inner(&json),
        inner(&json_xml),
        xml,
        all,
        quote(secret),
        secret.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_secret_out_in_every_form() {
        let secret = Secret::new("p&ss'w\"rd<1>".to_owned());
        let redactor = Redactor::new(std::iter::once(&secret));
        for form in forms(secret.expose()) {
            let clean = redactor.clean(format!("before {form} after"));
            assert_eq!(clean, "before [redacted] after", "{form}");
        }
        assert_eq!(format!("{redactor:?}"), format!("Redactor({} forms)", redactor.0.len()));
    }
}
