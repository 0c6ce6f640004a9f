//! `record`: which recorded case each design tells, and what is said where that is not clear.

use super::{FIGURE, plan};
use redeliver_scenarios::{Options, read};

/// The figure with this record.
fn with(record: &str) -> String {
    FIGURE.replacen("    expect:", &format!("    record: {record},\n    expect:"), 1)
}

#[test]
fn each_design_tells_its_case() {
    let text = with(
        "(cases: {\"queue\": \"A\", \"log\": \"B\"}, fields: {\"got\": \"clients\"}, untested: [\"pid\"])",
    );
    insta::assert_snapshot!(format!("{:?}", plan(&text).record), @r#"Some(Record { cases: {"queue": "A", "log": "B"}, fields: {"got": "clients"}, untested: ["pid"] })"#);
}

#[test]
fn a_record_that_is_not_clear_is_refused() {
    let refused = |record: &str| {
        let report =
            read("record.ron", &with(record), &Options::default()).expect_err("it should be refused");
        report.render(false)
    };
    insta::assert_snapshot!(refused("(case: \"A\")"), @r#"
    error: there are 2 designs: which one tells `A`?
      --> record.ron:25:20
       |
    25 |     record: (case: "A"),
       |                    ^^^
       |
    help: write `cases: {"queue": "A", "log": "A"}`
    "#);
    insta::assert_snapshot!(refused("(case: \"A\", cases: {\"queue\": \"A\", \"log\": \"B\"})"), @r#"
    error: `case` and `cases` say the same thing twice
      --> record.ron:25:20
       |
    25 |     record: (case: "A", cases: {"queue": "A", "log": "B"}),
       |                    ^^^
       |
    help: leave one of them out
    "#);
    insta::assert_snapshot!(refused("()"), @r#"
    error: the record names no case
      --> record.ron:25:13
       |
    25 |     record: (),
       |             ^^
       |
    help: write `case: "rabbit-A1-classic"`, or `cases: {"queue": "rabbit-A1-classic", "log": "rabbit-A1-classic"}`
    "#);
    insta::assert_snapshot!(refused("(cases: {\"queue\": \"A\", \"logs\": \"B\"})"), @r#"
    error: the design `log` has no case
      --> record.ron:25:13
       |
    25 |     record: (cases: {"queue": "A", "logs": "B"}),
       |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
    help: add `"log": "…"` to `cases`, or leave it out

    error: there is no design `logs`
      --> record.ron:25:36
       |
    25 |     record: (cases: {"queue": "A", "logs": "B"}),
       |                                    ^^^^^^
       |
    help: did you mean `log`?
    "#);
}
