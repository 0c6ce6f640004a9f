//! What is tried again: a fetch whose answer was taken out, a handler that fails.

use super::*;

#[test]
fn an_answer_to_a_fetch_is_taken_out_whole_and_asked_for_again() {
    // The second message is in the second answer, with the third: both come again, behind a new connection.
    let mut setup =
        setup(3, with_client(|client| client.request_timeout = Span::seconds(2)), consumer(1, 25));
    let message = Some(MessageName { producer: 0, member: 0, number: 2 });
    setup.faults = vec![fault_at(0, FaultKind::Drop { packet: PacketKind::Deliver, message, times: 1 })];
    let timeline = testing::timeline(&setup);
    let told: Vec<&str> = timeline.lines().filter(|line| !line.contains("p/1")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    0.000  g/1     has t-0 for g
    0.001  broker/1 stored p#1 at t-0@0
    0.001  broker/1 sent p#1 to g, attempt 1
    0.002  g/1     delivered p#1, attempt 1
    0.011  broker/1 stored p#2 at t-0@1
    0.021  broker/1 stored p#3 at t-0@2
    0.027  g/1     processed p#1, attempt 1
    0.028  broker/1 committed t-0@1 for g
    0.028  broker/1 p#1 settled for g
    0.028  broker/1 sent p#2 to g, attempt 1
    0.028  broker/1 sent p#3 to g, attempt 1
    0.028  broker/1 lost p#2 on its way to g: dropped
    0.028  broker/1 lost p#3 on its way to g: dropped
    0.028  broker/1 a packet without a message was lost
    2.580  broker/1 committed t-0@1 for g
    2.580  broker/1 requeued p#2: connection closed
    2.580  broker/1 sent p#2 to g, attempt 2
    2.580  broker/1 requeued p#3: connection closed
    2.580  broker/1 sent p#3 to g, attempt 2
    2.581  g/1     delivered p#2, attempt 2
    2.581  g/1     delivered p#3, attempt 2
    2.606  g/1     processed p#2, attempt 2
    2.607  broker/1 committed t-0@2 for g
    2.607  broker/1 p#2 settled for g
    2.631  g/1     processed p#3, attempt 2
    2.632  broker/1 committed t-0@3 for g
    2.632  broker/1 p#3 settled for g
    ");
}

/// Which of three messages are settled when, if so many commits that pass this one are taken out.
fn settled(commit: Commit, number: u32, times: u32) -> String {
    let mut setup = setup(3, with_client(|client| client.commit = commit), consumer(1, 1));
    let message = Some(MessageName { producer: 0, member: 0, number });
    setup.faults = vec![fault_at(0, FaultKind::Drop { packet: PacketKind::Commit, message, times })];
    let timeline = testing::timeline(&setup);
    let told = timeline.lines().filter(|line| line.contains("committed") || line.contains("settled"));
    told.map(str::trim).collect::<Vec<&str>>().join("\n")
}

#[test]
fn the_first_commits_that_pass_a_message_are_taken_out() {
    insta::assert_snapshot!(settled(Commit::AfterWork, 2, 1), @"
    0.004  broker/1 committed t-0@1 for g
    0.004  broker/1 p#1 settled for g
    0.024  broker/1 committed t-0@3 for g
    0.024  broker/1 p#2 settled for g
    0.024  broker/1 p#3 settled for g
    ");
    insta::assert_snapshot!(settled(Commit::AfterWork, 2, 5), @"
    0.004  broker/1 committed t-0@1 for g
    0.004  broker/1 p#1 settled for g
    ");
    // One commit passes several.
    insta::assert_snapshot!(settled(Commit::Every(Span::millis(5)), 1, 1), @"
    0.024  broker/1 committed t-0@3 for g
    0.024  broker/1 p#1 settled for g
    0.024  broker/1 p#2 settled for g
    0.024  broker/1 p#3 settled for g
    ");
    // Nothing passes what is never published.
    insta::assert_snapshot!(settled(Commit::AfterWork, 4, 1), @"
    0.004  broker/1 committed t-0@1 for g
    0.004  broker/1 p#1 settled for g
    0.014  broker/1 committed t-0@2 for g
    0.014  broker/1 p#2 settled for g
    0.024  broker/1 committed t-0@3 for g
    0.024  broker/1 p#3 settled for g
    ");
}

#[test]
fn what_failed_attempts_have_worked_is_not_waited() {
    let mut group = consumer(1, 1_000);
    group.on_failure = OnFailure::RetryInPlace(Span::ZERO);
    let mut setup = setup(1, config(), group);
    let (which, times) = (Which::Chance(Chance::new(1.0)), Some(2));
    setup.faults = vec![fault_at(0, FaultKind::FailingHandler { subscription: None, which, times })];
    let ended = run(&setup, Recorder::Off);
    let latency = &ended.world.checks().subscriptions[0].latency;
    // Two hops of a millisecond; all the rest is work.
    assert_eq!((latency.max, latency.waiting), (3_002_000_000, 2_000_000));
}
