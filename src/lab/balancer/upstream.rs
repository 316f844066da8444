//! The servers behind an upstream, and whose turn it is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A group of servers.
#[derive(Debug, Default)]
pub(super) struct Upstream {
    pub(super) members: Vec<Member>,
    pub(super) ip_hash: bool,
    turn: AtomicUsize,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) address: SocketAddr,
    pub(super) down: bool,
    pub(super) backup: bool,
    pub(super) max_fails: u32,
    pub(super) fail_timeout: Duration,
    /// How often it failed, and when it last did.
    failed: Mutex<(u32, Option<Instant>)>,
}

impl Member {
    pub(super) fn new(address: SocketAddr) -> Self {
        let fail_timeout = Duration::from_secs(10);
        Self { address, down: false, backup: false, max_fails: 1, fail_timeout, failed: Mutex::default() }
    }

    fn rests(&self) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        self.max_fails > 0 && failed.0 >= self.max_fails && failed.1.is_some_and(|at| at.elapsed() < self.fail_timeout)
    }

    /// It did not answer.
    pub(super) fn fails(&self) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let old = failed.1.is_some_and(|at| at.elapsed() >= self.fail_timeout);
        *failed = (if old { 1 } else { failed.0 + 1 }, Some(Instant::now()));
    }

    /// It answered.
    pub(super) fn answers(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = (0, None);
    }
}

impl Upstream {
    /// The servers in the order in which a request of this client tries them.
    pub(super) fn order(&self, client: IpAddr) -> Vec<&Member> {
        let some = |backup: bool| {
            let own: Vec<&Member> = self.members.iter().filter(|member| member.backup == backup).collect();
            let start = match client {
                _ if own.is_empty() => 0,
                // The last octet does not count: a household stays together.
                IpAddr::V4(client) if self.ip_hash => {
                    let [a, b, c, _] = client.octets();
                    [a, b, c].iter().fold(89_usize, |hash, octet| (hash * 113 + usize::from(*octet)) % 6271) % own.len()
                }
                _ => self.turn.fetch_add(1, Ordering::Relaxed) % own.len(),
            };
            let (before, from) = own.split_at(start);
            let order: Vec<&Member> =
                from.iter().chain(before).copied().filter(|member| !member.down && !member.rests()).collect();
            order
        };
        let mut order = some(false);
        order.extend(some(true));
        if order.is_empty() {
            // When all rest, all are tried again.
            order = self.members.iter().filter(|member| !member.down).collect();
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(ip_hash: bool) -> Upstream {
        let member = |last| Member::new(SocketAddr::from(([127, 0, 0, last], 80)));
        Upstream { members: vec![member(1), member(2)], ip_hash, ..Upstream::default() }
    }

    fn first(upstream: &Upstream, client: [u8; 4]) -> u8 {
        match upstream.order(IpAddr::from(client)).first().map(|member| member.address.ip()) {
            Some(IpAddr::V4(address)) => address.octets()[3],
            _ => 0,
        }
    }

    #[test]
    fn turns_go_round_and_a_hash_stays() {
        let round = upstream(false);
        assert_eq!((first(&round, [10, 0, 0, 1]), first(&round, [10, 0, 0, 1])), (1, 2));
        let hashed = upstream(true);
        let firsts: Vec<u8> = (0..8).map(|_| first(&hashed, [10, 0, 0, 1])).collect();
        assert!(firsts.iter().all(|one| *one == firsts[0]));
        assert_eq!(first(&hashed, [10, 0, 0, 1]), first(&hashed, [10, 0, 0, 200]));
        let spread: std::collections::BTreeSet<u8> = (0..20).map(|net| first(&hashed, [10, 0, net, 1])).collect();
        assert_eq!(spread.len(), 2);
    }

    #[test]
    fn who_is_down_or_fails_is_left_out_and_a_backup_comes_last() {
        let mut group = upstream(false);
        group.members[0].down = true;
        assert_eq!(first(&group, [10, 0, 0, 1]), 2);
        group.members[1].fails();
        assert_eq!(first(&group, [10, 0, 0, 1]), 2, "when all rest, all are tried");
        group.members[0].down = false;
        assert_eq!(first(&group, [10, 0, 0, 1]), 1);
        group.members[1].answers();
        group.members[0].backup = true;
        assert_eq!((first(&group, [10, 0, 0, 1]), group.order(IpAddr::from([10, 0, 0, 1])).len()), (2, 2));
    }
}
