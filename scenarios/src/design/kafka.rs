//! stub
use super::{Designed, Load};
use crate::assumptions::Assumptions;
use crate::diagnostic::Findings;
use serde::Deserialize;
/// stub
#[derive(Clone, Debug, Deserialize)]
pub struct Kafka {}
impl Kafka {
    pub(crate) fn plan(&self, load: &Load<'_>, a: &mut Assumptions, f: &mut Findings) -> Designed {
        super::log::Log::default().plan(load, a, f)
    }
}
