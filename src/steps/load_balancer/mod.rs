//! `load-balancer`: what stands in front of the nodes knows all of them, and only them.

mod check;
mod closed;
mod front;
mod haproxy;
mod nginx;

pub(super) use check::check;

use std::sync::Arc;

use self::front::Front;
use super::finding::refuse;
use super::{HostContext, Step, StepError, Wants};
use crate::model::balancer::{BalancerError, BalancerProfile};
use crate::model::inventory::{self, BalancerKind};
use crate::model::profile::Template;
use crate::model::{Blob, HostName, PathError, RemotePath, Secret, StepName};
use crate::resources::{Service, StagedContent, StagedFile, StagedFiles};

/// The balancer knows the nodes.
pub(super) struct LoadBalancer;

impl Step for LoadBalancer {
    fn name(&self) -> StepName {
        StepName("load-balancer")
    }

    fn desire(&self, on: &HostContext<'_>, wants: &mut Wants) -> Result<(), StepError> {
        if let Some(files) = balancer_files(on, &[])? {
            wants.add(files);
        }
        Ok(())
    }
}

/// The balancer's files, in which the nodes `drained` take no new requests: what is wanted of the host before one of them
/// is stopped. `None` where the host is no balancer.
///
/// # Errors
/// When the inventory can't be turned into something that works, or something was not handed over.
pub fn balancer_files(on: &HostContext<'_>, drained: &[HostName]) -> Result<Option<StagedFiles>, StepError> {
    let (true, Some(given)) = (on.host.is_balancer(), &on.cluster.load_balancer) else { return Ok(None) };
    let (Some(nodes), Some(endpoint)) = (on.profile, &on.cluster.endpoint) else {
        return Err(StepError {
            code: "profile-missing",
            at: "load_balancer".into(),
            cause: "nothing is known of the nodes that the balancer stands in front of".into(),
            hint: Some("name the product under `product`, and the public name under `endpoint`".into()),
        });
    };
    refuse(check(on.cluster, nodes))?;
    let known = BalancerProfile::of(given.kind).map_err(|error| broken(&error))?;
    let paths = Paths::of(on, given, &known)?;
    let front = Front::new(on.cluster, nodes, given, endpoint, drained, &paths);
    let mut text = match given.kind {
        BalancerKind::Nginx => nginx::render(&front),
        BalancerKind::Haproxy => haproxy::render(&front, if paths.packaged { &known.packaged } else { &[] }),
    };
    let mark = format!("# hactl owns this file (cluster {})", on.cluster.name);
    text.insert_str(0, &format!("{mark}: what is written here by hand is lost with the next run.\n"));
    let mut files = vec![
        StagedFile {
            path: paths.certificate.clone(),
            content: StagedContent::Blob(blob(on, "certificate", &given.certificate)?),
            mode: 0o644,
        },
        StagedFile { path: paths.key.clone(), content: StagedContent::Secret(key(on, given)?), mode: 0o600 },
    ];
    if let (Some(path), Some(file)) = (&paths.nodes_ca, &given.nodes_ca) {
        let content = StagedContent::Blob(blob(on, "nodes_ca", file)?);
        files.push(StagedFile { path: path.clone(), content, mode: 0o644 });
    }
    let service = paths.service(&on.cluster.name, known);
    Ok(Some(StagedFiles::new(service, files, paths.configuration, text, mark)))
}

/// Where everything is on the host.
struct Paths {
    folder: RemotePath,
    pid_file: RemotePath,
    /// Is this the folder that the program's package brings?
    packaged: bool,
    configuration: RemotePath,
    certificate: RemotePath,
    key: RemotePath,
    nodes_ca: Option<RemotePath>,
}

impl Paths {
    fn of(on: &HostContext<'_>, given: &inventory::LoadBalancer, known: &BalancerProfile) -> Result<Self, StepError> {
        let cluster = on.cluster.name.as_str();
        let absolute = |text: &str| text.parse::<RemotePath>().map_err(|error| not_a_path(&error));
        let folder = absolute(given.configuration.as_deref().unwrap_or(&known.folder))?;
        let file = |template: &Template| {
            folder.join(&template.fill(&[("cluster", cluster)])).map_err(|error| not_a_path(&error))
        };
        let files = &known.files;
        Ok(Self {
            pid_file: absolute(given.pid_file.as_deref().unwrap_or(&known.pid_file))?,
            packaged: folder == absolute(&known.folder)?,
            configuration: file(&files.configuration)?,
            certificate: file(&files.certificate)?,
            key: file(&files.key)?,
            nodes_ca: given.nodes_ca.as_ref().map(|_| file(&files.nodes_ca)).transpose()?,
            folder,
        })
    }

    fn service(&self, cluster: &str, known: BalancerProfile) -> Service {
        let values = [("main", "\"$hactl_main\""), ("pid_file", "\"$hactl_pid_file\""), ("pid", "\"$hactl_pid\"")];
        let packaged = self.packaged && self.pid_file.as_str() == known.pid_file;
        Service {
            name: format!("{}-{cluster}", known.program),
            installs: known.packages.iter().map(|(by, package)| format!("{by} install {package}")).collect(),
            oldest: known.oldest,
            folder: self.folder.clone(),
            main: known.main,
            pid_file: self.pid_file.clone(),
            unit: packaged.then_some(known.unit),
            test: known.commands.test.fill(&values),
            start: known.commands.start.fill(&values),
            reload: known.commands.reload.fill(&values),
            prints_files: known.prints_files,
            hints: known.complaints.into_iter().map(|complaint| (complaint.says, complaint.hint)).collect(),
            program: known.program,
        }
    }
}

fn blob(on: &HostContext<'_>, key: &str, file: &std::path::Path) -> Result<Blob, StepError> {
    on.blobs.iter().find(|blob| blob.source == file).cloned().ok_or_else(|| StepError {
        code: "certificate-missing",
        at: format!("load_balancer.{key}"),
        cause: format!("{} was not read", file.display()),
        hint: Some("is the file there, relative to the inventory?".into()),
    })
}

fn key(on: &HostContext<'_>, given: &inventory::LoadBalancer) -> Result<Arc<Secret>, StepError> {
    let at = "load_balancer.key";
    let secret = on.secrets.get(&given.key).ok_or_else(|| StepError {
        code: "secret-unresolved",
        at: at.into(),
        cause: "the secret was not resolved".into(),
        hint: None,
    })?;
    if !secret.expose().contains("-----BEGIN ") {
        return Err(StepError {
            code: "not-a-key",
            at: at.into(),
            cause: "the balancer's key is not a PEM key".into(),
            hint: Some(
                "it begins with `-----BEGIN PRIVATE KEY-----`; `openssl pkey -in FILE` makes one of a DER key".into(),
            ),
        });
    }
    // A source's last newline is not part of a secret, but some readers of PEM want it.
    Ok(Arc::new(Secret::new(format!("{}\n", secret.expose().trim_end()))))
}

fn not_a_path(error: &PathError) -> StepError {
    StepError {
        code: "balancer-path",
        at: "load_balancer".into(),
        cause: error.to_string(),
        hint: Some("write absolute paths, such as /etc/nginx".into()),
    }
}

fn broken(error: &BalancerError) -> StepError {
    StepError { code: "balancer-profile", at: "load_balancer.kind".into(), cause: error.to_string(), hint: None }
}
