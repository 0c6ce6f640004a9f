//! A message that goes round and round is a finding, in every form of the report; where that takes no time the run ends.

use crate::command::{call, directory};

/// A message that fails each time and is given back each time; work and links take so long.
fn poison(span: &str) -> tempfile::TempDir {
    let directory = directory();
    let text = format!(
        "(format: 1, title: \"Poison\", run: (duration: \"2s\", drain: \"1s\"), network: (latency: \"{span}\"),
          producers: {{\"shop\": (publish: \"orders\", schedule: Every(\"10ms\"), count: 5)}},
          consumers: {{\"stock\": (read: \"orders\", work: \"{span}\", on_failure: Requeue)}},
          faults: [Poison(message: \"shop#3\")],
          designs: {{
              \"classic\": RabbitMQ(version: \"4.0.5\", clients: {{\"stock/*\": (config: {{\"prefetch_count\": 1}})}}),
              \"quorum\": RabbitMQ(version: \"4.0.5\", queues: {{\"stock\": {{\"x-queue-type\": \"quorum\"}}}}),
          }})"
    );
    std::fs::write(directory.path().join("poison.ron"), text).expect("it is written");
    directory
}

#[test]
fn a_requeue_loop_is_a_finding_in_every_form_of_the_report() {
    let directory = poison("100us");
    let said = "classic delivered shop#3 9932 times, 3333 times a second, and got it back each time: a requeue loop, which \
                only a delivery limit, a dead letter or a pause before the next try would end.";
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for format in [&["--format", "human"], &["--format", "md"]] {
        let ended = call(directory.path(), &[&["run", "poison.ron"], &format[..]].concat());
        assert_eq!((ended.code, ended.err.as_str()), (0, ""));
        assert!(in_one_line(&ended.out).contains(said), "{}", ended.out);
    }
    let json = call(directory.path(), &["run", "poison.ron", "--format", "json"]);
    let result: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
    let most = |design: &str| result["designs"][design]["consumers"]["stock"]["most_returned"].clone();
    assert_eq!(
        (most("classic")["message"].as_str(), most("classic")["deliveries"].as_u64()),
        (Some("shop#3"), Some(9932))
    );
    assert!(most("classic")["rate"].as_f64().is_some_and(|rate| (3_333.0..3_334.0).contains(&rate)));
    assert_eq!(most("quorum")["deliveries"].as_u64(), Some(20), "the delivery limit ends it");
    assert_eq!(call(directory.path(), &["run", "poison.ron", "-o", "report"]).code, 0);
    let page = std::fs::read_to_string(directory.path().join("report/report.html")).expect("a page");
    assert!(in_one_line(&page).contains(said));
}

#[test]
fn one_that_takes_no_time_ends_the_run_and_is_named() {
    let directory = poison("0s");
    let ended = call(directory.path(), &["run", "poison.ron"]);
    assert_eq!((ended.code, ended.err.as_str()), (3, ""));
    let told: Vec<&str> = ended.out.lines().take(5).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    classic was stopped before its end (more than 1000000 events at 0.020 s: a loop that takes no time,
    or a batch; give the loop a span above zero, or spread the batch over several instants). classic
    delivered shop#3 at least 65,535 times, and got it back each time: a requeue loop, which only a
    delivery limit, a dead letter or a pause before the next try would end. quorum lost 1 message
    (confirmed); classic (the baseline) broke nothing, but did not exercise them, with 1 message still
    ");
}
