//! What a publisher does with the confirms of what it has sent more than once, or not in their turn.

use crate::queue::Transport;
use crate::setup::{Design, FaultKind, NodePattern, Target};
use crate::testing::{consumer, fault_at, queue, setup, timeline};
use redeliver_sim::{Chance, Span, Trouble};

fn told(setup: &crate::setup::Setup) -> String {
    let lines = timeline(setup);
    let of_the_shop = |line: &&str| line.contains("  shop") && !line.contains("published");
    lines.lines().filter(of_the_shop).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_was_sent_twice_is_confirmed_twice_and_counts_once() {
    let mut config = queue();
    config.clients[0].1.confirm_timeout = Span::millis(25);
    let mut setup = setup(Design::Queue(config), 4);
    setup.consumers = vec![consumer("stock", 1, 1)];
    let target = Target::Nodes(NodePattern::Glob("broker/1".into()));
    let trouble = Trouble::StallDisk;
    setup.faults = vec![fault_at(5, FaultKind::Trouble { target, trouble, lasts: Some(Span::millis(50)) })];
    insta::assert_snapshot!(told(&setup), @"
    0.002  shop/1  confirmed shop#1
    0.035  shop/1  sent shop#2 again, attempt 2
    0.045  shop/1  sent shop#3 again, attempt 2
    0.055  shop/1  sent shop#4 again, attempt 2
    0.056  shop/1  confirmed shop#2
    0.056  shop/1  confirmed shop#3
    0.056  shop/1  confirmed shop#4
    ");
}

#[test]
fn a_confirm_finds_its_message_behind_one_that_is_still_open() {
    let mut config = queue();
    config.transport = Transport::Datagrams;
    config.clients[0].1.confirm_timeout = Span::millis(200);
    let mut setup = setup(Design::Queue(config), 6);
    setup.consumers = vec![consumer("stock", 1, 1)];
    setup.network.default.loss = Chance::new(0.3);
    insta::assert_snapshot!(told(&setup), @"
    0.002  shop/1  confirmed shop#1
    0.030  shop/1  lost shop#4 before it was stored: network
    0.040  shop/1  lost shop#5 before it was stored: network
    0.050  shop/1  lost shop#6 before it was stored: network
    0.210  shop/1  sent shop#2 again, attempt 2
    0.210  shop/1  lost shop#2 before it was stored: network
    0.220  shop/1  sent shop#3 again, attempt 2
    0.222  shop/1  confirmed shop#3
    0.230  shop/1  sent shop#4 again, attempt 2
    0.232  shop/1  confirmed shop#4
    0.240  shop/1  sent shop#5 again, attempt 2
    0.250  shop/1  sent shop#6 again, attempt 2
    0.250  shop/1  lost shop#6 before it was stored: network
    0.410  shop/1  sent shop#2 again, attempt 3
    0.410  shop/1  lost shop#2 before it was stored: network
    0.440  shop/1  sent shop#5 again, attempt 3
    0.442  shop/1  confirmed shop#5
    0.450  shop/1  sent shop#6 again, attempt 3
    0.610  shop/1  sent shop#2 again, attempt 4
    0.612  shop/1  confirmed shop#2
    0.650  shop/1  sent shop#6 again, attempt 4
    0.652  shop/1  confirmed shop#6
    ");
}
