//! What a publisher feels of a disk that lags, as timelines. A message every 10 ms; the disk stands still from 5 ms to 200 ms.
//! Credit is {4, 2}, the message store's {6, 3}, and a quorum queue's soft limit is 2.

use super::*;
use crate::queue::{Behaviour, Credit, FlowConfig};

const SMALL: FlowConfig = FlowConfig {
    credit: Credit { initial: 4, more_after: 2 },
    store: Credit { initial: 6, more_after: 3 },
    embedded_below: 4_096,
    soft_limit: 2,
};

/// How many messages the broker had when the publisher was held up, what came of it, and how much the broker held.
fn lagging(messages: u64, change: impl FnOnce(&mut Setup)) -> String {
    let stall = trouble("broker/1", Trouble::StallDisk, Some(195));
    let all = told(
        messages,
        |setup| {
            queue_of(setup).flow = Some(Box::new(SMALL));
            setup.consumers[0].members[0].joins = Span::seconds(1);
            setup.consumers[0].members.truncate(1);
            change(setup);
        },
        vec![fault_at(5, stall)],
    );
    let before = |time: &str| all.lines().filter(|l| *l < time && l.contains("broker/1 stored")).count();
    let shown = |line: &&str| line.contains("held up") || line.contains("goes on") && line.contains("shop");
    let lines: Vec<String> =
        all.lines().filter(shown).map(|line| format!("{line}, {} stored", before(line))).collect();
    format!("{}\nin all: {} stored", lines.join("\n"), before("9"))
}

fn size(bytes: u64) -> impl Fn(&mut Setup) {
    move |setup| setup.producers[0].size = Distribution::Constant(bytes)
}

fn quorum(setup: &mut Setup) {
    queue_of(setup).queues[0].behaviour = Behaviour::quorum(true, false);
}

/// The queue writes by itself: its channel sends it four, then reads four more in vain.
#[test]
fn small_messages_are_held_up_by_the_queue() {
    assert_snapshot!(lagging(30, |_| ()), @"
    0.082  shop/1  held up, 9 stored
    0.203  shop/1  goes on, 9 stored
    in all: 30 stored
    ");
}

/// Six until the store has no credit for more, four until the channel has none, four until its connection has none.
#[test]
fn great_ones_are_held_up_by_the_message_store() {
    assert_snapshot!(lagging(30, size(5_000)), @"
    0.142  shop/1  held up, 15 stored
    0.203  shop/1  goes on, 15 stored
    in all: 30 stored
    ");
}

#[test]
fn a_quorum_queue_blocks_the_channel_at_its_soft_limit() {
    assert_snapshot!(lagging(30, quorum), @"
    0.062  shop/1  held up, 7 stored
    0.203  shop/1  goes on, 7 stored
    in all: 30 stored
    ");
}

#[test]
fn without_credit_flow_nobody_is_held_up() {
    let off = |setup: &mut Setup| queue_of(setup).flow = None;
    assert_snapshot!(lagging(30, off), @"in all: 30 stored");
    let off = Credit { initial: 0, more_after: 0 };
    let unlimited =
        |setup: &mut Setup| queue_of(setup).flow = Some(Box::new(FlowConfig { credit: off, ..SMALL }));
    assert_snapshot!(lagging(30, unlimited), @"in all: 30 stored");
}

/// A disk that is slower than its publisher: 10 ms for a message of 100 bytes, which come every 2 ms.
#[test]
fn a_disk_that_is_too_slow_sets_the_pace() {
    let slow = |setup: &mut Setup| {
        let machine = MachineChange { disk_bandwidth: Some(1e4), ..MachineChange::default() };
        setup.machines.push((NodePattern::any(), machine));
        setup.producers[0].schedule = Schedule::Every(Span::millis(2));
        setup.faults.clear();
    };
    assert_snapshot!(lagging(20, slow), @"
    0.020  shop/1  held up, 10 stored
    0.076  shop/1  goes on, 11 stored
    0.078  shop/1  held up, 16 stored
    0.138  shop/1  goes on, 20 stored
    in all: 20 stored
    ");
}

/// The ninth message raises the memory alarm, too. A consumer that joins after so many milliseconds ends it.
#[test]
fn what_is_held_up_for_two_reasons_goes_on_when_both_have_ended() {
    let alarmed = |joins: u64| {
        move |setup: &mut Setup| {
            let machine = MachineChange { memory: Some(1_400), ..MachineChange::default() };
            setup.machines.push((NodePattern::any(), machine));
            setup.consumers[0].members[0].joins = Span::millis(joins);
        }
    };
    assert_snapshot!(lagging(12, alarmed(100)), @"
    0.082  shop/1  held up, 9 stored
    0.203  shop/1  goes on, 9 stored
    in all: 12 stored
    ");
    assert_snapshot!(lagging(12, alarmed(300)), @"
    0.082  shop/1  held up, 9 stored
    0.311  shop/1  goes on, 9 stored
    0.313  shop/1  held up, 10 stored
    0.318  shop/1  goes on, 11 stored
    0.318  shop/1  held up, 11 stored
    0.325  shop/1  goes on, 12 stored
    0.325  shop/1  held up, 12 stored
    0.332  shop/1  goes on, 12 stored
    in all: 12 stored
    ");
}

#[test]
fn a_publisher_that_dies_begins_anew() {
    let dies = |setup: &mut Setup| setup.faults.push(fault_at(150, crash("shop/1", Some(10))));
    assert_snapshot!(lagging(30, dies), @"
    0.082  shop/1  held up, 9 stored
    0.160  shop/1  held up, 9 stored
    0.162  shop/1  goes on, 9 stored
    in all: 23 stored
    ");
}
