//! The commands that touch no host: they read, tell and print.

use clap::CommandFactory as _;

use crate::cli::arguments::{Arguments, Completion, Explain, Init, Output, Schema, SchemaOf, Talk, Validate};
use crate::cli::calls::forms::CallEvent;
use crate::cli::console::Console;
use crate::cli::host_keys::HostKeyResults;
use crate::cli::inventory::Loaded;
use crate::cli::refusal::{Refusal, Refused, RefusedProblem, print, shown};
use crate::cli::results::{Line, Results, Told};
use crate::cli::session::Session;
use crate::cli::{explain as explanations, inventory};
use crate::model::inventory::Severity;
use crate::orchestration::hosts::{FactsReport, HostsReport, PingReport};
use crate::orchestration::{Exit, connections};

pub(super) fn init(arguments: &Init, console: &Console) -> Result<Exit, Refusal> {
    let Init { addresses, cluster, product, product_version, home } = arguments.clone();
    let options = inventory::InitOptions { cluster, product, version: product_version, home };
    let text = inventory::init(&addresses, &options).map_err(|problem| {
        let refusal = Refusal::usage(problem.message);
        match problem.hint {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
    })?;
    console.result(text.trim_end());
    Ok(Exit::Success)
}

pub(super) fn validate(arguments: &Validate, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let session = Session::without_secrets(&arguments.which, console)?;
    let found = session.check(console)?;
    let failed = found.iter().any(|problem| problem.severity == Severity::Error);
    let exit = if failed { Exit::Inventory } else { Exit::Success };
    let Loaded { inventory, path, .. } = &session.loaded;
    if talk.output != Output::Text {
        let all = inventory.warnings.iter().chain(&found);
        let all: Vec<_> = all.map(|problem| RefusedProblem::of(problem, &shown(path))).collect();
        print(exit, &all, talk.output, console);
        return Ok(exit);
    }
    if !arguments.explain {
        console.result(&inventory::describe(inventory));
    }
    for cluster in inventory.clusters.iter().filter(|_| arguments.explain) {
        let connections = connections(cluster, &session.controller, arguments.ssh.ssh_config.as_ref())
            .map_err(|error| session.refuse(cluster, error, console))?;
        let text = inventory::describe_origins(inventory, cluster, &path.display().to_string(), &connections);
        console.result(text.trim_end());
    }
    Ok(exit)
}

pub(super) fn schema(arguments: &Schema, console: &Console) -> Result<Exit, Refusal> {
    let schema = match arguments.of {
        SchemaOf::Inventory => inventory::schema(),
        SchemaOf::Report => schemars::schema_for!(Results<'_>).to_value(),
        SchemaOf::Refusal => schemars::schema_for!(Refused<'_>).to_value(),
        SchemaOf::HostsTrust => schemars::schema_for!(HostKeyResults<'_>).to_value(),
        SchemaOf::Event => schemars::schema_for!(Line<'_>).to_value(),
        SchemaOf::Call => schemars::schema_for!(CallEvent).to_value(),
        SchemaOf::HostsList => schemars::schema_for!(Told<'_, HostsReport>).to_value(),
        SchemaOf::HostsPing => schemars::schema_for!(Told<'_, PingReport>).to_value(),
        SchemaOf::HostsFacts => schemars::schema_for!(Told<'_, FactsReport>).to_value(),
    };
    console.result(&format!("{schema:#}"));
    Ok(Exit::Success)
}

pub(super) fn explain(arguments: &Explain, console: &Console) -> Result<Exit, Refusal> {
    let text = match &arguments.code {
        Some(code) => explanations::explain(code),
        None => explanations::list(),
    };
    let text = text.map_err(Refusal::usage)?;
    console.result(&text);
    Ok(Exit::Success)
}

pub(super) fn completion(arguments: &Completion, console: &Console) -> Result<Exit, Refusal> {
    // Not straight to standard output: the generator panics when it can't write.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "hactl", &mut script);
    console.file(&script);
    Ok(Exit::Success)
}

pub(super) fn man(console: &Console) -> Result<Exit, Refusal> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(Arguments::command()).render(&mut page);
    rendered.map_err(|error| Refusal::failed(format!("error: {error}")))?;
    console.file(&page);
    Ok(Exit::Success)
}

pub(super) fn version(console: &Console) -> Result<Exit, Refusal> {
    console.result(concat!("hactl ", env!("CARGO_PKG_VERSION")));
    Ok(Exit::Success)
}
