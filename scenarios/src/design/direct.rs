//! `Udp(…)` and `Webhook(…)`: no broker between producer and consumer.

use super::queue::said_word;
use super::{Designed, Load};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::Placed;
use crate::units::{Duration, Size};
use redeliver_models::direct::{UdpConfig, WebhookConfig};
use redeliver_models::producer::StateChange;
use redeliver_models::setup;
use serde::Deserialize;

/// Datagrams from the producer to every receiver.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Udp {
    /// How the members of a subscription share. Default `RoundRobin`.
    pub share: Option<Share>,
    /// Bytes that a receiver's socket holds; 0 is no limit. Default `"212992 B"`. Linux: `SO_RCVBUF`.
    pub receive_buffer: Option<Size>,
}

/// Requests from the producer to every receiver, retried until answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// How the members of a subscription share. Default `RoundRobin`.
    pub share: Option<Share>,
    /// Without an answer for so long, an attempt has failed. Default `"10s"`.
    pub timeout: Option<Duration>,
    /// How many attempts, all counted. Default 6.
    pub attempts: Option<Placed<u32>>,
    /// Pause before the second attempt. Default `"10s"`.
    pub backoff: Option<Duration>,
    /// Each further pause is so many times the one before. Default 2.
    pub backoff_factor: Option<Placed<u32>>,
    /// Requests under way to one receiver, at most; 0 is no limit. Default 0.
    pub concurrency: Option<u32>,
    /// Requests that a receiver holds while it works; beyond, it answers with an error. 0 is no limit. Default 0.
    pub backlog: Option<Placed<u32>>,
    /// What a receiver does with a request that comes while it works. Default `Wait`.
    pub when_busy: Option<WhenBusy>,
}

/// What a receiver does with a request that comes while it works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum WhenBusy {
    /// The request waits, up to `backlog`.
    Wait,
    /// It is answered with an error at once.
    Refuse,
}

/// How the members of a subscription share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Share {
    /// One after the other.
    RoundRobin,
    /// By the message's key.
    ByKey,
    /// Each gets all: it is a subscription of its own, `group/n`.
    All,
}

impl Udp {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        let (share, consumers) = share(self.share, load, assumptions, findings);
        let said = self.receive_buffer.as_ref().map(|size| size.0);
        let receive_buffer = assumptions.pick("receive_buffer", said, &RECEIVE_BUFFER);
        let design = setup::Design::Udp(UdpConfig { share, receive_buffer });
        let declared = load.declared_queues(false, findings);
        Designed { design, declared, consumers, brokers: Vec::new() }
    }
}

impl Webhook {
    pub(crate) fn plan(
        &self,
        load: &Load<'_>,
        assumptions: &mut Assumptions,
        findings: &mut Findings,
    ) -> Designed {
        let (share, consumers) = share(self.share, load, assumptions, findings);
        for (name, field) in [("attempts", &self.attempts), ("backoff_factor", &self.backoff_factor)] {
            if let Some(field) = field
                && !(1..=1000).contains(&field.value)
            {
                let diagnostic = Diagnostic::new(format!("`{name}` must be from 1 to 1000")).at(field.place);
                findings.push(
                    diagnostic.hint("`attempts: 1` is a single try; `backoff_factor: 1` is an even pause"),
                );
            }
        }
        let span = |span: &Option<Duration>| span.as_ref().map(|span| span.0);
        let number = |number: &Option<Placed<u32>>| number.as_ref().map(|number| number.value);
        let config = WebhookConfig {
            share,
            timeout: assumptions.pick("timeout", span(&self.timeout), &WEBHOOK_TIMEOUT),
            attempts: assumptions.pick("attempts", number(&self.attempts), &WEBHOOK_ATTEMPTS),
            backoff: assumptions.pick("backoff", span(&self.backoff), &WEBHOOK_BACKOFF),
            backoff_factor: assumptions.pick(
                "backoff_factor",
                number(&self.backoff_factor),
                &WEBHOOK_BACKOFF_FACTOR,
            ),
            concurrency: assumptions.pick("concurrency", self.concurrency, &WEBHOOK_CONCURRENCY),
            backlog: self.plan_backlog(assumptions, findings),
        };
        let declared = load.declared_queues(false, findings);
        Designed { design: setup::Design::Webhook(config), declared, consumers, brokers: Vec::new() }
    }
}

impl Webhook {
    /// Requests that wait at a receiver, at most.
    fn plan_backlog(&self, assumptions: &mut Assumptions, findings: &mut Findings) -> Option<u32> {
        let refuses = said_word(assumptions, "when_busy", self.when_busy, WhenBusy::Wait, OUR_DEFAULT)
            == WhenBusy::Refuse;
        if !refuses {
            let said = self.backlog.as_ref().map(|backlog| backlog.value);
            let limit = assumptions.pick("backlog", said, &WEBHOOK_BACKLOG);
            return (limit > 0).then_some(limit);
        }
        if let Some(backlog) = self.backlog.as_ref().filter(|backlog| backlog.value > 0) {
            let diagnostic =
                Diagnostic::new("`backlog` says how many wait, and with `when_busy: Refuse` none does");
            findings.push(diagnostic.at(backlog.place).hint("leave one of the two out"));
        }
        Some(0)
    }
}

/// How members share, in the model's words. `All` splits them here, into one subscription each.
fn share(
    said: Option<Share>,
    load: &Load<'_>,
    assumptions: &mut Assumptions,
    findings: &mut Findings,
) -> (setup::Share, Vec<setup::Consumer>) {
    if load.producers.iter().any(|producer| producer.state_change != StateChange::Nothing) {
        let what = "`state_change` of a producer is not modelled for designs without a broker";
        findings.push(Diagnostic::new(what).hint("leave it out, or take a design with a broker"));
    }
    let consumers = load.consumers_of_topics(findings);
    match said_word(assumptions, "share", said, Share::RoundRobin, OUR_DEFAULT) {
        Share::RoundRobin => (setup::Share::RoundRobin, consumers),
        Share::ByKey => (setup::Share::ByKey, consumers),
        Share::All => (setup::Share::RoundRobin, consumers.iter().flat_map(split).collect()),
    }
}

fn split(consumer: &setup::Consumer) -> Vec<setup::Consumer> {
    let single = |(i, member): (usize, &setup::Member)| setup::Consumer {
        name: format!("{}/{}", consumer.name, i + 1),
        members: vec![member.clone()],
        ..consumer.clone()
    };
    consumer.members.iter().enumerate().map(single).collect()
}
