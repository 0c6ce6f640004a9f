//! Recorded values: `"empirical(delays.csv)"` stands for the values of a file next to the scenario, one a line, each
//! with its unit. The reader puts them in its place before anything else is made of the text's tree. An empty line and
//! one that begins with `#` are passed over, and so is a first line that begins with a letter: it is the header. Of
//! several columns the first is read.

use crate::defaults::FILE_BYTES_MAX;
use crate::diagnostic::Diagnostic;
use crate::tree::{Body, Kind, Node};
use crate::units::{parse_size, parse_span};
use redeliver_sim::{mix, name_hash};
use std::path::Path;

const OPENING: &str = "empirical(";
const EXAMPLE: &str = "write a value with its unit on each line: `12.5ms`";

/// Puts the values of files in the place of their names. Returns a hash of all that was read; 0 if nothing was.
pub(crate) fn insert(node: &mut Node, folder: Option<&Path>) -> Result<u64, Vec<Diagnostic>> {
    let (mut hash, mut wrong) = (0, Vec::new());
    visit(
        node,
        &mut |text| {
            let Some((name, span)) = file_named(text) else { return Ok(()) };
            let content = content(name, folder)?;
            let values = values(name, &content)?;
            hash = mix(hash ^ name_hash(&content));
            text.replace_range(span, &values.join(", "));
            Ok(())
        },
        &mut wrong,
    );
    if wrong.is_empty() { Ok(hash) } else { Err(wrong) }
}

/// The file that a text names, and where in the text.
fn file_named(text: &str) -> Option<(&str, std::ops::Range<usize>)> {
    let start = text.find(OPENING)? + OPENING.len();
    let end = start + text[start..].find(')')?;
    text[start..end].trim().ends_with(".csv").then_some((text[start..end].trim(), start..end))
}

fn visit(
    node: &mut Node,
    change: &mut impl FnMut(&mut String) -> Result<(), Diagnostic>,
    wrong: &mut Vec<Diagnostic>,
) {
    let place = node.place;
    match &mut node.kind {
        Kind::Text(text) => wrong.extend(change(text).err().map(|diagnostic| diagnostic.at(place))),
        Kind::List(nodes) | Kind::Group { body: Body::Values(nodes), .. } => {
            nodes.iter_mut().for_each(|node| visit(node, change, wrong));
        }
        Kind::Map(entries) => entries.iter_mut().for_each(|(_, value)| visit(value, change, wrong)),
        Kind::Group { body: Body::Fields(fields), .. } => {
            fields.iter_mut().for_each(|field| visit(&mut field.value, change, wrong));
        }
        Kind::Flag(_) | Kind::Number(_) | Kind::Group { body: Body::Bare, .. } => {}
    }
}

fn content(name: &str, folder: Option<&Path>) -> Result<String, Diagnostic> {
    let refused = |message: String, hint: &str| Err(Diagnostic::new(message).hint(hint));
    if name.contains(['/', '\\', ':']) {
        let hint = "put it next to the scenario, and write its name alone";
        return refused(format!("`{name}` is not the name of a file next to the scenario"), hint);
    }
    let Some(folder) = folder else {
        let hint = "write the values themselves: \"empirical(1ms, 2ms, 40ms)\"";
        return refused("there are no files next to this scenario".into(), hint);
    };
    let path = folder.join(name);
    match std::fs::metadata(&path) {
        Ok(about) if !about.is_file() => return refused(format!("`{name}` is no file"), EXAMPLE),
        Ok(about) if about.len() > FILE_BYTES_MAX as u64 => {
            return refused(format!("`{name}` is longer than 16 MiB"), "a sample of the values is enough");
        }
        _ => {}
    }
    match std::fs::read(&path).map(String::from_utf8) {
        Ok(Ok(content)) => Ok(content),
        Ok(Err(_)) => refused(format!("`{name}` is not UTF-8"), "save it as a text"),
        Err(error) => {
            refused(format!("`{name}` cannot be read: {error}"), "it is looked for next to the scenario")
        }
    }
}

fn values<'c>(name: &str, content: &'c str) -> Result<Vec<&'c str>, Diagnostic> {
    let mut values = Vec::new();
    for (number, line) in content.trim_start_matches('\u{feff}').lines().enumerate() {
        let value = line.split([',', ';', '\t']).next().unwrap_or_default().trim().trim_matches('"');
        let is_header = number == 0 && value.starts_with(char::is_alphabetic);
        if line.trim().is_empty() || line.starts_with('#') || is_header {
            continue;
        }
        if let (Err(wrong), Err(_)) = (parse_span(value), parse_size(value)) {
            let message = format!("`{name}`, line {}: {}", number + 1, wrong.message);
            return Err(Diagnostic::new(message).hint(EXAMPLE));
        }
        values.push(value);
    }
    if values.is_empty() {
        return Err(Diagnostic::new(format!("`{name}` holds no value")).hint(EXAMPLE));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, read};
    use redeliver_sim::Distribution;

    fn scenario(latency: &str) -> String {
        format!(
            r#"(
                format: 1, title: "Recorded",
                producers: {{"p": (publish: "t", schedule: Every("1ms"))}}, consumers: {{"c": (read: "t")}},
                network: (latency: "{latency}"),
                designs: {{"d": Udp()}},
            )"#
        )
    }

    fn latency(folder: &Path, latency: &str) -> Result<(Distribution, u64), String> {
        let options = Options { folder: Some(folder.into()), ..Options::default() };
        let plan = read("recorded.ron", &scenario(latency), &options).map_err(|report| {
            let diagnostic = &report.diagnostics[0];
            assert_eq!(report.line_and_column(diagnostic.place.expect("it is somewhere")).0, 4);
            diagnostic.message.clone()
        })?;
        Ok((plan.designs["d"].setup.network.default.latency.clone(), plan.text_hash))
    }

    #[test]
    fn the_values_of_a_file_stand_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let write = |name: &str, content: &str| {
            std::fs::write(folder.path().join(name), content).expect("a file can be written");
        };
        let latency = |text: &str| latency(folder.path(), text);
        write("a.csv", "delay,at\n3ms,1\n# a comment\n\n1ms,2\n2.5ms\n");
        let (found, hash) = latency("empirical(a.csv)").expect("it is read");
        assert_eq!(found, Distribution::Empirical(vec![1_000_000, 2_500_000, 3_000_000]));
        assert_eq!(found, latency("empirical(3ms, 1ms, 2.5ms)").expect("values are read").0);
        write("a.csv", "3ms\n1ms\n2.5ms\n4ms");
        assert_ne!(hash, latency("empirical(a.csv)").expect("it is read again").1);
        write("b.csv", "1ms\n2 parsecs\n");
        write("c.csv", "delay\n");
        write("d.csv", "1 kB\n");
        let wrong =
            ["b.csv", "c.csv", "d.csv", "../a.csv"].map(|name| latency(&format!("empirical({name})")));
        let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
        insta::assert_snapshot!(wrong.join("\n"), @r"
        `b.csv`, line 2: `parsecs` is no unit of a span of time
        `c.csv` holds no value
        `kB` is no unit of a span of time
        `../a.csv` is not the name of a file next to the scenario
        ");
        assert!(latency("empirical(e.csv)").is_err_and(|message| message.contains("`e.csv` cannot be read")));
    }

    #[test]
    fn a_text_by_itself_has_no_files() {
        let report =
            read("stdin", &scenario("empirical(a.csv)"), &Options::default()).expect_err("it has none");
        assert_eq!(report.diagnostics[0].message, "there are no files next to this scenario");
    }
}
