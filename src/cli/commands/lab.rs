//! `hactl lab`: a practice cluster on this machine.

mod demo;

use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Refusal;
use crate::cli::arguments::{LabAction, LabBreak, LabFolder, LabProgram, LabUp};
use crate::cli::console::{BOLD, Console, DIM, RED, styled};
use crate::lab::{Lab, LabError, Wish, ask, break_it, remove, run_program};
use crate::orchestration::Exit;

pub(super) fn lab(action: &LabAction, console: &Console) -> Result<Exit, Refusal> {
    match action {
        LabAction::Up(up) => runtime(2)?.block_on(self::up(up, console)),
        LabAction::Demo(demo) => demo::demo(demo, console),
        LabAction::Break(wish) => runtime(1)?.block_on(break_(wish, console)),
        LabAction::Down(at) => runtime(1)?.block_on(down(at, console)),
    }
}

fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, Refusal> {
    let failed = |error| Refusal::failed(format!("the runtime does not start: {error}"));
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().map_err(failed)
}

fn refuse(error: LabError) -> Refusal {
    let hint = error.hint.map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    Refusal::failed(format!("{} {}{hint}", styled(RED, "error:"), error.cause))
}

/// The whole path of a lab's folder.
fn whole(folder: &Path) -> Result<PathBuf, Refusal> {
    std::path::absolute(folder).map_err(|error| Refusal::failed(format!("{}: {error}", folder.display())))
}

async fn up(arguments: &LabUp, console: &Console) -> Result<Exit, Refusal> {
    let folder = whole(&arguments.at.folder)?;
    let program = std::env::current_exe()
        .map_err(|error| Refusal::failed(format!("error: hactl does not find its own file: {error}")))?;
    let mut lab = start(&folder, arguments.seed, &program).await.map_err(refuse)?;
    console.result(&described(&lab, &folder));
    let ended = ended(arguments.until_input_ends);
    let exit = tokio::select! {
        () = lab.serve() => Exit::Success,
        exit = ended => exit,
    };
    lab.end().await;
    console.talk("the lab has ended; its folder stays until `hactl lab down`");
    Ok(exit)
}

/// Starts a lab; without a seed, with the first one that nothing on this machine is in the way of.
async fn start(folder: &Path, seed: Option<u64>, program: &Path) -> Result<Lab, LabError> {
    if let Some(seed) = seed {
        return Lab::up(folder, seed, program).await;
    }
    let mut last = LabError::new("no seed was tried");
    for seed in 1..=20 {
        match Lab::up(folder, seed, program).await {
            Ok(lab) => return Ok(lab),
            // Another seed has other addresses; a folder in the way stays in the way.
            Err(error) if error.cause.starts_with("cannot listen") => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Ends when the lab should: by Ctrl-C, by SIGTERM, or with its standard input.
async fn ended(with_input: bool) -> Exit {
    let input = async {
        if with_input {
            let _ = tokio::io::stdin().read(&mut [0; 1]).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let Ok(mut signals) = signals() else { return Exit::Failed };
    tokio::select! {
        () = input => Exit::Success,
        exit = signals.next() => if exit == Exit::Interrupted { Exit::Success } else { exit },
    }
}

/// Ctrl-C and SIGTERM.
struct Signals(Signal, Signal);

fn signals() -> Result<Signals, Refusal> {
    let failed = |error| Refusal::failed(format!("error: signals can't be handled: {error}"));
    let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(Signals(interrupt, signal(SignalKind::terminate()).map_err(failed)?))
}

impl Signals {
    /// The exit code of the next one.
    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.0.recv() => Exit::Interrupted,
            _ = self.1.recv() => Exit::Terminated,
        }
    }
}

fn described(lab: &Lab, folder: &Path) -> String {
    let layout = &lab.layout;
    let mut text = format!("{} {} (seed {})\n", styled(BOLD, "lab"), folder.display(), layout.seed);
    for host in layout.reachable() {
        let login = format!("ssh -i keys/id_ed25519 -p {} {}", layout.ssh_port(), host.address);
        text.push_str(&format!("  {:<5} {:<13} {}\n", host.name, host.address.to_string(), styled(DIM, login)));
    }
    text.push_str(&format!("  {:<5} {:<13} port {}\n", "db-1", layout.database(), layout.database_port()));
    let inventory = crate::model::quote(&folder.join("inventory.yaml").to_string_lossy());
    text.push_str(&format!("now, in another terminal:\n  hactl plan {inventory}\n  hactl apply {inventory}\n"));
    text.push_str(&format!(
        "  hactl lab break --help\nit runs until Ctrl-C or `hactl lab down --folder {}`",
        crate::model::quote(&folder.to_string_lossy())
    ));
    text
}

async fn break_(arguments: &LabBreak, console: &Console) -> Result<Exit, Refusal> {
    let folder = whole(&arguments.at.folder)?;
    console.result(&break_it(&folder, arguments.what, &arguments.node).await.map_err(refuse)?);
    Ok(Exit::Success)
}

async fn down(at: &LabFolder, console: &Console) -> Result<Exit, Refusal> {
    let folder = whole(&at.folder)?;
    let state = crate::lab::State::read(&folder).map_err(refuse)?;
    // One that does not run any more only has its folder left.
    if ask(&folder, Wish::Down).await.is_ok() {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        let layout = state.layout(&folder);
        let runs = async || tokio::net::TcpStream::connect((layout.database(), layout.control_port())).await.is_ok();
        while runs().await {
            if tokio::time::Instant::now() > deadline {
                return Err(Refusal::failed("error: the lab was asked to end, and still runs after 10 s".to_owned()));
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    remove(&folder).map_err(refuse)?;
    console.result(&format!("{} is removed", folder.display()));
    Ok(Exit::Success)
}

/// A program of a lab's host.
pub(super) fn program(program: &LabProgram, console: &Console) -> Result<Exit, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::failed(format!("the runtime does not start: {error}")))?;
    let printed = runtime.block_on(run_program(&program.name, &program.words));
    runtime.shutdown_background();
    if !printed.stdout.is_empty() {
        console.file(printed.stdout.as_bytes());
    }
    let exit = match printed.status {
        0 => Exit::Success,
        143 => Exit::Terminated,
        _ => Exit::Failed,
    };
    if printed.stderr.is_empty() {
        return Ok(exit);
    }
    let text = printed.stderr.trim_end().to_owned();
    if exit == Exit::Success {
        console.error(&text);
        return Ok(exit);
    }
    Err(Refusal::ended(exit, text))
}
