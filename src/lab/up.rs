//! Starting a lab, and ending it without a trace.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::control::{Asked, Holders, Wish, serve};
use super::database::Server;
use super::exec::Surroundings;
use super::reaper::Reaper;
use super::state::private;
use super::{HOSTNAME, LabError, Layout, MARKER, Role, State, host, inventory, keys, pack, server, tls, unbound};

/// A lab that runs in this process.
pub struct Lab {
    /// Where everything is.
    pub layout: Layout,
    database: Server,
    wishes: mpsc::Receiver<Asked>,
    holders: Holders,
    reaper: Reaper,
    taken: Vec<(std::net::SocketAddr, TcpListener)>,
}

impl Lab {
    /// Makes the folder, which must be missing, empty, or that of a lab that runs no longer, and starts everything in
    /// it. `program` is hactl's own file, which the hosts' programs run.
    ///
    /// # Errors
    /// When the folder is something else, or an address can't be listened on.
    pub async fn up(folder: &Path, seed: u64, program: &Path) -> Result<Self, LabError> {
        let layout = Layout::new(folder, seed);
        let control = (layout.database(), layout.control_port());
        // The first thing of all: whoever holds it is the lab of this seed.
        let listener = TcpListener::bind(control).await.map_err(|error| unbound(control, &error))?;
        free_ports(&layout).await?;
        make_folder(folder)?;
        let mut state = State::new(seed);
        if let Ok(earlier) = State::read(folder) {
            state.database_password = earlier.database_password;
            state.keystore_password = earlier.keystore_password;
        }
        state.write(folder)?;
        let keys = keys::write(&layout)?;
        for host in layout.hosts() {
            host::make(&layout, &host, program)?;
        }
        write_files(&layout, &state)?;
        let reaper = Reaper::start();
        for host in layout.reachable() {
            let at = Surroundings { layout: layout.clone(), host, reaper: reaper.clone() };
            server::listen(at, keys.login.clone()).await?;
        }
        let address = (layout.database(), layout.database_port());
        let file = layout.host_folder("db-1").join("var/rows.json");
        let database = Server::new(address, state.database_password, file);
        database.start().await.map_err(|error| unbound(address, &error))?;
        let (sender, wishes) = mpsc::channel(4);
        let holders = serve(listener, state.token, sender);
        debug_assert!(keys.identity.is_file() && keys.known_hosts.is_file());
        Ok(Self { layout, database, wishes, holders, reaper, taken: Vec::new() })
    }

    /// Does what it is asked for until it is asked to end.
    pub async fn serve(&mut self) {
        while let Some((wish, answer)) = self.wishes.recv().await {
            let done = match &wish {
                Wish::Down => {
                    let _ = answer.send(Ok(()));
                    return;
                }
                Wish::StopDatabase => {
                    self.database.stop().await;
                    Ok(())
                }
                Wish::StartDatabase => self.database.start().await.map_err(|error| error.to_string()),
                Wish::TakePort(address) => TcpListener::bind(address)
                    .await
                    .map(|listener| self.taken.push((*address, listener)))
                    .map_err(|error| format!("{address}: {error}")),
                Wish::FreePort(address) => {
                    self.taken.retain(|(taken, _)| taken != address);
                    Ok(())
                }
            };
            let _ = answer.send(done);
        }
    }

    /// Ends every process that the lab has started, by its id.
    pub async fn end(self) {
        self.database.stop().await;
        for pid in self.reaper.groups().into_iter().filter_map(|pid| i32::try_from(pid).ok()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let signal = |signal: Signal| {
            for pid in self.holders.pids().into_iter().filter_map(|pid| i32::try_from(pid).ok()) {
                let _ = kill(Pid::from_raw(pid), signal);
            }
        };
        signal(Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(3);
        while !self.holders.pids().is_empty() && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        signal(Signal::SIGKILL);
        while !self.holders.pids().is_empty() && Instant::now() < deadline + Duration::from_secs(2) {
            sleep(Duration::from_millis(20)).await;
        }
        // The shells that had started them end with them, and are collected.
        sleep(Duration::from_millis(120)).await;
    }
}

/// The nodes' own ports must be free: a cluster that starts half would teach nothing.
async fn free_ports(layout: &Layout) -> Result<(), LabError> {
    for host in layout.hosts() {
        let everywhere = Ipv4Addr::LOCALHOST;
        let sockets = match host.role {
            Role::Node => {
                let (https, http) = (9443 + layout.offset(&host), 9763 + layout.offset(&host));
                let member = (host.address, layout.member_port(&host));
                vec![(host.address, https), (everywhere, https), (host.address, http), (everywhere, http), member]
            }
            Role::Balancer => vec![(host.address, layout.http_port()), (host.address, layout.https_port())],
            Role::Database => Vec::new(),
        };
        for address in sockets {
            drop(TcpListener::bind(address).await.map_err(|error| unbound(address, &error))?);
        }
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<(), LabError> {
    let is_ours = folder.join(MARKER).is_file();
    let is_empty = fs::read_dir(folder).map(|mut entries| entries.next().is_none()).unwrap_or(true);
    if !is_ours && !is_empty {
        return Err(LabError::new(format!("{} is not empty, and not a lab", folder.display()))
            .hint("name another folder with --folder"));
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o700)))
        .map_err(|error| LabError::file("make", folder, &error))
}

fn write_files(layout: &Layout, state: &State) -> Result<(), LabError> {
    let file = |name: &str, bytes: &[u8]| {
        let path = layout.folder.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, bytes)).map_err(|error| LabError::file("write", &path, &error))
    };
    let (pack_bytes, driver) = (pack::pack(), pack::driver());
    for folder in ["faults", "hosts/db-1/var", "secrets"] {
        let path = layout.folder.join(folder);
        fs::create_dir_all(&path).map_err(|error| LabError::file("make", &path, &error))?;
    }
    file(&format!("packs/{}", pack::PACK), &pack_bytes)?;
    file(&format!("drivers/{}", pack::DRIVER), &driver)?;
    file("keys/lab.jks", &pack::keystore("lab", &state.keystore_password))?;
    let (certificate, key) = tls::certificate(&[HOSTNAME])?;
    file(&format!("keys/{HOSTNAME}.crt"), certificate.as_bytes())?;
    private(&layout.folder.join(format!("keys/{HOSTNAME}.key")), &key)?;
    private(&layout.folder.join("secrets/database"), &state.database_password)?;
    // As the pack is shipped; nobody but this machine's user reaches it.
    private(&layout.folder.join("secrets/admin"), "admin")?;
    private(&layout.folder.join("secrets/keystore"), &state.keystore_password)?;
    let text = inventory::text(layout, &pack::sha256(&pack_bytes), &pack::sha256(&driver));
    file("inventory.yaml", text.as_bytes())
}

/// Removes the folder of a lab, and only that.
///
/// # Errors
/// When it is not one, or can't be removed.
pub fn remove(folder: &Path) -> Result<(), LabError> {
    State::read(folder)?;
    let folder: PathBuf = folder.canonicalize().map_err(|error| LabError::file("find", folder, &error))?;
    // The marker goes last, so that a removal that was interrupted can be taken up again.
    let failed = |error: std::io::Error| LabError::file("remove", &folder, &error);
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path).map_err(failed)?;
        } else if !path.ends_with(MARKER) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    fs::remove_file(folder.join(MARKER)).and_then(|()| fs::remove_dir(&folder)).map_err(failed)
}
