//! RabbitMQ's credit flow: how far a disk may lag behind its publishers.

use super::rabbitmq::RabbitMQ;
use super::settings::{Reader, Setting};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use redeliver_models::queue::{Credit, FlowConfig};

const CREDIT: &str = "credit_flow_default_credit";
const STORE: &str = "msg_store_credit_disc_bound";
const EMBEDDED: &str = "queue_index_embed_msgs_below";
const SOFT_LIMIT: &str = "quorum_commands_soft_limit";

impl RabbitMQ {
    /// Of a broker that is alone.
    pub(super) fn flow(
        &self,
        nodes: &[String],
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Option<FlowConfig> {
        if nodes.len() > 1 {
            for name in [CREDIT, STORE, EMBEDDED, SOFT_LIMIT] {
                if let Some(setting) = self.config.get(name) {
                    let diagnostic =
                        Diagnostic::new("credit flow of a cluster is not modelled yet").at(setting.place);
                    findings.push(diagnostic.hint(format!("leave `{name}` out, or have one node")));
                }
            }
            return None;
        }
        let credit = self.credit(CREDIT, &CREDIT_FLOW, assumptions, findings);
        let store = self.credit(STORE, &STORE_CREDIT, assumptions, findings);
        let mut reader = Reader { settings: &self.config, findings };
        let embedded = reader.size(EMBEDDED);
        let soft_limit = reader.count(SOFT_LIMIT, 1);
        Some(FlowConfig {
            credit,
            store,
            embedded_below: assumptions.pick(EMBEDDED, embedded, &EMBEDDED_BELOW),
            soft_limit: assumptions.pick(SOFT_LIMIT, soft_limit, &QUORUM_SOFT_LIMIT),
        })
    }

    /// A pair, as in `advanced.config`.
    fn credit(
        &self,
        name: &str,
        default: &Default<Credit>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Credit {
        let said = self.config.get(name).and_then(|setting| {
            let number = |setting: &Setting| match setting {
                Setting::Whole(number) => u32::try_from(*number).ok(),
                _ => None,
            };
            let credit = match &setting.value {
                Setting::List(pair) if pair.len() == 2 => number(&pair[0]).zip(number(&pair[1])),
                _ => None,
            };
            let credit = credit.map(|(initial, more_after)| Credit { initial, more_after });
            // With less at first than for a grant, nobody would be granted anything.
            let fine = |credit: &Credit| match credit.initial {
                0 => credit.more_after == 0,
                initial => (1..=initial).contains(&credit.more_after),
            };
            let credit = credit.filter(fine);
            if credit.is_none() {
                let message =
                    format!("`{name}` is the initial credit, and how much more for as many messages");
                let hint = format!(
                    "write `[{}, {}]`; the second is at most the first; `[0, 0]` is no limit",
                    default.value.initial, default.value.more_after
                );
                findings.push(Diagnostic::new(message).at(setting.place).hint(hint));
            }
            credit
        });
        let show = |credit: Credit| format!("{{{}, {}}}", credit.initial, credit.more_after);
        assumptions.text(name, said.map(show), &show(default.value), default.source);
        said.unwrap_or(default.value)
    }
}
