//! What serde is given of lists, maps, fields and variants.

use super::Decoder;
use super::refusal::{Refusal, refuse};
use crate::diagnostic::{Diagnostic, Place};
use crate::tree::{Body, Field, Kind, Node};
use serde::de::{self, DeserializeSeed, Visitor};

pub(super) struct Items<'a> {
    pub(super) decoder: Decoder<'a>,
    pub(super) items: std::slice::Iter<'a, Node>,
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

pub(super) struct Entries<'a> {
    pub(super) decoder: Decoder<'a>,
    pub(super) rest: std::slice::Iter<'a, (Node, Node)>,
    pub(super) value: Option<&'a Node>,
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

pub(super) struct Fields<'a> {
    pub(super) decoder: Decoder<'a>,
    pub(super) rest: std::vec::IntoIter<&'a Field>,
    pub(super) value: Option<&'a Node>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(decoder: Decoder<'a>, fields: Vec<&'a Field>) -> Self {
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
pub(super) struct PlacedParts<'a> {
    pub(super) decoder: Decoder<'a>,
    pub(super) next: u8,
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

pub(super) struct Variant<'a> {
    pub(super) decoder: Decoder<'a>,
    /// The words that can stand here; empty if not known.
    pub(super) known: &'static [&'static str],
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
            body => {
                #[cfg(test)]
                crate::reference::shown::fields(self.name(), known, body);
                self.decoder.struct_body(body, known, visitor)
            }
        }
    }
}
