//! A node of the lab: a process of its own that starts, fails, serves and stops as the real product was seen to.

mod configuration;
mod log;
mod membership;
mod roles;
mod store;
mod web;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use self::configuration::{Configuration, Unreadable};
use self::log::Log;
use self::membership::Membership;
use self::store::Store;
use self::web::{EMPTY, SERVING, UNDEPLOYED, Web};
use super::control::Line;
use super::database::{Answer, Data, Query};
use super::{LabHost, Layout, pack, tls, zip};

/// What a node is started with.
pub(super) struct Start {
    pub(super) layout: Layout,
    pub(super) host: LabHost,
    pub(super) home: PathBuf,
    /// `-Dsetup`: make the tables that are not there.
    pub(super) setup: bool,
}

/// How long a node takes before its log's first line. A log only has whole seconds that can be told apart.
const WARM_UP: Duration = Duration::from_millis(1100);
/// The status of a Java program that ended by SIGTERM.
const TERMINATED: u8 = 143;
const SERVER: &str = "org.wso2.carbon.core.internal.CarbonCoreActivator";
const MANAGEMENT: &str = "org.wso2.carbon.core.ServerManagement";
const USERS: &str = "org.wso2.carbon.user.core.internal.Activator";
const SOURCES: &str = "org.wso2.carbon.ndatasource.core.DataSourceManager";

/// A node that lives on with nothing in it: what its log says of it.
struct Dead {
    class: &'static str,
    text: String,
}

impl Dead {
    fn new(class: &'static str, text: &str, causes: &[&str]) -> Self {
        let mut text = text.to_owned();
        for cause in causes {
            text.push_str(&format!("\nCaused by: {cause}\n\tat org.wso2.carbon.lab.Node.start(Node.java)"));
        }
        Self { class, text }
    }

    fn realm(causes: &[&str]) -> Self {
        let text = "Cannot start User Manager Core bundle\norg.wso2.carbon.user.core.UserStoreException: Cannot initialize the realm.";
        Self::new(USERS, text, causes)
    }

    fn sources(causes: &[&str]) -> Self {
        Self::new(SOURCES, "Error in intializing system data sources: Error in initializing data sources", causes)
    }
}

/// Runs a node until it ends, and says with which status.
pub(super) async fn run(start: Start) -> Result<u8, super::LabError> {
    // The line to the lab comes first: a node without one would outlive its lab.
    let mut line = Line::hold(&start.layout.folder).await?;
    let log = Log::open(&start.home).map_err(|error| super::LabError::file("write the log of", &start.home, &error))?;
    let mut ended = signal(SignalKind::terminate()).map_err(|error| super::LabError::new(error.to_string()))?;
    let web = tokio::sync::OnceCell::new();
    let living = async {
        match live(&start, &log, &web).await {
            Ok(ended) => ended,
            Err(dead) => {
                log.error(dead.class, &dead.text);
                std::future::pending().await
            }
        }
    };
    tokio::pin!(living);
    tokio::select! {
        status = &mut living => return Ok(status),
        () = line.cut() => return Ok(TERMINATED),
        _ = ended.recv() => {}
    }
    tokio::select! {
        status = &mut living => Ok(status),
        () = line.cut() => Ok(TERMINATED),
        () = stop(&log, web.get()) => Ok(TERMINATED),
    }
}

/// Stops as the product does: the services go first, the sockets last.
async fn stop(log: &Log, web: Option<&Arc<Web>>) {
    log.info(SERVER, "Shutdown hook triggered....");
    log.info(MANAGEMENT, "Gracefully shutting down WSO2 Carbon Framework...");
    if let Some(web) = web {
        web.phase.store(UNDEPLOYED, Ordering::Release);
        sleep(Duration::from_millis(300)).await;
        web.phase.store(EMPTY, Ordering::Release);
        sleep(Duration::from_millis(700)).await;
    }
    log.info(MANAGEMENT, "Shutting down OSGi framework...");
    log.info(MANAGEMENT, "Shutdown complete");
    log.info(MANAGEMENT, "Halting JVM");
}

/// The start and the life of a node. `Ok` is an end at once; `Err` a life without anything in it.
async fn live(start: &Start, log: &Log, served: &tokio::sync::OnceCell<Arc<Web>>) -> Result<u8, Dead> {
    let began = Instant::now();
    // A JVM says nothing in its first second.
    sleep(WARM_UP).await;
    let fatal = |error: std::io::Error| Dead::new(SERVER, &format!("FATAL: {error}"), &[]);
    let text = std::fs::read_to_string(start.home.join("repository/conf/deployment.toml")).map_err(fatal)?;
    let configuration = match Configuration::read(&text) {
        Ok(configuration) => configuration,
        Err(Unreadable(line)) => {
            log.error("org.wso2.config.mapper.TomlParser", &line);
            return Ok(1);
        }
    };
    write_pid(&start.home).map_err(fatal)?;
    log.info(SERVER, "Starting WSO2 Carbon...");
    log.info(SERVER, "Operating System : the lab's");
    log.info(SERVER, &format!("Carbon Home      : {}", start.home.display()));
    let configuration = configuration.unescape().map_err(|error| Dead::sources(&[&error]))?;
    sleep(Duration::from_millis(200)).await;
    keystore(start, &configuration)?;
    let mut store = database(start, &configuration, log).await?;
    first_start(&mut store, &configuration).await?;
    log.info("org.wso2.carbon.registry.core.internal.RegistryCoreServiceComponent", "Registry Mode    : READ-WRITE");
    if let Some(cluster) = &configuration.cluster {
        let blocked = start.layout.fault("block-membership", start.host.name);
        let membership = Membership::new(cluster.clone(), log.clone(), blocked);
        let joined = membership.join().await;
        joined.map_err(|error| {
            Dead::new(
                SERVER,
                "FATAL: Cannot initialize cluster",
                &[&format!("com.hazelcast.core.HazelcastException: {error}")],
            )
        })?;
        log.info(SERVER, &format!("Members: {}", membership.members().join(", ")));
    }
    let web = Arc::new(Web {
        name: start.host.name.to_owned(),
        phase: AtomicU8::new(SERVING),
        store: tokio::sync::Mutex::new(store),
    });
    listen(start, &configuration, log, &web).await?;
    let _ = served.set(web);
    log.info(
        "org.wso2.carbon.core.internal.StartupFinalizerServiceComponent",
        &format!("Server           :  WSO2 Carbon Framework-{}", super::layout::PRODUCT_VERSION),
    );
    let seconds = began.elapsed().as_secs_f64().ceil();
    log.info(
        "org.wso2.carbon.core.internal.StartupFinalizerServiceComponent",
        &format!("WSO2 Carbon started in {seconds} sec"),
    );
    std::future::pending().await
}

/// 100 bytes, as the product writes it: digits, a newline, and zeros to the end.
fn write_pid(home: &Path) -> std::io::Result<()> {
    let mut bytes = format!("{}\n", std::process::id()).into_bytes();
    bytes.resize(100, 0);
    std::fs::write(home.join("wso2carbon.pid"), bytes)
}

fn keystore(start: &Start, configuration: &Configuration) -> Result<(), Dead> {
    let wanted = &configuration.keystore;
    let dead = |cause: &str| {
        Dead::new(SERVER, "FATAL: Cannot initialize the key store manager", &[&format!("java.io.IOException: {cause}")])
    };
    let path = start.home.join("repository/resources/security").join(&wanted.file);
    let bytes = std::fs::read(&path).map_err(|error| dead(&format!("{}: {error}", path.display())))?;
    pack::opens(&bytes, Some(&wanted.alias), &wanted.password).map_err(dead)
}

/// The driver, the connection, the tables.
async fn database(start: &Start, configuration: &Configuration, log: &Log) -> Result<Store, Dead> {
    let database = &configuration.database;
    if database.server().is_some() && !finds_class(&start.home, &database.driver) {
        return Err(Dead::sources(&[&format!("java.lang.ClassNotFoundException: {}", database.driver)]));
    }
    let mut store = Store::open(database).await.map_err(|refused| match refused.as_str() {
        "Connection refused" => Dead::realm(&[
            "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure",
            "java.net.ConnectException: Connection refused",
        ]),
        _ => Dead::realm(&[&format!("java.sql.SQLException: {refused}")]),
    })?;
    let broken = |refused: String| Dead::realm(&[&format!("java.sql.SQLException: {refused}")]);
    let Answer::Names(tables) = store.ask(Query::Tables).await.map_err(broken)? else { return Ok(store) };
    if let Some(table) = Data::lacks(&tables) {
        if !start.setup {
            let name = super::layout::DATABASE;
            return Err(broken(format!("Table '{name}.{table}' doesn't exist")));
        }
        log.info(USERS, "Creating the tables, as -Dsetup asks for");
        for table in super::database::wanted() {
            store.ask(Query::Create(table.to_owned())).await.map_err(broken)?;
        }
    }
    Ok(store)
}

/// Two that start for the first time at once race: both find nothing, and one of them comes too late.
async fn first_start(store: &mut Store, configuration: &Configuration) -> Result<(), Dead> {
    let broken =
        |refused: String| Dead::realm(&[&format!("java.sql.SQLIntegrityConstraintViolationException: {refused}")]);
    let (table, key) = ("UM_DIALECT".to_owned(), "urn:scim:schemas:core:1.0--1234".to_owned());
    let there = store.ask(Query::Get(table.clone(), key.clone())).await.map_err(broken)?;
    if there != Answer::Value(None) {
        return Ok(());
    }
    sleep(Duration::from_millis(500)).await;
    store.ask(Query::Insert(table, key, "done".to_owned())).await.map_err(broken)?;
    let (admin, password) = configuration.admin.clone();
    store.ask(Query::Put("UM_USER".to_owned(), admin, password)).await.map_err(broken).map(drop)
}

/// Is the class in a jar of `components/lib`? Each jar there becomes a bundle in the dropins, and stays there.
fn finds_class(home: &Path, class: &str) -> bool {
    let (lib, dropins) = (home.join("repository/components/lib"), home.join("repository/components/dropins"));
    for jar in jars(&lib) {
        let stem = jar.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
        let _ = std::fs::copy(&jar, dropins.join(format!("{stem}_1.0.0.jar")));
    }
    finds_in(&dropins, class)
}

fn jars(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(|path| path.extension().is_some_and(|kind| kind == "jar")).collect()
}

/// Does a jar of this folder hold the class?
pub(super) fn finds_in(folder: &Path, class: &str) -> bool {
    let file = pack::class_file(class);
    let holds = |jar: &PathBuf| {
        let bytes = std::fs::read(jar).unwrap_or_default();
        zip::read(&bytes).is_ok_and(|all| all.iter().any(|entry| entry.name == file))
    };
    jars(folder).iter().any(holds)
}

/// Opens the ports. One that another process holds is a line in the log, and the start goes on as if nothing were.
async fn listen(start: &Start, configuration: &Configuration, log: &Log, web: &Arc<Web>) -> Result<(), Dead> {
    let wrong = |error: super::LabError| Dead::new(SERVER, &format!("FATAL: {error}"), &[]);
    let names = [configuration.hostname.as_str(), start.host.name, "localhost"];
    let (certificate, key) = tls::certificate(&names).map_err(wrong)?;
    let acceptor = tls::acceptor(&certificate, &key).map_err(wrong)?;
    for (what, port, tls) in [("HTTPS", 9443, Some(acceptor)), ("HTTP", 9763, None)] {
        let port: u16 = port + configuration.offset;
        // Everywhere, as far as a host of the lab goes: its own address and the one that every machine has.
        let own = TcpListener::bind((start.host.address, port)).await;
        let local = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).await;
        match own.and_then(|own| local.map(|local| [own, local])) {
            Ok(listeners) => {
                for listener in listeners {
                    tokio::spawn(web::serve(web.clone(), listener, tls.clone()));
                }
                log.info("org.wso2.carbon.core.transports.CarbonServlet", &format!("{what} port       : {port}"));
            }
            Err(error) => log.error(
                "org.apache.catalina.core.StandardService",
                &format!("Failed to start connector [Connector[HTTP/1.1-{port}]]\norg.apache.catalina.LifecycleException: Protocol handler start failed\nCaused by: java.net.BindException: {}", said(&error)),
            ),
        }
    }
    Ok(())
}

fn said(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "Address already in use".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
