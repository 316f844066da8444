//! One case: a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hactl::model::inventory::{Cluster, Host, Inventory, Pack, Place, SecretSource, Secrets, Severity, read};
use hactl::model::profile::Profile;
use hactl::model::{Archive, Blob, Script, Secret, Sha256};
use hactl::resources::{EditedFile, StagedContent, StagedFiles};
use hactl::steps::{Allow, Finding, HostContext, StepError, Wanted, Wants, check, registry};

const HOSTS_FILE: &str = "127.0.0.1 localhost\n127.0.1.1 is-1 sso.example.com # by the installer\n";

/// One case, read and worked out.
pub(crate) struct Case {
    folder: PathBuf,
    /// What came out, by file name.
    out: BTreeMap<String, String>,
}

impl Case {
    /// Reads a case and works out what the steps want.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut case = Self { folder: folder.to_owned(), out: BTreeMap::new() };
        let text = fs::read_to_string(folder.join("inventory.yaml")).unwrap();
        let place = Place { file: "inventory.yaml".into(), folder: "/srv".into(), home: None };
        let inventory = read(&text, &place).unwrap_or_else(|problems| panic!("{}: {problems:#?}", folder.display()));
        for cluster in &inventory.clusters {
            case.work_out(&inventory, cluster);
        }
        case
    }

    fn work_out(&mut self, inventory: &Inventory, cluster: &Cluster) {
        let product = cluster.hosts.iter().find_map(|host| host.product.as_ref());
        let profile = product.map(|product| Profile::find(&product.name, &product.version).unwrap());
        let findings = profile.as_ref().map_or_else(Vec::new, |profile| check(cluster, profile));
        for finding in &findings {
            let span = inventory.locate(cluster, &finding.error.at);
            let at = &finding.error.at;
            assert!(span.is_some() || !at.contains('.'), "`{}` leads nowhere in the inventory", at);
            self.line("findings.txt", &spelled(finding));
        }
        let (secrets, blobs) = (self.secrets(inventory, cluster), blobs(cluster));
        for host in &cluster.hosts {
            let context = HostContext {
                cluster,
                host,
                profile: profile.as_ref().filter(|_| host.product.is_some() || host.is_balancer()),
                secrets: &secrets,
                blobs: &blobs,
                archives: &archives(cluster),
                allow: Allow { adopt: true },
            };
            match desire(&context) {
                Ok(wants) => {
                    let unheard = findings.iter().find(|finding| finding.severity == Severity::Error);
                    assert!(unheard.is_none(), "{}: no step minds {unheard:?}", self.folder.display());
                    self.write_down(host, profile.as_ref(), wants);
                }
                Err(error) if findings.iter().any(|finding| finding.error == error) => {}
                Err(error) => self.line("error.txt", &error_text(&error)),
            }
        }
    }

    fn secrets(&self, inventory: &Inventory, cluster: &Cluster) -> Secrets {
        let given = fs::read_to_string(self.folder.join("secrets.txt")).unwrap_or_default();
        let mut secrets = Secrets::default();
        for used in inventory.secrets(cluster) {
            let SecretSource::Env(name) = &used.source else { panic!("cases name their secrets by env") };
            let line = given.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
            secrets.insert(used.source.clone(), Secret::new(line.unwrap_or("open-sesame").to_owned()));
        }
        secrets
    }

    /// Applies every edit of every file, and notes the rest.
    fn write_down(&mut self, host: &Host, profile: Option<&Profile>, wants: Wants) {
        for item in wants.into_items().unwrap() {
            let steps: Vec<String> = item.steps.iter().map(ToString::to_string).collect();
            self.line(
                "changes.txt",
                &format!("{}  {}  [{}]", host.name, item.resource.resource().id(), steps.join(", ")),
            );
            match &item.resource {
                Wanted::File(file) => {
                    let is_configuration = file.path().file_name() == "deployment.toml";
                    let before = if is_configuration { self.shipped(profile.unwrap()) } else { HOSTS_FILE.to_owned() };
                    let after = self.edited(file, &before);
                    if is_configuration {
                        self.out.insert(format!("after/{}.toml", host.name), after);
                    }
                }
                Wanted::Resource(resource) => {
                    if let Some(staged) = (resource.as_ref() as &dyn std::any::Any).downcast_ref() {
                        self.staged(host, staged);
                        continue;
                    }
                    let mut script = Script::new();
                    resource.probe(&mut script);
                    // A process is looked at with functions of its own, which are the same for all.
                    let own = |line: &&str| {
                        !resource.id().starts_with("process:")
                            || line.starts_with("hactl_look_") && !line.contains("() {")
                    };
                    for line in script.text().lines().filter(own) {
                        self.line("changes.txt", &format!("    looks: {line}"));
                    }
                }
            }
        }
    }

    fn staged(&mut self, host: &Host, staged: &StagedFiles) {
        for file in staged.files() {
            let what = match &file.content {
                StagedContent::Text(text) => {
                    self.out.insert(format!("after/{}.{}", host.name, file.path.file_name()), text.clone());
                    "a text"
                }
                StagedContent::Secret(_) => "a secret",
                StagedContent::Blob(_) => "a local file",
            };
            self.line("changes.txt", &format!("    {} {:o}: {what}", file.path, file.mode));
        }
    }

    fn edited(&mut self, file: &EditedFile, before: &str) -> String {
        let (text, changes) =
            file.edited(before).unwrap_or_else(|error| panic!("{}: {error:?}", self.folder.display()));
        for change in changes {
            assert!(!change.what.contains("open-sesame"), "a secret is shown: {}", change.what);
            self.line("changes.txt", &format!("    {}", change.what));
        }
        let (again, changes) = file.edited(&text).unwrap();
        assert!(changes.is_empty() && again == text, "{}: a second run finds something to do", self.folder.display());
        text.to_string()
    }

    fn shipped(&self, profile: &Profile) -> String {
        let own = self.folder.join("before/deployment.toml");
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/steps/shipped/{}.toml", profile.name));
        fs::read_to_string(if own.exists() { own } else { shared })
            .unwrap_or_else(|error| panic!("{}: {error}", profile.name))
    }

    fn line(&mut self, file: &str, line: &str) {
        let text = self.out.entry(file.to_owned()).or_default();
        text.push_str(line);
        text.push('\n');
    }

    /// What is not as it stands in the folder.
    pub(crate) fn differences(&self) -> Vec<String> {
        let after = fs::read_dir(self.folder.join("after")).into_iter().flatten();
        let after = after.map(|entry| format!("after/{}", entry.unwrap().file_name().to_str().unwrap()));
        let mut names: Vec<String> = ["findings.txt", "error.txt", "changes.txt"].map(str::to_owned).into();
        names.extend(after.chain(self.out.keys().cloned()));
        names.sort();
        names.dedup();
        let mut differences = Vec::new();
        for name in names {
            let path = self.folder.join(&name);
            let (wanted, got) =
                (fs::read_to_string(&path).unwrap_or_default(), self.out.get(&name).cloned().unwrap_or_default());
            if wanted == got {
                continue;
            }
            if std::env::var_os("HACTL_BLESS").is_some() {
                bless(&path, &got);
            } else {
                let diff = similar::TextDiff::from_lines(&wanted, &got);
                differences.push(format!("{}\n{}", path.display(), diff.unified_diff().context_radius(1)));
            }
        }
        differences
    }
}

fn bless(path: &Path, text: &str) {
    if text.is_empty() {
        fs::remove_file(path).unwrap();
    } else {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn desire(context: &HostContext<'_>) -> Result<Wants, StepError> {
    let mut wants = Wants::default();
    for step in registry() {
        wants.begin(0, step.name());
        step.desire(context, &mut wants)?;
    }
    Ok(wants)
}

fn blobs(cluster: &Cluster) -> Vec<Blob> {
    let drivers = cluster.databases.driver.iter().flat_map(|drivers| drivers.as_slice());
    let blob = |driver: &hactl::model::inventory::Driver| Blob {
        source: driver.file.clone(),
        sha256: driver.sha256.parse().unwrap(),
        size: 2_587_000,
    };
    let stores = cluster.keystores.stores().map(|(_, store)| &store.file);
    let stores = stores.chain(cluster.keystores.truststore.iter().map(|store| &store.file));
    let store = |file: &PathBuf| Blob { source: file.clone(), sha256: Sha256::of(b"a store"), size: 2_700 };
    let balancer = cluster.load_balancer.iter();
    let certificates = balancer.flat_map(|given| std::iter::once(&given.certificate).chain(&given.nodes_ca));
    drivers.map(blob).chain(stores.chain(certificates).map(store)).collect()
}

fn archives(cluster: &Cluster) -> Vec<Archive> {
    let packs = cluster.hosts.iter().filter_map(|host| host.product.as_ref()?.pack.as_ref());
    let archive = |pack: &Pack| Archive {
        blob: Blob { source: pack.file.clone(), sha256: pack.sha256.parse().unwrap(), size: 600_000_000 },
        unpacked: 1_200_000_000,
        links: 0,
    };
    packs.map(archive).collect()
}

fn spelled(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("{severity} {}", error_text(&finding.error))
}

fn error_text(error: &StepError) -> String {
    let hint = error.hint.as_ref().map(|hint| format!("\n  = {hint}")).unwrap_or_default();
    format!("{} at {}: {}{hint}", error.code, error.at, error.cause)
}
