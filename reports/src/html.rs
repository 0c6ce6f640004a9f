//! `report.html`: one self-contained page. No network, no script, nothing that depends on the day it was made.

use crate::answer::answer;
use crate::charts::{self, COLOURS};
use crate::diagram;
use crate::figures::Figure;
use crate::format::{self, NONE};
use crate::lanes;
use crate::replicate;
use crate::result::{DesignResult, Guarantee, Verdict};
use crate::show::Findings;
use crate::summary::{self, Row};
use crate::witness;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The page's style sheet.
const STYLE: &str = include_str!("page.css");

/// The report as a page.
pub fn html(findings: &Findings) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (findings.result.title) }
                style { (PreEscaped(STYLE)) (PreEscaped(line_styles())) }
            }
            body {
                main {
                    (heading(findings))
                    (verdicts(findings))
                    (comparison(findings))
                    (diagrams(findings))
                    (witnesses(findings))
                    (who_processed_what(findings))
                    (over_time(findings))
                    (expectations(findings))
                    (requirements(findings))
                    (assumptions(findings))
                    (footer(findings))
                }
            }
        }
    };
    page.into_string()
}

/// Each design's colour and dash: plotters writes the colour, the style sheet makes it fit paper or screen.
fn line_styles() -> String {
    let dashes = ["none", "9 4", "3 3", "12 4 3 4", "6 2", "1 4", "14 5", "4 8"];
    let rule = |index: usize| {
        let (colour, dash) = (charts::colour(index), dashes[index % dashes.len()]);
        format!(
            ".chart polyline[stroke=\"{colour}\"],.chart line[stroke=\"{colour}\"]{{stroke:var(--c{index});stroke-dasharray:{dash}}}\
             .chart circle[fill=\"{colour}\"]{{fill:var(--c{index})}}\n"
        )
    };
    let rules: String = (0..COLOURS.len()).map(rule).collect();
    // Lines that are drawn apart need no dashes.
    rules + ".chart.apart polyline[stroke],.chart.apart line[stroke]{stroke-dasharray:none}\n"
}

fn heading(findings: &Findings) -> Markup {
    let expected = findings.result.expect.iter().any(|line| line.verdict == Verdict::Broken);
    let guarantees = findings.result.designs.values().flat_map(|design| design.guarantees.values());
    let verdicts: Vec<Verdict> = guarantees.flat_map(|all| all.values()).map(|found| found.verdict).collect();
    let tone = match () {
        () if expected || verdicts.contains(&Verdict::Broken) => "answer bad",
        () if verdicts.contains(&Verdict::Holds) => "answer good",
        () => "answer",
    };
    html! {
        header {
            h1 { (findings.result.title) }
            @if let Some(question) = &findings.question { p.question { (question) } }
            p class=(tone) { (answer(findings)) }
            dl.about {
                @if let Some(text) = &findings.look_for { dt { "Look for" } dd { (text) } }
                @if let Some(text) = &findings.note { dt { "Note" } dd { (text) } }
                @if let Some(text) = &findings.source { dt { "Source" } dd { (text) } }
                dt { "Designs" } dd { (format::listed(&findings.result.designs.keys().collect::<Vec<_>>())) }
            }
        }
    }
}

fn verdicts(findings: &Findings) -> Markup {
    let names = summary::guarantees(findings);
    let rows = summary::rows(findings);
    if names.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "What was kept, and what was not" }
            div.scroll {
                table.verdicts {
                    thead { tr { th {} @for name in &names { th { (summary::guarantee_words(name)) } } } }
                    tbody { @for row in &rows {
                        tr {
                            (row_heading(findings, row))
                            @for name in &names { (verdict_cell(row.guarantee(name))) }
                        }
                    } }
                }
            }
            p.note { "Not exercised: nothing in this run could have broken it." }
        }
    }
}

fn row_heading(findings: &Findings, row: &Row) -> Markup {
    let designs = &findings.result.designs;
    let baseline = designs.len() > 1 && designs.get_index_of(row.design) == Some(findings.baseline);
    html! { th { (row.label()) @if baseline { " " span.baseline { "baseline" } } } }
}

fn verdict_cell(found: Option<&Guarantee>) -> Markup {
    match found {
        None => html! { td.verdict.none { (NONE) } },
        Some(found) => match found.verdict {
            Verdict::Holds => html! { td.verdict.holds { "✓ holds" } },
            Verdict::Broken => html! { td.verdict.broken { "✕ broken " (format::times(found.count)) } },
            other => html! { td.verdict.open { "○ " (summary::verdict_words(other)) } },
        },
    }
}

fn comparison(findings: &Findings) -> Markup {
    let rows = summary::rows(findings);
    if rows.is_empty() {
        return html! {};
    }
    let columns = summary::columns(findings, &rows);
    let all = summary::figures_that_matter(&rows);
    let mut notes: Vec<String> = Vec::new();
    let cells: Vec<Vec<Markup>> = rows
        .iter()
        .map(|row| columns.shown.iter().map(|figure| figure_cell(figure, row, &mut notes)).collect())
        .collect();
    html! {
        section {
            h2 { "In figures" }
            div.scroll { table {
                thead { tr {
                    th {}
                    @for figure in &columns.shown { th.number { (figure.name) } }
                } }
                tbody { @for (row, cells) in rows.iter().zip(cells) {
                    tr { (row_heading(findings, row)) @for cell in cells { (cell) } }
                } }
            } }
            @for (index, note) in notes.iter().enumerate() {
                p.note { sup { (index + 1) } " " (note) "." }
            }
            @if let Some(note) = replicate::sentence(findings) { p.note { (note) } }
            @for note in summary::left_out(&columns, &rows, " (below)") { p.note { (note) } }
            @for (name, design) in &findings.result.designs {
                @for fault in &design.does_not_apply {
                    p.note { "Does not apply to " (name) ": " code { (fault) } }
                }
                @if let Some(note) = design.skipped() { p.note { (name) ": " (note) "." } }
            }
            details {
                summary { "All figures" }
                div.scroll { table {
                    thead { tr { th {} @for row in &rows { th.number { (row.label()) } } } }
                    tbody { @for figure in all {
                        tr { th { (figure.name) } @for row in &rows { td.number { (figure.show(row)) } } }
                    } }
                } }
                (causes(findings))
            }
        }
    }
}

fn figure_cell(figure: &Figure, row: &Row, notes: &mut Vec<String>) -> Markup {
    let note = summary::default_near(figure, row).map(summary::default_note);
    let mark = note.map(|note| {
        notes.iter().position(|known| *known == note).unwrap_or_else(|| {
            notes.push(note);
            notes.len() - 1
        })
    });
    let breach = figure.is_breach() && figure.value(row).is_some_and(|value| value > 0.0);
    let zero = figure.value(row) == Some(0.0);
    html! {
        td.number.breach[breach].zero[zero] { (figure.show(row)) @if let Some(mark) = mark { sup { (mark + 1) } } }
    }
}

/// What losses and duplicates came from, where there were any.
fn causes(findings: &Findings) -> Markup {
    let rows = summary::rows(findings);
    let lines: Vec<(String, &str, String)> = rows.iter().flat_map(|row| row.causes()).collect();
    html! {
        @if !lines.is_empty() {
            h3 { "Causes" }
            table { tbody { @for (place, what, causes) in lines {
                tr { th { (place) } td { (what) } td { (causes) } }
            } } }
        }
    }
}

fn over_time(findings: &Findings) -> Markup {
    let charts = charts::charts(findings);
    if charts.is_empty() {
        return html! {};
    }
    let several = charts.len() > 1;
    let name =
        |index: &usize| findings.result.designs.get_index(*index).map_or("", |(name, _)| name.as_str());
    html! {
        section {
            h2 { "Over time" }
            @if findings.designs.len() > COLOURS.len() {
                p.note { "The charts show the first " (COLOURS.len()) " designs." }
            }
            @if charts.iter().any(|chart| chart.designs.len() > charts::TOGETHER_MAX) {
                p.note { "One above the other, all on the same scale." }
            }
            @for chart in &charts {
                @if several { h3 { (chart.consumer) } }
                ul.legend.chart.apart[chart.designs.len() > charts::TOGETHER_MAX] { @for index in &chart.designs {
                    li {
                        svg width="40" height="10" aria-hidden="true" style="width:40px" {
                            line x1="1" x2="39" y1="5" y2="5" stroke-width="3" stroke=(charts::colour(*index)) {}
                        }
                        (name(index))
                    }
                } }
                div.charts {
                    @for (title, detail, svg) in [
                        ("Backlog", "messages waiting or in work", &chart.backlog),
                        ("Latency", "greatest, by the time of the effect", &chart.latency),
                    ] {
                        @if !svg.is_empty() {
                            figure.chart.apart[chart.designs.len() > charts::TOGETHER_MAX] { figcaption { b { (title) } ", " (detail) } (PreEscaped(svg)) }
                        }
                    }
                }
            }
        }
    }
}

fn diagrams(findings: &Findings) -> Markup {
    let names = findings.result.designs.keys();
    let shown = names.zip(&findings.designs).filter_map(|(name, show)| Some((name, show.diagram.as_ref()?)));
    let shown: Vec<_> = shown.collect();
    html! {
        @if !shown.is_empty() {
            section {
                h2 { "What happened" }
                (diagram::legend())
                @for (name, picture) in shown {
                    figure.wide {
                        figcaption {
                            b { (name) } ", around " b { (picture.message) }
                            ". Time runs down, a row per instant; it is not to scale, and cuts say how long they are."
                            @if picture.others_left_out { " What happened to other messages is left out." }
                        }
                        (diagram::diagram(picture))
                    }
                }
            }
        }
    }
}

fn witnesses(findings: &Findings) -> Markup {
    let all = witness::all(findings);
    html! {
        @if !all.is_empty() {
            section {
                h2 { "Why" }
                @for shown in all {
                    h3 { (shown.title()) }
                    p { (shown.witness.finding) }
                    @if shown.timeline.is_empty() {
                        ul { @for fact in &shown.witness.facts { li.mono { (fact) } } }
                    } @else {
                        (timeline(shown.timeline))
                    }
                }
            }
        }
    }
}

fn timeline(lines: &[crate::show::TimelineLine]) -> Markup {
    let times: Vec<f64> = lines.iter().map(|line| line.time).collect();
    html! {
        div.timeline.scroll { table { tbody {
            @for (line, time) in lines.iter().zip(format::instants(&times)) {
                tr.proof[line.proof] {
                    td.number.mono { (time) " s" }
                    td.mono { (line.who) }
                    td { (line.what) }
                }
            }
        } } }
    }
}

fn who_processed_what(findings: &Findings) -> Markup {
    let mut tables = Vec::new();
    for (index, (name, design)) in findings.result.designs.iter().enumerate() {
        for (consumer, figures) in &design.consumers {
            let Some(lanes) = lanes::lanes(figures, findings.designs.get(index)) else { continue };
            let place =
                if design.consumers.len() > 1 { format!("{name} / {consumer}") } else { name.clone() };
            tables.push(lane_table(&place, design, &lanes));
        }
    }
    html! {
        @if !tables.is_empty() {
            section {
                h2 { "Who processed what" }
                @for table in tables { (table) }
            }
        }
    }
}

fn lane_table(place: &str, design: &DesignResult, lanes: &lanes::Lanes) -> Markup {
    let about = |message: &str| design.witnesses.iter().any(|witness| witness.message == message);
    html! {
        h3 { (place) span.baseline { @if lanes.ordered { " in this order" } @else { " each in its own order" } } }
        div.scroll { table.lanes { tbody { @for lane in &lanes.lanes {
            tr {
                th { (lane.member) }
                @for cell in &lane.processed {
                    @match cell {
                        Some(message) => td.done.about[about(message)] { (message) },
                        None => td {},
                    }
                }
                td.note { @if !lane.given.is_empty() {
                    "✕ given " (format::listed(&lane.given)) " and did not process it"
                } }
            }
        } } } }
    }
}

fn expectations(findings: &Findings) -> Markup {
    let Some(sentence) = summary::expectations(findings) else { return html! {} };
    html! {
        section {
            h2 { "Expectations" }
            p { (sentence) }
            ul.plain { @for line in &findings.result.expect {
                li {
                    (badge(line.verdict)) " " code { (line.text) }
                    @if line.verdict != Verdict::Holds && !line.read.is_empty() {
                        ul { @for read in &line.read { li.mono { (read) } } }
                    }
                }
            } }
        }
    }
}

fn badge(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Holds => html! { span.badge.verdict.holds { "✓ holds" } },
        Verdict::Broken => html! { span.badge.verdict.broken { "✕ broken" } },
        other => html! { span.badge.verdict.open { "○ " (summary::verdict_words(other)) } },
    }
}

fn requirements(findings: &Findings) -> Markup {
    let requirements = summary::requirements(findings);
    html! {
        @if !requirements.is_empty() {
            section {
                h2 { "Requirements" }
                ul.plain { @for requirement in requirements {
                    li {
                        @if !requirement.missed.is_empty() { span.badge.verdict.broken { "✕ missed" } }
                        @else if !requirement.open.is_empty() { span.badge.verdict.open { "○ not decided" } }
                        @else { span.badge.verdict.holds { "✓ met" } }
                        " " code { (requirement.text) } " " (requirement.sentence())
                    }
                } }
            }
        }
    }
}

fn assumptions(findings: &Findings) -> Markup {
    html! {
        section {
            h2 { "Assumptions" }
            @for (name, design) in &findings.result.designs {
                details {
                    summary { (name) }
                    table {
                        thead { tr { th { "setting" } th { "value" } th { "from" } } }
                        tbody { @for assumption in &design.assumptions {
                            tr {
                                td { code { (assumption.setting) } }
                                td { (assumption.value) }
                                td { @if assumption.default { "default: " } (assumption.source) }
                            }
                        } }
                    }
                }
            }
        }
    }
}

fn footer(findings: &Findings) -> Markup {
    html! {
        footer {
            p { "Made by redeliver " (findings.result.redeliver) ", seed " (findings.result.seed) ". The same file, seed and version give the same page." }
            p { "Fingerprints: "
                @for (index, (name, design)) in findings.result.designs.iter().enumerate() {
                    @if index > 0 { ", " }
                    (name) " " code { (design.fingerprint) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_page_stands_alone() {
        for findings in [sample::figure_11_2(), sample::five_designs(), sample::hostile()] {
            let page = html(&findings);
            for foreign in ["http://", "https://", "<script", "src=", "@import", "url(", "<link"] {
                let own = page.matches(foreign).count();
                let escaped = page.matches(&format!("&lt;{}", foreign.trim_start_matches('<'))).count();
                let quoted = if foreign == "src=" { page.matches("&lt;img src=").count() } else { 0 };
                assert_eq!(own, quoted, "{foreign} {escaped}");
            }
        }
    }

    #[test]
    fn what_users_write_stays_text() {
        let page = html(&sample::hostile());
        assert!(page.contains("&lt;b&gt;"));
        assert!(page.contains("&lt;u&gt;m1"));
        for raw in ["<b></b>", "<script", "<img", "<i>shop", "<u>m1", "<b> "] {
            assert!(!page.contains(raw), "{raw}");
        }
    }

    #[test]
    fn the_same_findings_make_the_same_bytes() {
        assert_eq!(html(&sample::five_designs()), html(&sample::five_designs()));
    }

    /// For those who want to look: `WRITE_PAGES=DIR cargo test -p redeliver-reports`.
    #[test]
    #[allow(clippy::disallowed_methods)] // whoever starts it says where to
    fn pages_can_be_written() {
        let Some(folder) = std::env::var_os("WRITE_PAGES") else { return };
        for (name, findings) in [("small", sample::figure_11_2()), ("large", sample::five_designs())] {
            let path = std::path::Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(&path, html(&findings)).expect("the folder can be written to");
            let options = crate::human::HumanOptions { color: true, width: 80 };
            let text = crate::human::human(&findings, options);
            std::fs::write(path.with_extension("txt"), text).expect("the folder can be written to");
        }
    }

    #[test]
    fn every_tag_is_closed() {
        for findings in [sample::figure_11_2(), sample::five_designs(), sample::hostile()] {
            let page = html(&findings);
            let body = page.split_once("<body>").map_or("", |(_, body)| body);
            let mut open: Vec<&str> = Vec::new();
            for tag in body.split('<').skip(1) {
                let inside = tag.split('>').next().unwrap_or("");
                let name = inside.split([' ', '/', '\n']).find(|part| !part.is_empty()).unwrap_or("");
                match (inside.starts_with('/'), inside.ends_with('/')) {
                    (true, _) if open.last() == Some(&name) => drop(open.pop()),
                    (true, _) if open.is_empty() => assert!(["body", "html"].contains(&name)),
                    (true, _) => panic!("</{name}> closes {open:?}"),
                    (false, true) => {}
                    (false, false) => open.push(name),
                }
            }
            assert!(open.is_empty(), "{open:?}");
        }
    }
}
