//! How many files and connections this process may have open at once.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// One for each host, one for each node's port that is asked, and some for files.
const ENOUGH: u64 = 65_536;

/// Raises the limit as far as we may ourselves: a login shell often allows 1024 and leaves the rest to programs that know
/// what they do. Where it can't be raised, whoever runs into it says so.
pub(super) fn raise() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard.min(ENOUGH)
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(ENOUGH), hard);
    }
}
