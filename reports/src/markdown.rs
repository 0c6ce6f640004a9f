//! `report.md`: what the page says, without its pictures.

use crate::answer::answer;
use crate::figures::Figure;
use crate::format;
use crate::replicate;
use crate::result::Verdict;
use crate::show::Findings;
use crate::summary::{self, Row};
use crate::witness;
use std::fmt::Write as _;

/// The report as Markdown.
pub fn markdown(findings: &Findings) -> String {
    let mut page = format!("# {}\n", plain(&findings.result.title));
    for (lead, text) in [
        ("Question", &findings.question),
        ("Look for", &findings.look_for),
        ("Note", &findings.note),
        ("Source", &findings.source),
    ] {
        if let Some(text) = text {
            let _ = write!(page, "\n**{lead}:** {}\n", plain(text));
        }
    }
    let _ = write!(page, "\n**{}**\n", plain(&answer(findings)));
    figures(&mut page, findings);
    guarantees(&mut page, findings);
    witnesses(&mut page, findings);
    expectations(&mut page, findings);
    requirements(&mut page, findings);
    assumptions(&mut page, findings);
    page
}

/// User's text as one line that Markdown leaves alone.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => escaped.push(' '),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '*' | '_' | '`' | '|' | '[' | ']' | '\\' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Code, fenced by more backticks than it has.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if longest > 0 { format!("{fence} {text} {fence}") } else { format!("{fence}{text}{fence}") }
}

fn table(page: &mut String, heading: &[String], rows: &[Vec<String>], numbers: bool) {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    page.push('\n');
    *page += &line(heading);
    let rule = |index: usize| if index > 0 && numbers { "---:" } else { "---" };
    let rules: Vec<String> = (0..heading.len()).map(|index| rule(index).to_string()).collect();
    *page += &line(&rules);
    for row in rows {
        *page += &line(row);
    }
}

fn figures(page: &mut String, findings: &Findings) {
    let rows = summary::rows(findings);
    let mut heading = vec!["figure".to_string()];
    heading.extend(rows.iter().map(|row| plain(&row.label())));
    let mut notes: Vec<String> = Vec::new();
    let mut lines = Vec::new();
    for figure in summary::figures_that_matter(&rows) {
        let mut line = vec![figure.name.to_string()];
        line.extend(rows.iter().map(|row| figure.show(row)));
        lines.push(line);
        notes.extend(rows.iter().filter_map(|row| near_default(figure, row)));
    }
    *page += "\n## Figures\n";
    if let Some(note) = replicate::sentence(findings) {
        let _ = write!(page, "\n{note}\n");
    }
    table(page, &heading, &lines, true);
    let causes =
        rows.iter().flat_map(Row::causes).map(|(place, what, causes)| format!("{place}, {what}: {causes}"));
    for (index, note) in notes.into_iter().chain(causes).enumerate() {
        let lead = if index == 0 { "\n" } else { "" };
        let _ = writeln!(page, "{lead}- {}", plain(&note));
    }
}

/// `p99 latency of log (45.2 s) is near …`.
fn near_default(figure: &Figure, row: &Row) -> Option<String> {
    let note = summary::default_note(summary::default_near(figure, row)?);
    Some(format!("{} of {} ({}) is {note}", figure.name, row.label(), figure.show(row)))
}

fn guarantees(page: &mut String, findings: &Findings) {
    let names = summary::guarantees(findings);
    if names.is_empty() {
        return;
    }
    let rows = summary::rows(findings);
    let mut heading = vec!["guarantee".to_string()];
    heading.extend(rows.iter().map(|row| plain(&row.label())));
    let cell = |row: &Row, name: &str| match row.guarantee(name) {
        Some(found) if found.verdict == Verdict::Broken => {
            format!("**broken** {}", format::times(found.count))
        }
        Some(found) => summary::verdict_words(found.verdict).to_string(),
        None => format::NONE.to_string(),
    };
    let line = |name: &&str| {
        std::iter::once(summary::guarantee_words(name))
            .chain(rows.iter().map(|row| cell(row, name)))
            .collect()
    };
    let lines: Vec<Vec<String>> = names.iter().map(line).collect();
    *page += "\n## Guarantees\n";
    table(page, &heading, &lines, false);
}

fn witnesses(page: &mut String, findings: &Findings) {
    let all = witness::all(findings);
    if !all.is_empty() {
        *page += "\n## Witnesses\n";
    }
    for shown in all {
        let _ = write!(page, "\n### {}\n\n{}\n", plain(&shown.title()), plain(&shown.witness.finding));
        if shown.timeline.is_empty() {
            page.push('\n');
            for fact in &shown.witness.facts {
                let _ = writeln!(page, "- {}", plain(fact));
            }
            continue;
        }
        let times: Vec<f64> = shown.timeline.iter().map(|line| line.time).collect();
        let line = |(line, time): (&crate::show::TimelineLine, String)| {
            let what = plain(&line.what);
            vec![time, plain(&line.who), if line.proof { format!("**{what}**") } else { what }]
        };
        let lines: Vec<Vec<String>> = shown.timeline.iter().zip(format::instants(&times)).map(line).collect();
        table(page, &["seconds".into(), "node".into(), "what".into()], &lines, false);
    }
}

fn expectations(page: &mut String, findings: &Findings) {
    let Some(sentence) = summary::expectations(findings) else { return };
    let _ = write!(page, "\n## Expectations\n\n{sentence}\n\n");
    for line in &findings.result.expect {
        let _ = writeln!(page, "- {}: {}", summary::verdict_words(line.verdict), code(&line.text));
        if line.verdict != Verdict::Holds {
            for read in &line.read {
                let _ = writeln!(page, "  - {}", code(read));
            }
        }
    }
}

fn requirements(page: &mut String, findings: &Findings) {
    let requirements = summary::requirements(findings);
    if requirements.is_empty() {
        return;
    }
    *page += "\n## Requirements\n\n";
    for requirement in requirements {
        let _ = writeln!(page, "- {}: {}", code(requirement.text), plain(&requirement.sentence()));
    }
}

fn assumptions(page: &mut String, findings: &Findings) {
    *page += "\n## Assumptions\n";
    for (name, design) in &findings.result.designs {
        let _ = write!(page, "\n### {}\n", plain(name));
        for fault in &design.does_not_apply {
            let _ = write!(page, "\nDoes not apply here: {}\n", code(fault));
        }
        if let Some(note) = design.skipped() {
            let _ = write!(page, "\nHere {note}.\n");
        }
        let line = |assumption: &crate::result::Assumption| {
            let origin = if assumption.default {
                format!("default: {}", assumption.source)
            } else {
                assumption.source.clone()
            };
            vec![code(&assumption.setting).replace('|', "\\|"), plain(&assumption.value), plain(&origin)]
        };
        let lines: Vec<Vec<String>> = design.assumptions.iter().map(line).collect();
        if !lines.is_empty() {
            table(page, &["setting".into(), "value".into(), "from".into()], &lines, false);
        }
        let _ = write!(page, "\nFingerprint `{}`.\n", design.fingerprint);
    }
    let _ =
        write!(page, "\nSeed {}, redeliver {}.\n", findings.result.seed, plain(&findings.result.redeliver));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn figure_11_2_as_markdown() {
        insta::assert_snapshot!(markdown(&sample::figure_11_2()), @r#"
        # Redelivery after a crash reorders messages

        **Question:** Which guarantee breaks when a worker dies holding a message?

        **Look for:** m3 is redelivered after m4 was processed: payment after shipment.

        **Note:** The log waits for its session to time out.

        **Source:** DDIA 1st ed., figure 11-2

        **queue (the baseline) broke the order per key, per producer and as stored once; log kept them, at a p99 of 45.2 s against 0.243 s.**

        ## Figures

        | figure | queue | log |
        | --- | ---: | ---: |
        | lost | 0 | 0 |
        | confirmed lost | 0 | 0 |
        | duplicates | 0 | 0 |
        | late per key | 1 | 0 |
        | late per producer | 1 | 0 |
        | late as stored | 1 | 0 |
        | p99 latency | 0.243 s | 45.2 s |
        | retention | – | – |
        | redeliveries | 1 | 1 |
        | backlog max | 2 | 2 |
        | p50 latency | 90 ms | 90 ms |
        | throughput | 50/s | 50/s |
        | utilisation | 80 % | 80 % |
        | processed | 5 | 5 |
        | addressed | 5 | 5 |
        | bytes sent | 12.4 kB | 12.4 kB |
        | bytes stored | 5 kB | 5 kB |
        | requests | 14 | 14 |

        - p99 latency of log (45.2 s) is near session\_timeout = 45s, a default (Kafka 4.1.1)

        ## Guarantees

        | guarantee | queue | log |
        | --- | --- | --- |
        | no loss | holds | holds |
        | no confirmed loss | holds | holds |
        | no duplicates | holds | holds |
        | order per key | **broken** once | holds |
        | order per producer | **broken** once | holds |
        | order as stored | **broken** once | holds |

        ## Witnesses

        ### Broken in queue: order per key, order per producer and order as stored

        m3 "Payment successful" took effect after m4 "Ship item"

        | seconds | node | what |
        | --- | --- | --- |
        | 0.012 | shop/1 | published m3 "Payment successful" |
        | 0.083 | broker/1 | delivered m3 to fulfilment/2, attempt 1 |
        | 0.114 | fulfilment/2 | crashed, holding m3 |
        | 0.115 | broker/1 | requeued m3 at its old position, before m5 |
        | 0.164 | fulfilment/1 | **processed m4 "Ship item"** |
        | 0.165 | broker/1 | delivered m3 to fulfilment/1, attempt 2 |
        | 0.246 | fulfilment/1 | **processed m3 "Payment successful"** |

        ## Expectations

        3 of 3 expectations hold.

        - holds: `designs.queue.consumers.fulfilment.order.key.late == 1`
        - holds: `designs.queue.consumers.fulfilment.lost.total == 0`
        - holds: `designs.log.consumers.fulfilment.order.key.late == 0`

        ## Assumptions

        ### queue

        | setting | value | from |
        | --- | --- | --- |
        | `prefetch` | 1 | scenario |
        | `reconnect_after` | 1s | default: Queue |

        Fingerprint `9f3c0d1e2a4b5c6d`.

        ### log

        | setting | value | from |
        | --- | --- | --- |
        | `partitions` | 1 | scenario |
        | `session_timeout` | 45s | default: Kafka 4.1.1 |

        Fingerprint `02468ace13579bdf`.

        Seed 42, redeliver 0.1.0.
        "#);
    }

    #[test]
    fn what_users_write_stays_text() {
        let page = markdown(&sample::hostile());
        assert!(!page.contains("<script>"));
        assert!(!page.contains("<b>"));
        assert_eq!(code("a ` b"), "`` a ` b ``");
    }
}
