//! Why a value could not be read: serde's error, with place and hint.

use crate::diagnostic::Diagnostic;
use serde::de;
use std::fmt::Display;

/// What `Error::custom` puts between message, hint and fix; see [`with_hint`].
const SEPARATOR: char = '\u{1f}';

/// Where whoever leaves something out finds it.
const SHOWN: &str = "`redeliver explain scenario` and its like show what belongs here";

/// An error for `serde::de::Error::custom` that carries a hint, and what to write instead.
pub(crate) fn with_hint(message: impl Display, hint: impl Display, fix: Option<String>) -> String {
    format!("{message}{SEPARATOR}{hint}{SEPARATOR}{}", fix.unwrap_or_default())
}

/// Why a value could not be read. Noted already once it has passed the value's own node.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) diagnostic: Option<Diagnostic>,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.diagnostic.as_ref().map_or("noted", |d| &d.message))
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: Display>(message: T) -> Self {
        let text = message.to_string();
        let mut parts = text.split(SEPARATOR);
        let mut diagnostic = Diagnostic::new(parts.next().unwrap_or_default());
        diagnostic.hint = parts.next().map(str::to_string);
        diagnostic.fix = parts.next().filter(|fix| !fix.is_empty()).map(str::to_string);
        Refusal { diagnostic: Some(diagnostic) }
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        de::Error::custom(format!("expected {}, found {}", in_words(expected), describe(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        de::Error::custom(format!("expected {}, found {}", in_words(expected), describe(found)))
    }

    fn invalid_length(found: usize, _: &dyn de::Expected) -> Self {
        let message = format!("a value is missing: there are {found}");
        de::Error::custom(with_hint(message, SHOWN, None))
    }

    fn missing_field(field: &'static str) -> Self {
        let hint = format!("add `{field}: …`; {SHOWN}");
        de::Error::custom(with_hint(format!("`{field}` is missing"), hint, None))
    }
}

/// What serde calls by the names of Rust's types.
fn in_words(expected: &dyn de::Expected) -> String {
    match expected.to_string().as_str() {
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number".into(),
        "f64" => "a number".into(),
        "a string" => "a text in quotes".into(),
        "a boolean" => "true or false".into(),
        other => other.into(),
    }
}

fn describe(found: de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Str(text) => format!("the text \"{text}\""),
        de::Unexpected::Bool(flag) => format!("`{flag}`"),
        de::Unexpected::Unsigned(number) => format!("the number {number}"),
        de::Unexpected::Signed(number) => format!("the number {number}"),
        de::Unexpected::Float(number) => format!("the number {number}"),
        de::Unexpected::Seq => "a list".into(),
        de::Unexpected::Map => "a map or fields".into(),
        de::Unexpected::Unit => "nothing".into(),
        de::Unexpected::Enum => "a bare word".into(),
        other => other.to_string(),
    }
}

pub(super) fn refuse(diagnostic: Diagnostic) -> Refusal {
    Refusal { diagnostic: Some(diagnostic) }
}
