//! Expectations, requirements and conditions: the CEL (Common Expression Language) in a scenario file.
//!
//! A text is compiled once, when the file is read: parsed, its paths and names checked, what it does with the values
//! checked as well. It is evaluated over JSON, the same that `--format json` prints. What it reads is looked up before
//! it is evaluated, so that a figure that could not be computed makes it undecided instead of false.

mod check;
mod cost;
mod kind;
mod read;
mod scope;
mod shape;
mod text;
mod value;

pub use scope::{Names, Scope};
pub use shape::{known_paths, paths_of};
pub use text::ExpectError;

use crate::picture::{SECTIONS, section_to_json};
use cel::common::ast::{Expr, IdedExpr, LiteralValue};
use cel::{Context, Env};
use check::{Checker, KEYS_IN_ORDER, Root};
use read::{Path, Read, Reader, Reads, Source, Step};
use redeliver_models::story::Picture;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};
use value::{Entering, Wanted};

/// How an expectation or a guarantee stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is true.
    Holds,
    /// It is false.
    Broken,
    /// A figure it reads could not be computed, is not there in this run, or is of a run that was stopped.
    NotDecided,
    /// It is true, and nothing in this run could have made it false.
    NotExercised,
}

/// An expectation's verdict in one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// How it stands.
    pub verdict: Verdict,
    /// The values that it read, as `path = value`; and why it is not decided or not exercised.
    pub read: Vec<String>,
}

/// A line of `expect`: over a whole result.
#[derive(Debug)]
pub struct Expectation {
    text: Compiled,
    /// The design whose keys are in scope by themselves.
    only_design: Option<String>,
    /// It knows that nothing may have tested it.
    quiet: bool,
}

impl Expectation {
    /// Reads and checks a text.
    pub fn compile(text: &str, scope: &Scope) -> Result<Expectation, ExpectError> {
        Ok(Expectation {
            text: Compiled::new(text, scope, Root::Result)?,
            only_design: scope.only_design().map(str::to_string),
            quiet: text.trim_end().ends_with("// quiet"),
        })
    }

    /// How it stands in this result.
    pub fn evaluate(&self, result: &Value) -> Outcome {
        let only_design = self.only_design.as_ref().and_then(|design| result.get("designs")?.get(design));
        let source = Source { object: result, only_design };
        let reads = Reader::read(&source, &self.text.expression);
        let mut read = reads.shown();
        let stopped = self.stopped(result, &reads);
        let undecided = if stopped.is_empty() { reads.undecided() } else { stopped };
        if !undecided.is_empty() {
            read.extend(undecided);
            return Outcome { verdict: Verdict::NotDecided, read };
        }
        let verdict = match self.text.evaluate(&source) {
            Ok(false) => Verdict::Broken,
            Ok(true) if self.quiet => Verdict::Holds,
            Ok(true) => {
                let untested = self.untested(result, &reads.claimed_zero);
                let verdict = if untested.is_empty() { Verdict::Holds } else { Verdict::NotExercised };
                read.extend(untested);
                verdict
            }
            Err(reason) => {
                read.push(format!("not decided: {reason}"));
                Verdict::NotDecided
            }
        };
        Outcome { verdict, read }
    }

    /// The designs it reads that were stopped before their end: what they would have come to, nobody knows.
    fn stopped(&self, result: &Value, reads: &Reads<'_>) -> Vec<String> {
        let mut stopped = Vec::new();
        for (name, design) in result["designs"].as_object().into_iter().flatten() {
            let only = self.only_design.as_ref() == Some(name);
            if !design["stopped"].is_null() && reads.all.iter().any(|read| reads_the_run(read, name, only)) {
                stopped.push(format!("not decided: design `{name}` was stopped before its end"));
            }
        }
        stopped
    }

    /// The guarantees that it rests on and that nothing in this run could have broken.
    fn untested(&self, result: &Value, claimed_zero: &[Path]) -> Vec<String> {
        let mut untested = Vec::new();
        for path in claimed_zero {
            let Some((design, consumer, guarantee)) = self.rests_on(path) else { continue };
            let pointer = [design, "guarantees", consumer, guarantee, "verdict"];
            let verdict = pointer.iter().try_fold(&result["designs"], |value, key| value.get(key));
            let line = format!("not exercised: {guarantee} of `{consumer}` in design `{design}`");
            if verdict.is_some_and(|verdict| verdict == "not_exercised") && !untested.contains(&line) {
                untested.push(line);
            }
        }
        untested
    }

    /// The guarantee that says that the figure at this path is zero, with its design and subscription.
    fn rests_on<'p>(&'p self, path: &'p Path) -> Option<(&'p str, &'p str, &'static str)> {
        let mut keys = Vec::new();
        for step in &path.0 {
            let Step::Key(key) = step else { return None };
            keys.push(key.as_str());
        }
        let (design, keys) = match keys.as_slice() {
            ["designs", design, keys @ ..] => (*design, keys),
            keys => (self.only_design.as_deref()?, keys),
        };
        let ["consumers", consumer, figure @ ..] = keys else { return None };
        let guarantee = match figure {
            ["lost", "confirmed"] => "no_confirmed_loss",
            ["lost", ..] => "no_loss",
            ["duplicates", ..] => "no_duplicates",
            ["order", "key", "late" | "stale"] => "order_per_key",
            ["order", "producer", "late" | "stale"] => "order_per_producer",
            ["order", "stored", "late" | "stale"] => "order_stored",
            _ => return None,
        };
        Some((design, consumer, guarantee))
    }
}

/// What is known of a design whether or not its run came to its end.
const KNOWN_WHEN_STOPPED: [&str; 3] = ["stopped", "assumptions", "does_not_apply"];

/// Whether a read is of what happened in this design; `only`: its keys are in scope by themselves.
fn reads_the_run(read: &Read<'_>, design: &str, only: bool) -> bool {
    let below = |step: Option<&Step>| match step {
        Some(Step::Key(key)) => !KNOWN_WHEN_STOPPED.contains(&key.as_str()),
        Some(Step::Index(_)) => true,
        None => !read.only_presence,
    };
    match read.path.0.as_slice() {
        [Step::Key(root)] if root == "designs" => !read.only_presence,
        [Step::Key(root), Step::Key(name), rest @ ..] if root == "designs" => {
            name == design && below(rest.first())
        }
        [first @ Step::Key(root), ..] => only && shape::RESULT.at(root).is_none() && below(Some(first)),
        _ => false,
    }
}

/// A line of `require`: over one subscription's figures.
#[derive(Debug)]
pub struct Requirement {
    text: Compiled,
}

impl Requirement {
    /// Reads and checks a text. Of the scope only the causes are used.
    pub fn compile(text: &str, scope: &Scope) -> Result<Requirement, ExpectError> {
        Ok(Requirement { text: Compiled::new(text, scope, Root::Subscription)? })
    }

    /// Whether this subscription meets it; none if a figure it reads could not be computed.
    pub fn met(&self, consumer: &Value) -> Option<bool> {
        self.text.decide(&Source { object: consumer, only_design: None })
    }
}

/// What an `Until` waits for: over the running design's picture.
#[derive(Debug)]
pub struct Condition {
    text: Compiled,
}

impl Condition {
    /// Reads and checks a text. The scope's first design is the one that runs.
    pub fn compile(text: &str, scope: &Scope) -> Result<Condition, ExpectError> {
        Ok(Condition { text: Compiled::new(text, scope, Root::Picture)? })
    }

    /// Whether it is true of this picture; none if something that it reads is not there (yet).
    pub fn holds(&self, picture: &Picture) -> Option<bool> {
        let sections = SECTIONS.iter().filter_map(|section| {
            let wanted = self.text.wanted.keys()?.get(*section)?;
            let json = section_to_json(picture, section, |name| {
                wanted.keys().is_none_or(|names| names.contains_key(name))
            });
            Some((section.to_string(), json))
        });
        let object = Value::Object(sections.collect::<Map<_, _>>());
        self.text.decide(&Source { object: &object, only_design: None })
    }
}

/// A text that was read and checked.
#[derive(Debug)]
struct Compiled {
    expression: IdedExpr,
    wanted: Wanted,
}

impl Compiled {
    fn new(text: &str, scope: &Scope, root: Root) -> Result<Compiled, ExpectError> {
        Compiled::read(text, scope, root).map_err(|error| error.within(text))
    }

    fn read(text: &str, scope: &Scope, root: Root) -> Result<Compiled, ExpectError> {
        let (mut expression, source) = text::parse(text)?;
        let wanted = Wanted::by(&expression);
        Checker::new(text, &source, scope, root).check(&mut expression)?;
        cost::check(text, &source, &expression)?;
        Ok(Compiled { expression, wanted })
    }

    fn decide(&self, source: &Source) -> Option<bool> {
        let reads = Reader::read(source, &self.expression);
        if reads.undecided().is_empty() { self.evaluate(source).ok() } else { None }
    }

    fn evaluate(&self, source: &Source) -> Result<bool, String> {
        /// CEL's own functions; making them takes longer than an evaluation.
        static FUNCTIONS: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
        let mut context = Context::with_env(Arc::clone(&FUNCTIONS));
        context.add_function(KEYS_IN_ORDER, keys_in_order).map_err(|error| error.to_string())?;
        for (name, wanted) in self.wanted.keys().into_iter().flatten() {
            if let Some(value) = source.get(name) {
                let value = cel::to_value(Entering(value, wanted)).map_err(|error| error.to_string())?;
                context.add_variable_from_value(name.clone(), value);
            }
        }
        match context.resolve(&self.expression) {
            Ok(cel::Value::Bool(truth)) => Ok(truth),
            Ok(_) => Err("it is neither true nor false".to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A map's keys, sorted; a list as it is.
fn keys_in_order(range: cel::Value) -> cel::Value {
    match range {
        cel::Value::Map(map) => {
            let mut keys: Vec<_> = map.map.keys().cloned().collect();
            keys.sort();
            cel::Value::List(Arc::new(keys.into_iter().map(cel::Value::from).collect()))
        }
        other => other,
    }
}

/// The text of a literal.
fn text_of(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// A key as a path has it after its first name: `.queue`, `['dealt out']`.
fn key_as_written(key: &str) -> String {
    let mut characters = key.chars();
    let starts = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if starts && characters.all(|c| c.is_ascii_alphanumeric() || c == '_') && key != "in" {
        format!(".{key}")
    } else {
        format!("['{}']", key.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

#[cfg(test)]
mod error_tests;
#[cfg(test)]
mod tests;
