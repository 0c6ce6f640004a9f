//! `--set path=value`: changes a scenario's text before it is read. The value is spliced in where the old one stands,
//! or added where there was none, so that what is said about the new text points to something that can be seen.

use crate::diagnostic::Diagnostic;
use crate::tree::{Body, Kind, Node, parse};

/// The text with one value changed.
pub(crate) fn apply(text: &str, path: &str, value: &str) -> Result<String, Diagnostic> {
    let written = format!("--set {path}={value}");
    let steps = steps(path).ok_or_else(|| {
        Diagnostic::new(format!("{written}: this is no path"))
            .hint("write for example `--set designs.queue.prefetch=5`")
    })?;
    let tree = parse(text)?;
    let mut node = &tree;
    for (i, step) in steps.iter().enumerate() {
        match find(node, step) {
            Found::Here(inner) => node = inner,
            Found::Absent { names, is_map } => {
                let rest = &steps[i + 1..];
                let may_add = rest.is_empty() || (i == 0 && matches!(step.as_str(), "run" | "network"));
                if !may_add {
                    let message = format!("{written}: there is no `{step}`");
                    return Err(Diagnostic::new(message).nearest(step, names.iter().map(String::as_str)));
                }
                let mut added = literal(value, None);
                for name in rest.iter().rev() {
                    added = format!("({name}: {added})");
                }
                let name = if is_map { format!("{step:?}") } else { step.clone() };
                return Ok(insert(text, node, &format!("{name}: {added}")));
            }
            Found::Nothing(what) => {
                let message = format!("{written}: `{step}` is looked for in {what}");
                return Err(Diagnostic::new(message));
            }
        }
    }
    let place = node.place;
    Ok(format!("{}{}{}", &text[..place.start], literal(value, Some(node)), &text[place.end..]))
}

/// The steps of a path: `designs.queue.prefetch`, `faults[0].at` or `faults.0.at`, `nodes."shop/*".memory`.
fn steps(path: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = path.trim();
    while !rest.is_empty() {
        let (step, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let (step, after) = quoted.split_once('"')?;
            (step, after)
        } else if let Some(index) = rest.strip_prefix('[') {
            let (step, after) = index.split_once(']')?;
            (step.trim_matches(['"', '\'']), after)
        } else {
            rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()))
        };
        if step.is_empty() {
            return None;
        }
        steps.push(step.to_string());
        rest = match after.strip_prefix('.') {
            Some("") => return None,
            Some(after) => after,
            None if after.is_empty() || after.starts_with('[') => after,
            None => return None,
        };
    }
    (!steps.is_empty()).then_some(steps)
}

enum Found<'a> {
    Here(&'a Node),
    /// It could be added: these are there.
    Absent {
        names: Vec<String>,
        is_map: bool,
    },
    /// Nothing has a name or a number here.
    Nothing(&'static str),
}

fn find<'a>(node: &'a Node, step: &str) -> Found<'a> {
    match &node.kind {
        Kind::Group { body: Body::Fields(fields), .. } => {
            match fields.iter().find(|field| field.name == step) {
                Some(field) => Found::Here(&field.value),
                None => Found::Absent {
                    names: fields.iter().map(|field| field.name.clone()).collect(),
                    is_map: false,
                },
            }
        }
        Kind::Group { body: Body::Values(values), .. } if values.is_empty() => {
            Found::Absent { names: Vec::new(), is_map: false }
        }
        Kind::Map(entries) => {
            let is_it = |key: &Node| matches!(&key.kind, Kind::Text(name) if name == step);
            let name = |key: &Node| match &key.kind {
                Kind::Text(name) => Some(name.clone()),
                _ => None,
            };
            match entries.iter().find(|(key, _)| is_it(key)) {
                Some((_, value)) => Found::Here(value),
                None => Found::Absent {
                    names: entries.iter().filter_map(|(key, _)| name(key)).collect(),
                    is_map: true,
                },
            }
        }
        Kind::List(items) | Kind::Group { body: Body::Values(items), .. } => {
            match step.parse::<usize>().ok().and_then(|index| items.get(index)) {
                Some(item) => Found::Here(item),
                None => Found::Nothing("a list that has no such entry; they count from 0"),
            }
        }
        Kind::Group { body: Body::Bare, .. } => Found::Nothing("a bare word, which has no fields"),
        Kind::Flag(_) | Kind::Number(_) | Kind::Text(_) => {
            Found::Nothing("a plain value, which has no fields")
        }
    }
}

/// The value as RON, or as a text where it is none. A bare word that replaces a text is a text.
fn literal(value: &str, old: Option<&Node>) -> String {
    let value = value.trim();
    let replaces_text = old.is_some_and(|old| matches!(old.kind, Kind::Text(_)));
    match parse(value) {
        Ok(Node { kind: Kind::Group { name: Some(_), body: Body::Bare }, .. }) if replaces_text => {
            format!("{value:?}")
        }
        // The whole of it, so that nothing beside the value gets into the text.
        Ok(node) => value[node.place.start..node.place.end].to_string(),
        Err(_) => format!("{value:?}"),
    }
}

/// Adds an entry at the end of a group of fields or a map.
fn insert(text: &str, node: &Node, entry: &str) -> String {
    let last = match &node.kind {
        Kind::Group { body: Body::Fields(fields), .. } => fields.last().map(|field| field.value.place.end),
        Kind::Map(entries) => entries.last().map(|(_, value)| value.place.end),
        _ => None,
    };
    match last {
        Some(end) => format!("{}, {entry}{}", &text[..end], &text[end..]),
        None => {
            let close = node.place.end - 1;
            format!("{}{entry}{}", &text[..close], &text[close..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"(
    run: (duration: "10s"), // short
    title: "old",
    designs: {"queue": Queue(prefetch: 1, ack: Auto), "log": Log(), "topic a.b": Log(acks: None)},
    faults: [Crash(node: "a", at: "1s"),],
)"#;

    fn set(path: &str, value: &str) -> String {
        let new = match apply(TEXT, path, value) {
            Ok(new) => new,
            Err(diagnostic) => {
                return format!("{}; {}", diagnostic.message, diagnostic.hint.unwrap_or_default());
            }
        };
        assert!(parse(&new).is_ok(), "{new}");
        let changed = new.lines().zip(TEXT.lines()).find(|(new, old)| new != old);
        changed.map_or("nothing changed", |(new, _)| new.trim()).to_string()
    }

    #[test]
    fn a_value_is_replaced_or_added() {
        let all = [
            set("designs.queue.prefetch", "5"),
            set("run.duration", "20s"),
            set("title", "new"),
            set("title", "two \"words\""),
            set("run.drain", "1min"),
            set("network.latency", "exp(2ms)"),
            set("seed", "7"),
            set("designs.queue.ack", "AfterWork"),
            set("designs.log.partitions", "3"),
            set("designs.new", "Queue(prefetch: 2)"),
            set("designs.\"topic a.b\".acks", "All"),
            set("faults[0].at", "3s"),
            set("faults.0", "Reset(node: \"a\", at: \"1s\")"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        designs: {"queue": Queue(prefetch: 5, ack: Auto), "log": Log(), "topic a.b": Log(acks: None)},
        run: (duration: "20s"), // short
        title: "new",
        title: "two \"words\"",
        run: (duration: "10s", drain: "1min"), // short
        faults: [Crash(node: "a", at: "1s"),], network: (latency: "exp(2ms)"),
        faults: [Crash(node: "a", at: "1s"),], seed: 7,
        designs: {"queue": Queue(prefetch: 1, ack: AfterWork), "log": Log(), "topic a.b": Log(acks: None)},
        designs: {"queue": Queue(prefetch: 1, ack: Auto), "log": Log(partitions: 3), "topic a.b": Log(acks: None)},
        designs: {"queue": Queue(prefetch: 1, ack: Auto), "log": Log(), "topic a.b": Log(acks: None), "new": Queue(prefetch: 2)},
        designs: {"queue": Queue(prefetch: 1, ack: Auto), "log": Log(), "topic a.b": Log(acks: All)},
        faults: [Crash(node: "a", at: "3s"),],
        faults: [Reset(node: "a", at: "1s"),],
        "#);
    }

    #[test]
    fn a_wrong_path_is_refused() {
        let all = [
            set("desings.queue.prefetch", "5"),
            set("designs.quue.prefetch", "5"),
            set("designs.queue.prefetch.x", "5"),
            set("faults[1].at", "3s"),
            set("a..b", "3s"),
            set("", "3s"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        --set desings.queue.prefetch=5: there is no `desings`; did you mean `designs`?
        --set designs.quue.prefetch=5: there is no `quue`; did you mean `queue`?
        --set designs.queue.prefetch.x=5: `x` is looked for in a plain value, which has no fields; 
        --set faults[1].at=3s: `1` is looked for in a list that has no such entry; they count from 0; 
        --set a..b=3s: this is no path; write for example `--set designs.queue.prefetch=5`
        --set =3s: this is no path; write for example `--set designs.queue.prefetch=5`
        ");
    }
}
