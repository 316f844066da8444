//! What a look or a mend said on standard error, as an error with a next move.

use super::AssessError;

/// What the errors of the system calls mean, in the words of the C library under `LC_ALL=C`, and what to do next.
const CAUSES: &[(&str, &str, &str)] = &[
    ("No space left on device", "disk-full", "make room on that file system and run again"),
    // What unzip says instead.
    ("disk full?", "disk-full", "make room on that file system and run again"),
    ("Disk quota exceeded", "disk-full", "make room within the quota and run again"),
    (
        "Read-only file system",
        "read-only-file-system",
        "mount it for writing (a file system error may have made it read-only: see `dmesg`)",
    ),
    ("Permission denied", "permission-denied", "set `ssh.become`, or let the user of `ssh.user` own that place"),
    ("Operation not permitted", "permission-denied", "set `ssh.become`, or look for an immutable flag (`lsattr`)"),
    ("Stale file handle", "file-system-broken", "mount that network file system again"),
    ("Input/output error", "file-system-broken", "look at the host's disks (`dmesg`)"),
];

/// What hactl's own shell functions complain of, and what to do next.
const HINTS: &[(&str, &str)] = &[
    ("backup-missing", "`hactl runs` lists the runs; that one changed nothing on this host"),
    ("base64-missing", "install coreutils (or busybox) on the host"),
    ("blob-missing", "run again: the file is uploaded anew"),
    ("cannot-become", "set `ssh.become`, or correct `product.run_as`"),
    ("cannot-start", "start it by hand as that user to see what is wrong"),
    ("cannot-stop", "look on the host at what that process waits for (`jstack`), and end it by hand"),
    ("cannot-back-up", "see that hactl's state folder on the host can be written"),
    ("cannot-look", "log in to the host and look at that path"),
    ("configuration-refused", "mend what it complains of, or the inventory, and run again"),
    ("cannot-unpack", "unpack it by hand there to see what is wrong; `product.pack.sha256` says what it must be"),
    ("cannot-write", "log in to the host and try to write there"),
    ("command-failed", "run the command on the host and mend what it complains of"),
    ("content-damaged", "run again; if it stays, look at the host's disk and memory"),
    ("file-changed-meanwhile", "nothing was lost: run again to see what it holds now"),
    ("file-changed-since", "compare it with the backup that is named, and decide by hand"),
    ("in-the-way", "move it away, or choose another place"),
    ("not-included", "add `include conf.d/*.conf;` to the `http` block of that file"),
    ("not-the-product", "name the product's own zip file under `product.pack`"),
    ("owner-missing", "create that user on the host, or correct `product.run_as`"),
    ("owned-by-another", "set `ssh.become`, so that the file's owner can be kept"),
    ("java-home-wrong", "name a JDK of the host under `product.java_home`"),
    ("lock-lost", "run the command again; `hactl lock status` says who holds the lock"),
    ("setsid-missing", "install util-linux (or busybox) on the host"),
    ("service-failed", "mend what it complains of and run again; until then it is as it was"),
    ("schema-changed-meanwhile", "run again to see what the database holds now"),
    (
        "schema-statement",
        "mend what the database complains of; where tables were made and stay, empty the database first; then run again",
    ),
    ("schema-no-java", "name a JDK of the host under `product.java_home`"),
    ("sha256sum-missing", "install coreutils (or busybox) on the host"),
    ("start-did-nothing", "run the start script by hand without `start`, which throws away what it says"),
    ("state-folder", "make it writable, or name another folder with `ssh.state_folder`"),
    ("still-mending", "see what that process waits for on the host, then run the command again"),
    ("systemctl-missing", "take `product.service: systemd` out, or use a host with systemd"),
    ("target-missing", "create the target first, or mount what it is on"),
    ("too-large", "edit it by hand: hactl edits files of up to 4 MiB"),
];

/// What went wrong on a host, from what its shell said.
///
/// hactl's own functions end with a line `hactl: CODE: sentence`; what the commands said comes before it and is kept as
/// the cause. `fallback` is the code when there is no such line.
pub fn explain_failure(fallback: &'static str, stderr: &[u8], status: u32) -> AssessError {
    let said = String::from_utf8_lossy(stderr);
    let mut sentence = None;
    let mut commands: Vec<&str> = Vec::new();
    for line in said.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("hactl: ").and_then(|line| line.split_once(": ")) {
            Some(own) => sentence = Some(own),
            None => commands.push(line),
        }
    }
    let commands = commands.join("; ");
    let (code, cause) = match sentence {
        Some((code, sentence)) if commands.is_empty() => (code, sentence.to_owned()),
        Some((code, sentence)) => (code, format!("{sentence}: {commands}")),
        None if commands.is_empty() => (fallback, format!("ended with status {status} and said nothing")),
        None => (fallback, format!("{commands} (status {status})")),
    };
    // Only a failed command is explained by the system's words; a refusal of hactl's own says what it means already.
    let general =
        matches!(code, "cannot-write" | "cannot-look" | "cannot-back-up" | "cannot-unpack") || sentence.is_none();
    let system = CAUSES.iter().find(|(words, ..)| general && commands.contains(words));
    if let Some((_, code, hint)) = system {
        return AssessError::new(code, cause).hint(*hint);
    }
    match HINTS.iter().find(|(known, _)| *known == code) {
        Some((code, hint)) => AssessError::new(code, cause).hint(*hint),
        None => AssessError::new(fallback, cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_own_words_are_kept_and_explained() {
        let said = b"cat: write error: No space left on device\nhactl: cannot-write: cannot write /opt/x\n";
        let error = explain_failure("mend-failed", said, 1);
        assert_eq!(error.code, "disk-full");
        assert_eq!(error.cause, "cannot write /opt/x: cat: write error: No space left on device");
        assert!(error.hint.is_some());
    }

    #[test]
    fn every_code_is_explained() {
        let explained = concat!(
            include_str!("../../playbooks/explanations/resources.yaml"),
            include_str!("../../playbooks/explanations/orchestration.yaml")
        );
        let codes = CAUSES.iter().map(|(_, code, _)| code).chain(HINTS.iter().map(|(code, _)| code));
        for code in codes {
            assert!(explained.contains(&format!("- code: {code}\n")), "{code}");
        }
    }

    #[test]
    fn every_code_of_the_shell_functions_is_known() {
        let functions = [
            crate::resources::LOOK,
            crate::resources::MEND,
            include_str!("rollback.sh"),
            include_str!("process/look.sh"),
            include_str!("process/mend.sh"),
            include_str!("staged_files/staged.sh"),
            super::super::schema::SHELL,
        ]
        .concat();
        for call in ["hactl_fail ", "hactl_cannot ", "hactl_schema_cannot ", "hactl_unstage "] {
            for said in functions.split(call).skip(1) {
                let code = said.split(' ').next().unwrap_or_default();
                if code.starts_with(|c: char| c.is_ascii_lowercase()) {
                    assert!(HINTS.iter().any(|(known, _)| *known == code), "{code}");
                }
            }
        }
    }

    #[test]
    fn what_hactl_does_not_know_keeps_the_status_and_the_words() {
        let error = explain_failure("mend-failed", b"sh: 1: frobnicate: not found\n", 127);
        assert_eq!((error.code, error.cause.as_str()), ("mend-failed", "sh: 1: frobnicate: not found (status 127)"));
        assert_eq!(explain_failure("mend-failed", b"", 1).cause, "ended with status 1 and said nothing");
        assert_eq!(explain_failure("mend-failed", b"hactl: odd-code: x\n", 1).code, "mend-failed");
    }
}
