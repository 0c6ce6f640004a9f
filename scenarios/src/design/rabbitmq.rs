//! stub
use super::{Designed, Load};
use crate::assumptions::Assumptions;
use crate::diagnostic::{Findings, Place};
use serde::Deserialize;
/// stub
#[derive(Clone, Debug, Deserialize)]
pub struct RabbitMQ {}
impl RabbitMQ {
    pub(crate) fn plan(&self, _: Place, load: &Load<'_>, a: &mut Assumptions, f: &mut Findings) -> Designed {
        super::queue::Queue::default().plan(load, a, f)
    }
}
