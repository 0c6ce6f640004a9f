//! The `redeliver` command.
fn main() {
    let file = std::env::args().nth(1).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    match redeliver_scenarios::read_bytes(&file, &bytes, &Default::default()) {
        Ok(plan) => {
            let findings = redeliver_reports::run(&plan, &mut |_, _| ());
            if std::env::args().nth(2).as_deref() == Some("json") {
                println!("{}", serde_json::to_string_pretty(&findings.result).unwrap());
                return;
            }
            print!(
                "{}",
                redeliver_reports::human::human(
                    &findings,
                    redeliver_reports::human::HumanOptions { color: false, width: 110 }
                )
            );
        }
        Err(report) => eprint!("{}", report.render(false)),
    }
}
