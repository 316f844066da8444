//! What a plan shows of TOML values.

use super::proof::Meaning;
use super::write;
use crate::resources::edit::Value;
use crate::resources::edit::shown::{Shown, masked};

/// What a plan shows of a wanted value.
pub(super) fn wanted(value: &Value) -> Shown {
    fn holds_secret(value: &Value) -> bool {
        match value {
            Value::Secret(_) => true,
            Value::List(items) => items.iter().any(holds_secret),
            _ => false,
        }
    }
    if holds_secret(value) { Shown::Hidden } else { Shown::Clear(meaning(&Meaning::of_wanted(value))) }
}

/// A spelling of what is held, with passwords masked.
pub(super) fn meaning(held: &Meaning<'_>) -> String {
    match held {
        Meaning::Text(text) => {
            let mut shown = String::new();
            write::push_quoted(&mut shown, &masked(text));
            shown
        }
        Meaning::Integer(number) => number.to_string(),
        Meaning::Float(bits) => f64::from_bits(*bits).to_string(),
        Meaning::Boolean(yes) => yes.to_string(),
        Meaning::Time(time) => time.clone(),
        Meaning::List(items) => {
            let items: Vec<_> = items.iter().map(meaning).collect();
            format!("[{}]", items.join(", "))
        }
        // Its keys may be secrets.
        Meaning::Table(_) => "{…}".to_owned(),
    }
}
