//! A text becomes an expression, or an error that says where and what to write instead.

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::{ParseErrors, Parser};

/// What is wrong with a text, and where in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectError {
    /// What is wrong.
    pub message: String,
    /// Where it starts, in bytes from the start of the text.
    pub offset: usize,
    /// How long it is, in bytes.
    pub length: usize,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Parses a text that is not too long or deep for that.
pub(super) fn parse(text: &str) -> Result<(IdedExpr, SourceInfo), ExpectError> {
    refuse_at_sight(text)?;
    Parser::new().parse_with_source_info(text).map_err(|errors| syntax_error(text, &errors))
}

impl ExpectError {
    pub(super) fn new(message: String, offset: usize, length: usize) -> Self {
        ExpectError { message, offset, length, hint: None }
    }

    pub(super) fn hint(self, hint: String) -> Self {
        ExpectError { hint: Some(hint), ..self }
    }

    /// With its place inside the text, whatever the parser says.
    pub(super) fn within(self, text: &str) -> Self {
        let offset = text.floor_char_boundary(self.offset);
        let end = text.ceil_char_boundary(self.offset.saturating_add(self.length).min(text.len()));
        self.at(offset, end)
    }

    pub(super) fn at(self, start: usize, end: usize) -> Self {
        ExpectError { offset: start, length: end.saturating_sub(start), ..self }
    }
}

/// What is longer or deeper is refused before it is parsed: parsing and evaluating go as deep as the text.
const LENGTH_MAX: usize = 10_000;
const NESTING_MAX: usize = 16;
const STEPS_MAX: usize = 40;

fn refuse_at_sight(text: &str) -> Result<(), ExpectError> {
    if text.split("//").next().unwrap_or_default().trim().is_empty() {
        let hint = "write what should be true, such as `consumers.worker.lost.total == 0`".to_string();
        return Err(ExpectError::new("there is nothing here".to_string(), 0, text.len()).hint(hint));
    }
    if text.len() > LENGTH_MAX {
        let message = format!("this is longer than {LENGTH_MAX} bytes");
        return Err(ExpectError::new(message, 0, text.len()).hint("make several of it".to_string()));
    }
    match too_deep(text) {
        Some((offset, message)) => Err(ExpectError::new(message.to_string(), offset, 1)),
        None => Ok(()),
    }
}

/// Where brackets, conditions or steps one upon the other (`a.b.c`, `1 + 2 + 3`, `!!x`) exceed their limits. What is
/// joined by `&&`, `||` or a comma is not deep. Kinds of quotes that would mislead the count are not needed here.
fn too_deep(text: &str) -> Option<(usize, &'static str)> {
    let (mut nesting, mut steps, mut conditions) = (0_usize, 0_usize, 0_usize);
    let mut characters = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((offset, character)) = characters.next() {
        let rest = &text[offset..];
        match character {
            '\'' | '"'
                if before.is_alphanumeric() || rest.starts_with("'''") || rest.starts_with("\"\"\"") =>
            {
                return Some((offset, "write it in plain quotes: 'm1'"));
            }
            '\'' | '"' => skip_text(&mut characters, character),
            '/' if rest.starts_with("//") => while characters.next_if(|(_, c)| *c != '\n').is_some() {},
            '(' | '[' | '{' => (nesting, steps) = (nesting + 1, steps + 1),
            ')' | ']' | '}' => nesting = nesting.saturating_sub(1),
            '&' | '|' | ',' => steps = 0,
            '?' => conditions += 1,
            '.' | '+' | '-' | '*' | '/' | '%' | '!' | '<' | '>' | '=' => steps += 1,
            'i' if !before.is_alphanumeric() && token_at(rest) == "in" => steps += 1,
            _ => {}
        }
        if nesting > NESTING_MAX || steps > STEPS_MAX || conditions > NESTING_MAX {
            return Some((offset, "this is nested too deep; make several of it"));
        }
        before = character;
    }
    None
}

/// Goes behind the end of a text in quotes.
fn skip_text(characters: &mut impl Iterator<Item = (usize, char)>, quote: char) {
    while let Some((_, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            _ if character == quote => return,
            _ => {}
        }
    }
}

fn syntax_error(text: &str, errors: &ParseErrors) -> ExpectError {
    let from_grammar = |message: &str| message.starts_with("Syntax error");
    let first = errors.errors.iter().find(|error| from_grammar(&error.msg)).or(errors.errors.first());
    let Some(error) = first else {
        return ExpectError::new("this cannot be read".to_string(), 0, text.len());
    };
    let (line, column) = error.pos;
    let before: usize = text.split_inclusive('\n').take((line - 1).max(0) as usize).map(str::len).sum();
    let rest = &text[before..];
    let column = rest.char_indices().nth((column - 1).max(0) as usize).map_or(rest.len(), |(at, _)| at);
    let offset = before + column;
    let token = token_at(&text[offset..]);
    let message = match token {
        "" => "the text ends before it is complete".to_string(),
        _ if from_grammar(&error.msg) => format!("`{token}` cannot stand here"),
        _ => format!("this cannot be read: {}", error.msg),
    };
    let other_word = match token {
        "=" => "==",
        "and" | "AND" | "&" => "&&",
        "or" | "OR" | "|" => "||",
        "not" | "NOT" => "!",
        _ => return ExpectError::new(message, offset, token.len()),
    };
    ExpectError::new(message, offset, token.len()).hint(format!("write `{other_word}`"))
}

/// The word, or the sign, that a text starts with.
fn token_at(text: &str) -> &str {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    match text.chars().next() {
        Some(first) if word(first) => &text[..text.find(|c| !word(c)).unwrap_or(text.len())],
        Some(first) => &text[..first.len_utf8()],
        None => "",
    }
}
