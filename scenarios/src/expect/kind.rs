//! Kinds of values, as far as the text and the shape of a result tell them before anything runs.

use super::shape::Shape;

/// What kind of value an expression has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Truth,
    /// A number of the result, or one written with a point.
    Double,
    /// A whole number of the text, a size.
    Int,
    Text,
    Null,
    List(Box<Kind>),
    /// An object of the result, and the design it is in.
    Object(&'static Shape, Option<usize>),
    /// An object that the text makes.
    Map,
    Unknown,
}

impl Kind {
    pub(super) fn of(shape: &'static Shape, design: Option<usize>) -> Kind {
        match shape {
            Shape::Truth => Kind::Truth,
            Shape::Number => Kind::Double,
            Shape::Text => Kind::Text,
            Shape::Any => Kind::Unknown,
            Shape::List(inner) => Kind::List(Box::new(Kind::of(inner, design))),
            Shape::Object(_) | Shape::Names(..) => Kind::Object(shape, design),
        }
    }

    /// What is one of the two.
    pub(super) fn or(self, other: Kind) -> Kind {
        match (self, other) {
            (left, right) if left == right => left,
            (Kind::List(left), Kind::List(right)) => Kind::List(Box::new(left.or(*right))),
            _ => Kind::Unknown,
        }
    }

    pub(super) fn may_equal(&self, other: &Kind) -> bool {
        use Kind::{Double, Int, List, Map, Null, Object, Unknown};
        match (self, other) {
            (Unknown | Null, _) | (_, Unknown | Null) => true,
            (Double | Int, Double | Int) | (Object(..) | Map, Object(..) | Map) => true,
            (List(left), List(right)) => left.may_equal(right),
            (left, right) => left == right,
        }
    }

    pub(super) fn has_an_order(&self) -> bool {
        matches!(self, Kind::Double | Kind::Int | Kind::Text | Kind::Unknown)
    }

    pub(super) fn noun(&self) -> &'static str {
        match self {
            Kind::Truth => "true or false",
            Kind::Double => "a number",
            Kind::Int => "a whole number",
            Kind::Text => "a text",
            Kind::Null => "null",
            Kind::List(_) => "a list",
            Kind::Object(..) | Kind::Map => "an object",
            Kind::Unknown => "a value",
        }
    }
}
