//! Asking OpenSSH's client what it would do: `ssh -G NAME`.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use super::alike::tells_names_apart;
use super::error::{UserConfigError, WITHOUT};
use super::settings::Settings;
use super::{Query, SshConfig};
use crate::transport::heard::heard_as_one;
use crate::transport::program::{ProcessGroup, program};

/// How long an answer may take. It takes some milliseconds, unless a `Match exec` waits for something.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of an answer is read; a usual one has 6 KB.
const ANSWER: u64 = 1 << 20;

/// What stands before the name of a file that it reads, where it is asked to be verbose.
const READS: &str = "debug1: Reading configuration data ";

/// How much of what it says when it refuses a file is told.
const WORDS: usize = 1000;

/// Is the client there?
pub(super) fn is_there() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("ssh").is_file())
}

/// What it does by itself; `None` where it is too old to be asked, or is another program.
pub(super) async fn defaults() -> Option<Settings> {
    let words = ["-T", "-G", "-F", "none", "--", "default"].map(str::to_owned);
    let settings = Settings::of_answer(&run(&words, "default").await.ok()?.answer);
    settings.first("hostname").is_some().then_some(settings)
}

/// What holds for one name.
pub(super) async fn ask(query: &Query) -> Result<Settings, UserConfigError> {
    Ok(Settings::of_answer(&run(&words(query, &[]), &query.name).await?.answer))
}

/// What holds for one name and for every other one, where the files that the client reads do not tell names apart.
pub(super) async fn ask_for_all(query: &Query) -> Option<Settings> {
    // Which files it reads, it says itself: where it looks for them is settled when it is built.
    let said = run(&words(query, &["-v"]), &query.name).await.ok()?.said;
    let files: Vec<&str> = said.lines().filter_map(|line| line.trim_end().strip_prefix(READS)).collect();
    let tells_apart = |file: &&str| std::fs::read_to_string(file).map_or(true, |text| tells_names_apart(&text));
    if files.is_empty() || files.iter().any(tells_apart) {
        return None;
    }
    ask(query).await.ok()
}

fn words(query: &Query, more: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = ["-T", "-G"].iter().chain(more).map(|&word| word.to_owned()).collect();
    if let SshConfig::File(path) = &query.config {
        words.extend(["-F".to_owned(), path.to_string_lossy().into_owned()]);
    }
    // `Match user` and the tokens are to see what the inventory has settled.
    words.extend(query.user.iter().flat_map(|user| ["-l".to_owned(), user.clone()]));
    words.extend(query.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]));
    words.extend(["--".to_owned(), query.name.clone()]);
    words
}

/// What it prints on either side.
struct Output {
    answer: String,
    said: String,
}

async fn run(words: &[String], name: &str) -> Result<Output, UserConfigError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let refused = |why: String| {
        let hint = format!("`ssh -G {name}` shows the same; correct the file. {WITHOUT}");
        UserConfigError::new(
            "ssh-config-refused",
            format!("ssh does not take your configuration for {name}: {why}"),
            hint,
        )
    };
    let mut child = program("ssh", &words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| refused(format!("it does not start: {error}")))?;
    let group = ProcessGroup::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let answer = async { tokio::join!(all(stdout), all(stderr), child.wait()) };
    let Ok((answer, said, status)) = timeout(PATIENCE, answer).await else {
        // What a `Match exec` runs ends too.
        group.kill();
        return Err(UserConfigError::new(
            "ssh-config-timeout",
            format!("ssh does not say within {} s what your configuration holds for {name}", PATIENCE.as_secs()),
            format!("try `ssh -G {name}`; a `Match exec` may wait for something. {WITHOUT}"),
        ));
    };
    match status {
        Ok(status) if status.success() => Ok(Output { answer, said }),
        _ => Err(refused(told(&said))),
    }
}

async fn all(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        // What was read before it broke off is worth as much.
        let _ = stream.take(ANSWER).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Its own words, which hold the file and the line.
fn told(stderr: &str) -> String {
    let words: String = heard_as_one(stderr).chars().take(WORDS).collect();
    if words.is_empty() { "it does not say why".to_owned() } else { words }
}
