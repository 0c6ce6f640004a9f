//! How clients of Mosquitto are set.

use super::mosquitto_names::CLIENT;
use super::queue::{Ack, ack_mode};
use super::settings::{Reader, Real};
use super::{Load, clients};
use crate::assumptions::Assumptions;
use crate::defaults::*;
use crate::diagnostic::{Diagnostic, Findings};
use crate::named::{Named, Placed};
use crate::units::Duration;
use redeliver_models::properties::Said;
use redeliver_models::queue::{AckMode, ClientConfig};
use redeliver_models::setup::{NodePattern, Role};
use redeliver_sim::Span;
use serde::Deserialize;

/// Settings of some clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The library, for the reader.
    pub library: Option<String>,
    /// When a consumer of a load acks. Default `AfterWork`.
    pub ack: Option<Placed<Ack>>,
    /// A client that lost its connection tries again after this long. Default `"1s"`.
    pub reconnect_after: Option<Duration>,
    /// Settings by their real names.
    #[serde(default)]
    pub config: Real,
}

/// The settings of all clients, merged.
pub(super) struct ClientSettings(Vec<(NodePattern, ClientConfig)>);

impl ClientSettings {
    /// The settings of this client.
    pub(super) fn of(&self, name: &str, role: Role) -> &ClientConfig {
        let found = self.0.iter().find(|(pattern, _)| pattern.matches(name, role));
        &found.expect("the last entry matches every client").1
    }

    /// The same, with what a story's clients call what they subscribe to.
    pub(super) fn named(self, load: &Load<'_>) -> Vec<(NodePattern, ClientConfig)> {
        let mut planned = Vec::new();
        for (index, name) in load.clients.iter().enumerate() {
            let filters = super::mosquitto::subscribed(load, index, 0);
            if filters.is_empty() {
                continue;
            }
            let aliases = filters.iter().map(|filter| (filter.shown(), name.clone())).collect();
            let settings = self.of(name, Role::Client).clone();
            planned.push((NodePattern::Glob(name.clone()), ClientConfig { aliases, ..settings }));
        }
        planned.into_iter().chain(self.0).collect()
    }
}

/// The settings of all clients.
pub(super) fn plan(
    typed: &Named<Client>,
    load: &Load<'_>,
    assumptions: &mut Assumptions,
    findings: &mut Findings,
) -> ClientSettings {
    let base = ClientConfig {
        node: 0,
        prefetch: 0,
        priority: 0,
        ack: AckMode::AfterWork,
        confirms: QOS.value > 0,
        window: PUBLISHER_INFLIGHT.value,
        // MQTT sends again when a client connects again, and never else.
        confirm_timeout: Span::seconds(100 * 365 * 86_400),
        retries: RETRIES.value,
        reconnect_after: MQTT_RECONNECT_AFTER.value,
        headers: Vec::new(),
        said: Said { qos: Some(QOS.value as u8), retain: Some(false), ..Said::default() },
        pulls: None,
        claims: None,
        keeps_failed: true,
        rereads: false,
        extend_every: None,
        clean_session: CLEAN_SESSION.value,
        manual_ack: MANUAL_ACK.value,
        aliases: Vec::new(),
    };
    assumptions.text("ack", None, "AfterWork", PAHO);
    assumptions.pick("qos", None, &QOS);
    assumptions.pick("clean_session", None, &CLEAN_SESSION);
    assumptions.pick("reconnect_after", None, &MQTT_RECONNECT_AFTER);
    for (_, client) in typed.iter() {
        CLIENT.check(&client.config, findings);
    }
    clients::check_globs(typed, load, findings);
    clients::assume(typed.iter().map(|(glob, client)| (glob, &client.config)), assumptions);
    let merged = clients::merge(typed, load, &base, |merged, client| client.apply(merged, findings));
    for (_, client) in typed.iter() {
        client.check(findings);
    }
    ClientSettings(merged)
}

impl Client {
    fn apply(&self, merged: &mut ClientConfig, findings: &mut Findings) {
        let mut reader = Reader { settings: &self.config, findings };
        if let Some(qos) = reader.whole("qos", 0, 2) {
            (merged.said.qos, merged.confirms) = (Some(qos as u8), qos > 0);
        }
        merged.clean_session = reader.flag("clean_session").unwrap_or(merged.clean_session);
        merged.manual_ack = reader.flag("manual_ack").unwrap_or(merged.manual_ack);
        merged.said.retain = reader.flag("retain").or(merged.said.retain);
        let window = reader.whole("max_inflight_messages", 0, i64::from(u16::MAX));
        merged.window = window.map_or(merged.window, |window| window as u32);
        merged.ack = self.ack.as_ref().map_or(merged.ack, |ack| ack_mode(ack.value));
        merged.reconnect_after = self.reconnect_after.as_ref().map_or(merged.reconnect_after, |span| span.0);
    }

    fn check(&self, findings: &mut Findings) {
        let Some(ack) = &self.ack else { return };
        let (message, hint) = match ack.value {
            Ack::TwoPhaseCommit => {
                ("MQTT takes part in no two-phase commit", "write `AfterWork` or `BeforeWork`")
            }
            Ack::Auto => ("MQTT has no `ack: Auto`", "messages at `\"qos\": 0` are not acknowledged"),
            Ack::AfterWork | Ack::BeforeWork => return,
        };
        findings.push(Diagnostic::new(message).at(ack.place).hint(hint));
    }
}
