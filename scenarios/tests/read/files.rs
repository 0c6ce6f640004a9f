//! Files that hold no scenario.

use redeliver_scenarios::{FILE_BYTES_MAX, Options, read_bytes, unreadable};

#[test]
fn files_that_hold_no_scenario_are_refused() {
    let refused =
        |bytes: &[u8]| read_bytes("file.ron", bytes, &Options::default()).unwrap_err().render(false);
    insta::assert_snapshot!(refused(b""), @r"
    error: file.ron: the file is empty
    help: `redeliver new NAME` writes one to start from
    ");
    insta::assert_snapshot!(refused(b" \n\t"), @r"
    error: file.ron: the file is empty
    help: `redeliver new NAME` writes one to start from
    ");
    insta::assert_snapshot!(refused(b"// nothing but a comment"), @r#"
    error: the file ends before its value is complete
     --> file.ron:1:25
      |
    1 | // nothing but a comment
      |                         ^
      |
    help: a `)`, `]`, `}` or `"` is missing
    "#);
    insta::assert_snapshot!(refused(b"(format: 1,\n title: \"\xff\")"), @r"
    error: file.ron: not UTF-8: byte 22 on line 2 begins no character
    help: a scenario is a text; save it as UTF-8
    ");
    insta::assert_snapshot!(refused(b"(format: 1"), @r#"
    error: the file ends before its value is complete
     --> file.ron:1:11
      |
    1 | (format: 1
      |           ^
      |
    help: a `)`, `]`, `}` or `"` is missing
    "#);
    insta::assert_snapshot!(refused(b"[1, 2]"), @r"
    error: expected fields in parentheses
     --> file.ron:1:1
      |
    1 | [1, 2]
      | ^^^^^^
      |
    help: `(format: …)`
    ");
    insta::assert_snapshot!(refused(b"()"), @r"
    error: `format` is missing
     --> file.ron:1:1
      |
    1 | ()
      | ^^
      |
    help: add `format: …`; `redeliver explain scenario` and its like show what belongs here
    ");
    insta::assert_snapshot!(refused(b"(format: 2, title: \"t\", designs: {})"), @r#"
    error: file.ron: nothing happens: there are neither producers nor a script
    help: add `producers: {"shop": (publish: "orders", schedule: Every("10ms"))}`

    error: this version reads format 1
     --> file.ron:1:10
      |
    1 | (format: 2, title: "t", designs: {})
      |          ^
      |
    help: write `format: 1`
      |
    1 - (format: 2, title: "t", designs: {})
    1 + (format: 1, title: "t", designs: {})
      |

    error: there is no design
     --> file.ron:1:34
      |
    1 | (format: 2, title: "t", designs: {})
      |                                  ^^
      |
    help: write for example `designs: {"queue": Queue()}`
    "#);
    insta::assert_snapshot!(refused("(".repeat(5000).as_bytes()), @r"
    error: values stand in one another more than 100 deep
     --> file.ron:1:51
      |
    1 | (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((...
      |                                                   ^
    ");
    insta::assert_snapshot!(refused(&vec![b' '; FILE_BYTES_MAX + 1]), @r"
    error: file.ron: the file is longer than 16 MiB, the most that a scenario may have
    help: messages are described, not listed
    ");
}

#[test]
fn what_is_no_file_is_said_with_the_nearest_name_of_the_library() {
    let said = |name: &str| {
        let folder = env!("CARGO_MANIFEST_DIR");
        unreadable(name, &std::fs::read(format!("{folder}/{name}")).unwrap_err()).render(false)
    };
    insta::assert_snapshot!([said("src"), said("figur.ron"), said("helo")].join("\n"), @r"
    error: src: this is a directory
    help: name one of the files in it

    error: figur.ron: there is no such file
    help: `redeliver list` shows the scenarios that can be named without a file

    error: helo: there is no such file
    help: did you mean `hello`? `redeliver list` shows the scenarios that can be named without a file
    ");
}
