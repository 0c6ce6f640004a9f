//! Stories: `script` in the file.

use crate::diagnostic::Findings;
use crate::named::Placed;
use crate::nodes::Cast;
use crate::plan::Expression;
use crate::scenario::Scenario;
use redeliver_models::story::Script;
use serde::Deserialize;

/// One line of the story.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {}

#[derive(Default)]
pub(crate) struct Story {
    pub(crate) script: Option<Script>,
    pub(crate) conditions: Vec<Expression>,
    pub(crate) names: Vec<String>,
}
impl Story {
    pub(crate) fn clients(&self) -> Vec<String> {
        self.script.as_ref().map(|s| s.clients.clone()).unwrap_or_default()
    }
    pub(crate) fn check_nodes(&mut self, _: &[Cast], _: &mut Findings) {}
}
pub(crate) fn plan(_lines: &[Placed<Line>], _: &Scenario, _: &mut Findings) -> Story {
    Story::default()
}
