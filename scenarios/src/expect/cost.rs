//! What an expression may take, in steps, as far as its text tells: what would take too long, or fill the memory, is
//! refused before anything runs.
//!
//! A list in the text has the entries that it has, a list or an object of the result is taken to have [`ENTRIES`]. What
//! stands in an `all`, a `map`, … is done for each entry; a text, and a list that is made, is copied each time it is used.

use super::check::KEYS_IN_ORDER;
use super::text::ExpectError;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators,
};

/// So many steps at most: a few seconds.
const STEPS_MAX: u64 = 30_000_000;
/// Entries of a list or an object of the result.
const ENTRIES: u64 = 1_000;
/// What it takes to look at all of what stands at a path of the result.
const PATH: u64 = 100;
/// Bytes of a text that are copied in one step.
const BYTES: u64 = 4;

/// Refuses an expression that may take too many steps.
pub(super) fn check(text: &str, source: &SourceInfo, expression: &IdedExpr) -> Result<(), ExpectError> {
    let mut cost = Cost { steps: 0, times: 1, variables: Vec::new(), too_many_at: None };
    cost.extent(expression);
    let Some(id) = cost.too_many_at else { return Ok(()) };
    let (start, end) =
        source.offset_for(id).map_or((0, text.len()), |(start, stop)| (start as usize, stop as usize + 1));
    let message = format!("this may take more than {STEPS_MAX} steps");
    let hint = format!(
        "what stands within several `all`, `map`, … is done for each entry of each, of which the result's count as {ENTRIES}: \
         put fewer into each other, or make several lines of it"
    );
    Err(ExpectError::new(message, start, end.saturating_sub(start)).hint(hint))
}

/// How large a value may be.
#[derive(Clone)]
struct Extent {
    /// Steps to copy it, or to compare it.
    weight: u64,
    /// What an `all` goes through.
    entries: u64,
    /// Each of these, and what stands under each key; none: as the result's.
    entry: Option<Box<Extent>>,
    value: Option<Box<Extent>>,
    /// Places of the result that it may stand for: all are looked up before anything is evaluated.
    places: u64,
}

impl Extent {
    const ONE: Extent = Extent { weight: 1, entries: ENTRIES, entry: None, value: None, places: 1 };

    fn path(places: u64) -> Extent {
        Extent { weight: PATH, places, ..Extent::ONE }
    }

    fn text(length: usize) -> Extent {
        Extent { weight: 1 + length as u64 / BYTES, ..Extent::ONE }
    }

    /// A list, or an object, of these.
    fn of(entries: Vec<Extent>, values: Vec<Extent>) -> Extent {
        let count = entries.len() as u64;
        let all = entries.iter().chain(&values).fold(1_u64, |sum, extent| sum.saturating_add(extent.weight));
        let entry = entries.into_iter().reduce(Extent::either);
        let value = values.into_iter().reduce(Extent::either).or(entry.clone());
        Extent {
            weight: all,
            entries: count,
            entry: entry.map(Box::new),
            value: value.map(Box::new),
            places: 1,
        }
    }

    /// A list of so many.
    fn repeated(self, entries: u64) -> Extent {
        let weight = self.weight.saturating_mul(entries).saturating_add(1);
        let entry = Some(Box::new(self));
        Extent { weight, entries, value: entry.clone(), entry, places: 1 }
    }

    /// One of the two, whichever it is.
    fn either(self, other: Extent) -> Extent {
        Extent {
            weight: self.weight.max(other.weight),
            entries: self.entries.max(other.entries),
            ..self.with(other)
        }
    }

    /// One behind the other.
    fn and(self, other: Extent) -> Extent {
        let (weight, entries) = (self.weight, self.entries);
        Extent {
            weight: weight.saturating_add(other.weight),
            entries: entries.saturating_add(other.entries),
            ..self.with(other)
        }
    }

    fn with(self, other: Extent) -> Extent {
        let either = |one: Option<Box<Extent>>, other: Option<Box<Extent>>| match (one, other) {
            (Some(one), Some(other)) => Some(Box::new(one.either(*other))),
            (one, other) => one.or(other),
        };
        let places = self.places.saturating_add(other.places);
        Extent {
            entry: either(self.entry, other.entry),
            value: either(self.value, other.value),
            places,
            ..Extent::ONE
        }
    }
}

struct Cost {
    steps: u64,
    /// How often what is looked at now is done.
    times: u64,
    variables: Vec<(String, Extent)>,
    too_many_at: Option<u64>,
}

impl Cost {
    /// So much is done here, each time.
    fn add(&mut self, steps: u64, id: u64) {
        self.steps = self.steps.saturating_add(steps.saturating_mul(self.times));
        if self.steps > STEPS_MAX && self.too_many_at.is_none() {
            self.too_many_at = Some(id);
        }
    }

    /// How large a value is; what it takes is added.
    fn extent(&mut self, expression: &IdedExpr) -> Extent {
        let id = expression.id;
        self.add(1, id);
        match &expression.expr {
            Expr::Ident(name) => {
                let mut variables = self.variables.iter().rev();
                let Some((_, extent)) = variables.find(|(variable, _)| variable == name) else {
                    return Extent::path(1);
                };
                let extent = extent.clone();
                self.add(extent.weight, id);
                extent
            }
            Expr::Select(select) => {
                let of = self.extent(&select.operand);
                if select.test { Extent::ONE } else { self.below(of, 1, id) }
            }
            Expr::Call(call) => self.call(call, id),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, id),
            Expr::List(list) => {
                let entries: Vec<_> = list.elements.iter().map(|element| self.extent(element)).collect();
                let places = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.places));
                let mut list = Extent::of(entries, Vec::new());
                if let Some(entry) = &mut list.entry {
                    entry.places = places;
                }
                self.add(list.weight, id);
                list
            }
            Expr::Map(map) => {
                let (mut keys, mut values) = (Vec::new(), Vec::new());
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        keys.push(self.extent(&entry.key));
                        values.push(self.extent(&entry.value));
                    }
                }
                let map = Extent::of(keys, values);
                self.add(map.weight, id);
                map
            }
            Expr::Literal(LiteralValue::String(text)) => {
                let text = Extent::text(text.inner().len());
                self.add(text.weight, id);
                text
            }
            Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Extent::ONE,
        }
    }

    /// What stands under a key, one of so many.
    fn below(&mut self, of: Extent, keys: u64, id: u64) -> Extent {
        let places = of.places.saturating_mul(keys);
        // They are looked up once, not each time.
        let times = std::mem::replace(&mut self.times, 1);
        self.add(places, id);
        self.times = times;
        of.value.map_or(Extent::path(places), |value| *value)
    }

    fn call(&mut self, call: &CallExpr, id: u64) -> Extent {
        let arguments: Vec<_> = call.target.iter().map(|target| &**target).chain(&call.args).collect();
        let mut extents: Vec<_> = arguments.into_iter().map(|argument| self.extent(argument)).collect();
        let Some(last) = extents.pop() else { return Extent::ONE };
        let Some(first) = extents.pop() else {
            return match call.func_name.as_str() {
                "string" | "dyn" | KEYS_IN_ORDER => last,
                _ => Extent::ONE,
            };
        };
        match call.func_name.as_str() {
            // Whatever the key is, there are no more of them under one place.
            operators::INDEX => self.below(first, last.places.min(ENTRIES), id),
            operators::ADD => {
                let sum = first.and(last);
                self.add(sum.weight, id);
                sum
            }
            operators::CONDITIONAL => first.either(last),
            operators::IN => {
                self.add(last.weight.max(last.entries), id);
                Extent::ONE
            }
            _ => {
                self.add(first.weight.min(last.weight), id);
                Extent::ONE
            }
        }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr, id: u64) -> Extent {
        let range = self.extent(&comprehension.iter_range);
        let entries = range.entries;
        let entry = range
            .entry
            .map_or(Extent { places: range.places.saturating_mul(ENTRIES), ..Extent::ONE }, |e| *e);
        let outside = self.times;
        self.times = outside.saturating_mul(entries);
        self.add(entry.weight, id);
        let depth = self.variables.len();
        self.variables.push((comprehension.accu_var.clone(), Extent { entries: 0, ..Extent::ONE }));
        self.variables.push((comprehension.iter_var.clone(), entry));
        let step = self.extent(&comprehension.loop_step);
        self.variables.truncate(depth);
        self.times = outside;
        match &comprehension.accu_init.expr {
            // Each round adds one entry, or none.
            Expr::List(_) => step.entry.map_or(Extent::ONE, |entry| *entry).repeated(entries),
            _ => Extent::ONE,
        }
    }
}
