//! Settings by their real names, as they stand in the real manual: what braces hold.

use crate::diagnostic::{Diagnostic, Findings, Place, nearest};
use crate::named::{Entry, Named, Placed};
use crate::units::parse_size;
use redeliver_sim::Span;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Settings by their real names.
pub type Real = Named<Placed<Setting>>;

/// A value as the real manual has it: bare numbers too, because the name says the unit.
#[derive(Clone, Debug)]
pub enum Setting {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list: only what is said of each of several messages takes one.
    List(Vec<Setting>),
    /// Settings within one.
    Map(Real),
}

impl Default for Setting {
    fn default() -> Self {
        Setting::Text(String::new())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Flag(flag) => write!(f, "{flag}"),
            Setting::Whole(number) => write!(f, "{number}"),
            Setting::Number(number) => write!(f, "{number:?}"),
            Setting::Text(text) => write!(f, "{text:?}"),
            Setting::List(_) => f.write_str("a list"),
            Setting::Map(_) => f.write_str("a map"),
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl<'de> Visitor<'de> for Value {
            type Value = Setting;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value as in the real manual: a flag, a number or a text")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Setting, E> {
                Ok(Setting::Flag(flag))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Setting, E> {
                Ok(Setting::Whole(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Setting, E> {
                i64::try_from(number).map(Setting::Whole).map_err(|_| E::custom("this number is too large"))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Setting, E> {
                Ok(Setting::Number(number))
            }
            fn visit_str<E>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting::Text(text.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Setting, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Setting::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Setting, A::Error> {
                let mut within = Real::default();
                while let Some(name) = map.next_key::<Placed<String>>()? {
                    // The decoder has noted what is wrong.
                    let Ok(value) = map.next_value::<Placed<Setting>>() else { continue };
                    within.0.insert(name.value, Entry { name_place: name.place, value });
                }
                Ok(Setting::Map(within))
            }
        }
        deserializer.deserialize_any(Value)
    }
}

/// The names of one kind of settings.
pub(crate) struct Table {
    /// What they belong to, for messages: `a queue of RabbitMQ`.
    pub(crate) of: &'static str,
    /// Names that the model knows.
    pub(crate) modelled: &'static [&'static str],
    /// Names that exist, but that nothing here follows yet; separated by white space.
    pub(crate) known: &'static [&'static str],
}

impl Table {
    /// Refuses names that are unknown, and names that are known but not modelled.
    pub(crate) fn check(&self, settings: &Real, findings: &mut Findings) {
        #[cfg(test)]
        crate::reference::shown::names(self.of, self.modelled, settings.0.keys().map(String::as_str));
        for (name, entry) in &settings.0 {
            if self.modelled.contains(&name.as_str()) {
                continue;
            }
            let mut known = self.known.iter().flat_map(|list| list.split_whitespace());
            if known.any(|known| known == name) {
                let message = format!("`{name}` is a setting of {}, but it is not modelled yet", self.of);
                let modelled = format!("modelled: {}", self.modelled.join(", "));
                findings.push(Diagnostic::new(message).at(entry.name_place).hint(modelled));
            } else {
                let message = format!("`{name}` is no setting of {}", self.of);
                let diagnostic = Diagnostic::new(message).at(entry.name_place);
                // What would be refused next is no help, unless nothing else is near.
                let others = self.known.iter().flat_map(|list| list.split_whitespace());
                let near = nearest(name, self.modelled.iter().copied()).or_else(|| nearest(name, others));
                let diagnostic =
                    diagnostic.nearest(name, near.map_or(self.modelled.to_vec(), |near| vec![near]));
                findings.push(match near {
                    Some(near) => diagnostic.fix(format!("\"{near}\"")),
                    None => diagnostic,
                });
            }
        }
    }
}

/// Reads single settings, and refuses values of the wrong kind.
pub(crate) struct Reader<'a> {
    pub(crate) settings: &'a Real,
    pub(crate) findings: &'a mut Findings,
}

impl Reader<'_> {
    fn refuse(&mut self, name: &str, place: Place, found: &Setting, expected: &str) {
        self.findings.refuse(place, format!("`{name}` must be {expected}, not {found}"));
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let setting = self.settings.get(name)?;
        match &setting.value {
            Setting::Flag(flag) => return Some(*flag),
            Setting::Text(text) if text == "true" => return Some(true),
            Setting::Text(text) if text == "false" => return Some(false),
            other => self.refuse(name, setting.place, other, "true or false"),
        }
        None
    }

    /// A whole number in this range.
    pub(crate) fn whole(&mut self, name: &str, low: i64, high: i64) -> Option<i64> {
        let setting = self.settings.get(name)?;
        let number = match &setting.value {
            Setting::Whole(number) => Some(*number),
            Setting::Text(text) => text.parse().ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| (low..=high).contains(number)) {
            return Some(number);
        }
        self.refuse(name, setting.place, &setting.value, &format!("a whole number from {low} to {high}"));
        None
    }

    pub(crate) fn count(&mut self, name: &str, low: u32) -> Option<u32> {
        self.whole(name, i64::from(low), i64::from(u32::MAX)).map(|number| number as u32)
    }

    /// A number of milliseconds from `low` on.
    pub(crate) fn millis(&mut self, name: &str, low: i64) -> Option<Span> {
        self.whole(name, low, MILLIS_MAX).map(|number| Span::millis(number as u64))
    }

    /// A number of milliseconds, or -1 for no limit (`Some(None)`).
    pub(crate) fn millis_or_never(&mut self, name: &str) -> Option<Option<Span>> {
        let number = self.whole(name, -1, i64::MAX)?;
        Some((0..=MILLIS_MAX).contains(&number).then(|| Span::millis(number as u64)))
    }

    /// A text out of these.
    pub(crate) fn word(&mut self, name: &str, words: &[&str]) -> Option<String> {
        let setting = self.settings.get(name)?;
        let text = match &setting.value {
            Setting::Text(text) => text.clone(),
            other => other.to_string(),
        };
        if words.contains(&text.as_str()) {
            return Some(text);
        }
        let message = format!("`{name}` cannot be {}", setting.value);
        let diagnostic = Diagnostic::new(message).at(setting.place).nearest(&text, words.iter().copied());
        self.findings.push(diagnostic);
        None
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let setting = self.settings.get(name)?;
        if let Setting::Text(text) = &setting.value {
            return Some(text.clone());
        }
        self.refuse(name, setting.place, &setting.value, "a text");
        None
    }

    /// Settings within a setting.
    pub(crate) fn map(&mut self, name: &str) -> Option<Real> {
        let setting = self.settings.get(name)?;
        if let Setting::Map(within) = &setting.value {
            return Some(within.clone());
        }
        self.refuse(name, setting.place, &setting.value, "settings in braces");
        None
    }

    /// A number of seconds in this range.
    pub(crate) fn seconds(&mut self, name: &str, low: i64, high: i64) -> Option<Span> {
        self.whole(name, low, high).map(|number| Span::seconds(number as u64))
    }

    /// A number of bytes, bare or with a unit: `"1GB"`.
    pub(crate) fn size(&mut self, name: &str) -> Option<u64> {
        let setting = self.settings.get(name)?;
        let bytes = match &setting.value {
            Setting::Whole(bytes) => u64::try_from(*bytes).ok(),
            Setting::Text(text) => {
                let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
                let (number, unit) = text.split_at(digits);
                let unit = if unit.is_empty() { "B" } else { unit };
                parse_size(&format!("{} {unit}", number.trim())).ok()
            }
            _ => None,
        };
        if bytes.is_none() {
            self.refuse(name, setting.place, &setting.value, "a number of bytes, such as \"1GB\"");
        }
        bytes
    }

    pub(crate) fn place(&self, name: &str) -> Option<Place> {
        self.settings.get(name).map(|setting| setting.place)
    }
}

/// 100 years, the longest span.
const MILLIS_MAX: i64 = 36_525 * 86_400_000;
