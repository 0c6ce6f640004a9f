//! Containers of the schema: maps that keep the file's order and refuse a name that is given twice, lists that go
//! on after a wrong entry, and values that know their place.

use crate::decode::PLACED;
use crate::diagnostic::Place;
use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A value and where it stands.
#[derive(Clone, Debug, Default)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl<T> std::ops::Deref for Placed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Placed<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Placed<T>, A::Error> {
                let missing = || de::Error::custom("a place is missing");
                let start: u64 = parts.next_element()?.ok_or_else(missing)?;
                let end: u64 = parts.next_element()?.ok_or_else(missing)?;
                let value = parts.next_element()?.ok_or_else(missing)?;
                Ok(Placed { value, place: Place { start: start as usize, end: end as usize } })
            }
        }
        deserializer.deserialize_newtype_struct(PLACED, Parts(PhantomData))
    }
}

/// Values by name, in the order of the file. A name that is given twice is an error.
#[derive(Clone, Debug)]
pub struct Named<T>(pub IndexMap<String, Entry<T>>);

/// An entry of a [`Named`].
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// Where the name stands.
    pub name_place: Place,
    /// The value.
    pub value: T,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named(IndexMap::new())
    }
}

impl<T> Named<T> {
    /// Names and values in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), &entry.value))
    }

    /// Names, places of the names, and values, in the order of the names.
    pub fn sorted(&self) -> Vec<(&str, Place, &T)> {
        let mut all: Vec<_> = self.0.iter().map(|(n, e)| (n.as_str(), e.name_place, &e.value)).collect();
        all.sort_by(|a, b| a.0.cmp(b.0));
        all
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name).map(|entry| &entry.value)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = Named<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names and values in braces")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut named = Named::default();
                while let Some(key) = map.next_key::<Placed<Unique>>()? {
                    // The decoder has noted an entry that is wrong; the others are read all the same.
                    let Ok(value) = map.next_value::<T>() else { continue };
                    let name = key.value.0;
                    // The decoder has noted a name that is given twice.
                    named.0.insert(name, Entry { name_place: key.place, value });
                }
                Ok(named)
            }
        }
        deserializer.deserialize_map(Map(PhantomData))
    }
}

/// A key of a map: text, or a number as it is written.
struct Unique(String);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl Visitor<'_> for Key {
            type Value = Unique;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name in quotes")
            }
            fn visit_str<E>(self, text: &str) -> Result<Unique, E> {
                Ok(Unique(text.into()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Unique, E> {
                Ok(Unique(number.to_string()))
            }
        }
        deserializer.deserialize_any(Key)
    }
}

/// A list that is read on after a wrong entry.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list in brackets")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                loop {
                    match items.next_element() {
                        Ok(Some(item)) => list.push(item),
                        Ok(None) => return Ok(List(list)),
                        Err(_) => {} // noted by the decoder
                    }
                }
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// One value or a list of them.
#[derive(Clone, Debug)]
pub struct OneOrMore<T>(pub Vec<Placed<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Placed::<Mixed<T>>::deserialize(deserializer)?;
        Ok(OneOrMore(match value.value {
            Mixed::One(one) => vec![Placed { value: one, place: value.place }],
            Mixed::More(more) => more,
        }))
    }
}

enum Mixed<T> {
    One(T),
    More(Vec<Placed<T>>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Mixed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Mixed<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a word, or a list of them")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mixed<T>, E> {
                T::deserialize(de::IntoDeserializer::into_deserializer(text)).map(Mixed::One)
            }
            fn visit_enum<A: de::EnumAccess<'de>>(self, word: A) -> Result<Mixed<T>, A::Error> {
                T::deserialize(de::value::EnumAccessDeserializer::new(word)).map(Mixed::One)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Mixed<T>, A::Error> {
                let mut more = Vec::new();
                while let Some(item) = items.next_element()? {
                    more.push(item);
                }
                Ok(Mixed::More(more))
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// For a field whose words include `None`: what stands there is always meant.
pub(crate) fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
