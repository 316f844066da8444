//! The proof itself: each node answers, all answer through the public name, and what one stores another has.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::door::{NodePlace, Place, Wrong};
use crate::model::{HostName, Redactor};
use crate::orchestration::each::on_each;
use crate::orchestration::{Failure, Stop};
use crate::steps::verify::{Ask, Asks, Proof, Seen, Served, Shared, SharedAsks, Spread, VERIFY};
use crate::transport::http::{Bounds, HttpError};

/// Usually it takes milliseconds: the caches of the others are emptied by the cluster's messages.
const SPREADING: Duration = Duration::from_secs(15);

/// How long to wait before it is looked for again.
const PAUSE: Duration = Duration::from_millis(300);

/// How long to wait before a node that has answered wrongly is asked again.
const RECOVERING: Duration = Duration::from_secs(2);

/// How many nodes are asked at once.
const AT_ONCE: usize = 8;

/// A cluster as it is asked.
pub struct Ground {
    /// Its nodes, in the order of the inventory.
    pub nodes: Vec<NodePlace>,
    /// The public name; `None` where there is no balancer.
    pub front: Option<Front>,
    /// How long what was written may take to be seen by the others: a cache of theirs has to be told first.
    pub spreading: Duration,
    /// How long a node that answers wrongly is asked again: one whose database was away hands out dead connections for up
    /// to half a minute, and serves after it. At once wrong, unless somebody says otherwise.
    pub recovery: Duration,
}

impl Ground {
    /// A cluster of these nodes, behind this balancer.
    pub fn new(nodes: Vec<NodePlace>, front: Option<Front>) -> Self {
        Self { nodes, front, spreading: SPREADING, recovery: Duration::ZERO }
    }
}

/// The public name, and how it is asked.
pub struct Front {
    /// The name.
    pub name: String,
    /// How it is reached, where that is not the usual way.
    pub by: Option<String>,
    /// How it is asked.
    pub place: Place,
    /// Does the balancer send all requests of one address to one node?
    pub one_for_us: bool,
}

/// Proves that a cluster works, as far as `asks` and `ground` allow.
///
/// # Errors
/// The first thing that is wrong.
pub async fn prove(ground: &Ground, asks: &Arc<Asks>, stop: &Stop) -> Result<Proof, Failure> {
    let mut prover = Prover { ground, asks, stop, not_proved: asks.left_out.clone(), requests: 0 };
    let direct = prover.directly().await?;
    let served = match &ground.front {
        Some(front) => Some(prover.through(front).await?),
        None => None,
    };
    // A node that could not be asked by itself is proved by the balancer, or not at all.
    for (name, error) in direct.not_asked {
        if !served.as_ref().is_some_and(|served| served.by_nodes.contains(&name)) {
            return Err(prover.no_way(&name, &error));
        }
        prover.not_proved.push(format!("{name} was not asked directly: {}", error.cause));
    }
    let shared = prover.shared(&direct.asked).await?;
    if let Shared::NotTried { because } = &shared {
        prover.not_proved.push(format!("that the nodes share what they store was not proved: {because}"));
    }
    let nodes = ground.nodes.iter().map(|node| node.name.clone()).collect();
    Ok(Proof { nodes, served, shared, not_proved: prover.not_proved, requests: prover.requests })
}

struct Prover<'a> {
    ground: &'a Ground,
    asks: &'a Arc<Asks>,
    stop: &'a Stop,
    not_proved: Vec<String>,
    requests: usize,
}

/// Which nodes were asked by themselves, and which could not be.
struct Direct {
    asked: Vec<NodePlace>,
    not_asked: Vec<(HostName, HttpError)>,
}

impl Prover<'_> {
    /// Asks each node by itself.
    async fn directly(&mut self) -> Result<Direct, Failure> {
        let nodes: Vec<Arc<NodePlace>> = self.ground.nodes.iter().cloned().map(Arc::new).collect();
        let answers = on_each(&nodes, AT_ONCE, |node| {
            let (asks, stop) = (self.asks.clone(), self.stop.clone());
            let until = Instant::now() + self.ground.recovery;
            async move {
                for ask in &asks.probes {
                    loop {
                        if stop.asked().is_some() {
                            return Ok(());
                        }
                        match node.place.ask(ask, Bounds::default()).await {
                            Ok(_) => break,
                            Err(Wrong::Answer(..)) if Instant::now() < until => sleep(RECOVERING).await,
                            Err(wrong) => return Err((ask.name.clone(), wrong)),
                        }
                    }
                }
                Ok(())
            }
        })
        .await;
        self.requests += nodes.len() * self.asks.probes.len();
        let mut direct = Direct { asked: Vec::new(), not_asked: Vec::new() };
        for (node, answer) in answers {
            match answer {
                Some(Ok(())) => direct.asked.push((*node).clone()),
                // Where the way is closed to us alone, the balancer may still prove the node.
                Some(Err((_, Wrong::Closed(error)))) if error.code == "forwarding-refused" => {
                    direct.not_asked.push((node.name.clone(), error));
                }
                Some(Err((ask, wrong))) => return Err(self.wrong(node.name.as_str(), &ask, wrong)),
                None => return Err(failure("internal", format!("{} was not asked: hactl went wrong", node.name))),
            }
        }
        self.go_on()?;
        Ok(direct)
    }

    /// Asks the public name until each node has answered every question.
    async fn through(&mut self, front: &Front) -> Result<Served, Failure> {
        let nodes: Vec<HostName> = self.ground.nodes.iter().map(|node| node.name.clone()).collect();
        let mut by_nodes: Option<Vec<HostName>> = None;
        let asks = self.asks.clone();
        for ask in asks.probes.iter().filter(|ask| ask.public) {
            let mut spread = Spread::new(&nodes);
            while !spread.is_done() {
                self.go_on()?;
                self.requests += 1;
                let reply = front.place.ask(ask, Bounds::default()).await;
                let reply = reply.map_err(|wrong| self.wrong_through(front, &ask.name, wrong))?;
                let headers = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                if let Seen::Stranger(who) = spread.note(headers) {
                    let cause =
                        format!("{} sent `{}` to `{who}`, which is no node of the inventory", front.name, ask.name);
                    return Err(failure("verify-stranger", cause).hint(
                        "another balancer may answer under that name, or the balancer's configuration is an old one",
                    ));
                }
            }
            let judged = spread.judge(&front.name, front.one_for_us);
            let missing = judged.map_err(|fault| failure(fault.code, fault.cause).hint(fault.hint))?;
            self.not_proved.extend(missing.filter(|missing| !self.not_proved.contains(missing)));
            // A node counts that has answered all of them.
            let seen = spread.seen();
            by_nodes = Some(match by_nodes {
                Some(before) => before.into_iter().filter(|node| seen.contains(node)).collect(),
                None => seen,
            });
        }
        if by_nodes.is_none() {
            self.not_proved.push(format!("nothing was asked through {}: no probe may be", front.name));
        }
        Ok(Served { name: front.name.clone(), by: front.by.clone(), by_nodes: by_nodes.unwrap_or_default() })
    }

    /// Writes through the first node, reads through all others, and takes away what was written.
    async fn shared(&mut self, nodes: &[NodePlace]) -> Result<Shared, Failure> {
        let asks = self.asks.clone();
        let not_tried = |because: &str| Ok(Shared::NotTried { because: because.to_owned() });
        let shared = match &asks.shared {
            Ok(shared) => shared,
            Err(because) => return not_tried(because),
        };
        let (Some((writer, readers)), true) = (nodes.split_first(), nodes.len() > 1) else {
            return not_tried("it takes two nodes that can be asked by themselves");
        };
        self.go_on()?;
        for ask in shared.prepare.iter().chain([&shared.write]) {
            self.requests += 1;
            match writer.place.ask(ask, Bounds::default()).await {
                Ok(_) => {}
                Err(Wrong::Answer(_, reply)) if is_missing(shared, &reply.body) => {
                    return not_tried(&format!("{} has no place for {}", writer.name, shared.what));
                }
                Err(wrong) => {
                    // It may have been written all the same.
                    self.take_away(shared, writer).await.ok();
                    return Err(self.wrong(writer.name.as_str(), &ask.name, wrong));
                }
            }
        }
        let read = self.read(shared, writer, readers).await;
        let removed = self.take_away(shared, writer).await;
        read?;
        removed?;
        Ok(Shared::Read {
            what: shared.what.clone(),
            writer: writer.name.clone(),
            readers: readers.iter().map(|reader| reader.name.clone()).collect(),
        })
    }

    async fn read(&mut self, shared: &SharedAsks, writer: &NodePlace, readers: &[NodePlace]) -> Result<(), Failure> {
        let end = Instant::now() + self.ground.spreading;
        for reader in readers {
            loop {
                self.requests += 1;
                let wrong = match reader.place.ask(&shared.read, Bounds::default()).await {
                    Ok(_) => break,
                    Err(wrong) => wrong,
                };
                let stays = !matches!(&wrong, Wrong::Answer(_, reply) if reply.status == shared.read.expect.status);
                if stays || Instant::now() + PAUSE > end || self.stop.asked().is_some() {
                    let Wrong::Answer(_, _) = &wrong else {
                        return Err(self.wrong(reader.name.as_str(), &shared.read.name, wrong));
                    };
                    let cause = format!("{} wrote {}, and {} does not read it", writer.name, shared.what, reader.name);
                    let hint = "do both use one database (`databases.shared_db`), is the registry mounted from it, and \
                                are they members of one cluster? Caches are emptied by the cluster's messages";
                    let said = self.wrong(reader.name.as_str(), &shared.read.name, wrong).cause;
                    return Err(failure("verify-not-shared", format!("{cause}: {said}")).hint(hint));
                }
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    async fn take_away(&mut self, shared: &SharedAsks, writer: &NodePlace) -> Result<(), Failure> {
        self.requests += 1;
        let removed = writer.place.ask(&shared.remove, Bounds::default()).await;
        removed.map(drop).map_err(|wrong| {
            let said = self.wrong(writer.name.as_str(), &shared.remove.name, wrong).cause;
            let cause = format!("{} that was written to prove that it is shared is still there: {said}", shared.what);
            failure("verify-left-behind", cause)
                .hint("take it away by hand in the management console: its name begins with `hactl-`")
        })
    }

    fn go_on(&self) -> Result<(), Failure> {
        match self.stop.asked() {
            None => Ok(()),
            Some(_) => Err(failure("interrupted", "interrupted before the cluster was proved to work")
                .hint("run `hactl apply` again: what is in place is left alone")),
        }
    }

    /// Why there is no right answer to `ask`.
    fn wrong(&self, whom: &str, ask: &str, wrong: Wrong) -> Failure {
        match wrong {
            Wrong::Answer(words, _) => {
                let words = Redactor::new(self.asks.hidden.iter().map(AsRef::as_ref)).clean(words);
                failure("verify-wrong-answer", format!("{whom} answered `{ask}` with {words}"))
                    .hint("look into that node's log; a node that is still starting or about to stop answers like that")
            }
            Wrong::Closed(error) | Wrong::NoAnswer(error) => {
                let failure = failure(error.code, format!("{whom} did not answer `{ask}`: {}", error.cause));
                Failure { hint: error.hint, ..failure }
            }
        }
    }

    fn wrong_through(&self, front: &Front, ask: &str, wrong: Wrong) -> Failure {
        let node = match &wrong {
            Wrong::Answer(_, reply) => reply.header("x-hactl-node").map(|node| format!(" ({node})")),
            _ => None,
        };
        let by = front.by.as_ref().map(|by| format!(", {by},")).unwrap_or_default();
        self.wrong(&format!("{}{by}{}", front.name, node.unwrap_or_default()), ask, wrong)
    }

    fn no_way(&self, name: &HostName, error: &HttpError) -> Failure {
        let failure = failure(error.code, format!("{name} can't be asked: {}", error.cause));
        Failure { hint: error.hint.clone(), ..failure }
    }
}

fn failure(code: &'static str, cause: impl Into<String>) -> Failure {
    Failure { step: Some(VERIFY), ..Failure::new(code, cause) }
}

/// Does the answer say that this installation has no such thing?
fn is_missing(shared: &SharedAsks, body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    shared.missing.as_ref().is_some_and(|missing| text.contains(missing.as_str()))
}

/// One request that a caller judges by itself, such as the question whether a node is ready.
pub async fn answers(place: &Place, ask: &Ask, bounds: Bounds) -> Result<(), String> {
    match place.ask(ask, bounds).await {
        Ok(_) => Ok(()),
        Err(Wrong::Answer(words, _)) => Err(format!("answers {words}")),
        Err(Wrong::Closed(error) | Wrong::NoAnswer(error)) => Err(error.cause),
    }
}
