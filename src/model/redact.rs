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
        let mut forms: Vec<_> =
            long.flat_map(|secret| forms(secret).into_iter().chain(lines_of(secret))).map(Zeroizing::new).collect();
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

    /// The same for bytes that need not be text.
    pub fn clean_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        match String::from_utf8(bytes) {
            Ok(text) => self.clean(text).into_bytes(),
            Err(other) => self.0.iter().fold(other.into_bytes(), |bytes, secret| replace(bytes, secret.as_bytes())),
        }
    }

    /// How many bytes the longest form of a secret has.
    pub fn longest(&self) -> usize {
        self.0.first().map_or(0, |form| form.len())
    }

    /// The last place up to `at` where `bytes` can be cut without cutting a secret.
    pub fn before_secret(&self, bytes: &[u8], at: usize) -> usize {
        let mut at = at.min(bytes.len());
        loop {
            let spans = |form: &Zeroizing<String>| {
                let from = (at + 1).saturating_sub(form.len());
                let to = bytes.len().min(at + form.len() - 1);
                find(bytes.get(from..to).unwrap_or_default(), form.as_bytes()).map(|found| from + found)
            };
            match self.0.iter().filter_map(spans).filter(|begin| *begin < at).min() {
                Some(begin) => at = begin,
                None => return at,
            }
        }
    }

    /// How many bytes at the end may be the beginning of a secret.
    pub fn begun(&self, bytes: &[u8]) -> usize {
        let begun = |form: &Zeroizing<String>| {
            let most = bytes.len().min(form.len() - 1);
            (1..=most).rev().find(|count| form.as_bytes().starts_with(&bytes[bytes.len() - count..]))
        };
        self.0.iter().filter_map(begun).max().unwrap_or(0)
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.0.len())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len().max(1)).position(|window| window == wanted)
}

fn replace(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let mut rest = bytes.as_slice();
    let mut clean = Vec::new();
    while let Some(at) = find(rest, secret) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(b"[redacted]");
        rest = &rest[at + secret.len()..];
    }
    if clean.is_empty() && rest.len() == bytes.len() {
        return bytes;
    }
    clean.extend_from_slice(rest);
    clean
}

/// The lines of a secret that has several, such as a private key: what reads line by line never sees it whole.
fn lines_of(secret: &str) -> impl Iterator<Item = String> {
    const TELLING: usize = 16;
    let several = secret.trim_end().contains('\n');
    secret.lines().filter(move |line| several && line.len() >= TELLING && !line.starts_with("-----")).map(str::to_owned)
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
    fn takes_a_secret_out_of_bytes_and_line_by_line() {
        let secret = Secret::new("-----BEGIN KEY-----\n0123456789abcdefgh\nshort\n-----END KEY-----\n".to_owned());
        let redactor = Redactor::new(std::iter::once(&secret));
        assert_eq!(redactor.clean_bytes(b"\xff 0123456789abcdefgh \xfe".to_vec()), b"\xff [redacted] \xfe");
        assert_eq!(redactor.clean("short -----BEGIN KEY-----".to_owned()), "short -----BEGIN KEY-----");
        assert_eq!(redactor.clean_bytes(b"\xff 0123".to_vec()), b"\xff 0123");
    }

    #[test]
    fn a_cut_goes_before_a_secret_and_before_one_that_ends_there() {
        let (one, two) = (Secret::new("abcdef".to_owned()), Secret::new("efghij".to_owned()));
        let redactor = Redactor::new([&one, &two].into_iter());
        assert_eq!(redactor.before_secret(b"..abcdef..", 5), 2);
        assert_eq!((redactor.before_secret(b"..abcdef..", 2), redactor.before_secret(b"..abcdef..", 8)), (2, 8));
        assert_eq!(redactor.before_secret(b"..abcdefghij..", 9), 2, "they overlap");
        assert_eq!((redactor.begun(b"..abcd"), redactor.begun(b"abcdef"), redactor.begun(b"")), (4, 2, 0));
    }

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
