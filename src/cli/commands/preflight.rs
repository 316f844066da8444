//! `hactl preflight`: look at every host once, and judge every rule.

use crate::cli::arguments::{Preflight, Talk};
use crate::cli::console::Console;
use crate::cli::session::{Audience, Session, block_on, fleet_options, print};
use crate::cli::{Refusal, explain, findings};
use crate::orchestration::{Exit, Playbook, preflight as judge};

pub(super) fn preflight(arguments: &Preflight, talk: &Talk, console: &Console) -> Result<Exit, Refusal> {
    let wanted = rules(&arguments.rules)?;
    let session = Session::open(&arguments.which, console)?;
    let options = fleet_options(&arguments.hosts, None, console);
    let nothing = Playbook::empty();
    let fleets: Vec<_> = session
        .clusters()
        .map(|cluster| session.fleet(cluster, &nothing, &options, console))
        .collect::<Result<_, _>>()?;
    let audience = Audience::new(talk, console);
    let takes = |rule: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == rule);
    let reports = block_on(console, async |stop| {
        let mut reports = Vec::new();
        for fleet in &fleets {
            reports.push(judge(fleet, takes, &audience.events, &stop).await);
        }
        Ok(reports)
    });
    audience.done();
    Ok(print(talk, console, &reports?, findings::preflight))
}

/// The rules that `--rule` names, in their own spelling. A typo must not read as success.
fn rules(given: &[String]) -> Result<Vec<String>, Refusal> {
    let known = explain::all().map_err(Refusal::failed)?;
    let spelled = |name: &String| match known.iter().find(|known| known.code.eq_ignore_ascii_case(name)) {
        Some(known) => Ok(known.code.clone()),
        None => {
            Err(Refusal::usage(format!("--rule {name}: there is no such rule")).hint("`hactl explain` lists them all"))
        }
    };
    given.iter().map(spelled).collect()
}
