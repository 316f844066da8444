//! The nodes, as a client and an operator see them: never through hactl.

use std::fs;
use std::process::Command;

use crate::place::{Ground, run};

/// How a login went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The node that answered, as the balancer says.
    pub(crate) by: Option<String>,
}

/// Logs in at a node itself. `Err` says how it failed: no answer, or not the expected one.
pub(crate) fn login_at(host: &str) -> Result<Login, String> {
    login(&format!("https://{}:9443", address(host)), None)
}

/// Logs in through the balancer, as a client without a cookie.
pub(crate) fn login_through_the_balancer() -> Result<Login, String> {
    login("https://sso.example.com", Some(&format!("sso.example.com:443:{}", address("lb-1"))))
}

fn login(base: &str, resolve: Option<&str>) -> Result<Login, String> {
    let mut curl = Command::new("curl");
    // Nobody has signed these certificates.
    curl.args(["--silent", "--show-error", "--insecure", "--noproxy", "*", "--max-time", "10", "--dump-header", "-"]);
    curl.args(["--header", "SOAPAction: urn:login", "--header", "Content-Type: text/xml"]);
    curl.args(["--data-binary", concat!("@", env!("CARGO_MANIFEST_DIR"), "/tests/ground/probes/login.xml")]);
    curl.args(resolve.map(|resolve| ["--resolve", resolve]).into_iter().flatten());
    curl.arg(format!("{base}/services/AuthenticationAdmin"));
    let done = run(curl);
    // The status alone proves nothing: a node that stops answers 200 without a body.
    if done.exit != 0 || !done.stdout.contains("return>true") {
        return Err(format!("curl ended with {}: {}{}", done.exit, done.stdout, done.stderr));
    }
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("X-Hactl-Node").then(|| value.trim().to_owned())
    };
    Ok(Login { by: done.stdout.lines().find_map(header) })
}

/// A host's address.
pub(crate) fn address(host: &str) -> String {
    let hosts = fs::read_to_string(Ground::file("hosts.txt")).unwrap();
    let line = hosts.lines().find_map(|line| line.strip_prefix(host)?.strip_prefix(' ').map(str::to_owned));
    line.unwrap_or_else(|| panic!("no host {host} in {hosts}"))
}

impl Ground {
    /// The process ids of the product on a host.
    pub(crate) fn pids(&self, host: &str) -> Vec<u32> {
        // The start script asks Java for its version first: that is a process too.
        let words = ["pgrep", "-u", "wso2carbon", "-f", "org.wso2.carbon.bootstrap.Bootstrap"];
        self.on(host, &words).lines().map(|pid| pid.parse().unwrap()).collect()
    }

    /// The one process of the product on each node.
    #[track_caller]
    pub(crate) fn one_process_each(&self) -> [u32; 2] {
        ["is-1", "is-2"].map(|host| {
            let pids = self.pids(host);
            assert_eq!(pids.len(), 1, "{host} runs {pids:?}");
            pids[0]
        })
    }

    /// What the product on a host has logged; nothing, where it has never run.
    pub(crate) fn log(&self, host: &str) -> String {
        let opt = fs::read_dir(Self::file_of(host, "/opt")).into_iter().flatten().flatten();
        let mut logs = opt.map(|home| home.path().join("repository/logs/wso2carbon.log"));
        logs.find_map(|log| fs::read(log).ok())
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// What the product on a host has logged since it was last started.
    pub(crate) fn log_since_start(&self, host: &str) -> String {
        let log = self.log(host);
        let start = log.rfind("Starting WSO2 Carbon").unwrap_or_default();
        log[start..].to_owned()
    }

    /// Both nodes serve, are one cluster of two by the kernel's own table and by their logs, and both answer through the balancer.
    #[track_caller]
    pub(crate) fn two_joined_nodes_serve(&self) {
        self.one_process_each();
        for host in ["is-1", "is-2"] {
            login_at(host).unwrap_or_else(|why| panic!("{host}: {why}"));
            let peer = address(if host == "is-1" { "is-2" } else { "is-1" });
            let sockets = self.on(host, &["ss", "-Htn", "state", "established", "( sport = :4000 or dport = :4000 )"]);
            assert!(
                sockets.contains(&format!("{peer}:")) || sockets.contains(&format!("{peer}]:")),
                "{host}: {sockets}"
            );
        }
        let elected = ["is-1", "is-2"].map(|host| self.log_since_start(host).matches("Elected this member").count());
        assert_eq!(elected.iter().sum::<usize>(), 1, "coordinators: {elected:?}");
        let mut by: Vec<String> = (0..12)
            .map(|_| login_through_the_balancer().unwrap().by.unwrap_or_else(|| panic!("nobody says who answered")))
            .collect();
        by.sort();
        by.dedup();
        assert_eq!(by, ["is-1", "is-2"], "both answer through the balancer");
    }

    /// The tables of the shared database are those that the pack's own script makes.
    #[track_caller]
    pub(crate) fn mariadb_holds_the_schema(&self, kernel: &str) {
        let script = format!("/opt/wso2carbon-core-{kernel}/dbscripts/mysql.sql");
        let script = fs::read_to_string(Self::file_of("is-1", &script)).unwrap();
        let wanted =
            script.lines().filter(|line| line.trim_start().to_ascii_uppercase().starts_with("CREATE TABLE")).count();
        let query = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'SHARED_DB'";
        let there = self.on("db-1", &["mariadb", "--skip-column-names", "--execute", query]);
        assert_eq!(there.trim(), wanted.to_string());
        assert!(wanted > 30, "{wanted} tables in {kernel}'s script");
    }
}
