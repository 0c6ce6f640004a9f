//! The text as a tree of values, each with its place. `ron` checks the syntax and says what is wrong with it; `ron2`
//! gives the tree, because `ron` keeps no places.

use crate::diagnostic::{Diagnostic, Place};
use ron2::ast::{Expr, FieldsBody, StructBody, StructField, TupleElement, parse_document};

/// A value of the file.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Flag(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// With or without a name: `Crash`, `Queue()`, `Every("1s")`, `(a: 1)`, `("c1", Ack())`.
    Group {
        name: Option<(String, Place)>,
        body: Body,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// No parentheses: the name alone.
    Bare,
    Values(Vec<Node>),
    Fields(Vec<Field>),
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

/// Values may stand in one another so deep. A scenario needs less than 20; the limit keeps a file of ten thousand
/// opening parentheses from using up the stack.
const DEPTH_MAX: usize = 100;

/// Reads the text, or says where its syntax is wrong.
pub(crate) fn parse(text: &str) -> Result<Node, Diagnostic> {
    let options = ron::Options::default().with_recursion_limit(DEPTH_MAX);
    if let Err(error) = options.from_str::<serde::de::IgnoredAny>(text) {
        return Err(syntax_error(text, &error));
    }
    let document = parse_document(text).map_err(|error| {
        let span = error.span();
        let place = Place { start: span.start_offset, end: span.end_offset };
        Diagnostic::new(error.to_string()).at(clip(place, text))
    })?;
    match &document.value {
        Some(value) => Ok(node(value)),
        None => {
            Err(Diagnostic::new("the file holds no value").hint("a scenario begins with `(` and `format: 1`"))
        }
    }
}

fn syntax_error(text: &str, error: &ron::error::SpannedError) -> Diagnostic {
    let offset = |position: &ron::error::Position| {
        let line_start: usize = text.split_inclusive('\n').take(position.line - 1).map(str::len).sum();
        let column = position.col.saturating_sub(1);
        line_start + text[line_start..].chars().take(column).map(char::len_utf8).sum::<usize>()
    };
    let (start, end) = (offset(&error.span.start), offset(&error.span.end));
    let message = match &error.code {
        ron::Error::ExceededRecursionLimit => {
            format!("values stand in one another more than {DEPTH_MAX} deep")
        }
        code => format!("not RON: {}", lower_first(&code.to_string())),
    };
    if matches!(error.code, ron::Error::Eof) || text[end.min(text.len())..].trim().is_empty() {
        let last = text.trim_end().len();
        let diagnostic = Diagnostic::new("the file ends before its value is complete");
        return diagnostic.at(Place { start: last, end: last }).hint("a `)`, `]`, `}` or `\"` is missing");
    }
    let place = clip(Place { start, end }, text);
    let diagnostic = Diagnostic::new(message).at(place);
    match &error.code {
        ron::Error::ExpectedComma => missing_comma(text, place, diagnostic),
        ron::Error::ExpectedMapColon => diagnostic.hint("a map's entry is `\"name\": value`"),
        _ => diagnostic,
    }
}

/// A comma is missing where the value before ended; or a unit stands without quotes: `80ms`.
fn missing_comma(text: &str, place: Place, diagnostic: Diagnostic) -> Diagnostic {
    let before = text[..place.start].trim_end();
    if before.len() == place.start {
        let number = before.rfind(|c: char| !c.is_ascii_digit() && c != '.').map_or(0, |i| i + 1);
        let rest = &text[place.start..];
        let unit = rest.find(|c: char| !c.is_alphanumeric() && c != '/' && c != '%').unwrap_or(rest.len());
        let end = place.start + unit;
        if number < place.start && unit > 0 && text[number..].starts_with(|c: char| c.is_ascii_digit()) {
            let fixed = format!("\"{}\"", &text[number..end]);
            let diagnostic = diagnostic.at(Place { start: number, end });
            return diagnostic.hint("a value with a unit stands in quotes").fix(fixed);
        }
        return diagnostic.hint("fields and values are separated by commas");
    }
    let place = Place { start: before.len(), end: before.len() };
    diagnostic.at(place).hint("fields and values are separated by commas").fix(",")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_lowercase().collect::<String>() + chars.as_str())
}

fn clip(place: Place, text: &str) -> Place {
    let mut start = place.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = place.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Place { start, end }
}

fn place(span: &ron2::error::Span) -> Place {
    Place { start: span.start_offset, end: span.end_offset }
}

fn node(expr: &Expr<'_>) -> Node {
    let kind = match expr {
        Expr::Unit(_) => Kind::Group { name: None, body: Body::Values(Vec::new()) },
        Expr::Bool(flag) => Kind::Flag(flag.value),
        Expr::Char(char) => Kind::Text(char.value.to_string()),
        Expr::Byte(byte) => Kind::Number(byte.value.to_string()),
        Expr::Number(number) => Kind::Number(number.raw.to_string()),
        Expr::String(string) => Kind::Text(string.value.clone()),
        Expr::Bytes(bytes) => Kind::Text(String::from_utf8_lossy(&bytes.value).into_owned()),
        Expr::Option(option) => {
            let start = place(&option.span).start;
            let word = |name: &str| (name.to_string(), Place { start, end: start + name.len() });
            match &option.value {
                None => Kind::Group { name: Some(word("None")), body: Body::Bare },
                Some(inner) => {
                    Kind::Group { name: Some(word("Some")), body: Body::Values(vec![node(&inner.expr)]) }
                }
            }
        }
        Expr::Seq(seq) => Kind::List(seq.items.iter().map(|item| node(&item.expr)).collect()),
        Expr::Map(map) => {
            Kind::Map(map.entries.iter().map(|entry| (node(&entry.key), node(&entry.value))).collect())
        }
        Expr::Tuple(tuple) => Kind::Group { name: None, body: values(&tuple.elements) },
        Expr::AnonStruct(fields) => Kind::Group { name: None, body: self::fields(&fields.fields) },
        Expr::Struct(group) => Kind::Group {
            name: Some((group.name.name.to_string(), place(&group.name.span))),
            body: match &group.body {
                None => Body::Bare,
                Some(StructBody::Tuple(tuple)) => values(&tuple.elements),
                Some(StructBody::Fields(FieldsBody { fields, .. })) => self::fields(fields),
            },
        },
        // The document was parsed without errors, so there is none in it.
        Expr::Error(_) => Kind::Group { name: None, body: Body::Values(Vec::new()) },
    };
    Node { place: place(expr.span()), kind }
}

fn values(elements: &[TupleElement<'_>]) -> Body {
    Body::Values(elements.iter().map(|element| node(&element.expr)).collect())
}

fn fields(fields: &[StructField<'_>]) -> Body {
    let field = |f: &StructField<'_>| Field {
        name: f.name.name.to_string(),
        place: place(&f.name.span),
        value: node(&f.value),
    };
    Body::Fields(fields.iter().map(field).collect())
}
