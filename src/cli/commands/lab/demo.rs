//! `hactl lab demo`: the whole way, as typed and as answered. What it shows is what happened; what should have happened is
//! checked.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{refuse, runtime};
use crate::cli::Refusal;
use crate::cli::arguments::LabDemo;
use crate::cli::console::{BOLD, Console, DIM, GREEN, styled};
use crate::lab::{Act, HOSTNAME, LabError, Layout, Scene, State, demo_scenes, visit};
use crate::model::quote;
use crate::orchestration::Exit;

pub(super) fn demo(arguments: &LabDemo, console: &Console) -> Result<Exit, Refusal> {
    let began = Instant::now();
    let desk = Desk::new(arguments.keep.as_deref()).map_err(refuse)?;
    let runtime = runtime(2)?;
    let exit = runtime.block_on(show(arguments, &desk, console));
    runtime.shutdown_timeout(Duration::from_secs(1));
    let cleaned = desk.clear(arguments.keep.is_none());
    let exit = exit?;
    cleaned.map_err(refuse)?;
    let seconds = began.elapsed().as_secs_f64();
    if exit == Exit::Success {
        console.result(&format!("{} in {seconds:.1} s; everything was as it should be", styled(GREEN, "done")));
    }
    Ok(exit)
}

/// The folder that the demo runs in.
struct Desk(PathBuf);

impl Desk {
    fn new(keep: Option<&Path>) -> Result<Self, LabError> {
        let failed = |path: &Path, error| LabError::new(format!("cannot make the folder {}: {error}", path.display()));
        let folder = match keep {
            Some(folder) => std::path::absolute(folder).map_err(|error| failed(folder, error))?,
            None => std::env::temp_dir().join(format!("hactl-demo.{}", std::process::id())),
        };
        // Not into what is there: at the end it is removed.
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| failed(&folder, error))?;
        Ok(Self(folder))
    }

    fn clear(&self, remove: bool) -> Result<(), LabError> {
        if !remove {
            return Ok(());
        }
        // What a process of the lab writes while it ends may come in between once.
        let mut left = fs::remove_dir_all(&self.0);
        for _ in 0..20 {
            if left.is_ok() || !self.0.exists() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
            left = fs::remove_dir_all(&self.0);
        }
        left.map_err(|error| LabError::new(format!("cannot remove {}: {error}", self.0.display())))
    }

    /// hactl with these words, as whoever sits here types them.
    #[expect(clippy::disallowed_methods, reason = "the demo types commands")]
    fn hactl(&self, words: &[String], colour: bool) -> Result<Command, LabError> {
        let own = std::env::current_exe().map_err(|error| LabError::new(format!("hactl's own file: {error}")))?;
        let mut command = std::process::Command::new(own);
        command
            .args(words)
            .current_dir(&self.0)
            .env("XDG_STATE_HOME", self.0.join("state"))
            .env_remove("HACTL_INVENTORY")
            .stdin(Stdio::null());
        if colour {
            command.env("CLICOLOR_FORCE", "1");
        } else {
            command.env("NO_COLOR", "1");
        }
        Ok(Command::from(command))
    }
}

async fn show(arguments: &LabDemo, desk: &Desk, console: &Console) -> Result<Exit, Refusal> {
    let mut signals = super::signals()?;
    let lab = Started::up(arguments, desk, console).await.map_err(refuse)?;
    let scenes = demo_scenes(&lab.layout);
    let shown = tokio::select! {
        shown = play(&scenes, &lab.layout, desk, console) => shown,
        exit = signals.next() => Ok(exit),
    };
    let began = Instant::now();
    let ended = lab.down().await;
    console.result(&format!("{} {}", styled(BOLD, "the lab ends"), took(began, None)));
    let exit = shown.map_err(refuse)?;
    ended.map_err(refuse)?;
    Ok(exit)
}

async fn play(scenes: &[Scene], layout: &Layout, desk: &Desk, console: &Console) -> Result<Exit, LabError> {
    for scene in scenes {
        console.result(&styled(DIM, format!("# {}", scene.says)));
        let began = Instant::now();
        let wrong = match &scene.act {
            Act::Type { words, exits, holds } => {
                console.result(&prompt(words));
                let (said, exit) = run(desk, words, console).await?;
                console.result(&format!("{}{}\n", shortened(&said), took(began, Some(exit))));
                wrong(&said, exit, *exits, holds)
            }
            Act::Edit { file, from, to } => {
                let shown = format!("sed -i 's|{from}|{to}|' {}", quote(&relative(file, desk)));
                console.result(&format!("{} {}\n", styled(BOLD, "$"), styled(BOLD, shown)));
                edit(file, from, to)?
            }
            Act::Visit { nodes } => visited(layout, nodes, console).await?,
        };
        if let Some(wrong) = wrong {
            return Err(LabError::new(format!("the demo went wrong at `{}`: {wrong}", scene.says)));
        }
    }
    Ok(Exit::Success)
}

fn prompt(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    format!("{} {}", styled(BOLD, "$"), styled(BOLD, format!("hactl {}", words.join(" "))))
}

fn took(began: Instant, exit: Option<i32>) -> String {
    let exit = exit.map(|exit| format!("exit {exit}, ")).unwrap_or_default();
    styled(DIM, format!("({exit}{:.1} s)", began.elapsed().as_secs_f64()))
}

fn relative(file: &Path, desk: &Desk) -> String {
    file.strip_prefix(&desk.0).unwrap_or(file).display().to_string()
}

/// What a command printed, both streams as they came, and its exit code.
async fn run(desk: &Desk, words: &[String], console: &Console) -> Result<(String, i32), LabError> {
    let failed = |error: std::io::Error| LabError::new(format!("hactl {}: {error}", words.join(" ")));
    // One file for both, so that the lines stand in the order in which they were printed.
    let path = desk.0.join("said");
    let file = fs::File::create(&path).map_err(failed)?;
    let mut command = desk.hactl(words, console.has_colour())?;
    command.stdout(file.try_clone().map_err(failed)?).stderr(file).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let status = match timeout(Duration::from_secs(120), child.wait()).await {
        Ok(status) => status.map_err(failed)?,
        Err(_) => return Err(LabError::new(format!("hactl {} does not end", words.join(" ")))),
    };
    let mut said = String::new();
    fs::File::open(&path).and_then(|mut file| file.read_to_string(&mut said)).map_err(failed)?;
    Ok((said, status.code().unwrap_or(-1)))
}

/// How many lines of one command are shown.
const LINES: usize = 24;

/// The output, without the middle of a long one: that says so.
fn shortened(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    if lines.len() <= LINES {
        return said.to_owned();
    }
    let (head, rest) = lines.split_at(LINES - 6);
    let (middle, tail) = rest.split_at(rest.len() - 5);
    let left_out = styled(DIM, format!("  … {} lines more …", middle.len()));
    format!("{}\n{left_out}\n{}\n", head.join("\n"), tail.join("\n"))
}

fn wrong(said: &str, exit: i32, exits: i32, holds: &[String]) -> Option<String> {
    if exit != exits {
        return Some(format!("exit {exit}, and {exits} was expected"));
    }
    let plain = anstream::adapter::strip_str(said).to_string();
    let missing = holds.iter().find(|text| !plain.contains(text.as_str()))?;
    Some(format!("its output does not hold `{missing}`"))
}

fn edit(file: &Path, from: &str, to: &str) -> Result<Option<String>, LabError> {
    let failed = |error: std::io::Error| LabError::new(format!("{}: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(failed)?;
    if !text.contains(from) {
        return Ok(Some(format!("{} does not hold `{from}`", file.display())));
    }
    fs::write(file, text.replace(from, to)).map_err(failed)?;
    Ok(None)
}

/// Asks through the balancer until each of the nodes has answered, and at least four times.
async fn visited(layout: &Layout, nodes: &[&str], console: &Console) -> Result<Option<String>, LabError> {
    let began = Instant::now();
    let mut answered: Vec<String> = Vec::new();
    for turn in 0..20 {
        if turn >= 4 && nodes.iter().all(|node| answered.iter().any(|by| by == node)) {
            break;
        }
        let visit = visit(layout).await?;
        if !visit.serves || !nodes.contains(&visit.node.as_str()) {
            let text =
                format!("`{}` from `{}` is not the answer of one of {}", visit.status, visit.node, nodes.join(", "));
            return Ok(Some(text));
        }
        answered.push(visit.node);
    }
    let url = format!("https://{HOSTNAME}:{}/services/Version", layout.https_port());
    console.result(&format!("GET {url}: 200, by {}\n{}\n", answered.join(", "), took(began, None)));
    let silent: Vec<&str> = nodes.iter().copied().filter(|node| !answered.iter().any(|by| by == node)).collect();
    Ok((!silent.is_empty()).then(|| format!("{} never answered", silent.join(", "))))
}

/// A lab of its own process, which ends with this one at the latest.
struct Started {
    layout: Layout,
    child: Child,
}

impl Started {
    async fn up(arguments: &LabDemo, desk: &Desk, console: &Console) -> Result<Self, LabError> {
        let mut words = vec!["lab".to_owned(), "up".to_owned(), "--folder".to_owned(), "lab".to_owned()];
        if let Some(seed) = arguments.seed {
            words.extend(["--seed".to_owned(), seed.to_string()]);
        }
        let began = Instant::now();
        console.result(&format!("{} {}", prompt(&words), styled(BOLD, "&")));
        words.push("--until-input-ends".to_owned());
        let failed = |error: std::io::Error| LabError::new(format!("hactl lab up: {error}"));
        let mut command = desk.hactl(&words, console.has_colour())?;
        // In a group of its own: a Ctrl-C at the terminal is for the demo, which then ends it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut lines = BufReader::new(stdout).lines();
            let reading = async {
                while let Ok(Some(line)) = lines.next_line().await {
                    said.push_str(&line);
                    said.push('\n');
                    if line.starts_with("it runs until") {
                        return true;
                    }
                }
                false
            };
            if !timeout(Duration::from_secs(20), reading).await.unwrap_or(false) {
                drop(child.stdin.take());
                let output = timeout(Duration::from_secs(5), child.wait_with_output()).await;
                let error =
                    output.ok().and_then(Result::ok).map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
                let error = error.unwrap_or_else(|| "it did not start within 20 s".to_owned());
                return Err(LabError::new(format!("hactl lab up: {}", error.trim().trim_start_matches("error: "))));
            }
        }
        let host =
            |line: &&str| !line.starts_with("now,") && !line.starts_with("  hactl") && !line.starts_with("it runs");
        let shown: Vec<&str> = said.lines().filter(host).collect();
        console.result(&format!("{}\n{}\n", shown.join("\n"), took(began, None)));
        let folder = desk.0.join("lab");
        let layout = State::read(&folder)?.layout(&folder);
        Ok(Self { layout, child })
    }

    /// Ends it, and waits until it has.
    async fn down(mut self) -> Result<(), LabError> {
        drop(self.child.stdin.take());
        match timeout(Duration::from_secs(15), self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(LabError::new(format!("the lab ended with {status}"))),
            Ok(Err(error)) => Err(LabError::new(format!("the lab: {error}"))),
            Err(_) => Err(LabError::new("the lab does not end")),
        }
    }
}
