//! Is a file system mounted where it should be?

use super::AssessError;
use crate::model::RemotePath;

/// A place where a file system must be mounted before anything is written below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPoint {
    /// Where it is mounted.
    pub target: RemotePath,
    /// What is mounted, such as `nfs1:/wso2`; `None` leaves it open.
    pub source: Option<String>,
    /// The file system's type, such as `nfs4`; `None` leaves it open.
    pub kind: Option<String>,
}

impl MountPoint {
    /// The target as `/proc/self/mountinfo` writes it: blanks and backslashes in octal (proc(5)).
    pub(super) fn as_listed(&self) -> String {
        self.target.as_str().replace('\\', r"\134").replace(' ', r"\040")
    }

    /// Checks the lines of `/proc/self/mountinfo` that name the target; `below` is what is about to be used.
    pub(super) fn check<'l>(
        &self,
        below: &RemotePath,
        lines: impl Iterator<Item = &'l str>,
    ) -> Result<(), AssessError> {
        let place = self.as_listed();
        // The last one mounted hides the others.
        let mounted = lines.filter_map(Mounted::read).filter(|mounted| mounted.target == place).last();
        let refuse = |what: String| {
            let cause = format!("{what}: nothing is written to {below}");
            let hint = format!("mount it (`mount {}`), or correct `shared_files.mount`", self.target);
            Err(AssessError::new("not-mounted", cause).hint(hint))
        };
        let Some(mounted) = mounted else {
            return refuse(format!("no file system is mounted at {}", self.target));
        };
        if let Some(source) = self.source.as_ref().filter(|source| **source != mounted.source) {
            let what = format!("{} is mounted at {}, not {source}", mounted.source, self.target);
            return refuse(what);
        }
        // `mount -t nfs` is listed as nfs4 when the server speaks version 4.
        let same = |kind: &str| kind == mounted.kind || (kind == "nfs" && mounted.kind == "nfs4");
        if let Some(kind) = self.kind.as_ref().filter(|kind| !same(kind)) {
            let what = format!("the file system at {} is of type {}, not {kind}", self.target, mounted.kind);
            return refuse(what);
        }
        Ok(())
    }
}

/// One line of `/proc/self/mountinfo`: `36 35 98:0 /root /target rw,noatime master:1 - ext3 /dev/root rw`.
struct Mounted {
    target: String,
    kind: String,
    source: String,
}

impl Mounted {
    fn read(line: &str) -> Option<Self> {
        let (place, what) = line.split_once(" - ")?;
        let mut what = what.split(' ');
        Some(Self {
            target: place.split(' ').nth(4)?.to_owned(),
            kind: what.next()?.to_owned(),
            source: what.next()?.replace(r"\040", " ").replace(r"\134", "\\"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r"36 35 0:31 / /mnt/shared\040files rw - nfs4 nfs1:/wso2 rw,vers=4.2";

    fn check(source: Option<&str>, kind: Option<&str>, lines: &[&str]) -> Result<(), AssessError> {
        let mount = MountPoint {
            target: "/mnt/shared files".parse().unwrap(),
            source: source.map(str::to_owned),
            kind: kind.map(str::to_owned),
        };
        mount.check(&"/mnt/shared files/Tenants".parse().unwrap(), lines.iter().copied())
    }

    #[test]
    fn only_the_wanted_file_system_is_good_enough() {
        assert_eq!(check(None, None, &[LINE]), Ok(()));
        assert_eq!(check(Some("nfs1:/wso2"), Some("nfs"), &[LINE]), Ok(()));
        for (source, kind, lines) in [
            (None, None, &[][..]),
            (None, None, &["36 35 0:31 / /mnt rw - nfs4 nfs1:/wso2 rw"]),
            (Some("nfs2:/wso2"), None, &[LINE]),
            (None, Some("ceph"), &[LINE]),
            (None, Some("nfs4"), &[LINE, r"40 36 0:40 / /mnt/shared\040files rw - tmpfs none rw"]),
        ] {
            assert_eq!(check(source, kind, lines).unwrap_err().code, "not-mounted");
        }
    }
}
