//! What the terminal shows: the answer, the table, the first witnesses, who processed what, the expectations.

use crate::answer::answer;
use crate::figures::Figure;
use crate::format::{instants, listed, wrapped};
use crate::lanes;
use crate::replicate;
use crate::result::Verdict;
use crate::show::{Findings, TimelineLine};
use crate::summary::{self, Columns, Row};
use crate::witness;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, TableStyle};

/// A table has at most so many rows on a terminal.
const ROWS_MAX: usize = 24;
/// A timeline has at most so many lines on a terminal.
const LINES_MAX: usize = 12;

/// Prose is not wider than this.
const PROSE_MAX: usize = 120;
/// So many lines say where losses and duplicates come from.
const CAUSES_MAX: usize = 10;

/// How the terminal wants it.
#[derive(Clone, Copy, Debug)]
pub struct HumanOptions {
    /// ANSI colours (the caller respects `NO_COLOR`).
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// What `run` prints on a terminal.
pub fn human(findings: &Findings, options: HumanOptions) -> String {
    let mut page = Page { text: String::new(), color: options.color, width: options.width.clamp(40, 400) };
    page.paragraph(&answer(findings), 0, Ink::Strong);
    table(&mut page, findings);
    witnesses(&mut page, findings);
    who_processed_what(&mut page, findings);
    expectations(&mut page, findings);
    requirements(&mut page, findings);
    last_line(&mut page, findings);
    page.text
}

/// The text so far, and how to write it.
struct Page {
    text: String,
    color: bool,
    width: usize,
}

/// How a piece of text looks.
#[derive(Clone, Copy)]
enum Ink {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Open,
}

impl Page {
    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn inked(&self, text: &str, ink: Ink) -> String {
        let code = match ink {
            Ink::Plain => return text.into(),
            _ if !self.color => return text.into(),
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Open => "33",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Wrapped at the width; lines after the first are indented.
    fn paragraph(&mut self, text: &str, indent: usize, ink: Ink) {
        for (index, line) in wrapped(&clean(text), self.width.min(PROSE_MAX), indent).iter().enumerate() {
            let space = if index > 0 { " ".repeat(indent) } else { String::new() };
            let line = self.inked(line, ink);
            self.text += &format!("{space}{line}\n");
        }
    }
}

/// Without what would steer the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn table(page: &mut Page, findings: &Findings) {
    let rows = summary::rows(findings);
    if rows.is_empty() {
        return;
    }
    let columns = summary::columns(findings, &rows);
    let mut table = Table::new();
    let line = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(line));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(page.width).unwrap_or(400));
    match page.color {
        true => table.enforce_styling(),
        false => table.force_no_tty(),
    };
    let several = rows.iter().any(|row| row.label() != row.design);
    let first = if several { "design / subscription" } else { "design" };
    let heading = |write: &dyn Fn(&str) -> String| -> Vec<Cell> {
        let names = columns.shown.iter();
        let names = names.map(|figure| Cell::new(write(figure.name)).set_alignment(CellAlignment::Right));
        std::iter::once(Cell::new(first)).chain(names).collect()
    };
    table.set_header(heading(&str::to_string));
    let mut notes: Vec<String> = Vec::new();
    for row in rows.iter().take(ROWS_MAX) {
        let cells = columns.shown.iter().map(|figure| figure_cell(figure, row, &mut notes));
        let cells: Vec<Cell> = cells.collect();
        table.add_row(std::iter::once(Cell::new(clean(&row.label()))).chain(cells));
    }
    // Where it is too narrow, headings are broken between words before any name is.
    let needed: usize = table.column_max_content_widths().iter().map(|width| usize::from(*width) + 2).sum();
    if needed > page.width {
        table.set_header(heading(&|name| name.replace(' ', "\n")));
    }
    page.blank();
    for line in table.lines() {
        page.text += line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end());
        page.text.push('\n');
    }
    page.blank();
    table_notes(page, findings, &rows, &columns, &notes);
}

/// What stands below the table: where numbers come from, and what it left out.
fn table_notes(page: &mut Page, findings: &Findings, rows: &[Row], columns: &Columns, notes: &[String]) {
    if rows.len() > ROWS_MAX {
        page.paragraph(&format!("{} more rows are in the report.", rows.len() - ROWS_MAX), 0, Ink::Faint);
    }
    if let Some(note) = replicate::sentence(findings) {
        page.paragraph(&note, 0, Ink::Plain);
    }
    for (index, note) in notes.iter().enumerate() {
        page.paragraph(&format!("{} {note}.", mark(index)), 2, Ink::Plain);
    }
    for note in summary::left_out(columns, rows, " (in the report)") {
        page.paragraph(&note, 0, Ink::Faint);
    }
    for (name, design) in &findings.result.designs {
        if !design.does_not_apply.is_empty() {
            let faults = listed(&design.does_not_apply);
            page.paragraph(&format!("Does not apply to {name}: {faults}."), 2, Ink::Open);
        }
        if let Some(note) = design.skipped() {
            page.paragraph(&format!("{name}: {note}."), 2, Ink::Open);
        }
    }
    causes(page, rows);
}

/// `udp / fulfilment lost 412: network 412.`
fn causes(page: &mut Page, rows: &[Row]) {
    let lines: Vec<(String, &str, String)> = rows.iter().flat_map(Row::causes).collect();
    if !lines.is_empty() {
        page.blank();
        page.paragraph("Causes:", 0, Ink::Strong);
    }
    for (place, what, causes) in lines.iter().take(CAUSES_MAX) {
        page.paragraph(&format!("  {place}, {what}: {causes}"), 4, Ink::Plain);
    }
    if lines.len() > CAUSES_MAX {
        page.paragraph(&format!("  … {} more in the report", lines.len() - CAUSES_MAX), 4, Ink::Faint);
    }
}

/// A figure, with a mark where a default made it.
fn figure_cell(figure: &Figure, row: &Row, notes: &mut Vec<String>) -> Cell {
    let mut text = figure.show(row);
    if let Some(assumption) = summary::default_near(figure, row) {
        let note = summary::default_note(assumption);
        let index = notes.iter().position(|known| *known == note).unwrap_or_else(|| {
            notes.push(note);
            notes.len() - 1
        });
        text = format!("{text} {}", mark(index));
    }
    let bad = figure.is_breach() && figure.value(row).is_some_and(|value| value > 0.0);
    let cell = Cell::new(text).set_alignment(CellAlignment::Right);
    if bad { cell.fg(Color::Red) } else { cell }
}

/// The mark of a footnote.
fn mark(index: usize) -> String {
    const MARKS: [char; 9] = ['¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    MARKS.get(index).map_or_else(|| format!("({})", index + 1), char::to_string)
}

fn witnesses(page: &mut Page, findings: &Findings) {
    for shown in witness::firsts(findings) {
        page.blank();
        page.paragraph(&format!("{}.", shown.title()), 2, Ink::Bad);
        page.paragraph(&format!("{}:", shown.witness.finding.trim_end_matches(['.', ':'])), 2, Ink::Plain);
        if shown.timeline.is_empty() {
            for fact in shown.witness.facts.iter().take(LINES_MAX) {
                page.paragraph(&format!("  {fact}"), 4, Ink::Plain);
            }
            continue;
        }
        timeline(page, shown.timeline);
    }
}

/// `▸ 0.031  broker/1       delivered m3`; the facts that prove the finding are marked.
fn timeline(page: &mut Page, lines: &[TimelineLine]) {
    let lines = witness::shortened(lines, LINES_MAX);
    let times: Vec<f64> = lines.iter().map(|(_, line)| line.time).collect();
    let times = instants(&times);
    let time_width = times.iter().map(String::len).max().unwrap_or(0);
    let who_width = lines.iter().map(|(_, line)| line.who.chars().count()).max().unwrap_or(0);
    for ((skipped, line), time) in lines.iter().zip(&times) {
        if *skipped > 0 {
            page.paragraph(&format!("  … {skipped} more"), 4, Ink::Faint);
        }
        let mark = if line.proof { "▸" } else { " " };
        let space = " ".repeat(who_width - line.who.chars().count());
        let lead = format!("{mark} {time:>time_width$} s  {}{space}  ", line.who);
        let indent = lead.chars().count();
        let ink = if line.proof { Ink::Strong } else { Ink::Plain };
        let room = page.width.saturating_sub(indent).max(20);
        for (index, piece) in wrapped(&clean(&line.what), room, 0).iter().enumerate() {
            let lead = if index == 0 { lead.clone() } else { " ".repeat(indent) };
            let text = page.inked(&format!("{lead}{piece}"), ink);
            page.text += &format!("{text}\n");
        }
    }
}

fn who_processed_what(page: &mut Page, findings: &Findings) {
    for (index, (name, design)) in findings.result.designs.iter().enumerate() {
        for (consumer, figures) in &design.consumers {
            let Some(lanes) = lanes::lanes(figures, findings.designs.get(index)) else { continue };
            let place =
                if design.consumers.len() > 1 { format!("{name} / {consumer}") } else { name.clone() };
            let order = if lanes.ordered { "in this order" } else { "each in its own order" };
            page.blank();
            page.paragraph(&format!("Who processed what in {place}, {order}:"), 2, Ink::Strong);
            lane_lines(page, &lanes);
        }
    }
}

fn lane_lines(page: &mut Page, lanes: &lanes::Lanes) {
    let name_width = lanes.lanes.iter().map(|lane| lane.member.chars().count()).max().unwrap_or(0);
    let columns = lanes.lanes.iter().map(|lane| lane.processed.len()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lanes.lanes.iter().filter_map(|lane| lane.processed.get(column)?.as_ref());
        cells.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for lane in &lanes.lanes {
        let space = " ".repeat(name_width - lane.member.chars().count());
        let mut line = format!("  {}{space} ", lane.member);
        for (cell, width) in lane.processed.iter().zip(&widths) {
            let text = cell.as_deref().unwrap_or("·");
            let space = " ".repeat(width.saturating_sub(text.chars().count()));
            line += &format!(" {text}{space}");
        }
        if !lane.given.is_empty() {
            line += &format!("   ✕ given {} and did not process it", listed(&lane.given));
        }
        page.paragraph_kept(line.trim_end());
    }
}

impl Page {
    /// A line whose spaces mean something: cut off, never wrapped, where it is too long.
    fn paragraph_kept(&mut self, line: &str) {
        let long = line.chars().count() > self.width;
        let cut: String = clean(line).chars().take(self.width.saturating_sub(usize::from(long))).collect();
        self.text += &cut;
        self.text += if long { "…\n" } else { "\n" };
    }
}

fn expectations(page: &mut Page, findings: &Findings) {
    let Some(sentence) = summary::expectations(findings) else { return };
    let expect = &findings.result.expect;
    let all = expect.iter().all(|line| line.verdict == Verdict::Holds);
    page.blank();
    page.paragraph(&sentence, 0, if all { Ink::Good } else { Ink::Strong });
    for line in expect.iter().filter(|line| line.verdict != Verdict::Holds) {
        let ink = if line.verdict == Verdict::Broken { Ink::Bad } else { Ink::Open };
        let verdict = capital(summary::verdict_words(line.verdict));
        page.paragraph(&format!("  {verdict}: {}", line.text), 4, ink);
        for read in &line.read {
            page.paragraph(&format!("    {read}"), 6, Ink::Plain);
        }
    }
}

fn requirements(page: &mut Page, findings: &Findings) {
    let requirements = summary::requirements(findings);
    if requirements.is_empty() {
        return;
    }
    page.blank();
    page.paragraph("Required:", 0, Ink::Strong);
    for requirement in requirements {
        let ink = match (requirement.missed.is_empty(), requirement.open.is_empty()) {
            (false, _) => Ink::Bad,
            (true, false) => Ink::Open,
            (true, true) => Ink::Good,
        };
        page.paragraph(&format!("  {}: {}", requirement.text, requirement.sentence()), 4, ink);
    }
}

/// What it takes to make the same run again, and to see that it is the same.
fn last_line(page: &mut Page, findings: &Findings) {
    let designs = findings.result.designs.iter();
    let prints: Vec<String> =
        designs.map(|(name, design)| format!("{name} {}", design.fingerprint)).collect();
    page.blank();
    let line = format!("Seed {}. Fingerprints: {}.", findings.result.seed, prints.join(", "));
    page.paragraph(&line, 2, Ink::Faint);
}

/// With its first letter large.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn plain(findings: &Findings, width: usize) -> String {
        human(findings, HumanOptions { color: false, width })
    }

    #[test]
    fn figure_11_2_on_a_terminal() {
        insta::assert_snapshot!(plain(&sample::figure_11_2(), 80), @r#"
        queue (the baseline) broke the order per key, per producer and as stored once;
        log kept them, at a p99 of 45.2 s against 0.243 s.

        design   late per key   p99 latency
        ─────────────────────────────────────
        queue               1       0.243 s
        log                 0      45.2 s ¹

        ¹ near session_timeout = 45s, a default (Kafka 4.1.1).
        The same everywhere: lost 0, confirmed lost 0, duplicates 0.
        No retention window: nothing was deleted to make room.

        Broken in queue: order per key, order per producer and order as stored.
        m3 "Payment successful" took effect after m4 "Ship item":
          0.012 s  shop/1        published m3 "Payment successful"
          0.083 s  broker/1      delivered m3 to fulfilment/2, attempt 1
          0.114 s  fulfilment/2  crashed, holding m3
          0.115 s  broker/1      requeued m3 at its old position, before m5
        ▸ 0.164 s  fulfilment/1  processed m4 "Ship item"
          0.165 s  broker/1      delivered m3 to fulfilment/1, attempt 2
        ▸ 0.246 s  fulfilment/1  processed m3 "Payment successful"

        Who processed what in queue, in this order:
          fulfilment/1  ·  m2 m4 m3 m5
          fulfilment/2  m1 ·  ·  ·  ·    ✕ given m3 and did not process it

        Who processed what in log, each in its own order:
          fulfilment/1  m1 m2 ·    ✕ given m3 and did not process it
          fulfilment/2  m3 m4 m5

        3 of 3 expectations hold.

        Seed 42. Fingerprints: queue 9f3c0d1e2a4b5c6d, log 02468ace13579bdf.
        "#);
    }

    #[test]
    fn five_designs_on_a_terminal() {
        insta::assert_snapshot!(plain(&sample::five_designs(), 110), @r#"
        1 of 4 expectations is broken. In fulfilment all 5 designs broke a guarantee: udp lost 412 messages; webhook
        lost 3 messages, had 57 duplicates and broke the order per key 12 times; queue (the baseline) had 41
        duplicates and broke the order per key 96 times; queue-auto-ack lost 37 messages (all confirmed); log had 18
        duplicates.

        design / subscription         lost   confirmed lost   duplicates   late per key   p99 latency
        ───────────────────────────────────────────────────────────────────────────────────────────────
        udp / audit                      0                0            0              0          4 ms
        udp / fulfilment               412                0            0              0       12.1 ms
        webhook / audit                  0                0            0              0          4 ms
        webhook / fulfilment             3                0           57             12       5.3 s ¹
        queue / audit                    0                0            0              0          4 ms
        queue / fulfilment               0                0           41             96      31.2 s ²
        queue-auto-ack / audit           0                0            0              0          4 ms
        queue-auto-ack / fulfilment     37               37            0              0       0.211 s
        log / audit                      0                0            0              0          4 ms
        log / fulfilment                 0                0           18              0      44.8 s ³

        ¹ near timeout = 5s, a default (redeliver's own).
        ² near redeliver_after = 30s, a default (redeliver's own).
        ³ near session_timeout = 45s, a default (redeliver's own).
        No retention window: nothing was deleted to make room.
        Also different (in the report): processed.
        Does not apply to udp: Crash(node: "brokers", at: "20s").

        Causes:
          udp / fulfilment, lost: network 412 (shop#17, shop#34, shop#51, …)
          webhook / fulfilment, lost: network 3 (shop#17, shop#34, shop#51)
          webhook / fulfilment, duplicates: lost ack 57
          queue / fulfilment, duplicates: lost ack 41
          queue-auto-ack / fulfilment, lost: network 37 (shop#17, shop#34, shop#51, …)
          log / fulfilment, duplicates: lost ack 18

        Broken in udp / fulfilment: no loss.
        shop#17 was lost on the wire and nobody sent it again:
          0.012 s  shop/1    published m3 "Payment successful"
          0.083 s  broker/1  delivered m3 to fulfilment/2, attempt 1

        Broken in queue-auto-ack / fulfilment: no confirmed loss.
        shop#17 was lost on the wire and nobody sent it again:
          0.012 s  shop/1    published m3 "Payment successful"
          0.083 s  broker/1  delivered m3 to fulfilment/2, attempt 1

        Broken in webhook / fulfilment: no duplicates.
        shop#204 took effect twice: its ack was lost:
          0.114 s  fulfilment/2  crashed, holding m3
          0.115 s  broker/1      requeued m3 at its old position, before m5
        ▸ 0.164 s  fulfilment/1  processed m4 "Ship item"

        Broken in webhook / fulfilment: order per key.
        shop#311 took effect after shop#315, of the same key:
          0.012 s  shop/1        published m3 "Payment successful"
          0.083 s  broker/1      delivered m3 to fulfilment/2, attempt 1
          0.114 s  fulfilment/2  crashed, holding m3
          0.115 s  broker/1      requeued m3 at its old position, before m5
        ▸ 0.164 s  fulfilment/1  processed m4 "Ship item"
          0.165 s  broker/1      delivered m3 to fulfilment/1, attempt 2
        ▸ 0.246 s  fulfilment/1  processed m3 "Payment successful"

        1 of 4 expectations hold, 1 broken, 1 not decided, 1 not exercised.
          Broken: designs.queue.consumers.fulfilment.duplicates.total == 0
            designs.queue.consumers.fulfilment.duplicates.total = 41
          Not decided: designs.log.consumers.fulfilment.headroom.min > 3600.0
            designs.log.consumers.fulfilment.headroom.min = null
          Not exercised: designs.udp.consumers.audit.lost.confirmed == 0

        Required:
          latency.p99 < 2.0: met in udp / audit, udp / fulfilment, webhook / audit, queue / audit, queue-auto-ack /
            audit, queue-auto-ack / fulfilment and log / audit; missed in webhook / fulfilment, queue / fulfilment and
            log / fulfilment

        Seed 42. Fingerprints: udp 9e3779b97f4a7c15, webhook 3c6ef372fe94f82a, queue daa66d2c7ddf743f, queue-auto-ack
          78dde6e5fd29f054, log 1715609f7c746c69.
        "#);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [60, 80, 110] {
            for findings in [sample::figure_11_2(), sample::five_designs()] {
                for line in plain(&findings, width).lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn colours_only_when_asked_for() {
        let findings = sample::figure_11_2();
        let colourful = human(&findings, HumanOptions { color: true, width: 80 });
        assert!(colourful.contains('\u{1b}'));
        assert!(!plain(&findings, 80).contains('\u{1b}'));
    }
}
