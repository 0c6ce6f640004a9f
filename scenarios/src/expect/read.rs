//! Which values of a result an expression reads: looked for before it is evaluated, because a figure that could not be
//! computed (null) or a key that is not there would make CEL say `false`, or nothing. And what a claim rests on.

use super::check::KEYS_IN_ORDER;
use super::text_of;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A path and what stands there.
#[derive(Clone, Debug)]
pub(super) struct Read<'j> {
    /// Empty for a value that the text itself holds.
    pub(super) path: Path,
    /// None: it is not there.
    pub(super) value: Option<Cow<'j, Value>>,
    /// Only whether it is there matters, and what is below it is read on its own.
    pub(super) only_presence: bool,
}

/// The steps from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(pub(super) Vec<Step>);

/// Where paths start.
pub(super) struct Source<'j> {
    /// The object whose keys are names.
    pub(super) object: &'j Value,
    /// The design whose keys are names as well.
    pub(super) only_design: Option<&'j Value>,
}

/// What an expression reads.
#[derive(Default)]
pub(super) struct Reads<'j> {
    /// In the order of the text.
    pub(super) all: Vec<Read<'j>>,
    /// Paths that the text compares with null: null is an answer there.
    pub(super) may_be_null: Vec<Path>,
    /// Paths that the text asks for with `has`: they may be missing.
    pub(super) may_be_missing: Vec<Path>,
    /// Paths that the text claims to be zero or empty.
    pub(super) claimed_zero: Vec<Path>,
}

impl<'j> Reads<'j> {
    /// Why nothing can be said: the reads that are missing or null.
    pub(super) fn undecided(&self) -> Vec<String> {
        let set = |paths: &[Path]| paths.iter().cloned().collect::<BTreeSet<_>>();
        let (may_be_missing, may_be_null) = (set(&self.may_be_missing), set(&self.may_be_null));
        let mut reasons = Vec::new();
        for read in self.all.iter().filter(|read| !read.path.0.is_empty()) {
            match &read.value {
                None if may_be_missing.contains(&read.path) => {}
                None => reasons.push(format!("not decided: {} is not there in this run", read.path)),
                Some(_) if may_be_null.contains(&read.path) => {}
                Some(value) if has_null(value, !read.only_presence) => {
                    reasons.push(format!("not decided: {} could not be computed (null)", read.path));
                }
                Some(_) => {}
            }
        }
        dedup(reasons)
    }

    /// The values for people to read, as `path = value`.
    pub(super) fn shown(&self) -> Vec<String> {
        let whole = self.all.iter().filter(|read| !read.only_presence && !read.path.0.is_empty());
        let whole: BTreeSet<&[Step]> = whole.map(|read| read.path.0.as_slice()).collect();
        let shown = |read: &&Read| {
            let path = read.path.0.as_slice();
            !read.only_presence
                && !path.is_empty()
                && !(1..path.len()).any(|length| whole.contains(&path[..length]))
        };
        dedup(self.all.iter().filter(shown).filter_map(Read::shown).collect())
    }
}

impl Read<'_> {
    fn shown(&self) -> Option<String> {
        const LENGTH_MAX: usize = 400;
        let value = self.value.as_ref()?.to_string();
        let value = match value.char_indices().nth(LENGTH_MAX) {
            Some((end, _)) => format!("{}…", &value[..end]),
            None => value,
        };
        Some(format!("{} = {value}", self.path))
    }
}

/// Goes through an expression, once per evaluation.
pub(super) struct Reader<'j, 's> {
    source: &'s Source<'j>,
    reads: Reads<'j>,
    /// What each variable stands for, if that can be told.
    variables: Vec<(String, Option<Vec<Read<'j>>>)>,
    /// Whether what is compared is claimed, and not denied or merely asked.
    claiming: bool,
}

impl<'j, 's> Reader<'j, 's> {
    pub(super) fn read(source: &'s Source<'j>, expression: &IdedExpr) -> Reads<'j> {
        let mut reader = Reader { source, reads: Reads::default(), variables: Vec::new(), claiming: true };
        reader.visit(expression);
        reader.reads
    }

    fn visit(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Ident(_) => self.visit_path(expression),
            Expr::Select(select) if select.test => {
                let asked = self.step_all(&select.operand, Step::Key(select.field.clone()));
                self.reads.may_be_missing.extend(asked.into_iter().flatten().map(|read| read.path));
                self.visit_presence(&select.operand);
            }
            Expr::Select(select) if self.values(expression).is_none() => self.visit(&select.operand),
            Expr::Select(_) => self.visit_path(expression),
            Expr::Call(call) => self.visit_call(expression, call),
            Expr::Comprehension(comprehension) => self.visit_comprehension(comprehension),
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    self.visit(&entry.key);
                    self.visit(&entry.value);
                }
            }),
            Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
        }
    }

    fn visit_path(&mut self, expression: &IdedExpr) {
        self.reads.all.extend(self.values(expression).unwrap_or_default());
    }

    fn visit_presence(&mut self, expression: &IdedExpr) {
        match self.values(expression) {
            Some(reads) => {
                self.reads.all.extend(reads.into_iter().map(|read| Read { only_presence: true, ..read }));
            }
            None => self.visit(expression),
        }
    }

    fn visit_call(&mut self, expression: &IdedExpr, call: &CallExpr) {
        let claiming = self.claiming;
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::INDEX, [operand, index]) => {
                match self.values(expression) {
                    Some(reads) => self.reads.all.extend(reads),
                    None => self.visit(operand),
                }
                self.visit(index);
            }
            (operators::EQUALS, [left, right]) => {
                let before = self.reads.all.len();
                self.visit(left);
                let between = self.reads.all.len();
                self.visit(right);
                let end = self.reads.all.len();
                self.note_comparison(right, before, between);
                self.note_comparison(left, between, end);
            }
            (operators::NOT_EQUALS, [left, right]) => {
                self.claiming = false;
                let before = self.reads.all.len();
                self.visit(left);
                let between = self.reads.all.len();
                self.visit(right);
                let end = self.reads.all.len();
                self.note_comparison(right, before, between);
                self.note_comparison(left, between, end);
            }
            (operators::LOGICAL_NOT, [argument]) => {
                self.claiming = false;
                self.visit(argument);
            }
            (operators::CONDITIONAL, [condition, left, right]) => {
                self.claiming = false;
                self.visit(condition);
                self.claiming = claiming;
                self.visit(left);
                self.visit(right);
            }
            (KEYS_IN_ORDER, [object]) => self.visit_presence(object),
            (_, arguments) => {
                call.target.iter().for_each(|target| self.visit(target));
                arguments.iter().for_each(|argument| self.visit(argument));
            }
        }
        self.claiming = claiming;
    }

    /// What a comparison with `other` says of the values that were read on its other side.
    fn note_comparison(&mut self, other: &IdedExpr, from: usize, to: usize) {
        let paths = || self.reads.all[from..to].iter().map(|read| read.path.clone());
        if matches!(other.expr, Expr::Literal(LiteralValue::Null)) {
            let paths: Vec<_> = paths().collect();
            self.reads.may_be_null.extend(paths);
        } else if self.claiming && is_zero(other) {
            let paths: Vec<_> = paths().collect();
            self.reads.claimed_zero.extend(paths);
        }
    }

    fn visit_comprehension(&mut self, comprehension: &ComprehensionExpr) {
        let before = self.reads.all.len();
        self.visit_presence(&comprehension.iter_range);
        for read in &mut self.reads.all[before..] {
            // A list of words or numbers is shown as a whole, not element by element.
            let is_plain = |value: &Value| !value.is_array() && !value.is_object();
            let is_plain_list = |values: &Vec<Value>| values.iter().all(is_plain);
            read.only_presence &= !read.value.as_ref().and_then(|v| v.as_array()).is_some_and(is_plain_list);
        }
        let elements = self.elements(&comprehension.iter_range);
        self.variables.push((comprehension.iter_var.clone(), elements));
        self.visit(&comprehension.loop_step);
        self.variables.pop();
    }

    /// What a path, or a literal, stands for: one value, or one for each value of a variable in it. None: it is
    /// neither.
    fn values(&self, expression: &IdedExpr) -> Option<Vec<Read<'j>>> {
        match &expression.expr {
            Expr::Ident(name) if name.starts_with('@') => None,
            Expr::Ident(name) => match self.variables.iter().rev().find(|(variable, _)| variable == name) {
                Some((_, values)) => values.clone(),
                None => {
                    let value = self.source.get(name).map(Cow::Borrowed);
                    Some(vec![Read {
                        path: Path(vec![Step::Key(name.clone())]),
                        value,
                        only_presence: false,
                    }])
                }
            },
            Expr::Select(select) if !select.test => {
                self.step_all(&select.operand, Step::Key(select.field.clone()))
            }
            Expr::Call(call) if call.func_name == operators::INDEX && call.args.len() == 2 => {
                let indices = self.values(&call.args[1])?;
                let mut reads = Vec::new();
                for index in indices.iter().filter_map(|index| step_of(index.value.as_deref()?)) {
                    reads.extend(self.step_all(&call.args[0], index)?);
                }
                Some(reads)
            }
            Expr::Literal(LiteralValue::Int(number)) => Some(vec![literal(Value::from(*number.inner()))]),
            Expr::Literal(LiteralValue::Double(number)) => Some(vec![literal(Value::from(*number.inner()))]),
            Expr::Literal(LiteralValue::String(_)) => Some(vec![literal(Value::from(text_of(expression)?))]),
            _ => None,
        }
    }

    fn step_all(&self, operand: &IdedExpr, step: Step) -> Option<Vec<Read<'j>>> {
        Some(self.values(operand)?.into_iter().map(|read| read.step(step.clone())).collect())
    }

    /// What the variable of a comprehension stands for.
    fn elements(&mut self, range: &IdedExpr) -> Option<Vec<Read<'j>>> {
        match &range.expr {
            Expr::List(list) => {
                let values: Option<Vec<_>> =
                    list.elements.iter().map(|element| self.values(element)).collect();
                Some(values?.into_iter().flatten().collect())
            }
            Expr::Call(call) if call.func_name == KEYS_IN_ORDER => self.elements(call.args.first()?),
            Expr::Comprehension(inner) => {
                let element = element_of(&inner.loop_step)?;
                let elements = self.elements(&inner.iter_range);
                self.variables.push((inner.iter_var.clone(), elements));
                let values = self.values(element);
                self.variables.pop();
                values
            }
            _ => Some(self.values(range)?.into_iter().flat_map(Read::elements).collect()),
        }
    }
}

impl<'j> Source<'j> {
    pub(super) fn get(&self, name: &str) -> Option<&'j Value> {
        self.object.get(name).or_else(|| self.only_design?.get(name))
    }
}

impl<'j> Read<'j> {
    fn step(self, step: Step) -> Read<'j> {
        let value = match self.value {
            Some(Cow::Borrowed(value)) => step.below(value).map(Cow::Borrowed),
            Some(Cow::Owned(value)) => step.below(&value).cloned().map(Cow::Owned),
            None => None,
        };
        let mut path = self.path;
        path.0.push(step);
        Read { path, value, only_presence: self.only_presence }
    }

    fn elements(self) -> Vec<Read<'j>> {
        match self.value.as_deref() {
            Some(Value::Array(values)) => {
                (0..values.len()).map(|index| self.clone().step(Step::Index(index))).collect()
            }
            Some(Value::Object(fields)) => {
                fields.keys().map(|key| literal(Value::from(key.as_str()))).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Step {
    fn below<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (self, value) {
            (Step::Key(key), Value::Object(fields)) => fields.get(key),
            (Step::Index(index), Value::Array(values)) => values.get(*index),
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if place == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, "{}", super::key_as_written(key))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn literal(value: Value) -> Read<'static> {
    Read { path: Path::default(), value: Some(Cow::Owned(value)), only_presence: false }
}

fn step_of(value: &Value) -> Option<Step> {
    match value {
        Value::String(key) => Some(Step::Key(key.clone())),
        Value::Number(number) => {
            let number = number.as_f64()?;
            (number >= 0.0 && number.fract() == 0.0).then_some(Step::Index(number as usize))
        }
        _ => None,
    }
}

/// The element that a step of `map` or `filter` adds to its list.
fn element_of(step: &IdedExpr) -> Option<&IdedExpr> {
    let Expr::Call(call) = &step.expr else { return None };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::CONDITIONAL, [_, added, _]) => element_of(added),
        (operators::ADD, [_, added]) => match &added.expr {
            Expr::List(list) => list.elements.first(),
            _ => None,
        },
        _ => None,
    }
}

fn is_zero(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Literal(LiteralValue::Int(number)) => *number.inner() == 0,
        Expr::Literal(LiteralValue::Double(number)) => *number.inner() == 0.0,
        Expr::List(list) => list.elements.is_empty(),
        _ => false,
    }
}

fn has_null(value: &Value, deep: bool) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) if deep => values.iter().any(|value| has_null(value, true)),
        Value::Object(fields) if deep => fields.values().any(|value| has_null(value, true)),
        _ => false,
    }
}

fn dedup(texts: Vec<String>) -> Vec<String> {
    let mut known = BTreeSet::new();
    texts.into_iter().filter(|text| known.insert(text.clone())).collect()
}
