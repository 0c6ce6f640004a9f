//! A space-time diagram as SVG: a vertical lane per node, time running down, an arrow per packet. Time is not to
//! scale: every instant has a row of its own, and longer gaps are cut and say how long they are.

use crate::format;
use crate::show::{Arrow, ArrowKind, Diagram, Mark, MarkKind};
use maud::{Markup, html};

const TOP: f64 = 46.0;
const LEFT: f64 = 96.0;
/// The sheet is so wide, unless that makes the lanes too close or too far apart.
const SHEET: f64 = 1080.0;
const ROW_MIN: f64 = 17.0;
const ROW_MAX: f64 = 46.0;
/// A gap so many times the usual one is cut.
const CUT: f64 = 6.0;
/// So many of the messages that share a sign are named.
const NAMED_MAX: usize = 3;
/// No more instants than this are drawn.
const INSTANTS_MAX: usize = 160;

/// The diagram, or nothing if it is empty.
pub(crate) fn diagram(diagram: &Diagram) -> Markup {
    let sheet = Sheet::new(diagram);
    if sheet.instants.is_empty() || diagram.lanes.is_empty() {
        return html! {};
    }
    let (width, height) = (sheet.width(), sheet.height());
    let lanes = (0..diagram.lanes.len()).map(|lane| sheet.x(lane)).collect();
    let mut labels = Labels { taken: Vec::new(), marks: Vec::new(), lanes };
    // Texts come last, so that no line crosses them; those of marks have no choice of place and take theirs first.
    let marks = together(&diagram.marks);
    let marks: Vec<(Markup, Markup)> = marks.iter().map(|mark| sheet.mark(mark, &mut labels)).collect();
    let arrows = merged(&diagram.arrows);
    let arrows: Vec<(Markup, Markup)> = arrows.iter().map(|arrow| sheet.arrow(arrow, &mut labels)).collect();
    html! {
        svg.diagram viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) role="img"
            aria-label=(format!("Space-time diagram around {}", diagram.message)) {
            (sheet.axis())
            (sheet.left_out())
            @for index in 0..diagram.lanes.len() { (sheet.lane(index)) }
            @for (line, _) in &arrows { (line) }
            @for (sign, _) in &marks { (sign) }
            @for (_, text) in arrows.iter().chain(&marks) { (text) }
        }
    }
}

/// What the signs mean.
pub(crate) fn legend() -> Markup {
    let arrow = |class: &str| {
        html! {
            svg.diagram width="44" height="14" aria-hidden="true" {
                line class=(format!("arrow {class}")) x1="2" y1="7" x2="34" y2="7" {}
                (head(34.0, 7.0, 42.0, 7.0, class))
            }
        }
    };
    let sign = |kind: MarkKind| {
        html! { svg.diagram width="20" height="16" aria-hidden="true" { (symbol(kind, 10.0, 8.0)) } }
    };
    html! {
        ul.legend {
            li { (arrow("message")) "message" }
            li { (arrow("message subject")) "the message it is about" }
            li { (arrow("again")) "sent or delivered again" }
            li { (arrow("reply")) "ack, confirm" }
            li { svg.diagram width="30" height="16" aria-hidden="true" {
                line.arrow.message x1="2" y1="8" x2="20" y2="8" {} (cross(22.0, 8.0, 5.0, "lost")) } "lost on the way" }
            li { (sign(MarkKind::Effect)) "effect" }
            li { (sign(MarkKind::Duplicate)) "effect again" }
            li { (sign(MarkKind::Late)) "effect in the wrong order" }
            li { (sign(MarkKind::Lost)) "message lost here" }
            li { (sign(MarkKind::Crash)) "crash" }
            li { (sign(MarkKind::Restart)) "restart" }
        }
    }
}

/// Where everything stands.
struct Sheet<'a> {
    diagram: &'a Diagram,
    /// Every instant at which something happens, ascending, with its height on the sheet.
    instants: Vec<(f64, f64)>,
    /// How many instants before and after were left out.
    left_out: (usize, usize),
    /// At which heights time was cut out, and how much.
    cuts: Vec<(f64, f64)>,
    pitch: f64,
    /// Room for the texts beside the last lane.
    right: f64,
}

impl<'a> Sheet<'a> {
    fn new(diagram: &'a Diagram) -> Self {
        let mut times: Vec<f64> = diagram.marks.iter().map(|mark| mark.time).collect();
        times.extend(
            diagram.arrows.iter().flat_map(|arrow| [Some(arrow.sent), arrow.arrived].into_iter().flatten()),
        );
        times.retain(|time| time.is_finite());
        times.sort_by(f64::total_cmp);
        times.dedup();
        let left_out = around_the_finding(diagram, &mut times);
        let gaps = || times.windows(2).map(|pair| pair[1] - pair[0]);
        let mut sorted: Vec<f64> = gaps().collect();
        sorted.sort_by(f64::total_cmp);
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
        let mut height = TOP + 16.0;
        let mut cuts = Vec::new();
        let mut instants = Vec::new();
        for (index, time) in times.iter().enumerate() {
            if let Some(before) = index.checked_sub(1).and_then(|index| times.get(index)) {
                let gap = time - before;
                let row = (gap / usual * ROW_MIN).clamp(ROW_MIN, ROW_MAX);
                if gap > CUT * usual {
                    cuts.push((height + row / 2.0, gap));
                }
                height += row;
            }
            instants.push((*time, height));
        }
        let last = diagram.lanes.len().saturating_sub(1);
        let marks = together(&diagram.marks);
        let texts = marks.iter().filter(|mark| mark.lane >= last).map(|mark| {
            let beside = marks.iter().filter(|other| other.lane == mark.lane && other.time == mark.time);
            beside.map(|other| text_width(&other.text) + 24.0).sum::<f64>()
        });
        let right = texts.fold(70.0, f64::max);
        let pitch = ((SHEET - LEFT - right) / last.max(1) as f64).clamp(110.0, 240.0);
        Sheet { diagram, instants, left_out, cuts, pitch, right }
    }

    fn width(&self) -> f64 {
        LEFT + self.right + self.pitch * (self.diagram.lanes.len() as f64 - 1.0)
    }

    fn bottom(&self) -> f64 {
        self.instants.last().map_or(TOP, |(_, height)| *height) + 22.0
    }

    fn height(&self) -> f64 {
        self.bottom() + 8.0
    }

    fn x(&self, lane: usize) -> f64 {
        LEFT + self.pitch * lane.min(self.diagram.lanes.len().saturating_sub(1)) as f64
    }

    /// None beyond what is drawn.
    fn y(&self, time: f64) -> Option<f64> {
        self.instants.iter().find(|(instant, _)| *instant == time).map(|(_, height)| *height)
    }

    /// Times at the left edge, and where time was cut out.
    fn axis(&self) -> Markup {
        let times: Vec<f64> = self.instants.iter().map(|(time, _)| *time).collect();
        let shown = format::instants(&times);
        html! {
            text.time x="52" y=(TOP - 22.0) text-anchor="end" { "seconds" }
            @for ((_, height), text) in self.instants.iter().zip(&shown) {
                text.time x="52" y=(height + 4.0) text-anchor="end" { (text) }
                line.tick x1="58" x2=(self.width() - self.right + 20.0) y1=(height) y2=(height) {}
            }
        }
    }

    /// Says what is not drawn.
    fn left_out(&self) -> Markup {
        let (before, after) = self.left_out;
        html! {
            @if before > 0 { text.time x="62" y=(TOP + 2.0) { (before) " earlier instants are not drawn" } }
            @if after > 0 { text.time x="62" y=(self.bottom() + 6.0) { (after) " later instants are not drawn" } }
        }
    }

    /// A node: a line that is broken while the node is down.
    fn lane(&self, lane: usize) -> Markup {
        let x = self.x(lane);
        let bottom = self.bottom();
        let mut pieces: Vec<(f64, f64, bool)> = Vec::new();
        let (mut from, mut up) = (TOP, true);
        for mark in self.diagram.marks.iter().filter(|mark| mark.lane == lane) {
            let Some(height) = self.y(mark.time) else { continue };
            match mark.kind {
                MarkKind::Crash => pieces.push((from, height, up)),
                MarkKind::Restart => pieces.push((from, height, up)),
                _ => continue,
            }
            from = height;
            up = mark.kind == MarkKind::Restart;
        }
        pieces.push((from, bottom, up));
        let name = self.diagram.lanes.get(lane).map_or("", String::as_str);
        html! {
            text.node x=(x) y=(TOP - 20.0) text-anchor="middle" { (name) }
            @for (from, to, up) in pieces {
                line class=(if up { "lane" } else { "lane down" }) x1=(x) x2=(x) y1=(from - if from == TOP { 12.0 } else { 0.0 }) y2=(to) {}
            }
            @for (height, gap) in &self.cuts {
                rect.cut x=(x - 5.0) y=(height - 3.0) width="10" height="6" {}
                path.cutline d=(format!("M{} {} l10 -4 M{} {} l10 -4", x - 5.0, height - 1.0, x - 5.0, height + 5.0)) {}
                @if lane == 0 {
                    text.gap x=(x - 10.0) y=(height + 4.0) text-anchor="end" { (format::seconds(*gap)) }
                }
            }
        }
    }

    /// The arrow, and its text.
    fn arrow(&self, arrow: &Arrow, labels: &mut Labels) -> (Markup, Markup) {
        let Some(from_y) = self.y(arrow.sent) else { return (html! {}, html! {}) };
        let (from_x, full_x) = (self.x(arrow.from), self.x(arrow.to));
        let arrived = arrow.arrived.and_then(|time| self.y(time));
        let (to_x, to_y) = match arrived {
            Some(height) => (full_x, height),
            None => (from_x + (full_x - from_x) * 0.55, from_y + ROW_MIN * 0.6),
        };
        let mut class = match arrow.kind {
            ArrowKind::Message => "message",
            ArrowKind::Again => "again",
            ArrowKind::Reply => "reply",
        }
        .to_string();
        if arrow.message == self.diagram.message && !self.diagram.message.is_empty() {
            class += " subject";
        }
        let (across, down) = (to_x - from_x, to_y - from_y);
        let length = (across * across + down * down).sqrt().max(1.0);
        let back = if arrived.is_some() { 9.0 / length } else { 0.0 };
        let (end_x, end_y) = (to_x - (to_x - from_x) * back, to_y - (to_y - from_y) * back);
        let (label_x, label_y) = labels.place(&arrow.text, |share| {
            (from_x + (to_x - from_x) * share, from_y + (to_y - from_y) * share - 5.0)
        });
        let line = html! {
            line class=(format!("arrow {class}")) x1=(number(from_x)) y1=(number(from_y)) x2=(number(end_x)) y2=(number(end_y)) {}
            @if arrived.is_some() { (head(end_x, end_y, to_x, to_y, &class)) } @else { (cross(to_x, to_y, 6.0, "lost")) }
        };
        let text = html! {
            text class=(format!("label {class}")) x=(number(label_x)) y=(number(label_y)) text-anchor="middle" { (arrow.text) }
        };
        (line, text)
    }

    /// The sign, and its text.
    fn mark(&self, mark: &Mark, labels: &mut Labels) -> (Markup, Markup) {
        let Some(height) = self.y(mark.time) else { return (html! {}, html! {}) };
        let (x, class) = (self.x(mark.lane), mark_class(mark.kind));
        // Behind the text of what happened here at the same time.
        let here = labels.marks.iter().filter(|(lane, at, _)| (*lane, *at) == (mark.lane, height));
        let text_x = here.map(|(.., end)| end + 16.0).fold(x + 12.0, f64::max);
        let width = text_width(&mark.text);
        labels.taken.push((text_x - 20.0, height + 4.0, width + 20.0));
        labels.marks.push((mark.lane, height, text_x + width));
        let text = html! {
            text class=(format!("label {class}")) x=(number(text_x)) y=(number(height + 4.0)) { (mark.text) }
        };
        (symbol(mark.kind, x, height), text)
    }
}

/// Keeps so many instants as can be drawn, most of them before the finding; says how many went before and after.
fn around_the_finding(diagram: &Diagram, times: &mut Vec<f64>) -> (usize, usize) {
    let all = times.len();
    if all <= INSTANTS_MAX {
        return (0, 0);
    }
    let finding = |mark: &&Mark| matches!(mark.kind, MarkKind::Late | MarkKind::Duplicate | MarkKind::Lost);
    let found = diagram.marks.iter().filter(finding).map(|mark| mark.time).reduce(f64::min);
    let at = found.and_then(|found| times.iter().position(|time| *time >= found)).unwrap_or(0);
    let first = at.saturating_sub(INSTANTS_MAX * 3 / 4).min(all - INSTANTS_MAX);
    times.drain(..first);
    times.truncate(INSTANTS_MAX);
    (first, all - first - INSTANTS_MAX)
}

/// Where labels stand already, so that the next finds room.
struct Labels {
    /// Left edge, base line, width.
    taken: Vec<(f64, f64, f64)>,
    /// Of the texts of marks: the lane, its height, where the text ends.
    marks: Vec<(usize, f64, f64)>,
    /// Where the lanes are, which no text should stand on.
    lanes: Vec<f64>,
}

impl Labels {
    /// The first place along the arrow where the text touches no other; the first of all if there is none.
    fn place(&mut self, text: &str, at: impl Fn(f64) -> (f64, f64)) -> (f64, f64) {
        let width = text_width(text);
        let places = [0.5, 0.6, 0.4, 0.7, 0.3, 0.78, 0.22, 0.86, 0.14];
        let free =
            places.iter().map(|share| at(*share)).find(|(x, y)| self.is_free(x - width / 2.0, *y, width));
        let (x, y) = free.unwrap_or_else(|| at(0.5));
        self.taken.push((x - width / 2.0, y, width));
        (x, y)
    }

    fn is_free(&self, x: f64, y: f64, width: f64) -> bool {
        let apart = |(left, base, other): &(f64, f64, f64)| {
            x + width < *left || left + other < x || (y - base).abs() >= 12.0
        };
        let off_lane = |lane: &f64| x + width + 3.0 < *lane || *lane + 3.0 < x;
        self.taken.iter().all(apart) && self.lanes.iter().all(off_lane)
    }
}

fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 7.0
}

/// What happens at one place at one time, in the same way, shares one text.
fn together(marks: &[Mark]) -> Vec<Mark> {
    let mut all: Vec<(Mark, usize)> = Vec::new();
    for mark in marks {
        let same = |other: &&mut (Mark, usize)| {
            (other.0.lane, other.0.kind) == (mark.lane, mark.kind) && other.0.time == mark.time
        };
        match all.iter_mut().find(same) {
            Some((known, count)) => {
                *count += 1;
                match *count {
                    ..=NAMED_MAX => known.text += &format!(", {}", mark.text),
                    count if count == NAMED_MAX + 1 => known.text += ", …",
                    _ => {}
                }
            }
            None => all.push((mark.clone(), 1)),
        }
    }
    all.into_iter().map(|(mark, _)| mark).collect()
}

/// Packets that leave and arrive together share one arrow.
fn merged(arrows: &[Arrow]) -> Vec<Arrow> {
    let mut merged: Vec<Arrow> = Vec::new();
    for arrow in arrows {
        let same = |known: &&mut Arrow| {
            (known.from, known.to, known.kind) == (arrow.from, arrow.to, arrow.kind)
                && known.sent == arrow.sent
                && known.arrived == arrow.arrived
                && known.message == arrow.message
        };
        match merged.iter_mut().find(same) {
            Some(known) => known.text = format!("{}, {}", known.text, arrow.text),
            None => merged.push(arrow.clone()),
        }
    }
    merged
}

/// An arrow head whose tip is at the second point.
fn head(from_x: f64, from_y: f64, to_x: f64, to_y: f64, class: &str) -> Markup {
    let (across_x, across_y) = ((to_y - from_y) * 0.45, (from_x - to_x) * 0.45);
    let points =
        [(to_x, to_y), (from_x + across_x, from_y + across_y), (from_x - across_x, from_y - across_y)];
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
    html! { polygon class=(format!("head {class}")) points=(points.join(" ")) {} }
}

fn cross(x: f64, y: f64, size: f64, class: &str) -> Markup {
    let (x, y) = (number(x - size), number(y - size));
    let whole = number(2.0 * size);
    html! { path class=(format!("cross {class}")) d=(format!("M{x} {y} l{whole} {whole} m-{whole} 0 l{whole} -{whole}")) {} }
}

fn mark_class(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Effect => "effect",
        MarkKind::Duplicate => "duplicate",
        MarkKind::Late => "late",
        MarkKind::Lost => "lost",
        MarkKind::Crash => "crash",
        MarkKind::Restart => "restart",
    }
}

/// The sign of a mark; shapes differ, not only colours.
fn symbol(kind: MarkKind, x: f64, y: f64) -> Markup {
    let class = format!("sign {}", mark_class(kind));
    match kind {
        MarkKind::Effect => html! { circle class=(class) cx=(x) cy=(y) r="5" {} },
        MarkKind::Duplicate => html! {
            circle class=(class) cx=(x) cy=(y) r="7" {}
            circle.sign.effect cx=(x) cy=(y) r="3" {}
        },
        MarkKind::Late => html! {
            path class=(class) d=(format!("M{x} {} l7 7 l-7 7 l-7 -7 z", y - 7.0)) {}
        },
        MarkKind::Lost => cross(x, y, 6.0, "lost"),
        MarkKind::Crash => html! {
            path class=(class) d=(format!("M{} {} h14 M{} {} l8 -8 m0 8 l-8 -8", x - 7.0, y + 6.0, x - 4.0, y + 2.0)) {}
        },
        MarkKind::Restart => html! {
            path class=(class) d=(format!("M{x} {} l7 11 h-14 z", y - 6.0)) {}
        },
    }
}

/// One digit after the point is finer than any screen.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn drawn(picture: &Diagram) -> String {
        diagram(picture).into_string()
    }

    #[test]
    fn lost_again_and_late_are_drawn() {
        let findings = sample::figure_11_2();
        let svg = findings.designs[0].diagram.as_ref().map(drawn).unwrap_or_default();
        for sign in ["cross lost", "arrow again subject", "sign late", "sign crash", "lane down", "4.79 s"] {
            assert!(svg.contains(sign), "{sign}");
        }
        assert!(!svg.contains("sign duplicate"));
        assert!(!svg.contains("not drawn"));
    }

    #[test]
    fn a_long_one_is_cut_around_the_finding() {
        let mark =
            |number: u32, kind| Mark { lane: 7, time: f64::from(number), text: format!("e{number};"), kind };
        let mut picture = Diagram { lanes: vec!["a".into()], ..Diagram::default() };
        picture.marks = (0..1000).map(|number| mark(number, MarkKind::Effect)).collect();
        picture.marks[500].kind = MarkKind::Late;
        picture.marks.push(Mark { time: f64::NAN, ..mark(1, MarkKind::Lost) });
        let svg = drawn(&picture);
        assert!(svg.contains("e500;"));
        assert!(svg.contains("380 earlier instants") && svg.contains("460 later instants"));
    }

    #[test]
    fn what_happens_at_once_is_not_written_over_itself() {
        let mark = |text: &str, kind| Mark { lane: 0, time: 1.0, text: text.into(), kind };
        let mut marks = vec![mark("crashed", MarkKind::Crash)];
        marks.extend(["m1", "m2", "m3", "m4", "m5"].map(|text| mark(text, MarkKind::Lost)));
        let svg = drawn(&Diagram { lanes: vec!["a".into()], marks, ..Diagram::default() });
        let place = |text: &str| {
            let before = svg.split_once(&format!(">{text}<")).map_or("", |(before, _)| before);
            let x = before.rsplit_once(" x=\"").map_or("", |(_, x)| x);
            x.split('"').next().and_then(|x| x.parse::<f64>().ok()).expect("it is drawn")
        };
        assert!(place("m1, m2, m3, …") >= place("crashed") + text_width("crashed"), "{svg}");
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(drawn(&Diagram::default()), "");
    }
}
