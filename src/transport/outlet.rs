//! Output that is handed on while the command still runs.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many pieces wait for the one who takes them. A piece is at most a packet, 32 KiB.
const WAITING: usize = 4;

/// Where a command printed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// On standard output.
    Stdout,
    /// On standard error.
    Stderr,
}

/// A piece of what a command prints, in the order in which it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Some bytes, cut anywhere.
    Data(Printed, Bytes),
    /// So many bytes came here while nobody took any, and were thrown away.
    LeftOut(u64),
}

/// Takes the output of one command piece by piece. Whoever holds the other end makes the host wait by not taking them.
// russh gives a channel's window back when data comes in, not when it is read: a channel that nobody reads holds up all
// others of its connection. A host with a connection of its own may wait for as long as it likes; behind a jump host it
// would hold up all others there, hence the patience.
#[derive(Debug, Clone)]
pub struct Outlet {
    sender: Sender<Piece>,
    patience: Option<Duration>,
}

/// Nobody takes the output any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NobodyListens;

/// What hands a command's output on, and counts what it could not.
#[derive(Debug, Default)]
pub(super) struct Outflow {
    left_out: u64,
}

impl Outlet {
    /// An outlet, and the end where the pieces are taken. A piece waits no longer than `patience`; after that, what comes
    /// is thrown away and counted until somebody takes a piece again.
    pub fn new(patience: Option<Duration>) -> (Self, Receiver<Piece>) {
        let (sender, receiver) = channel(WAITING);
        (Self { sender, patience }, receiver)
    }
}

impl Outflow {
    /// Hands a piece on; waits until it is taken, or the outlet's patience is over.
    pub(super) async fn hand_on(
        &mut self,
        outlet: &Outlet,
        printed: Printed,
        data: Bytes,
    ) -> Result<(), NobodyListens> {
        if self.left_out > 0 {
            match outlet.sender.try_send(Piece::LeftOut(self.left_out)) {
                Ok(()) => self.left_out = 0,
                Err(TrySendError::Full(_)) => {
                    self.left_out += data.len() as u64;
                    return Ok(());
                }
                Err(TrySendError::Closed(_)) => return Err(NobodyListens),
            }
        }
        let Some(patience) = outlet.patience else {
            return outlet.sender.send(Piece::Data(printed, data)).await.map_err(|_| NobodyListens);
        };
        match outlet.sender.send_timeout(Piece::Data(printed, data), patience).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Timeout(Piece::Data(_, data))) => {
                self.left_out += data.len() as u64;
                Ok(())
            }
            Err(_) => Err(NobodyListens),
        }
    }

    /// Says at the end of the command what was left out last.
    pub(super) async fn end(&mut self, outlet: &Outlet) {
        if self.left_out > 0 {
            // Whoever has gone away need not hear it.
            let _ = outlet.sender.send(Piece::LeftOut(std::mem::take(&mut self.left_out))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_nobody_takes_in_time_is_counted_and_told_where_it_was() {
        let (outlet, mut taken) = Outlet::new(Some(Duration::from_millis(1)));
        let mut outflow = Outflow::default();
        for _ in 0..WAITING + 2 {
            outflow.hand_on(&outlet, Printed::Stdout, Bytes::from_static(b"12345")).await.unwrap();
        }
        for _ in 0..WAITING {
            assert_eq!(taken.recv().await, Some(Piece::Data(Printed::Stdout, Bytes::from_static(b"12345"))));
        }
        outflow.hand_on(&outlet, Printed::Stderr, Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(taken.recv().await, Some(Piece::LeftOut(10)));
        assert_eq!(taken.recv().await, Some(Piece::Data(Printed::Stderr, Bytes::from_static(b"x"))));
        drop(taken);
        assert_eq!(outflow.hand_on(&outlet, Printed::Stdout, Bytes::new()).await, Err(NobodyListens));
    }

    #[tokio::test]
    async fn without_a_limit_to_its_patience_nothing_is_lost() {
        let (outlet, mut taken) = Outlet::new(None);
        let all = async {
            let mut outflow = Outflow::default();
            for number in 0..100u8 {
                outflow.hand_on(&outlet, Printed::Stdout, Bytes::from(vec![number])).await.unwrap();
            }
            drop(outlet);
        };
        let reader = async {
            let mut numbers = Vec::new();
            while let Some(Piece::Data(_, data)) = taken.recv().await {
                numbers.extend_from_slice(&data);
            }
            numbers
        };
        let ((), numbers) = tokio::join!(all, reader);
        assert_eq!(numbers, (0..100).collect::<Vec<u8>>());
    }
}
