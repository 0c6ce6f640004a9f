//! From JSON to CEL's values: only what an expression reads, and every number as a double, so that a figure does not
//! change its type with its value.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// The parts of an object that are read: all of it, or these keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    all: bool,
    keys: BTreeMap<String, Wanted>,
}

impl Wanted {
    /// What an expression reads.
    pub(super) fn by(expression: &IdedExpr) -> Wanted {
        let mut wanted = Wanted::default();
        wanted.add(expression);
        wanted
    }

    /// The keys that are read, each with what is read under it; none if all of it is.
    pub(super) fn keys(&self) -> Option<&BTreeMap<String, Wanted>> {
        (!self.all).then_some(&self.keys)
    }

    fn add(&mut self, expression: &IdedExpr) {
        if let Some(path) = literal_path(expression) {
            let place = path.into_iter().fold(self, |wanted, key| wanted.keys.entry(key.into()).or_default());
            place.all = true;
            return;
        }
        match &expression.expr {
            Expr::Select(select) => self.add(&select.operand),
            Expr::Call(call) => {
                call.target.iter().map(|target| &**target).chain(&call.args).for_each(|e| self.add(e))
            }
            Expr::Comprehension(comprehension) => {
                // A variable's name may come in as a root of its own; nothing has that name then, or it is read.
                self.add(&comprehension.iter_range);
                self.add(&comprehension.loop_step);
            }
            Expr::List(list) => list.elements.iter().for_each(|e| self.add(e)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    self.add(&entry.key);
                    self.add(&entry.value);
                }
            }),
            _ => {}
        }
    }
}

/// The keys of a path that the text spells out: `a.b['c']` is a, b, c.
fn literal_path(expression: &IdedExpr) -> Option<Vec<&str>> {
    match &expression.expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(select) => {
            let mut path = literal_path(&select.operand)?;
            path.push(&select.field);
            Some(path)
        }
        Expr::Call(call) if call.func_name == cel::common::ast::operators::INDEX => {
            let [operand, index] = call.args.as_slice() else { return None };
            let mut path = literal_path(operand)?;
            path.push(super::text_of(index)?);
            Some(path)
        }
        _ => None,
    }
}

/// JSON as it enters an expression.
pub(super) struct Entering<'a>(pub(super) &'a Value, pub(super) &'a Wanted);

impl Serialize for Entering<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        static EVERYTHING: Wanted = Wanted { all: true, keys: BTreeMap::new() };
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => serializer.serialize_f64(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(values) => {
                serializer.collect_seq(values.iter().map(|value| Entering(value, &EVERYTHING)))
            }
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in fields {
                    let wanted = if self.1.all { Some(&EVERYTHING) } else { self.1.keys.get(name) };
                    if let Some(wanted) = wanted {
                        map.serialize_entry(name, &Entering(value, wanted))?;
                    }
                }
                map.end()
            }
        }
    }
}
