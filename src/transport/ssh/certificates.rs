//! User certificates: reading them, and what may be wrong with one that a server has refused.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use russh::keys::Certificate;
use russh::keys::ssh_key::certificate::CertType;

use super::keys::error;
use crate::transport::TransportError;
use crate::transport::heard::heard;
use crate::transport::known_hosts::fingerprint;

/// Reads the file with a certificate that somebody has named.
///
/// # Errors
/// When it cannot be read, or holds none.
pub(super) async fn read(path: &Path) -> Result<Certificate, TransportError> {
    let shown = path.display();
    let hint = "name the certificate that `ssh-keygen -s` wrote (KEY-cert.pub); `ssh-keygen -Lf FILE` shows one";
    let text = tokio::fs::read_to_string(path).await.map_err(|problem| {
        error("certificate-unreadable", format!("the certificate {shown} cannot be read: {problem}"), hint)
    })?;
    Certificate::from_openssh(&text).map_err(|problem| {
        error("certificate-unreadable", format!("the file {shown} is not a certificate: {problem}"), hint)
    })
}

/// How a certificate is named: by what its authority wrote into it, and by the authority.
pub(super) fn describe(certificate: &Certificate) -> String {
    format!("certificate `{}` of the CA {}", heard(certificate.key_id()), fingerprint(certificate.signature_key()))
}

/// Why a server may have refused a certificate. It does not say so itself: not to strangers.
pub(super) fn fault(certificate: &Certificate, user: &str, now: SystemTime) -> Option<TransportError> {
    let name = format!("the user {}", describe(certificate));
    let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    if certificate.cert_type() != CertType::User {
        return Some(error(
            "certificate-not-for-users",
            format!("the {} was issued for a host, not for a user", describe(certificate)),
            "ask for a user certificate: `ssh-keygen -s CA -I NAME -n USER KEY.pub`, without -h",
        ));
    }
    if certificate.valid_before() <= now {
        return Some(error(
            "certificate-expired",
            format!("{name} has expired: it was valid until {}", moment(certificate.valid_before())),
            "ask the CA for a new one; agents keep the old one until `ssh-add -d` or `ssh-add` of the key anew",
        ));
    }
    if certificate.valid_after() > now {
        return Some(error(
            "certificate-not-yet-valid",
            format!("{name} is valid only from {} on", moment(certificate.valid_after())),
            "wait until then, or see whether the clock of this machine, or the CA's, is wrong",
        ));
    }
    let principals = certificate.valid_principals();
    if principals.iter().any(|principal| principal == user) {
        return None;
    }
    let for_whom = match principals {
        [] => "for nobody".to_owned(),
        some => format!("for {}", some.iter().map(|one| heard(one)).collect::<Vec<_>>().join(", ")),
    };
    Some(error(
        "certificate-wrong-principal",
        format!("{name} is {for_whom}, not for {user}"),
        "is ssh.user right? Else ask the CA for a certificate with this principal, or let the host map it \
         (AuthorizedPrincipalsFile in sshd_config)",
    ))
}

fn moment(seconds: u64) -> String {
    let stamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    stamp.map_or_else(|| "for ever".to_owned(), |stamp| stamp.to_string())
}
