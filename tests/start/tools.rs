//! Programs of this machine, and packs from Maven.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Says that a test is skipped, aloud; a failure where everything must be there.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("HACTL_REQUIRE_REAL").is_none(), "HACTL_REQUIRE_REAL is set, and {why}");
    eprintln!("SKIPPED: {why}");
}

/// Starting real kernels takes minutes: that is for those who ask for it.
pub(crate) fn is_asked_for() -> bool {
    let asked = std::env::var_os("HACTL_REQUIRE_REAL").is_some();
    if !asked {
        eprintln!("SKIPPED: starting real kernels takes minutes: HACTL_REQUIRE_REAL=1 asks for it");
    }
    asked
}

#[expect(clippy::disallowed_methods, reason = "these tests run the real product's programs")]
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env("LC_ALL", "C");
    command
}

/// Runs a program that must succeed, and returns what it printed.
pub(crate) fn output(program: &str, words: &[&str]) -> String {
    let done = try_output(program, words).unwrap_or_else(|why| panic!("{why}"));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

pub(crate) fn try_output(program: &str, words: &[&str]) -> Result<Output, String> {
    let done = command(program).args(words).output().map_err(|error| format!("{program}: {error}"))?;
    if done.status.success() {
        return Ok(done);
    }
    Err(format!("{program} {words:?}: {}: {}", done.status, String::from_utf8_lossy(&done.stderr)))
}

pub(crate) fn is_root() -> bool {
    output("id", &["-u"]).trim() == "0"
}

/// Polls until `done` gives something, and fails with `what` after `limit`.
pub(crate) fn until<T>(what: &str, limit: Duration, mut done: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = done() {
            return found;
        }
        assert!(start.elapsed() < limit, "after {limit:?} still not: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The file of a Maven artifact, fetched once.
pub(crate) fn artifact(group: &str, name: &str, version: &str, ending: &str) -> Result<PathBuf, String> {
    let home = std::env::var_os("HOME").ok_or("no HOME")?;
    let folder = group.replace('.', "/");
    let file = Path::new(&home).join(format!(".m2/repository/{folder}/{name}/{version}/{name}-{version}.{ending}"));
    if !file.is_file() {
        let artifact = format!("-Dartifact={group}:{name}:{version}:{ending}");
        try_output("mvn", &["-q", "-B", "dependency:get", &artifact, "-Dtransitive=false"])?;
    }
    Ok(file)
}

/// The JDK that runs `java` here.
pub(crate) fn java_home() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let java = std::env::split_paths(&path).map(|folder| folder.join("java")).find(|at| at.exists())?;
    Some(java.canonicalize().ok()?.parent()?.parent()?.to_owned())
}
