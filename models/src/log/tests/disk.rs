//! What torn and damaged records do to a log.

use super::*;

#[test]
fn half_a_record_is_cut_off_with_all_that_no_sync_had_covered_behind_it() {
    let lost = |acks: Acks| {
        let mut setup = setup(20, with_client(|client| client.acks = acks), consumer(1, 1000));
        let target = Target::Nodes(NodePattern::Glob("broker/1".into()));
        setup
            .faults
            .push(fault_at(165, FaultKind::TornWrite { target, restart_after: Some(Span::millis(10)) }));
        let ended = run(&setup, Recorder::Off);
        let confirmed = ended.world.checks().subscriptions[0].ledger.lost_confirmed;
        format!("{}, {confirmed} confirmed", summary(&ended).lines().next().expect("it has a line"))
    };
    insta::assert_snapshot!([lost(Acks::Leader), lost(Acks::Synced)].join("\n"), @r"
    20 = 14 processed + 0 aside + 0 pending + 5 unsynced + 1 torn_record; 1 again by broker_restart, 6 confirmed
    20 = 20 processed + 0 aside + 0 pending; 1 again by broker_restart, 0 confirmed
    ");
}

/// The record of the n-th message is damaged at 25 ms.
fn corrupt(number: u32) -> Fault {
    let which = Which::Messages(vec![MessageName { producer: 0, member: 0, number }]);
    fault_at(
        25,
        FaultKind::CorruptRecord { target: Target::Nodes(NodePattern::Glob("broker/1".into())), which },
    )
}

#[test]
fn a_consumer_stands_still_at_a_damaged_record_or_goes_on_behind_it() {
    let read = |partitions: u32, commit: Commit, on_failure: OnFailure| {
        let mut config = with_client(|client| client.commit = commit);
        config.topics[0].partitions = partitions;
        let mut setup = setup(6, config, crate::setup::Consumer { on_failure, ..consumer(1, 30) });
        setup.faults.push(corrupt(3));
        let mut ended = run(&setup, Recorder::All(Vec::new()));
        let tries = count(&mut ended, |fact| matches!(fact, Fact::Unreadable { .. }));
        format!("{}\n{tries} tries", summary(&ended))
    };
    insta::assert_snapshot!(read(1, Commit::AfterWork, OnFailure::Requeue), @r"
    6 = 2 processed + 0 aside + 4 pending
    g/1: 1@32 2@64
    1 tries
    ");
    // Those of its other partition stand still, too.
    insta::assert_snapshot!(read(2, Commit::Every(Span::seconds(5)), OnFailure::Requeue), @r"
    6 = 3 processed + 0 aside + 3 pending
    g/1: 1@32 2@64 4@94
    1 tries
    ");
    let skipped = read(1, Commit::AfterWork, OnFailure::Drop);
    insta::assert_snapshot!(skipped, @r"
    6 = 5 processed + 0 aside + 0 pending + 1 corrupt_record
    g/1: 1@32 2@64 4@98 5@128 6@158
    1 tries
    ");
    for (commit, on_failure) in
        [(Commit::Every(Span::seconds(5)), OnFailure::Drop), (Commit::BeforeWork, OnFailure::DeadLetter)]
    {
        assert_eq!(read(1, commit, on_failure).lines().next(), skipped.lines().next(), "{commit:?}");
    }
}

#[test]
fn a_log_that_boots_after_a_crash_is_cut_off_at_a_damaged_record() {
    let read = |segment_bytes: u64, down: FaultKind| {
        let mut config = config();
        config.topics[0].segment_bytes = segment_bytes;
        let mut setup = setup(6, config, consumer(1, 30));
        setup.faults = vec![corrupt(3), fault_at(58, down)];
        summary(&run(&setup, Recorder::Off))
    };
    let crashed = crash("broker/1", Some(10));
    let stopped = FaultKind::RollingRestart {
        nodes: NodePattern::Glob("broker/1".into()),
        down: Span::millis(10),
        pause: Span::ZERO,
        graceful: true,
    };
    insta::assert_snapshot!(read(1 << 30, crashed.clone()), @r"
    6 = 2 processed + 0 aside + 0 pending + 4 corrupt_record; 1 again by broker_restart
    g/1: 1@32 2@64 2@147
    ");
    // What was shut down in good order is not checked, and a closed segment never.
    let stands_still = read(1 << 30, stopped);
    insta::assert_snapshot!(stands_still, @r"
    6 = 2 processed + 0 aside + 4 pending; 1 again by broker_restart
    g/1: 1@32 2@64 2@147
    ");
    assert_eq!(read(100, crashed), stands_still);
}
