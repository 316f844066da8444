//! The balancer of the lab: an `nginx` that obeys the files that hactl writes, and refuses every directive that it does not
//! know.

mod config;
mod known;
mod proxy;
mod read;
mod upstream;
mod variables;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::config::Config;
use super::LabError;
use super::control::Line;
use super::http::Connection;
use super::printed::Printed;

const VERSION: &str = "nginx version: nginx/1.24.0 (hactl lab)\n";
/// How the process that serves is started, and the one that only shows that a configuration was taken.
const SERVES: &str = "--serve";
const WORKS: &str = "--work";

/// `nginx`: its words as the real one has them.
pub(super) async fn nginx(words: &[&str], lab: &Path, main: &Path) -> Result<Printed, LabError> {
    let mut asked = Asked { main: main.to_owned(), ..Asked::default() };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-v" | "-V" => return Ok(Printed { stderr: VERSION.to_owned(), ..Printed::default() }),
            "-t" => asked.test = true,
            "-T" => (asked.test, asked.dump) = (true, true),
            "-q" => asked.quiet = true,
            "-c" => {
                asked.main =
                    words.next().map(PathBuf::from).ok_or_else(|| LabError::new("option \"-c\" requires file name"))?
            }
            "-s" => asked.signal = words.next().map(str::to_owned),
            SERVES => return serve(lab, &asked.main).await,
            WORKS => {
                // It ends with the process that serves, which holds the other end.
                let _ = tokio::io::stdin().read(&mut [0; 1]).await;
                return Ok(Printed::default());
            }
            _ => return Ok(refused(&format!("invalid option: \"{word}\""))),
        }
    }
    if !asked.main.is_absolute() {
        return Ok(refused("the lab's nginx wants an absolute path after -c"));
    }
    let mut files = Vec::new();
    let config = match Config::load(&asked.main, &mut files) {
        Ok(config) => config,
        Err(error) => {
            let mut printed = refused(&error);
            if asked.test {
                printed.stderr.push_str(&format!("nginx: configuration file {} test failed\n", asked.main.display()));
            }
            return Ok(printed);
        }
    };
    match asked.signal.as_deref() {
        Some(word) => Ok(signalled(&config, word)),
        None if asked.test => Ok(asked.tested(&files)),
        None => start(&config, &asked.main).await,
    }
}

#[derive(Default)]
struct Asked {
    main: PathBuf,
    test: bool,
    dump: bool,
    quiet: bool,
    signal: Option<String>,
}

impl Asked {
    fn tested(&self, files: &read::Files) -> Printed {
        let mut printed = Printed::default();
        if !self.quiet {
            let main = self.main.display();
            printed.stderr = format!(
                "nginx: the configuration file {main} syntax is ok\nnginx: configuration file {main} test is successful\n"
            );
        }
        if self.dump {
            for (path, text) in files {
                printed.stdout.push_str(&format!("# configuration file {}:\n{text}\n", path.display()));
            }
        }
        printed
    }
}

fn refused(error: &str) -> Printed {
    Printed { stdout: String::new(), stderr: format!("nginx: [emerg] {error}\n"), status: 1 }
}

/// `-s reload`, `-s quit`, `-s stop`.
fn signalled(config: &Config, word: &str) -> Printed {
    let signal = match word {
        "reload" => Signal::SIGHUP,
        "quit" => Signal::SIGQUIT,
        "stop" => Signal::SIGTERM,
        _ => return refused(&format!("invalid option: \"-s {word}\"")),
    };
    let pid = std::fs::read_to_string(&config.pid).ok().and_then(|text| text.trim().parse::<i32>().ok());
    match pid.map(|pid| kill(Pid::from_raw(pid), signal)) {
        Some(Ok(())) => Printed::default(),
        _ => refused(&format!("invalid PID number \"\" in \"{}\"", config.pid.display())),
    }
}

/// Starts the process that serves, and returns once it does.
async fn start(config: &Config, main: &Path) -> Result<Printed, LabError> {
    for (address, _) in sockets(config) {
        if let Err(error) = TcpListener::bind(address).await {
            let why = match error.kind() {
                std::io::ErrorKind::AddrInUse => "98: Address already in use".to_owned(),
                std::io::ErrorKind::AddrNotAvailable => "99: Cannot assign requested address".to_owned(),
                _ => error.to_string(),
            };
            return Ok(refused(&format!("bind() to {address} failed ({why})")));
        }
    }
    let mut command = again(&["-c", &main.to_string_lossy(), SERVES])?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let failed = |error: std::io::Error| LabError::new(format!("cannot start: {error}"));
    let mut child = command.spawn().map_err(failed)?;
    let mut ready = [0; 5];
    let told = match &mut child.stdout {
        Some(stdout) => tokio::time::timeout(std::time::Duration::from_secs(10), stdout.read_exact(&mut ready))
            .await
            .is_ok_and(|read| read.is_ok()),
        None => false,
    };
    if told { Ok(Printed::default()) } else { Ok(refused("the process that serves did not start")) }
}

/// This very program once more, under the same name.
#[expect(clippy::disallowed_methods, reason = "nginx starts processes of its own")]
fn again(words: &[&str]) -> Result<Command, LabError> {
    // The name that it was started by, so that it is still called nginx.
    let own = std::env::args_os().next().ok_or_else(|| LabError::new("no name"))?;
    let mut command = std::process::Command::new(own);
    command.args(["lab-program", "nginx"]).args(words);
    Ok(Command::from(command))
}

/// A process that shows, to whoever looks, that a configuration was taken; it ends when this value is dropped.
fn worker() -> Result<Child, LabError> {
    let mut command = again(&[WORKS])?;
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().map_err(|error| LabError::new(format!("cannot start a worker: {error}")))
}

fn sockets(config: &Config) -> BTreeMap<SocketAddr, bool> {
    config.sites.iter().flat_map(|site| site.listens.iter().copied()).collect()
}

/// Serves until it is told to end, or the lab does.
async fn serve(lab: &Path, main: &Path) -> Result<Printed, LabError> {
    let mut line = Line::hold(lab).await?;
    let load = || Config::load(main, &mut Vec::new()).map_err(LabError::new);
    let config = load()?;
    let (pid, log) = (config.pid.clone(), config.error_log.clone());
    let (sender, current) = watch::channel(Arc::new(config));
    let mut listening = Listening::default();
    listening.adopt(&current)?;
    let wrong = |error: std::io::Error| LabError::new(error.to_string());
    let mut reload = signal(SignalKind::hangup()).map_err(wrong)?;
    let mut quit = signal(SignalKind::quit()).map_err(wrong)?;
    let mut stop = signal(SignalKind::terminate()).map_err(wrong)?;
    let mut own = worker()?;
    std::fs::write(&pid, format!("{}\n", std::process::id())).map_err(wrong)?;
    {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(b"ready").and_then(|()| stdout.flush());
    }
    loop {
        tokio::select! {
            _ = reload.recv() => {
                let taken = load().and_then(|config| {
                    let old = sender.send_replace(Arc::new(config));
                    listening.adopt(&current).inspect_err(|_| drop(sender.send_replace(old)))
                });
                match taken {
                    Ok(()) => {
                        let old = std::mem::replace(&mut own, worker()?);
                        end(old).await;
                    }
                    Err(error) => {
                        // The old configuration goes on.
                        let now = jiff::Zoned::now().strftime("%Y/%m/%d %H:%M:%S");
                        let text = format!("{now} [emerg] {}#0: {}\n", std::process::id(), error.cause);
                        let file = std::fs::OpenOptions::new().append(true).create(true).open(&log);
                        let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
                    }
                }
            }
            _ = quit.recv() => break,
            _ = stop.recv() => break,
            () = line.cut() => break,
        }
    }
    let _ = std::fs::remove_file(&pid);
    end(own).await;
    Ok(Printed::default())
}

async fn end(mut worker: Child) {
    drop(worker.stdin.take());
    let _ = worker.wait().await;
}

/// The sockets that are open now.
#[derive(Default)]
struct Listening(BTreeMap<(SocketAddr, bool), JoinHandle<()>>);

impl Listening {
    /// Opens what the configuration wants and closes the rest. A socket that stays is not touched.
    fn adopt(&mut self, current: &watch::Receiver<Arc<Config>>) -> Result<(), LabError> {
        let wanted = sockets(&current.borrow());
        for (address, ssl) in &wanted {
            if self.0.contains_key(&(*address, *ssl)) {
                continue;
            }
            if let Some(old) = self.0.remove(&(*address, !*ssl)) {
                old.abort();
            }
            let listener = std::net::TcpListener::bind(address)
                .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
                .and_then(TcpListener::from_std)
                .map_err(|error| LabError::new(format!("bind() to {address} failed ({error})")))?;
            self.0.insert((*address, *ssl), tokio::spawn(accept(listener, *address, *ssl, current.clone())));
        }
        self.0.retain(|(address, ssl), task| {
            let stays = wanted.get(address) == Some(ssl);
            if !stays {
                task.abort();
            }
            stays
        });
        Ok(())
    }
}

async fn accept(listener: TcpListener, at: SocketAddr, ssl: bool, current: watch::Receiver<Arc<Config>>) {
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let current = current.clone();
        tokio::spawn(async move {
            let connection: Connection = if ssl {
                let config = current.borrow().clone();
                let here = config.sites.iter().filter(|site| site.listens.iter().any(|(socket, _)| *socket == at));
                let sites = here.filter_map(|site| {
                    site.tls.clone().map(|(certificate, key)| (site.names.clone(), certificate, key))
                });
                let Ok(acceptor) = super::tls::acceptor_by_name(sites.collect()) else { return };
                match tokio::time::timeout(std::time::Duration::from_secs(10), acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => Box::new(stream),
                    _ => return,
                }
            } else {
                Box::new(stream)
            };
            let _ = proxy::talk(&current, at, ssl, client, connection).await;
        });
    }
}
