//! Values for formats that know only texts.

use std::borrow::Cow;

use super::shown::Shown;
use super::{EditError, Value};

/// The text that stands for a value.
///
/// # Errors
/// For a list: these formats have none.
pub(super) fn plain<'v>(what: &str, value: &'v Value) -> Result<Cow<'v, str>, EditError> {
    match value {
        Value::Text(text) => Ok(Cow::Borrowed(text)),
        Value::Secret(secret) => Ok(Cow::Borrowed(secret.expose())),
        Value::Integer(number) => Ok(Cow::Owned(number.to_string())),
        Value::Boolean(yes) => Ok(Cow::Owned(yes.to_string())),
        Value::List(_) => Err(EditError {
            code: "unfit-value",
            cause: format!("{what} should be a list, and this format has none"),
            hint: Some("join the items as the product expects them".to_owned()),
        }),
    }
}

/// What a plan shows of a wanted value.
pub(super) fn shown(name: &str, value: &Value, text: &str) -> Shown {
    if matches!(value, Value::Secret(_)) { Shown::Hidden } else { Shown::text(name, text) }
}
