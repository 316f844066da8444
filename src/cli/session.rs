//! What most commands begin with: the inventory, its secrets, the playbook, and who we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::arguments::{Hosts, LockWait, Output, Steps, Talk, Which};
use super::console::{Console, YELLOW, styled};
use super::inventory::{Loaded, Read, find_inventory, load_cluster, only_cluster, read, render, render_playbook};
use super::progress::Progress;
use super::prompt::keyring;
use super::refusal::{Refusal, shown};
use super::results::{Last, Line, Results, json_line};
use super::{limits, signals};
use crate::model::Redactor;
use crate::model::inventory::{Cluster, Place, Problem, Secrets, Severity};
use crate::orchestration::{
    Controller, Events, Exit, Fleet, FleetError, FleetOptions, LockOptions, Playbook, Report, Selection, Stop,
    check_local_files, profiles,
};
use crate::steps::{Allow, StepError, check};

/// An inventory that was read, with its secrets.
pub(super) struct Session {
    pub(super) loaded: Loaded,
    pub(super) controller: Arc<Controller>,
    pub(super) redactor: Arc<Redactor>,
}

impl Session {
    /// Reads the inventory and resolves its secrets. Nothing connects.
    pub(super) fn open(which: &Which, console: &Console) -> Result<Self, Refusal> {
        Self::of(&path_of(which), which.cluster.as_deref(), console)
    }

    /// The same without asking for any secret: enough for what needs no host.
    pub(super) fn without_secrets(which: &Which, console: &Console) -> Result<Self, Refusal> {
        let Read { mut inventory, text, path } =
            read(&path_of(which)).map_err(|failure| Refusal::unusable(Exit::Inventory, &failure, console))?;
        if let Some(name) = &which.cluster {
            only_cluster(&mut inventory, name, &path).map_err(|problem| {
                let text = render(std::slice::from_ref(&problem), "", "", console.has_colour());
                Refusal::of(Exit::Usage, &[problem], &shown(&path), &text)
            })?;
        }
        let loaded = Loaded { inventory, secrets: Secrets::default(), text, path };
        Ok(Self::with(loaded, console))
    }

    /// Resolves the secrets that logging in to jump hosts may take, and no others.
    pub(super) fn resolve_logins(&mut self, console: &Console) -> Result<(), Refusal> {
        let unusable = |failure| Refusal::unusable(Exit::Inventory, &failure, console);
        let problems = self.loaded.resolve_logins().map_err(unusable)?;
        self.redactor = Arc::new(Redactor::new(self.loaded.secrets.values()));
        console.redact(self.redactor.clone());
        self.say(&problems, console);
        Ok(())
    }

    /// The same, of one file.
    pub(super) fn of(path: &Path, cluster: Option<&str>, console: &Console) -> Result<Self, Refusal> {
        let loaded = load_cluster(path, cluster).map_err(|failure| {
            // The flag is wrong then, not the file.
            let unknown_cluster = failure.problems.iter().any(|problem| problem.code == "unknown-cluster");
            let exit = if unknown_cluster { Exit::Usage } else { Exit::Inventory };
            Refusal::unusable(exit, &failure, console)
        })?;
        Ok(Self::with(loaded, console))
    }

    fn with(loaded: Loaded, console: &Console) -> Self {
        let redactor = Arc::new(Redactor::new(loaded.secrets.values()));
        console.redact(redactor.clone());
        let session = Self { loaded, controller: Arc::new(controller()), redactor };
        session.say(&session.loaded.inventory.warnings, console);
        session
    }

    /// Prints problems with their places. Errors are not only talk.
    fn say(&self, problems: &[Problem], console: &Console) {
        let (errors, warnings): (Vec<_>, Vec<_>) =
            problems.iter().cloned().partition(|problem| problem.severity == Severity::Error);
        if !warnings.is_empty() {
            console.talk(&self.rendered(&warnings, console.has_colour()));
        }
        if !errors.is_empty() {
            console.error(&self.rendered(&errors, console.has_colour()));
        }
    }

    fn rendered(&self, problems: &[Problem], colour: bool) -> String {
        let text = render(problems, &self.loaded.text, &self.loaded.path.display().to_string(), colour);
        text.trim_end().to_owned()
    }

    /// Prints what the rules that need no host say of every cluster, and returns it.
    pub(super) fn check(&self, console: &Console) -> Result<Vec<Problem>, Refusal> {
        let mut problems: Vec<Problem> = Vec::new();
        for cluster in self.clusters() {
            for error in check_local_files(&cluster).err().unwrap_or_default() {
                problems.push(self.problem(&cluster, &error));
            }
            for profile in profiles(&cluster).map_err(|error| self.refuse(&cluster, error, console))? {
                for finding in check(&cluster, &profile) {
                    let problem = self.problem(&cluster, &finding.error);
                    let problem = if finding.severity == Severity::Warning { problem.warning() } else { problem };
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
        }
        self.say(&problems, console);
        Ok(problems)
    }

    fn problem(&self, cluster: &Cluster, error: &StepError) -> Problem {
        let span = self.loaded.inventory.locate(cluster, &error.at);
        let problem = Problem::new(error.code, span, error.at.clone(), error.cause.clone());
        match &error.hint {
            Some(hint) => problem.hint(hint.clone()),
            None => problem,
        }
    }

    /// The clusters that were asked for.
    pub(super) fn clusters(&self) -> impl Iterator<Item = Arc<Cluster>> {
        self.loaded.inventory.clusters.iter().cloned().map(Arc::new)
    }

    /// One cluster's hosts with what the playbook wants of them.
    pub(super) fn fleet(
        &self,
        cluster: Arc<Cluster>,
        playbook: &Playbook,
        options: &FleetOptions,
        console: &Console,
    ) -> Result<Fleet, Refusal> {
        let secrets = &self.loaded.secrets;
        let fleet = Fleet::new(cluster.clone(), playbook, secrets, self.controller.clone(), options)
            .map_err(|error| self.refuse(&cluster, error, console))?;
        warn(&fleet.warnings, console);
        Ok(fleet)
    }

    /// Says where in the inventory a step found what it refuses.
    pub(super) fn refuse(&self, cluster: &Cluster, error: FleetError, console: &Console) -> Refusal {
        match error {
            FleetError::Selection(error) => {
                let refusal = Refusal::usage(error.to_string());
                match error.hint {
                    Some(hint) => refusal.hint(hint),
                    None => refusal,
                }
            }
            FleetError::Profile { host, error } => {
                Refusal::inventory(error.code(), format!("{host}: {error}")).hint(error.hint())
            }
            FleetError::UserConfig { host, error } => {
                Refusal::inventory(error.code, format!("{host}: {error}")).hint(error.hint)
            }
            FleetError::Steps(errors) => {
                let problems: Vec<Problem> = errors.iter().map(|error| self.problem(cluster, error)).collect();
                let text = self.rendered(&problems, console.has_colour());
                Refusal::of(Exit::Inventory, &problems, &shown(&self.loaded.path), &text)
            }
        }
    }
}

/// Says what the user should hear before anything connects.
pub(super) fn warn(warnings: &[String], console: &Console) {
    for warning in warnings {
        console.talk(&format!("{} {warning}", styled(YELLOW, "warning:")));
    }
}

pub(super) fn path_of(which: &Which) -> PathBuf {
    find_inventory(which.inventory.as_deref(), which.i.as_deref(), std::env::var_os("HACTL_INVENTORY"))
}

/// Who runs hactl, from the environment.
pub(super) fn controller() -> Controller {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // Services and `env -i` start programs without USER; logging in as somebody else then would be worse than asking.
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(account);
    // Without HOME, the one of the account.
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let state = variable("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| home.as_ref().map(|home| home.join(".local/state")));
    let runs = state.unwrap_or_else(std::env::temp_dir).join("hactl/runs");
    Controller::here(user, home, runs)
}

/// The name of the account that hactl runs under, or its number where the name is not kept on this machine.
fn account() -> String {
    let Ok(process) = std::fs::metadata("/proc/self") else { return "unknown".to_owned() };
    let number = std::os::unix::fs::MetadataExt::uid(&process).to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut accounts = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = accounts.find(|fields| fields.get(2) == Some(&number.as_str()));
    found.and_then(|fields| fields.first().map(|name| (*name).to_owned())).unwrap_or(number)
}

/// What the flags say about all hosts.
pub(super) fn fleet_options(hosts: &Hosts, steps: Option<&Steps>, console: &Console) -> FleetOptions {
    let names = |list: Option<&Vec<String>>| list.cloned().unwrap_or_default();
    FleetOptions {
        selection: Selection {
            limit: hosts.limit.clone(),
            steps: names(steps.map(|steps| &steps.steps)),
            skip_steps: names(steps.map(|steps| &steps.skip_steps)),
        },
        allow: Allow { adopt: steps.is_some_and(|steps| steps.adopt) },
        concurrency: hosts.concurrency.into(),
        timeout: Duration::from_secs(hosts.timeout),
        connect_timeout: hosts.connect_timeout.map(Duration::from_secs),
        known_hosts: hosts.known_hosts.clone(),
        ssh_config: hosts.ssh.ssh_config.clone(),
        keyring: keyring(console, hosts.no_input),
    }
}

/// How the flags want the lock taken.
pub(super) fn lock_options(command: &'static str, wait: &LockWait) -> LockOptions {
    LockOptions { command, wait: Duration::from_secs(wait.lock_wait) }
}

/// The playbook that a flag names, or the built-in one.
pub(super) fn playbook(file: Option<&Path>, console: &Console) -> Result<Playbook, Refusal> {
    let refuse = |problems: &[Problem], text: &str, name: &str| {
        let rendered = render_playbook(problems, text, name, console.has_colour());
        Refusal::of(Exit::Inventory, problems, name, &rendered)
    };
    let Some(path) = file else {
        return Playbook::builtin().map_err(|problems| refuse(&problems, "", "the built-in playbook"));
    };
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        let problem =
            Problem::new("playbook-unreadable", None, "", format!("the playbook {name} can't be read: {error}"));
        refuse(&[problem.hint("check the path after --playbook, and who may read it")], "", &name)
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let folder = std::path::absolute(path).map_err(unreadable)?.parent().map(Path::to_owned).unwrap_or_default();
    let place = Place { file: name.clone(), folder, home: std::env::home_dir() };
    Playbook::parse(&text, &place).map_err(|problems| refuse(&problems, &text, &name))
}

/// Where the events of a run go, by `--output`.
pub(super) struct Audience {
    pub(super) events: Events,
    progress: Option<Progress>,
}

impl Audience {
    pub(super) fn new(talk: &Talk, console: &Console) -> Self {
        match talk.output {
            Output::Text => {
                let progress = Progress::new(console);
                let shown = progress.clone();
                Self { events: Events::new(move |event| shown.show(event)), progress: Some(progress) }
            }
            Output::Json => Self { events: Events::new(|_| {}), progress: None },
            Output::Jsonl => {
                let console = console.clone();
                Self { events: Events::new(move |event| json_line(&console, &Line::Event(event))), progress: None }
            }
        }
    }

    /// Takes away what is drawn, before the result is printed.
    pub(super) fn done(&self) {
        if let Some(progress) = &self.progress {
            progress.clear();
        }
    }
}

/// Prints reports as JSON, or as `text` says.
pub(super) fn print(talk: &Talk, console: &Console, reports: &[Report], text: impl Fn(&Report) -> String) -> Exit {
    let exit = reports.iter().map(Report::exit).fold(Exit::Success, Exit::and);
    let results = Results { version: 1, exit: exit.code(), clusters: reports };
    match talk.output {
        Output::Text => reports.iter().for_each(|report| console.result(&text(report))),
        Output::Json => console.result(&format!("{:#}", serde_json::json!(results))),
        Output::Jsonl => json_line(console, &Line::Last(Last::Result { result: results })),
    }
    exit
}

/// Runs the work of a command until it ends, or until the user insists on stopping.
pub(super) fn block_on<T>(console: &Console, work: impl AsyncFnOnce(Stop) -> Result<T, Refusal>) -> Result<T, Refusal> {
    block_on_saying(console, signals::RUN, work)
}

/// The same, with other words for whoever stops it.
pub(super) fn block_on_saying<T>(
    console: &Console,
    words: signals::Words,
    work: impl AsyncFnOnce(Stop) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    limits::raise();
    // Two threads: the work of a handshake is the cryptography, and more threads would only wait.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 4))
        .enable_all()
        .build()
        .map_err(|error| Refusal::failed(format!("the runtime does not start: {error}")))?;
    let stop = Stop::new();
    let result = runtime.block_on(async {
        tokio::select! {
            result = work(stop.clone()) => result,
            exit = signals::insisted(console.clone(), words, stop.clone()) => Err(Refusal::ended(exit, "")),
        }
    });
    // What still runs in the background is not waited for: everything that counts has been.
    runtime.shutdown_background();
    result
}
