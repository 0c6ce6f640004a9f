//! From the tree to typed values: a serde deserializer that knows where each value stands.
//!
//! It notes an unknown field, a doubled one and every entry of a map or list that is wrong, and goes on, so that
//! one reading finds several errors. Options are implicit; a variant's struct or tuple is written without a second
//! pair of parentheses.

use crate::design::DESIGNS_NOT_MODELLED;
mod access;
mod refusal;

pub(crate) use refusal::with_hint;

use crate::diagnostic::{Diagnostic, nearest};
use crate::script::VERBS_NOT_MODELLED;
use crate::tree::{Body, Field, Kind, Node};
use access::{Entries, Fields, Items, PlacedParts, Variant};
use refusal::{Refusal, refuse};
use serde::de::{self, DeserializeSeed, Visitor};
use std::cell::RefCell;
use std::fmt::Display;

/// Reads a typed value from the tree. What is wrong comes back as a list.
pub(crate) fn decode<T: de::DeserializeOwned>(node: &Node) -> Result<T, Vec<Diagnostic>> {
    let errors = RefCell::new(Vec::new());
    let decoder = Decoder { node, errors: &errors };
    let value = decoder.read(std::marker::PhantomData::<T>);
    let errors = errors.into_inner();
    match value {
        Ok(value) if errors.is_empty() => Ok(value),
        _ => Err(errors),
    }
}

/// The name by which [`crate::named::Placed`] asks for its place.
pub(crate) const PLACED: &str = "redeliver: a value and its place";

#[derive(Clone, Copy)]
struct Decoder<'a> {
    node: &'a Node,
    errors: &'a RefCell<Vec<Diagnostic>>,
}

impl<'a> Decoder<'a> {
    /// Reads a value; an error is noted here, at its node, unless it was noted deeper down.
    fn read<'de, S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refusal> {
        seed.deserialize(self).map_err(|refusal| {
            if let Some(mut diagnostic) = refusal.diagnostic {
                diagnostic.place.get_or_insert(self.node.place);
                self.note(diagnostic);
            }
            Refusal { diagnostic: None }
        })
    }

    fn note(self, diagnostic: Diagnostic) {
        self.errors.borrow_mut().push(diagnostic);
    }

    fn on(self, node: &'a Node) -> Decoder<'a> {
        Decoder { node, ..self }
    }

    /// The fields, those that are unknown or doubled noted and left out.
    fn known_fields(self, fields: &'a [Field], known: &'static [&'static str]) -> Vec<&'a Field> {
        let mut kept: Vec<&Field> = Vec::new();
        for field in fields {
            if !known.contains(&field.name.as_str()) {
                let message = format!("unknown field `{}`", field.name);
                let diagnostic = Diagnostic::new(message).at(field.place);
                let diagnostic = diagnostic.nearest(&field.name, known.iter().copied());
                self.note(match nearest(&field.name, known.iter().copied()) {
                    Some(name) => diagnostic.fix(name),
                    None => diagnostic,
                });
            } else if kept.iter().any(|k| k.name == field.name) {
                self.note(Diagnostic::new(format!("`{}` is given twice", field.name)).at(field.place));
            } else {
                kept.push(field);
            }
        }
        kept
    }

    /// Notes the names that are given twice in a map.
    fn note_doubles(self, entries: &[(Node, Node)]) {
        let mut seen = std::collections::BTreeSet::new();
        for (key, _) in entries {
            if let Kind::Text(name) = &key.kind
                && !seen.insert(name)
            {
                let diagnostic = Diagnostic::new(format!("`{name}` is given twice")).at(key.place);
                self.note(diagnostic.hint("each name stands for one thing: rename one of them"));
            }
        }
    }

    fn struct_body<'de, V: Visitor<'de>>(
        self,
        body: &'a Body,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match body {
            Body::Fields(fields) => visitor.visit_map(Fields::new(self, self.known_fields(fields, known))),
            Body::Values(values) if values.is_empty() => visitor.visit_map(Fields::new(self, Vec::new())),
            Body::Values(values) => Err(refuse(
                Diagnostic::new("fields need their names here")
                    .at(values[0].place)
                    .hint(format!("`name: value`, with one of {}", known.join(", "))),
            )),
            Body::Bare => Err(refuse(Diagnostic::new("expected fields in parentheses, found a bare word"))),
        }
    }

    fn number<'de, V: Visitor<'de>>(self, text: &str, visitor: V) -> Result<V::Value, Refusal> {
        let plain = text.replace('_', "");
        let digits =
            |prefix, radix| plain.strip_prefix(prefix).and_then(|rest| u64::from_str_radix(rest, radix).ok());
        if let Some(number) = digits("0x", 16).or(digits("0b", 2)).or(digits("0o", 8)) {
            return visitor.visit_u64(number);
        }
        if let Ok(number) = plain.trim_start_matches('+').parse::<u64>() {
            return visitor.visit_u64(number);
        }
        if let Ok(number) = plain.parse::<i64>() {
            return visitor.visit_i64(number);
        }
        match plain.parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(refuse(Diagnostic::new(format!("`{text}` is not a number that can be used here")))),
        }
    }
}

impl<'de> de::Deserializer<'de> for Decoder<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.kind {
            Kind::Flag(flag) => visitor.visit_bool(*flag),
            Kind::Number(text) => self.number(text, visitor),
            Kind::Text(text) => visitor.visit_str(text),
            Kind::List(items) => visitor.visit_seq(Items { decoder: self, items: items.iter() }),
            Kind::Map(entries) => {
                self.note_doubles(entries);
                visitor.visit_map(Entries { decoder: self, rest: entries.iter(), value: None })
            }
            Kind::Group { name: Some(_), .. } => visitor.visit_enum(Variant { decoder: self, known: &[] }),
            Kind::Group { name: None, body: Body::Values(values) } => {
                visitor.visit_seq(Items { decoder: self, items: values.iter() })
            }
            Kind::Group { name: None, body: Body::Fields(fields) } => {
                visitor.visit_map(Fields::new(self, fields.iter().collect()))
            }
            Kind::Group { name: None, body: Body::Bare } => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.kind {
            Kind::Group { name: Some((name, _)), body: Body::Bare } if name == "None" => visitor.visit_none(),
            Kind::Group { name: Some((name, _)), body: Body::Values(values) }
                if name == "Some" && values.len() == 1 =>
            {
                visitor.visit_some(self.on(&values[0]))
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        if name == PLACED {
            return visitor.visit_seq(PlacedParts { decoder: self, next: 0 });
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match &self.node.kind {
            Kind::Group { name: None, body } => {
                #[cfg(test)]
                crate::reference::shown::fields(_name, known, body);
                self.struct_body(body, known, visitor)
            }
            Kind::Group { name: Some((name, _)), .. } => Err(refuse(
                Diagnostic::new(format!("expected fields in parentheses, found `{name}`"))
                    .hint("drop the name"),
            )),
            Kind::Map(_) => Err(refuse(
                Diagnostic::new("expected fields in parentheses, found braces")
                    .hint("redeliver's own words stand in parentheses: `(name: value)`"),
            )),
            _ => Err(refuse(
                Diagnostic::new("expected fields in parentheses")
                    .hint(format!("`({}: …)`", known.first().unwrap_or(&"name"))),
            )),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.kind {
            Kind::Map(_) => self.deserialize_any(visitor),
            _ => Err(refuse(
                Diagnostic::new("expected names and values in braces").hint("`{\"name\": value}`"),
            )),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.kind {
            Kind::List(_) => self.deserialize_any(visitor),
            _ => Err(refuse(Diagnostic::new("expected a list in brackets").hint("`[value, …]`"))),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.kind {
            Kind::Group { name: None, body: Body::Values(_) } => self.deserialize_any(visitor),
            _ => Err(refuse(Diagnostic::new(format!("expected {}", Expected(&visitor))))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        enum_name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match &self.node.kind {
            Kind::Group { name: Some((name, place)), .. } => {
                if known.contains(&name.as_str()) {
                    #[cfg(test)]
                    crate::reference::shown::names(enum_name, known, [name.as_str()]);
                    return visitor.visit_enum(Variant { decoder: self, known });
                }
                if let Some(message) = not_modelled(enum_name, name) {
                    return Err(refuse(Diagnostic::new(message).at(*place)));
                }
                let diagnostic = Diagnostic::new(format!("unknown word `{name}`")).at(*place);
                let diagnostic = diagnostic.nearest(name, known.iter().copied());
                Err(refuse(match nearest(name, known.iter().copied()) {
                    Some(near) => diagnostic.fix(near),
                    None => diagnostic,
                }))
            }
            Kind::Text(text) if known.contains(&text.as_str()) => Err(refuse(
                Diagnostic::new("expected a word without quotes").hint(format!("write `{text}`")).fix(text),
            )),
            _ => Err(refuse(
                Diagnostic::new("expected one of our words here").nearest("", known.iter().copied()),
            )),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.kind {
            Kind::Group { name: Some((name, _)), .. } => visitor.visit_str(name),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple_struct
    }
}

/// Words that a design or a story may need one day, but that nothing follows yet.
fn not_modelled(enum_name: &str, word: &str) -> Option<String> {
    match enum_name {
        "Verb" if VERBS_NOT_MODELLED.contains(&word) => {
            Some(format!("the verb `{word}` is not modelled yet"))
        }
        "Design" if DESIGNS_NOT_MODELLED.contains(&word) => {
            Some(format!("the design `{word}` is not modelled yet"))
        }
        _ => None,
    }
}

/// What a visitor expects, for messages.
struct Expected<'v, V>(&'v V);

impl<'de, V: Visitor<'de>> Display for Expected<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.expecting(f)
    }
}
