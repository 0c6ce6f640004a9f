//! Checks an expression before anything runs: that each path it reads is one of a result, that the names in it exist,
//! and that what it does with the values can be done. CEL itself finds such errors only while it evaluates, and then
//! lets many of them pass as `false`.

use super::kind::Kind;
use super::scope::{Scope, nearest};
use super::shape::{self, Shape, Whose};
use super::text::ExpectError;
use super::text_of;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};

/// What an expression may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// A whole result.
    Result,
    /// One subscription's figures.
    Subscription,
    /// The running design's picture.
    Picture,
}

/// The function that puts an object's keys in order before anything goes through them: a CEL map has none.
pub(super) const KEYS_IN_ORDER: &str = "@keys_in_order";

/// How many names a hint lists.
const SHOWN_MAX: usize = 16;

/// Goes through an expression.
pub(super) struct Checker<'a> {
    pub(super) text: &'a str,
    pub(super) source: &'a SourceInfo,
    pub(super) scope: &'a Scope,
    pub(super) root: Root,
    variables: Vec<(String, Kind)>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(text: &'a str, source: &'a SourceInfo, scope: &'a Scope, root: Root) -> Self {
        Checker { text, source, scope, root, variables: Vec::new() }
    }

    /// Checks a whole expression, which must be true or false, and puts the keys that it goes through in order.
    pub(super) fn check(&mut self, expression: &mut IdedExpr) -> Result<(), ExpectError> {
        match self.kind(expression)? {
            Kind::Truth | Kind::Unknown => Ok(()),
            kind => {
                let end = self.text.split("//").next().unwrap_or_default().trim_end().len();
                let start = self.text.len() - self.text.trim_start().len();
                Err(ExpectError::new(
                    format!("this is {}, not true or false", kind.noun()),
                    start,
                    end - start.min(end),
                )
                .hint(format!("compare it with something: `{} == …`", self.text[start.min(end)..end].trim())))
            }
        }
    }

    fn kind(&mut self, expression: &mut IdedExpr) -> Result<Kind, ExpectError> {
        let id = expression.id;
        match &mut expression.expr {
            Expr::Ident(name) => self.variable(name).map_or_else(|| self.root(id, name), Ok),
            Expr::Select(select) => {
                let operand = self.kind(&mut select.operand)?;
                let kind =
                    self.step(&operand, &select.operand, &select.field, self.field_span(id, &select.field))?;
                Ok(if select.test { Kind::Truth } else { kind })
            }
            Expr::Call(call) if call.func_name == operators::INDEX => self.index(&mut call.args),
            Expr::Call(call) => {
                let target = call.target.as_mut().map(|target| self.kind(target)).transpose()?;
                let arguments = call.args.iter_mut().map(|e| self.kind(e)).collect::<Result<Vec<_>, _>>()?;
                match target {
                    None if call.func_name.contains(['_', '@', '!']) && call.func_name != "exists_one" => {
                        self.operator(id, &call.func_name, &call.args, &arguments)
                    }
                    target => self.function(id, &call.func_name, target, &arguments),
                }
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                let kinds = list.elements.iter_mut().map(|e| self.kind(e)).collect::<Result<Vec<_>, _>>()?;
                Ok(Kind::List(Box::new(kinds.into_iter().reduce(Kind::or).unwrap_or(Kind::Unknown))))
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.kind(&mut entry.key)?;
                        self.kind(&mut entry.value)?;
                    }
                }
                Ok(Kind::Map)
            }
            Expr::Literal(literal) => Ok(match literal {
                LiteralValue::Boolean(_) => Kind::Truth,
                LiteralValue::Double(_) => Kind::Double,
                LiteralValue::Int(_) => Kind::Int,
                LiteralValue::String(_) => Kind::Text,
                LiteralValue::Null => Kind::Null,
                LiteralValue::Bytes(_) | LiteralValue::UInt(_) => {
                    return Err(self.error("a result holds no such value", id));
                }
            }),
            Expr::Struct(_) | Expr::Unspecified => Err(self.error("a result holds no such value", id)),
        }
    }

    fn variable(&self, name: &str) -> Option<Kind> {
        self.variables.iter().rev().find(|(variable, _)| variable == name).map(|(_, kind)| kind.clone())
    }

    /// The first name of a path.
    fn root(&self, id: u64, name: &str) -> Result<Kind, ExpectError> {
        let found = match self.root {
            Root::Subscription => shape::SUBSCRIPTION.at(name).map(|shape| (shape, None)),
            Root::Picture => shape::PICTURE.at(name).map(|shape| (shape, Some(0))),
            Root::Result => shape::RESULT.at(name).map(|shape| (shape, None)).or_else(|| {
                self.scope.only_design().and_then(|_| shape::DESIGN.at(name)).map(|shape| (shape, Some(0)))
            }),
        };
        if let Some((shape, design)) = found {
            return Ok(Kind::of(shape, design));
        }
        let error = |message: String| ExpectError::new(message, self.span(id).0, name.len());
        let in_a_design = shape::DESIGN.at(name).is_some();
        Err(match self.root {
            Root::Result if in_a_design => {
                let designs: Vec<_> = self.scope.designs.iter().map(|(design, _)| path_to(design, name)).collect();
                error(format!("`{name}` is part of a design, and there are {} of them", designs.len()))
                    .hint(format!("say which: `{}`", designs.join("`, `")))
            }
            Root::Picture if in_a_design || name == "designs" => {
                error(format!("`{name}` is not part of the picture that `Until` looks at"))
                    .hint("it looks at the present: `clients`, `queues`, `logs`, `groups`, `nodes`; the rest belongs under `expect`".to_string())
            }
            Root::Subscription if in_a_design || name == "designs" => {
                error(format!("`{name}` is not one of a subscription's figures"))
                    .hint("a requirement is asked of every subscription, such as `lost.confirmed == 0`".to_string())
            }
            _ => {
                let mut known = match self.root {
                    Root::Result => shape::RESULT.keys(),
                    Root::Subscription => shape::SUBSCRIPTION.keys(),
                    Root::Picture => shape::PICTURE.keys(),
                };
                if self.root == Root::Result && self.scope.only_design().is_some() {
                    known = [shape::DESIGN.keys(), known].concat();
                }
                let below = if self.root == Root::Subscription { shape::SUBSCRIPTION.way_to(name) } else { None };
                error(format!("there is no `{name}` in a {}", self.root.noun())).hint(suggestion(name, known, below))
            }
        })
    }

    /// A key of what `operand` is.
    fn step(
        &self,
        kind: &Kind,
        operand: &IdedExpr,
        key: &str,
        (offset, length): (usize, usize),
    ) -> Result<Kind, ExpectError> {
        match kind {
            Kind::Unknown | Kind::Map => Ok(Kind::Unknown),
            Kind::Object(shape @ Shape::Names(whose, inner), design) => {
                let Some(names) = self.scope.names(*whose, *design) else {
                    return Ok(Kind::of(inner, *design));
                };
                match names.iter().position(|name| *name == key) {
                    Some(place) if *whose == Whose::Design => Ok(Kind::of(inner, Some(place))),
                    Some(_) => Ok(Kind::of(shape.at(key).unwrap_or(inner), *design)),
                    None => {
                        let message = format!("there is no {} `{key}`", whose.noun());
                        Err(ExpectError::new(message, offset, length).hint(suggestion(key, names, None)))
                    }
                }
            }
            Kind::Object(shape, design) => match shape.at(key) {
                Some(inner) => Ok(Kind::of(inner, *design)),
                None => {
                    let message = format!("there is no `{key}` in `{}`", show(operand));
                    let hint = suggestion(key, shape.keys(), shape.way_to(key));
                    Err(ExpectError::new(message, offset, length).hint(hint))
                }
            },
            kind => {
                let message = format!("`{}` is {} and has no `{key}`", show(operand), kind.noun());
                Err(ExpectError::new(message, offset, length))
            }
        }
    }

    fn index(&mut self, arguments: &mut [IdedExpr]) -> Result<Kind, ExpectError> {
        let [operand, index] = arguments else { return Ok(Kind::Unknown) };
        let (of, by) = (self.kind(operand)?, self.kind(index)?);
        if let Some(key) = text_of(index)
            && !matches!(of, Kind::List(_))
        {
            let (start, end) = self.span(index.id);
            return self.step(&of, operand, key, (start, end - start));
        }
        match (of, by) {
            (Kind::List(inner), Kind::Int | Kind::Double | Kind::Unknown) => Ok(*inner),
            (Kind::Object(Shape::Names(whose, inner), design), Kind::Text | Kind::Unknown) => {
                Ok(Kind::of(inner, if *whose == Whose::Design { None } else { design }))
            }
            (Kind::Object(..), Kind::Text | Kind::Unknown) | (Kind::Unknown | Kind::Map, _) => {
                Ok(Kind::Unknown)
            }
            (of, by) => {
                let message =
                    format!("`{}` is {}; {} is no index into it", show(operand), of.noun(), by.noun());
                let error = self.error(&message, index.id);
                Err(match &index.expr {
                    Expr::Literal(LiteralValue::Int(number)) => {
                        error.hint(format!("write `{}['{}']`", show(operand), number.inner()))
                    }
                    _ => error,
                })
            }
        }
    }

    fn operator(
        &self,
        id: u64,
        operator: &str,
        arguments: &[IdedExpr],
        kinds: &[Kind],
    ) -> Result<Kind, ExpectError> {
        use Kind::{Double, Int, List, Null, Text, Truth, Unknown};
        match (operator, kinds) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => {
                for (argument, kind) in arguments.iter().zip(kinds) {
                    if !matches!(kind, Truth | Unknown) {
                        let message = format!("`{}` is {}, not true or false", show(argument), kind.noun());
                        return Err(self.error(&message, argument.id));
                    }
                }
                Ok(Truth)
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                if left.may_equal(right) {
                    return Ok(Truth);
                }
                let message = format!("{} never equals {}", left.noun(), right.noun());
                Err(self.error(&message, id))
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [l, r],
            ) => {
                if l.has_an_order() && r.has_an_order() && l.may_equal(r) {
                    return Ok(Truth);
                }
                Err(self.error(&format!("{} and {} have no order", l.noun(), r.noun()), id))
            }
            (operators::IN, [_, List(_) | Kind::Object(..) | Kind::Map | Unknown]) => Ok(Truth),
            (operators::IN, [_, right]) => Err(self.error(&format!("nothing is `in` {}", right.noun()), id)),
            (operators::CONDITIONAL, [Truth | Unknown, left, right]) => Ok(left.clone().or(right.clone())),
            (operators::NEGATE, [Double | Int | Unknown]) => Ok(kinds[0].clone()),
            (operators::ADD, [Text, Text]) => Ok(Text),
            (operators::ADD, [left @ List(_), right @ List(_)]) => Ok(left.clone().or(right.clone())),
            (operators::NOT_STRICTLY_FALSE, _) => Ok(Truth),
            (operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE, [Int, Int])
            | (operators::MODULO, [Int, Int]) => Ok(Int),
            (operators::MODULO, [Double | Int | Unknown, Double | Int | Unknown]) => Err(self
                .error("the result's numbers are doubles, which have no `%`", id)
                .hint("write `int(…) % 2`".to_string())),
            (_, [Double | Unknown, Double | Unknown]) => {
                Ok(if kinds[0] == Unknown { Unknown } else { Double })
            }
            (_, [Double | Unknown, Int]) => Err(self.whole_number(id, &arguments[1])),
            (_, [Int, Double | Unknown]) => Err(self.whole_number(id, &arguments[0])),
            (_, [Unknown, _] | [_, Unknown]) if !kinds.contains(&Null) => Ok(Unknown),
            _ => {
                let nouns: Vec<_> = kinds.iter().map(Kind::noun).collect();
                let sign = operator.trim_matches('_');
                Err(self.error(&format!("`{sign}` does not work on {}", nouns.join(" and ")), id))
            }
        }
    }

    /// A whole number beside a double in a calculation, for which CEL has no rule.
    fn whole_number(&self, id: u64, number: &IdedExpr) -> ExpectError {
        let error =
            self.error("the result's numbers are doubles; CEL does not reckon them with a whole number", id);
        let (start, end) = self.span(number.id);
        match (&number.expr, self.text.get(start..end), self.text.get(end..)) {
            (Expr::Literal(_), Some(digits), Some(rest)) if digits.parse::<i64>().is_ok() => {
                error.hint(format!("write `{}.0{rest}`", &self.text[..end])).at(start, end)
            }
            (Expr::Literal(_), ..) => error.hint(format!("write `{}.0`", show(number))),
            _ => error.hint(format!("write `double({})`", show(number))),
        }
    }

    fn function(
        &self,
        id: u64,
        name: &str,
        target: Option<Kind>,
        kinds: &[Kind],
    ) -> Result<Kind, ExpectError> {
        use Kind::{Double, Int, List, Map, Object, Text, Truth, Unknown};
        const FUNCTIONS: [&str; 14] = [
            "size",
            "contains",
            "startsWith",
            "endsWith",
            "string",
            "int",
            "double",
            "dyn",
            "has",
            "all",
            "exists",
            "exists_one",
            "map",
            "filter",
        ];
        match (name, target.as_ref(), kinds) {
            ("size", Some(of), []) | ("size", None, [of]) => match of {
                Text | List(_) | Object(..) | Map | Unknown => Ok(Int),
                of => Err(self.error(&format!("{} has no size", of.noun()), id)),
            },
            ("contains" | "startsWith" | "endsWith", Some(Text | Unknown), [Text | Unknown]) => Ok(Truth),
            ("contains", Some(List(_)), [_]) => {
                Err(self.error("`contains` is for texts", id).hint("write `x in list`".to_string()))
            }
            ("string", None, [Truth | Double | Int | Text | Unknown]) => Ok(Text),
            ("int", None, [Double | Int | Text | Unknown]) => Ok(Int),
            ("double", None, [Double | Int | Text | Unknown]) => Ok(Double),
            ("dyn", None, [_]) => Ok(Unknown),
            ("all" | "exists" | "exists_one" | "map" | "filter", _, _) => Err(self
                .error(&format!("`{name}` takes a name and what to do with it"), id)
                .hint(format!("such as `clients.c1.got.{name}(m, m != 'm1')`"))),
            (known, _, _) if FUNCTIONS.contains(&known) => {
                let of = target.iter().chain(kinds).map(Kind::noun).collect::<Vec<_>>().join(" and ");
                Err(self.error(
                    &format!("`{known}` does not work on {}", if of.is_empty() { "nothing" } else { &of }),
                    id,
                ))
            }
            (unknown, _, _) => {
                let hint = suggestion(unknown, FUNCTIONS.to_vec(), None);
                Err(self.error(&format!("there is no function `{unknown}`"), id).hint(hint))
            }
        }
    }

    /// What `all`, `exists`, `exists_one`, `map` and `filter` become.
    fn comprehension(&mut self, comprehension: &mut ComprehensionExpr) -> Result<Kind, ExpectError> {
        let range = self.kind(&mut comprehension.iter_range)?;
        let element = match range {
            Kind::List(inner) => *inner,
            Kind::Object(Shape::Object(_) | Shape::Names(..), _) | Kind::Map | Kind::Unknown => {
                put_keys_in_order(&mut comprehension.iter_range);
                if range == Kind::Unknown { Kind::Unknown } else { Kind::Text }
            }
            kind => {
                let message = format!(
                    "`{}` is {}; there is nothing in it",
                    show(&comprehension.iter_range),
                    kind.noun()
                );
                return Err(self.error(&message, comprehension.iter_range.id));
            }
        };
        let start = self.kind(&mut comprehension.accu_init)?;
        let depth = self.variables.len();
        self.variables.push((comprehension.accu_var.clone(), start));
        self.variables.push((comprehension.iter_var.clone(), element));
        let step = self.kind(&mut comprehension.loop_step);
        self.variables.truncate(depth);
        self.variables.push((comprehension.accu_var.clone(), step?));
        let result = self.kind(&mut comprehension.result);
        self.variables.truncate(depth);
        result
    }

    /// Where the token of an expression starts and ends, in bytes.
    fn span(&self, id: u64) -> (usize, usize) {
        let (start, stop) = self.source.offset_for(id).unwrap_or((0, 0));
        (start as usize, stop as usize + 1)
    }

    /// Where a field stands, whose expression is known by its dot.
    fn field_span(&self, id: u64, field: &str) -> (usize, usize) {
        let dot = self.span(id).0.min(self.text.len());
        let found = self.text.get(dot..).and_then(|rest| rest.find(field));
        (dot + found.unwrap_or(0), field.len())
    }

    fn error(&self, message: &str, id: u64) -> ExpectError {
        let (start, end) = self.span(id);
        ExpectError::new(message.to_string(), start, end - start)
    }
}

impl Root {
    fn noun(self) -> &'static str {
        match self {
            Root::Result => "result",
            Root::Subscription => "subscription's figures",
            Root::Picture => "picture",
        }
    }
}

fn put_keys_in_order(range: &mut IdedExpr) {
    let object = std::mem::take(range);
    range.id = object.id;
    range.expr = Expr::Call(cel::common::ast::CallExpr {
        func_name: KEYS_IN_ORDER.to_string(),
        target: None,
        args: vec![object],
    });
}

/// What to write instead of a name that there is not.
fn suggestion(typed: &str, known: Vec<&str>, below: Option<String>) -> String {
    match (nearest(typed, known.iter().copied()), below) {
        (Some(name), _) => format!("did you mean `{name}`?"),
        (None, Some(way)) => format!("did you mean `{way}`?"),
        (None, None) if known.is_empty() => "there is none".to_string(),
        (None, None) => {
            let more = if known.len() > SHOWN_MAX { ", …" } else { "" };
            format!("there is `{}`{more}", known[..known.len().min(SHOWN_MAX)].join("`, `"))
        }
    }
}

/// The path to a key of a design.
fn path_to(design: &str, key: &str) -> String {
    format!("designs{}.{key}", super::key_as_written(design))
}

/// A path as it was written, or nearly so.
fn show(expression: &IdedExpr) -> String {
    match &expression.expr {
        Expr::Ident(name) => name.clone(),
        Expr::Select(select) => format!("{}.{}", show(&select.operand), select.field),
        Expr::Call(call) if call.func_name == operators::INDEX && call.args.len() == 2 => {
            match (text_of(&call.args[1]), &call.args[1].expr) {
                (Some(key), _) => format!("{}{}", show(&call.args[0]), super::key_as_written(key)),
                (None, Expr::Literal(LiteralValue::Int(index))) => {
                    format!("{}[{}]", show(&call.args[0]), index.inner())
                }
                _ => format!("{}[{}]", show(&call.args[0]), show(&call.args[1])),
            }
        }
        Expr::Call(call) => match &call.target {
            Some(target) if call.args.is_empty() => format!("{}.{}()", show(target), call.func_name),
            _ => "…".to_string(),
        },
        Expr::Literal(LiteralValue::Int(number)) => number.inner().to_string(),
        Expr::Literal(LiteralValue::Double(number)) => number.inner().to_string(),
        Expr::Literal(LiteralValue::String(text)) => format!("'{}'", text.inner()),
        _ => "…".to_string(),
    }
}
