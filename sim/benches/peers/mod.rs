//! Other programs that do the same work as a benchmark: how fast they are, and how many times as fast ours is.

use std::process::Command;

/// Rounds of ours and of all peers, one after the other, so that each round meets the machine as it is at that time.
pub(crate) struct Peers {
    /// What stands before the rate in a peer's output, such as `msgs/s=`.
    word: &'static str,
    /// How many of what a peer counts make one of ours.
    each: f64,
    ours: Vec<f64>,
    /// The command lines, with the rates of all rounds.
    theirs: Vec<(String, Vec<f64>)>,
}

impl Peers {
    /// These command lines, none of which has been called yet.
    pub(crate) fn new(word: &'static str, each: f64, commands: Vec<String>) -> Self {
        let theirs = commands.into_iter().map(|command| (command, Vec::new())).collect();
        Peers { word, each, ours: Vec::new(), theirs }
    }

    /// Another round: ours was so fast; calls each peer, and says how fast that one is.
    pub(crate) fn follow(&mut self, ours: f64) {
        self.ours.push(ours);
        for (command, rates) in &mut self.theirs {
            let rate = called(command, self.word) / self.each;
            println!("         {command}: {rate:.0} a second; ratio {:.2}", ours / rate);
            rates.push(rate);
        }
    }

    /// For ours and for each peer the median rate, and the median of the rounds' ratios.
    pub(crate) fn print_table(&self) {
        println!("median a second  median ratio");
        println!("{:>15.0}  {:>12}  redeliver", median(&self.ours), "");
        for (command, rates) in &self.theirs {
            let ratios: Vec<f64> = self.ours.iter().zip(rates).map(|(ours, theirs)| ours / theirs).collect();
            println!("{:>15.0}  {:>12.2}  {command}", median(rates), median(&ratios));
        }
    }
}

/// What a peer says of itself. Thousands may be set apart by commas.
fn called(command: &str, word: &str) -> f64 {
    let mut words = command.split_whitespace();
    let program = words.next().expect("a command");
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.split_whitespace().find_map(|part| part.strip_prefix(word));
    let number = number.and_then(|number| number.replace(',', "").parse().ok());
    number.unwrap_or_else(|| panic!("{command} printed no {word}N: {text}"))
}

/// Of an odd number of rounds.
fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
