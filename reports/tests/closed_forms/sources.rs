//! Producers whose messages come in bursts, or one by one as the last one was answered.

use crate::csv::Params;
use crate::scenario::{Scenario, count, facts, figure};
use crate::verdict::{Figure, drawn};
use redeliver_models::{Ended, Fact};

/// The share of the measured time in which the number of these changes, summed up, is above this.
fn share_of_time_above(ended: &Ended, most: i64, change: impl Fn(&Fact) -> i64) -> f64 {
    let (from, to) = ended.world.shared().window;
    let (from, to) = (from.seconds(), to.seconds());
    let changes = facts(ended).map(|(at, fact, _)| (at, change(&fact)));
    let (mut above, mut number, mut since) = (0.0, 0, from);
    for (at, change) in changes.chain([(to, 0)]) {
        let at = at.clamp(from, to);
        above += if number > most { at - since } else { 0.0 };
        (number, since) = (number + change, at);
    }
    above / (to - from)
}

/// A source that is on and off, and a consumer that is slower than its bursts. The row's fluid in portions: a message
/// is a hundred of its units.
pub(crate) fn bursts(params: &Params, seed: u64) -> Vec<Figure> {
    const UNITS: f64 = 100.0;
    let (on, off) = (params.number("on"), params.number("off"));
    let rate = params.number("r") / UNITS;
    let producer = format!(r#"schedule: OnOff(on: "exp({on}s)", off: "exp({off}s)", rate: "{rate}/s")"#);
    let consumer = format!(r#"work: "{}s""#, UNITS / params.number("c"));
    let scenario = Scenario::new(60_000, producer, consumer).design(r#"Udp(receive_buffer: "0 B")"#);
    let ended = scenario.recorded(seed);
    let value = scenario.consumer_figures(seed);
    let above = share_of_time_above(&ended, (20_000.0 / UNITS) as i64, |fact| match fact {
        Fact::Published { .. } => 1,
        Fact::Processed { .. } => -1,
        _ => 0,
    });
    // While there is any, the amount is memoryless.
    let (busy, mean) = (figure(&value, "utilisation"), figure(&value, "backlog/mean") * UNITS);
    vec![
        drawn("P_Q_gt_0", busy),
        drawn("P_Q_gt_20000", above),
        drawn("mean_Q", mean),
        drawn("theta", busy / mean),
    ]
}

/// Synchronous clients, and servers that keep nobody waiting: a client asks one after the other, and goes back to
/// thinking if all are busy. The work takes a second on average.
pub(crate) fn synchronous_clients(params: &Params, seed: u64) -> Vec<Figure> {
    let (clients, servers) = (params.number("N"), params.number("c"));
    let think = 1.0 / params.number("alpha_over_mu");
    let ended = Scenario::new(
        4_000,
        format!(r#"members: {clients}, schedule: Think("exp({think}s)")"#),
        format!(r#"members: {servers}, work: "exp(1s)""#),
    )
    .design(format!(r#"Webhook(attempts: {servers}, backoff: "0s", timeout: "1h", when_busy: Refuse)"#))
    .recorded(seed);
    let busy = share_of_time_above(&ended, servers as i64 - 1, |fact| match fact {
        Fact::Delivered { .. } => 1,
        Fact::Processed { .. } => -1,
        _ => 0,
    });
    let refused = count(&ended, |fact| matches!(fact, Fact::Removed { .. }));
    let asked = count(&ended, |fact| matches!(fact, Fact::Published { .. }));
    vec![drawn("time_congestion", busy), drawn("call_congestion", refused / asked)]
}
