//! What is wrong with a key that a host shows, as the user reads it.

use super::{KnownHosts, Verdict};
use crate::transport::{Rung, TransportError};

/// Why a key with this fingerprint is not trusted; `None` for one that is known.
pub(in crate::transport) fn refusal(
    known: &KnownHosts,
    verdict: Verdict,
    kind: &str,
    print: &str,
) -> Option<TransportError> {
    let name = known.name();
    let error = |code, cause: String| TransportError::new(Rung::HostKey, code, cause);
    // The same words for every host, so that they are told once.
    let compare = "what `ssh-keygen -lf` prints on the host's own console for its /etc/ssh/ssh_host_*_key.pub";
    match verdict {
        Verdict::Known => None,
        Verdict::Unknown { others } => Some(match others.first() {
            None => {
                let cause = format!("no known_hosts file has the key of {name}: it shows {kind} {print}");
                error("host-key-unknown", cause).hint(format!(
                    "`hactl hosts trust` shows all unknown keys and records them; compare each with {compare}"
                ))
            }
            // It was asked for that kind first, and has none.
            Some(place) => {
                let cause =
                    format!("{name} shows the {kind} key {print}, and no longer one of the kind recorded in {place}");
                error("host-key-changed", cause).hint(format!(
                    "compare {print} with {compare}; only if it is the same, remove line {} of {} by hand, then run \
                     `hactl hosts trust`",
                    place.line,
                    place.file.display()
                ))
            }
        }),
        Verdict::NotPinned => {
            let cause = format!(
                "{name} shows the {kind} key {print}, but the inventory pins {}: somebody may be in between",
                known.pins().join(", ")
            );
            let hint = format!(
                "compare {print} with {compare}; only if the host's key was renewed, change `host_keys` in the inventory"
            );
            Some(error("host-key-not-pinned", cause).hint(hint))
        }
        Verdict::Changed { recorded } => {
            let cause =
                format!("{name} shows the {kind} key {print}, but {recorded} is recorded: somebody may be in between");
            let file = recorded.file.display();
            Some(error("host-key-changed", cause).hint(format!(
                "compare {print} with {compare}, and ask who runs the host whether its key was renewed; only if it \
                 was, remove line {} of {file} by hand (`ssh-keygen -f {file} -R '{name}'` removes all of the host's), \
                 then run `hactl hosts trust`",
                recorded.line
            )))
        }
        Verdict::Revoked { recorded } => Some(
            error("host-key-revoked", format!("{name} shows a key that is revoked in {recorded}"))
                .hint("the key is no longer secret: give the host a new one, and record that"),
        ),
        Verdict::BadCertificate { authority, flaw } => {
            let cause = format!("{name} shows a certificate of the authority in {authority}, but {}", flaw.reason);
            Some(error("host-certificate-refused", cause).hint(flaw.hint))
        }
    }
}
