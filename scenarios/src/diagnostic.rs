//! What is wrong with a scenario file: message, place, hint, and how it is shown.

use annotate_snippets::{AnnotationKind, Level, Patch, Renderer, Snippet};

/// Bytes `start..end` of the text that was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Place {
    /// The first byte.
    pub start: usize,
    /// The first byte after it.
    pub end: usize,
}

impl Place {
    /// The `length` bytes from `offset` on inside the content of this string literal, for what was found wrong in
    /// it. The whole literal where escapes make the offset unsure.
    pub fn inside_string(self, source: &str, offset: usize, length: usize) -> Place {
        let literal = &source[self.start..self.end];
        let quote = literal.find('"').unwrap_or(0);
        let start = self.start + quote + 1 + offset;
        let end = (start + length.max(1)).min(self.end);
        let raw = literal.starts_with('r');
        let sure = raw || !literal.contains('\\');
        if sure && start < end && source.is_char_boundary(start) && source.is_char_boundary(end) {
            Place { start, end }
        } else {
            self
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where; none if it is about the file as a whole.
    pub place: Option<Place>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What to write instead of the text at `place`, where that is known.
    pub fix: Option<String>,
}

impl Diagnostic {
    /// Something wrong with the file as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Diagnostic { message: message.into(), place: None, hint: None, fix: None }
    }

    /// It is here.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// This would help.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// This should stand there instead.
    pub fn fix(mut self, replacement: impl Into<String>) -> Self {
        self.fix = Some(replacement.into());
        self
    }

    /// Suggests the nearest of the known names, or lists them all if none is near.
    pub fn nearest<'a>(self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(wrong, known.iter().copied()) {
            Some(name) => {
                let hint = format!("did you mean `{name}`?");
                self.hint(hint)
            }
            None if known.is_empty() => self,
            None => {
                let listed: Vec<String> = known.iter().take(NAMES_LISTED).map(|k| format!("`{k}`")).collect();
                let more = if known.len() > NAMES_LISTED { ", …" } else { "" };
                self.hint(format!("known: {}{more}", listed.join(", ")))
            }
        }
    }
}

const NAMES_LISTED: usize = 30;

/// The known name that is most like this one, if any is like it at all.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for name in known {
        let name_lower = name.to_lowercase();
        // One slip of the pen is near, however short the name.
        let slip = strsim::damerau_levenshtein(&lower, &name_lower) <= 1 && lower.len() > 1;
        let similarity = strsim::jaro_winkler(&lower, &name_lower).max(if slip { 0.85 } else { 0.0 });
        if similarity > 0.8 && best.is_none_or(|(b, _)| similarity > b) {
            best = Some((similarity, name));
        }
    }
    best.map(|(_, name)| name)
}

/// All that is wrong with a file.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file's name.
    pub name: String,
    /// Its text, as it was read (with the changes that `--set` made).
    pub text: String,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// So many are shown, at most.
const SHOWN_MAX: usize = 20;

impl Report {
    pub(crate) fn new(name: &str, text: &str, mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by(|a, b| (a.place, &a.message).cmp(&(b.place, &b.message)));
        diagnostics.dedup();
        Report { name: name.into(), text: text.into(), diagnostics }
    }

    /// Line and column of a place, both from 1; columns count characters.
    pub fn line_and_column(&self, place: Place) -> (usize, usize) {
        let before = &self.text[..place.start.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The report as text, coloured for a terminal if asked.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let shown = self.diagnostics.iter().take(SHOWN_MAX);
        let mut blocks: Vec<String> = shown.map(|d| self.render_one(&renderer, d)).collect();
        if self.diagnostics.len() > SHOWN_MAX {
            blocks.push(format!("… and {} more", self.diagnostics.len() - SHOWN_MAX));
        }
        blocks.join("\n\n") + "\n"
    }

    fn render_one(&self, renderer: &Renderer, diagnostic: &Diagnostic) -> String {
        let Some(place) = diagnostic.place else {
            let mut text = format!("error: {}: {}", self.name, diagnostic.message);
            if let Some(hint) = &diagnostic.hint {
                text += &format!("\nhelp: {hint}");
            }
            return text;
        };
        // Only the line itself is handed over: a report costs the same in a long file.
        let start = place.start.min(self.text.len());
        let line_start = self.text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |i| start + i);
        let line = self.text[line_start..line_end].trim_end_matches('\r');
        let from = (start - line_start).min(line.len());
        let to = place.end.clamp(start, line_end).saturating_sub(line_start).clamp(from, line.len());
        let number = self.text[..line_start].matches('\n').count() + 1;
        let snippet = Snippet::source(line)
            .path(self.name.as_str())
            .line_start(number)
            .annotation(AnnotationKind::Primary.span(from..to));
        let mut groups = vec![Level::ERROR.primary_title(diagnostic.message.as_str()).element(snippet)];
        if let Some(hint) = &diagnostic.hint {
            let title = Level::HELP.secondary_title(hint.as_str());
            groups.push(match &diagnostic.fix {
                Some(fix) if place.end <= line_end => title.element(
                    Snippet::source(line)
                        .path(self.name.as_str())
                        .line_start(number)
                        .patch(Patch::new(from..to, fix.as_str())),
                ),
                _ => annotate_snippets::Group::with_title(title),
            });
        }
        renderer.render(&groups)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

/// Collects what is wrong while a plan is made.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Diagnostic>);

impl Findings {
    /// Notes something wrong at this place; the caller may add a hint to what is returned.
    pub(crate) fn refuse(&mut self, place: Place, message: impl Into<String>) {
        self.0.push(Diagnostic::new(message).at(place));
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Those from there on that say no place stand here.
    pub(crate) fn place_at(&mut self, from: usize, place: Place) {
        for finding in &mut self.0[from..] {
            finding.place.get_or_insert(place);
        }
    }

    /// Of those from here on, forgets what was found before in the same place.
    pub(crate) fn forget_repeated(&mut self, from: usize) {
        let (known, new) = self.0.split_at(from);
        let same = |a: &Diagnostic, b: &Diagnostic| a.place == b.place && a.message == b.message;
        let new: Vec<Diagnostic> =
            new.iter().filter(|a| !known.iter().any(|b| same(a, b))).cloned().collect();
        self.0.truncate(from);
        self.0.extend(new);
    }
}
