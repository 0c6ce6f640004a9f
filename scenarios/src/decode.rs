//! From the tree to typed values: a serde deserializer that knows where each value stands.
//!
//! It notes an unknown field, a doubled one and every entry of a map or list that is wrong, and goes on, so that
//! one reading finds several errors. Options are implicit; a variant's struct or tuple is written without a second
//! pair of parentheses.

use crate::design::DESIGNS_NOT_MODELLED;
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::script::VERBS_NOT_MODELLED;
use crate::tree::{Body, Field, Kind, Node};
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

/// What `Error::custom` puts between message, hint and fix; see [`with_hint`].
const SEPARATOR: char = '\u{1f}';

/// An error for `serde::de::Error::custom` that carries a hint, and what to write instead.
pub(crate) fn with_hint(message: impl Display, hint: impl Display, fix: Option<String>) -> String {
    format!("{message}{SEPARATOR}{hint}{SEPARATOR}{}", fix.unwrap_or_default())
}

#[derive(Clone, Copy)]
struct Decoder<'a> {
    node: &'a Node,
    errors: &'a RefCell<Vec<Diagnostic>>,
}

/// Why a value could not be read. Noted already once it has passed the value's own node.
#[derive(Debug)]
pub(crate) struct Refusal {
    diagnostic: Option<Diagnostic>,
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
        de::Error::custom(format!("expected {expected}, found {}", describe(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        de::Error::custom(format!("expected {expected}, found {}", describe(found)))
    }

    fn missing_field(field: &'static str) -> Self {
        de::Error::custom(with_hint(format!("`{field}` is missing"), format!("add `{field}: …`"), None))
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

fn refuse(diagnostic: Diagnostic) -> Refusal {
    Refusal { diagnostic: Some(diagnostic) }
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
            Kind::Group { name: None, body } => self.struct_body(body, known, visitor),
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

struct Items<'a> {
    decoder: Decoder<'a>,
    items: std::slice::Iter<'a, Node>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Refusal;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        self.items.next().map(|item| self.decoder.on(item).read(seed)).transpose()
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    decoder: Decoder<'a>,
    rest: std::slice::Iter<'a, (Node, Node)>,
    value: Option<&'a Node>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Refusal;
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        self.decoder.on(key).read(seed).map(Some)
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        let value = self.value.take().ok_or_else(|| de::Error::custom("a value without a key"))?;
        self.decoder.on(value).read(seed)
    }
}

struct Fields<'a> {
    decoder: Decoder<'a>,
    rest: std::vec::IntoIter<&'a Field>,
    value: Option<&'a Node>,
}

impl<'a> Fields<'a> {
    fn new(decoder: Decoder<'a>, fields: Vec<&'a Field>) -> Self {
        Fields { decoder, rest: fields.into_iter(), value: None }
    }
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Refusal;
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        let Some(field) = self.rest.next() else { return Ok(None) };
        self.value = Some(&field.value);
        let name: de::value::StrDeserializer<'_, Refusal> =
            de::IntoDeserializer::into_deserializer(field.name.as_str());
        seed.deserialize(name).map(Some)
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        let value = self.value.take().ok_or_else(|| de::Error::custom("a value without a name"))?;
        self.decoder.on(value).read(seed)
    }
}

/// Start, end and the value itself.
struct PlacedParts<'a> {
    decoder: Decoder<'a>,
    next: u8,
}

impl<'de> de::SeqAccess<'de> for PlacedParts<'_> {
    type Error = Refusal;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        let Place { start, end } = self.decoder.node.place;
        self.next += 1;
        let number = |n: usize| {
            let n: de::value::U64Deserializer<Refusal> = de::IntoDeserializer::into_deserializer(n as u64);
            n
        };
        match self.next {
            1 => seed.deserialize(number(start)).map(Some),
            2 => seed.deserialize(number(end)).map(Some),
            3 => self.decoder.read(seed).map(Some),
            _ => Ok(None),
        }
    }
}

struct Variant<'a> {
    decoder: Decoder<'a>,
    /// The words that can stand here; empty if not known.
    known: &'static [&'static str],
}

impl<'a> Variant<'a> {
    fn name(&self) -> &'a str {
        match &self.decoder.node.kind {
            Kind::Group { name: Some((name, _)), .. } => name,
            _ => "",
        }
    }

    fn body(&self) -> &'a Body {
        match &self.decoder.node.kind {
            Kind::Group { body, .. } => body,
            _ => &Body::Bare,
        }
    }

    /// A bare word where parentheses are due.
    fn bare(&self) -> Refusal {
        let name = self.name();
        refuse(
            Diagnostic::new(format!("`{name}` needs its parentheses"))
                .hint(format!("write `{name}()` for all defaults, or with values inside"))
                .fix(format!("{name}()")),
        )
    }
}

impl<'de, 'a> de::EnumAccess<'de> for Variant<'a> {
    type Error = Refusal;
    type Variant = Variant<'a>;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Variant<'a>), Refusal> {
        let name: de::value::StrDeserializer<'_, Refusal> =
            de::IntoDeserializer::into_deserializer(self.name());
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        let name = self.name();
        match self.body() {
            Body::Bare => Ok(()),
            _ => Err(refuse(
                Diagnostic::new(format!("`{name}` takes no parentheses"))
                    .hint(format!("write `{name}`"))
                    .fix(name),
            )),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refusal> {
        let place = self.decoder.node.place;
        match self.body() {
            Body::Bare => Err(self.bare()),
            // The fields of the inner struct stand in the variant's own parentheses.
            Body::Values(values) if values.len() == 1 => self.decoder.on(&values[0]).read(seed),
            body => {
                let inner = Node { place, kind: Kind::Group { name: None, body: body.clone() } };
                Decoder { node: &inner, errors: self.decoder.errors }.read(seed)
            }
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Refusal> {
        match self.body() {
            Body::Values(values) => {
                let mut items = Items { decoder: self.decoder, items: values.iter() };
                let value = visitor.visit_seq(&mut items)?;
                match items.items.next() {
                    None => Ok(value),
                    Some(extra) => Err(refuse(
                        Diagnostic::new(format!("`{}` takes fewer values", self.name())).at(extra.place),
                    )),
                }
            }
            Body::Fields(fields) => Err(refuse(
                Diagnostic::new(format!("`{}` takes values without names", self.name())).at(fields[0].place),
            )),
            Body::Bare => Err(self.bare()),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let _ = self.known;
        match self.body() {
            Body::Bare => Err(self.bare()),
            body => self.decoder.struct_body(body, known, visitor),
        }
    }
}
