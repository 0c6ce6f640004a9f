//! What is wrong with a text is found before it runs.

use super::tests::{result, scope};
use super::*;

/// The text with its error under it.
pub(super) fn complain(error: Option<ExpectError>, text: &str) -> String {
    let Some(error) = error else { return format!("{text}\nfine\n") };
    let indent = " ".repeat(text[..error.offset].chars().count());
    let marks = "^".repeat(text[error.offset..error.offset + error.length].chars().count().max(1));
    let hint = error.hint.map_or(String::new(), |hint| format!("hint: {hint}\n"));
    format!("{text}\n{indent}{marks} {}\n{hint}", error.message)
}

fn errors(designs: &[&str], texts: &[&str]) -> String {
    let scope = scope(designs);
    texts.iter().map(|text| complain(Expectation::compile(text, &scope).err(), text)).collect()
}

/// `[0,…,9].all(a0, [0,…,9].all(a1, … a0 >= 0))`
fn nested(name: &str, depth: usize, body: &str) -> String {
    let open = (0..depth).map(|level| format!("[0,1,2,3,4,5,6,7,8,9].{name}(a{level}, "));
    format!("{}{body}{}", open.collect::<String>(), ")".repeat(depth))
}

#[test]
fn what_would_take_too_long_is_refused_before_it_runs() {
    let scope = scope(&["queue"]);
    let compile = |text: &str| Expectation::compile(text, &scope).map(drop);
    let within_three = "clients.c1.got.all(a, clients.c2.got.all(b, clients.p.got.all(c, a + b != c)))";
    insta::assert_snapshot!(complain(compile(within_three).err(), within_three), @"
    clients.c1.got.all(a, clients.c2.got.all(b, clients.p.got.all(c, a + b != c)))
                                                                 ^ this may take more than 30000000 steps
    hint: what stands within several `all`, `map`, … is done for each entry of each, of which the result's count as 1000: put fewer into each other, or make several lines of it
    ");
    let text = "x".repeat(1_000);
    for refused in [
        nested("all", 8, "a0 >= 0"),
        format!("size({}) > 0", nested("map", 5, &format!("'{text}'"))),
        format!("size(['{text}']{}) > 0", ".map(a, a + a)".repeat(16)),
        format!("size([1]{}) > 0", ".map(a, [a, a, a, a])".repeat(12)),
        format!("size({}) > 0", nested("map", 5, "designs")),
    ] {
        let error = compile(&refused).expect_err("it takes too long");
        assert_eq!(error.message, "this may take more than 30000000 steps", "{refused}");
    }
    for fine in [
        nested("all", 6, "a0 >= 0"),
        format!("size({}) > 0", nested("map", 2, &format!("'{text}'"))),
        "clients.c1.got.filter(a, clients.c2.got.exists(b, a.startsWith(b + '@'))) == []".into(),
        "designs.all(d, designs[d].clients.all(c, designs[d].clients[c].errors == []))".into(),
        "['c1', 'c2'].all(a, ['c1', 'c2'].all(b, clients[a].got == clients[b].got))".into(),
    ] {
        assert_eq!(compile(&fine), Ok(()), "{fine}");
    }
}

#[test]
fn a_wrong_path_gets_the_nearest() {
    insta::assert_snapshot!(errors(&["queue"], &[
        "designs.quue.consumers.fulfilment.lost.total == 0",
        "designs['quue'].virtual_time > 1.0",
        "consumers.fulfillment.lost.total == 0",
        "consumers.fulfilment.lost.totl == 0",
        "consumers.fulfilment.p99 < 2.0",
        "consumers.fulfilment.lost.by_cause.netwrk == 0",
        "looks['dealt outt'].clients.c1.got == []",
        "clients.c9.got == []",
        "clients.c1.colour == 'red'",
        "client.c1.got == []",
        "nodes[1].up",
        "clients.c1.got.first == 'm1'",
        "has(clients.c1.gott)",
        "clients.c1.got.exists(m, mm == 'm1')",
    ]), @r"
    designs.quue.consumers.fulfilment.lost.total == 0
            ^^^^ there is no design `quue`
    hint: did you mean `queue`?
    designs['quue'].virtual_time > 1.0
            ^^^^^^ there is no design `quue`
    hint: did you mean `queue`?
    consumers.fulfillment.lost.total == 0
              ^^^^^^^^^^^ there is no consumer `fulfillment`
    hint: did you mean `fulfilment`?
    consumers.fulfilment.lost.totl == 0
                              ^^^^ there is no `totl` in `consumers.fulfilment.lost`
    hint: did you mean `total`?
    consumers.fulfilment.p99 < 2.0
                         ^^^ there is no `p99` in `consumers.fulfilment`
    hint: did you mean `latency.p99`?
    consumers.fulfilment.lost.by_cause.netwrk == 0
                                       ^^^^^^ there is no cause of a loss `netwrk`
    hint: did you mean `network`?
    looks['dealt outt'].clients.c1.got == []
          ^^^^^^^^^^^^ there is no look `dealt outt`
    hint: did you mean `dealt out`?
    clients.c9.got == []
            ^^ there is no client `c9`
    hint: did you mean `c1`?
    clients.c1.colour == 'red'
               ^^^^^^ there is no `colour` in `clients.c1`
    hint: there is `got`, `news`, `polls`, `holds`, `processed`, `sent`, `attempts`, `confirmed`, `refused`, `unknown`, `calls`, `events`, `errors`, `assigned`, `position`, `connection`, …
    client.c1.got == []
    ^^^^^^ there is no `client` in a result
    hint: did you mean `clients`?
    nodes[1].up
          ^ `nodes` is an object; a whole number is no index into it
    hint: write `nodes['1']`
    clients.c1.got.first == 'm1'
                   ^^^^^ `clients.c1.got` is a list and has no `first`
    has(clients.c1.gott)
                   ^^^^ there is no `gott` in `clients.c1`
    hint: did you mean `got`?
    clients.c1.got.exists(m, mm == 'm1')
                             ^^ there is no `mm` in a result
    hint: there is `fingerprint`, `virtual_time`, `events`, `stopped`, `assumptions`, `does_not_apply`, `faults_skipped`, `producers`, `consumers`, `brokers`, `cost`, `guarantees`, `witnesses`, `clients`, `queues`, `logs`, …
    ");
}

#[test]
fn with_several_designs_say_which() {
    insta::assert_snapshot!(errors(&["queue", "log-1"], &[
        "clients.c1.got == []",
        "designs.queue.clients.c1.got == []",
        "designs.log.clients.c1.got == []",
    ]), @r"
    clients.c1.got == []
    ^^^^^^^ `clients` is part of a design, and there are 2 of them
    hint: say which: `designs.queue.clients`, `designs['log-1'].clients`
    designs.queue.clients.c1.got == []
    fine
    designs.log.clients.c1.got == []
            ^^^ there is no design `log`
    hint: there is `queue`, `log-1`
    ");
}

#[test]
fn a_wrong_calculation_is_found_before_it_runs() {
    insta::assert_snapshot!(errors(&["queue"], &[
        "clients.c1.confirmed + 1 == 3",
        "2 * consumers.fulfilment.latency.p99 < 3.0",
        "clients.c1.confirmed + clients.c1.got.size() == 3",
        "clients.c1.confirmed + -1 == 3",
        "clients.c1.confirmed % 2 == 0",
        "clients.p.sent.a + 1 == 3",
        "clients.c1.got == 'm1'",
        "clients.c1.got < 3",
        "clients.c1.got && true",
        "clients.c1.got.contains('m1')",
        "clients.c1.got.length() == 1",
        "clients.c1.got.exists(m == 'm1')",
        "clients.c1.confirmed",
        "  clients.c1.got // all",
    ]), @r"
    clients.c1.confirmed + 1 == 3
                           ^ the result's numbers are doubles; CEL does not reckon them with a whole number
    hint: write `clients.c1.confirmed + 1.0 == 3`
    2 * consumers.fulfilment.latency.p99 < 3.0
    ^ the result's numbers are doubles; CEL does not reckon them with a whole number
    hint: write `2.0 * consumers.fulfilment.latency.p99 < 3.0`
    clients.c1.confirmed + clients.c1.got.size() == 3
                         ^ the result's numbers are doubles; CEL does not reckon them with a whole number
    hint: write `double(clients.c1.got.size())`
    clients.c1.confirmed + -1 == 3
                            ^ the result's numbers are doubles; CEL does not reckon them with a whole number
    hint: write `clients.c1.confirmed + -1.0 == 3`
    clients.c1.confirmed % 2 == 0
                         ^ the result's numbers are doubles, which have no `%`
    hint: write `int(…) % 2`
    clients.p.sent.a + 1 == 3
                       ^ the result's numbers are doubles; CEL does not reckon them with a whole number
    hint: write `clients.p.sent.a + 1.0 == 3`
    clients.c1.got == 'm1'
                   ^^ a list never equals a text
    clients.c1.got < 3
                   ^ a list and a whole number have no order
    clients.c1.got && true
              ^ `clients.c1.got` is a list, not true or false
    clients.c1.got.contains('m1')
                           ^ `contains` is for texts
    hint: write `x in list`
    clients.c1.got.length() == 1
                         ^ there is no function `length`
    hint: there is `size`, `contains`, `startsWith`, `endsWith`, `string`, `int`, `double`, `dyn`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`
    clients.c1.got.exists(m == 'm1')
                          ^ there is no `m` in a result
    hint: there is `fingerprint`, `virtual_time`, `events`, `stopped`, `assumptions`, `does_not_apply`, `faults_skipped`, `producers`, `consumers`, `brokers`, `cost`, `guarantees`, `witnesses`, `clients`, `queues`, `logs`, …
    clients.c1.confirmed
    ^^^^^^^^^^^^^^^^^^^^ this is a number, not true or false
    hint: compare it with something: `clients.c1.confirmed == …`
      clients.c1.got // all
      ^^^^^^^^^^^^^^ this is a list, not true or false
    hint: compare it with something: `clients.c1.got == …`
    ");
}

#[test]
fn a_text_that_cannot_be_read_says_where() {
    insta::assert_snapshot!(errors(&["queue"], &[
        "// quiet",
        "",
        "clients.c1.got ==",
        "clients.c1.got = []",
        "clients.c1.got == [] and true",
        "clients.c1.got ==\n  ]",
        "clients.c1.got == ['m1'",
        "clients.c1.got == ['ä', 'm1' é",
        "clients.'c1'",
        "clients[r'c1'].got == []",
        "clients.c1.got == ['''m1'''] // it's",
        "'ä' == 'ö' && clients.ß == 1",
        "'ä' == 'ö' && clients.cc.got == ['ü']",
    ]), @r"
    // quiet
    ^^^^^^^^ there is nothing here
    hint: write what should be true, such as `consumers.worker.lost.total == 0`

    ^ there is nothing here
    hint: write what should be true, such as `consumers.worker.lost.total == 0`
    clients.c1.got ==
                     ^ the text ends before it is complete
    clients.c1.got = []
                   ^ `=` cannot stand here
    hint: write `==`
    clients.c1.got == [] and true
                         ^^^ `and` cannot stand here
    hint: write `&&`
    clients.c1.got ==
      ]
                        ^ `]` cannot stand here
    clients.c1.got == ['m1'
                           ^ the text ends before it is complete
    clients.c1.got == ['ä', 'm1' é
                                 ^ `é` cannot stand here
    clients.'c1'
            ^ `'` cannot stand here
    clients[r'c1'].got == []
             ^ write it in plain quotes: 'm1'
    clients.c1.got == ['''m1'''] // it's
                       ^ write it in plain quotes: 'm1'
    'ä' == 'ö' && clients.ß == 1
                          ^ `ß` cannot stand here
    'ä' == 'ö' && clients.cc.got == ['ü']
                          ^^ there is no client `cc`
    hint: did you mean `c1`?
    ");
}

#[test]
fn strange_texts_are_refused_and_nothing_panics() {
    let many = [
        format!("{}true{}", "(".repeat(400), ")".repeat(400)),
        format!("0 == {}1", "1 + ".repeat(2000)),
        format!("clients{} == 1", ".c1".repeat(2000)),
        format!("{}true", "!".repeat(2000)),
        format!("{}1{} == []", "[".repeat(300), "]".repeat(300)),
        format!("{}true", "true && true ? true : ".repeat(300)),
        format!("{}true", "true && ".repeat(2000)),
        format!("{}[true]", "true in ".repeat(1000)),
        format!("// it's\n{}true", "!".repeat(1000)),
    ];
    for text in many {
        assert!(Expectation::compile(&text, &scope(&["queue"])).is_err());
    }
    let in_limits = [
        format!("{}true", "true && ".repeat(1000)),
        format!("{}true{}", "(".repeat(16), ")".repeat(16)),
        format!("{}true{}", "!(".repeat(16), ")".repeat(16)),
        format!("{}true{}", "[1].all(x, ".repeat(16), ")".repeat(16)),
        format!("1{} == 39", " + 1".repeat(38)),
        format!("{}1 == 1", "-".repeat(38)),
        format!("{}1{} == 1", "1 + 1 + 1 + (true, ".repeat(12), ")".repeat(12)),
    ];
    for text in in_limits {
        let _ = Expectation::compile(&text, &scope(&["queue"]))
            .map(|expectation| expectation.evaluate(&result()));
    }
    for text in [
        "'\\ud800' == ''",
        "'\\x'",
        "b'a' == b'a'",
        "1u == 1u",
        "99999999999999999999 == 1",
        "\0",
        "a.b{c: 1}",
        "{1.0: 2} == {}",
    ] {
        let _ =
            Expectation::compile(text, &scope(&["queue"])).map(|expectation| expectation.evaluate(&result()));
    }
}
