//! Quantities as fields of the schema: texts with a unit. A bare number is refused.

use super::*;
use crate::decode::with_hint;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A quantity of the schema: read from a text with its unit.
pub(crate) trait Quantity: Sized {
    /// What it is, for messages.
    const WHAT: &'static str;
    /// The unit to suggest behind a bare number.
    const UNIT: &'static str;
    fn parse(text: &str) -> Result<Self, Wrong>;
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $unit:literal, $parse:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub $inner);

        impl Quantity for $name {
            const WHAT: &'static str = $what;
            const UNIT: &'static str = $unit;
            fn parse(text: &str) -> Result<Self, Wrong> {
                $parse(text).map($name)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(PhantomData))
            }
        }
    };
}

quantity!(/** A span of time. */ Duration(Span), "a span of time", "ms", parse_span);
quantity!(/** A span of time, on or back, in nanoseconds. */ SignedDuration(i64), "a span of time", "ms", parse_signed_span);
quantity!(/** What a clock gains in a second, in nanoseconds. */ Drift(i64), "a clock's drift", " ppm", parse_drift);
quantity!(/** A size in bytes. */ Size(u64), "a size", " kB", parse_size);
quantity!(/** Bytes per second. */ ByteRate(f64), "a rate of bytes", " MB/s", parse_byte_rate);
quantity!(/** Messages per second. */ MessageRate(f64), "a rate of messages", "/s", parse_message_rate);
quantity!(/** A probability. */ Probability(Chance), "a probability", "%", parse_chance);
quantity!(/** A distribution of spans. */ SpanSpread(Distribution), "a span of time or a distribution", "ms", parse_span_distribution);
quantity!(/** A distribution of sizes. */ SizeSpread(Distribution), "a size or a distribution", " kB", parse_size_distribution);
quantity!(/** How long work takes. */ WorkText(Work), "a span, a distribution or a rate", "ms", parse_work);

struct Text<Q>(PhantomData<Q>);

impl<Q: Quantity> Text<Q> {
    fn bare<E: de::Error>(&self, number: impl fmt::Display) -> Result<Q, E> {
        let fixed = format!("\"{number}{}\"", Q::UNIT);
        let message = format!("a bare number where a unit is due: expected {}", Q::WHAT);
        Err(E::custom(with_hint(message, format!("write {fixed}"), Some(fixed))))
    }
}

impl<Q: Quantity> Visitor<'_> for Text<Q> {
    type Value = Q;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in quotes", Q::WHAT)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Q, E> {
        Q::parse(text).map_err(|wrong| E::custom(with_hint(wrong.message, wrong.hint, None)))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Q, E> {
        self.bare(number)
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Q, E> {
        self.bare(number)
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Q, E> {
        self.bare(number)
    }
}
