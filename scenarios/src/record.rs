//! `record`: the recorded experiment that a story replays, or one for each of its designs. What is written here is
//! compared with the record by a test in `reports`; a run asks nothing of it.

use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Named, Placed};
use crate::plan::{PlannedDesign, Record};
use indexmap::IndexMap;
use serde::Deserialize;

/// The recorded experiment behind a story.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordText {
    /// The case's name, where the story has one design.
    pub case: Option<Placed<String>>,
    /// The case's name for each design, where there are several.
    #[serde(default)]
    pub cases: Named<Placed<String>>,
    /// For each observed field the path in the result that must equal it, or an expression; in every design.
    #[serde(default)]
    pub fields: Named<Placed<String>>,
    /// Observed fields that are not compared.
    #[serde(default)]
    pub untested: Vec<String>,
}

impl RecordText {
    /// The case of each design, and what is compared.
    pub(crate) fn plan(
        record: &Placed<RecordText>,
        designs: &IndexMap<String, PlannedDesign>,
        findings: &mut Findings,
    ) -> Record {
        Record {
            cases: record.cases(record, designs, findings),
            fields: record.fields.iter().map(|(name, path)| (name.into(), path.value.clone())).collect(),
            untested: record.untested.clone(),
        }
    }

    fn cases(
        &self,
        record: &Placed<RecordText>,
        designs: &IndexMap<String, PlannedDesign>,
        findings: &mut Findings,
    ) -> IndexMap<String, String> {
        let by_design = |case: &str| {
            let cases = designs.keys().map(|design| format!("\"{design}\": \"{case}\""));
            format!("cases: {{{}}}", cases.collect::<Vec<_>>().join(", "))
        };
        match &self.case {
            Some(case) if !self.cases.is_empty() => {
                let diagnostic = Diagnostic::new("`case` and `cases` say the same thing twice");
                findings.push(diagnostic.at(case.place).hint("leave one of them out"));
                IndexMap::new()
            }
            Some(case) if designs.len() > 1 => {
                let message =
                    format!("there are {} designs: which one tells `{}`?", designs.len(), case.value);
                let hint = format!("write `{}`", by_design(&case.value));
                findings.push(Diagnostic::new(message).at(case.place).hint(hint));
                IndexMap::new()
            }
            Some(case) => designs.keys().map(|design| (design.clone(), case.value.clone())).collect(),
            None => {
                self.check_designs(record, designs, &by_design("rabbit-A1-classic"), findings);
                self.cases.iter().map(|(design, case)| (design.into(), case.value.clone())).collect()
            }
        }
    }

    /// Every design tells a case, and every case has its design.
    fn check_designs(
        &self,
        record: &Placed<RecordText>,
        designs: &IndexMap<String, PlannedDesign>,
        example: &str,
        findings: &mut Findings,
    ) {
        if self.cases.is_empty() {
            let diagnostic = Diagnostic::new("the record names no case").at(record.place);
            findings.push(diagnostic.hint(format!("write `case: \"rabbit-A1-classic\"`, or `{example}`")));
            return;
        }
        for (name, place, _) in self.cases.sorted() {
            if !designs.contains_key(name) {
                let diagnostic = Diagnostic::new(format!("there is no design `{name}`")).at(place);
                findings.push(diagnostic.nearest(name, designs.keys().map(String::as_str)));
            }
        }
        for design in designs.keys().filter(|design| self.cases.get(design).is_none()) {
            let diagnostic = Diagnostic::new(format!("the design `{design}` has no case")).at(record.place);
            findings.push(diagnostic.hint(format!("add `\"{design}\": \"…\"` to `cases`, or leave it out")));
        }
    }
}
