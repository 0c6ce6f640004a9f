//! What must hold of effects: of consumers that remember, of transactions, of an outbox.

use super::*;

/// Each subscription's figures in a design, with what was drawn for it.
fn drawn<'a>(
    result: &'a Value,
    design: &str,
    case: &'a Case,
) -> impl Iterator<Item = (&'a String, &'a Value, &'a common::case::Consumer)> {
    consumers(result, design).filter_map(|(name, figures)| {
        // Members of `share: All` are subscriptions: `c/1`. A queue of dead letters has nobody who reads it.
        let index = ["c", "d"].iter().position(|group| name.split('/').next() == Some(group))?;
        Some((name, figures, case.consumers.get(index)?))
    })
}

#[test]
fn who_keeps_all_ids_with_the_effects_has_no_effect_twice() {
    let repeated = Cell::new(0);
    check(ALL, 300, |case| {
        let result = results(case);
        for (design, _) in case.names() {
            for (name, figures, consumer) in drawn(&result, design, case) {
                if consumer.deduplicate == "InDatabase(last: 1000)" {
                    assert_eq!(number(figures, "/duplicates/total"), 0, "{design} {name}");
                    repeated.set(repeated.get() + number(figures, "/deduplicated"));
                }
                let ids = consumer.deduplicate != "Nothing";
                assert!(ids || number(figures, "/deduplicated") == 0, "{design} {name}");
                let mistaken = number(figures, "/lost/by_cause/taken_for_duplicate");
                assert!(mistaken == 0 || consumer.deduplicate.contains("id_bits"), "{design} {name}");
            }
        }
    });
    assert!(repeated.get() > 100, "only {} deliveries were recognised", repeated.get());
}

#[test]
fn an_effect_in_one_transaction_with_its_ack_takes_place_once() {
    let faulty = Cell::new(0);
    let unlimited = Range { limits: false, ..ALL };
    check(unlimited, 3_000, |case| {
        // A producer that sends again makes two messages of one; a disk that lies keeps no promise.
        if case.has("SyncLies") {
            return;
        }
        for (design, settings) in case.names() {
            let is = |setting: &str| settings.iter().any(|found| found == setting);
            // A relay sends again until it has a confirm.
            let relays = case.producers.iter().any(|producer| producer.state_change == "Outbox");
            let once = is("confirms: false") || is("retries: 0") && !relays;
            if !is("ack: TwoPhaseCommit") || !once {
                continue;
            }
            let result = results(case);
            for (name, figures) in consumers(&result, design) {
                assert_eq!(number(figures, "/duplicates/total"), 0, "{design} {name}");
                // What its broker forgets is lost with whoever has it; what nobody wants, with its failure.
                let forgets = is("durable: false") || is("persistent: false") || case.has("MachineCrash");
                if !forgets && !case.has("TornWrite") {
                    let taken = number(figures, "/lost/by_cause/taken_never_processed");
                    assert_eq!(taken, 0, "{design} {name}");
                }
            }
            faulty.set(faulty.get() + usize::from(case.has("Crash(")));
        }
    });
    assert!(faulty.get() > 10, "only {} runs had crashes", faulty.get());
}

#[test]
fn what_is_in_an_outbox_is_not_lost_with_its_producer() {
    let drawn = Cell::new(0);
    check(ALL, 300, |case| {
        let result = results(case);
        let outbox = case.producers.iter().all(|producer| producer.state_change == "Outbox");
        for (design, _) in case.names() {
            for (producer, name) in case.producers.iter().zip(["p", "q"]) {
                let figures = &result["designs"][design]["producers"][name];
                let [changes, published] = ["/state_changes", "/published"].map(|path| number(figures, path));
                match producer.state_change {
                    "Nothing" => assert_eq!(changes, 0, "{design} {name}"),
                    "PublishFirst" => assert!(changes <= published, "{design} {name}"),
                    _ => assert_eq!(changes, published, "{design} {name}"),
                }
            }
            for (name, figures) in consumers(&result, design).filter(|_| outbox) {
                let lost = |cause: &str| number(figures, &format!("/lost/by_cause/{cause}"));
                assert_eq!(lost("producer_buffer"), 0, "{design} {name}");
                drawn.set(drawn.get() + usize::from(case.has("Crash(")));
            }
        }
    });
    assert!(drawn.get() > 10, "only {} runs had crashes", drawn.get());
}

#[test]
fn a_process_that_never_dies_and_has_no_others_beside_it_has_no_effect_twice() {
    let unhurt =
        |fault: &String| !["Crash", "TornWrite", "RollingRestart"].iter().any(|kind| fault.contains(kind));
    let repeated = Cell::new(0);
    check(ALL, 4_000, |case| {
        if !case.faults.iter().all(unhurt) {
            return;
        }
        let result = results(case);
        for (design, _) in case.names() {
            for (name, figures, consumer) in drawn(&result, design, case) {
                if consumer.deduplicate == "InProcess(last: 1000)" && consumer.members == 1 {
                    assert_eq!(number(figures, "/duplicates/total"), 0, "{design} {name}");
                    repeated.set(repeated.get() + number(figures, "/deduplicated"));
                }
            }
        }
    });
    assert!(repeated.get() > 20, "only {} deliveries were recognised", repeated.get());
}
