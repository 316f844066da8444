//! The PINs of a run's tokens, and other secrets that only `ssh` can tell the right ones of.
//!
//! A few wrong PINs lock a token for good. So each is tried with one host at first, while the others wait; one that was
//! refused is never given again; and no more than three are asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::model::Secret;

/// How many PINs are asked for at most.
const TRIES: usize = 3;

/// What is known of the tokens, each by the name that `ssh` gives it.
#[derive(Default)]
pub(super) struct Tokens(Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Token>>>>);

/// A token while nobody else uses what is known of it.
pub(super) type Held = OwnedMutexGuard<Token>;

/// What is known of a token.
#[derive(Default)]
pub(super) struct Token {
    pin: Option<Arc<Secret>>,
    is_proven: bool,
    refused: usize,
    /// There is none to be had.
    is_given_up: bool,
}

/// How it stands with a token's PIN.
#[derive(Debug, Clone)]
pub(super) enum Pin {
    /// It is the right one.
    Proven(Arc<Secret>),
    /// It was asked for, and is to be tried now.
    Untried(Arc<Secret>),
    /// It is to be asked for.
    Wanted {
        /// Was one refused?
        again: bool,
    },
    /// None is given any more: so many were refused.
    None { refused: usize },
}

impl Tokens {
    /// Waits until nobody else uses or tries what is known of a token.
    pub(super) async fn hold(&self, name: &str) -> Held {
        self.token(name).lock_owned().await
    }

    fn token(&self, name: &str) -> Arc<tokio::sync::Mutex<Token>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone()
    }
}

impl Token {
    pub(super) fn pin(&self) -> Pin {
        match &self.pin {
            _ if self.is_given_up => Pin::None { refused: self.refused },
            Some(pin) if self.is_proven => Pin::Proven(Arc::clone(pin)),
            Some(pin) => Pin::Untried(Arc::clone(pin)),
            None => Pin::Wanted { again: self.refused > 0 },
        }
    }

    /// What the person has answered.
    pub(super) fn answered(&mut self, pin: Option<Secret>) {
        self.is_given_up = pin.is_none();
        self.pin = pin.map(Arc::new);
    }

    /// The token has taken it.
    pub(super) fn prove(&mut self) {
        self.is_proven = self.pin.is_some();
    }

    /// The token has refused this one, and may be `locked` now. Others may have typed a new one meanwhile.
    pub(super) fn refuse(&mut self, pin: &Arc<Secret>, locked: bool) {
        if self.pin.as_ref().is_none_or(|known| !Arc::ptr_eq(known, pin)) {
            return;
        }
        self.pin = None;
        self.is_proven = false;
        self.refused += 1;
        self.is_given_up = locked || self.refused >= TRIES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_pin_is_gone_and_three_are_enough() {
        let tokens = Tokens::default();
        let mut token = tokens.hold("a").await;
        assert!(tokens.token("a").try_lock().is_err() && tokens.token("b").try_lock().is_ok());
        for refused in 0..TRIES {
            assert!(matches!(token.pin(), Pin::Wanted { again } if again == (refused > 0)));
            token.answered(Some(Secret::new("poison".to_owned())));
            let Pin::Untried(pin) = token.pin() else { panic!("{:?}", token.pin()) };
            token.refuse(&pin, false);
            token.refuse(&pin, true);
        }
        assert!(matches!(token.pin(), Pin::None { refused: TRIES }));
    }

    #[tokio::test]
    async fn one_that_is_proven_is_there_for_all_and_one_that_is_refused_later_for_nobody() {
        let tokens = Tokens::default();
        let mut token = tokens.hold("a").await;
        token.answered(Some(Secret::new("poison".to_owned())));
        token.prove();
        drop(token);
        let mut token = tokens.hold("a").await;
        let Pin::Proven(pin) = token.pin() else { panic!("{:?}", token.pin()) };
        token.refuse(&pin, true);
        assert!(matches!(token.pin(), Pin::None { refused: 1 }));
        token = tokens.hold("b").await;
        token.answered(None);
        assert!(matches!(token.pin(), Pin::None { refused: 0 }));
    }
}
