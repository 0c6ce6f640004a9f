//! Library files, damaged: bytes flipped, tokens swapped, numbers and quantities made extreme, pieces left out, said
//! twice, or put together from two files. Which damage is done is a function of a number alone.

use redeliver_scenarios::library;
use redeliver_sim::mix;

/// Draws from a number.
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Draws(mix(seed ^ 0x9E37_79B9_7F4A_7C15))
    }

    /// Below `n`, which is at least 1.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (mix(self.0) % n as u64) as usize
    }

    fn one<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "2",
    "-1",
    "7",
    "255",
    "256",
    "10000",
    "10001",
    "65535",
    "65536",
    "100000",
    "10000000",
    "1000000000",
    "4294967295",
    "4294967296",
    "1000000000000",
    "18446744073709551615",
    "99999999999999999999",
    "0.0",
    "1e308",
    "NaN",
];

const TEXTS: [&str; 56] = [
    "",
    " ",
    "*",
    "?",
    "/",
    "#",
    "shop",
    "shop/1",
    "shop#1",
    "shop/1#4294967295",
    "orders",
    "brokers",
    "consumers",
    "producers",
    "broker/1",
    "t-0",
    "0ms",
    "1ns",
    "1us",
    "3ms",
    "10s",
    "1h",
    "36525d",
    "36526d",
    "109575d",
    "1e9s",
    "-5ms",
    "0 B",
    "1 B",
    "1 kB",
    "100 MB",
    "2 GiB",
    "4 GiB",
    "1000 PB",
    "10 EB",
    "0%",
    "0.000000001%",
    "50%",
    "100%",
    "101%",
    "0/s",
    "0.000001/s",
    "1000000/s",
    "1000000000000000000/s",
    "1 B/s",
    "1000 PB/s",
    "0.000000000001 B/s",
    "exp(0ms)",
    "exp(1ns)",
    "exp(36525d)",
    "uniform(0ns, 36525d)",
    "uniform(0 B, 1000 PB)",
    "pareto(scale=1ns, shape=0.01)",
    "pareto(scale=1 B, shape=0.01)",
    "lognormal(mean=1s, sigma=20)",
    "lognormal(median=1ns, p99=36525d)",
];

/// The damaged file of this number.
pub(crate) fn mutated(number: u64) -> String {
    let all = library::all();
    let mut draws = Draws::new(number);
    let mut text = all[draws.below(all.len())].1.to_string();
    // Most damage keeps the syntax, so that what is behind it is reached.
    for _ in 0..1 + draws.below(3) {
        let other = all[draws.below(all.len())].1;
        text = match draws.below(20) {
            0 => flip_byte(&text, &mut draws),
            1 => splice(&text, other, &mut draws),
            2..=4 => change_tokens(&text, other, &mut draws),
            5..=7 => change_entry(&text, &mut draws),
            8..=12 => extreme(&text, Kind::Number, &NUMBERS, &mut draws),
            _ => extreme(&text, Kind::Text, &TEXTS, &mut draws),
        };
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Word,
    Sign,
}

/// Where each token stands: texts with their quotes, numbers, words, and single signs. Comments and spaces are none.
fn tokens(text: &str) -> Vec<(Kind, std::ops::Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                at = (at + 1).min(bytes.len());
                found.push((Kind::Text, start..at));
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = text[at..].find('\n').map_or(bytes.len(), |end| at + end);
            }
            byte if word(&byte) => {
                at += bytes[at..].iter().take_while(|byte| word(byte)).count();
                let kind = if byte.is_ascii_digit() { Kind::Number } else { Kind::Word };
                found.push((kind, start..at));
            }
            byte if byte.is_ascii_punctuation() => {
                at += 1;
                found.push((Kind::Sign, start..at));
            }
            _ => at += 1,
        }
    }
    found.retain(|(_, range)| text.is_char_boundary(range.start) && text.is_char_boundary(range.end));
    found
}

fn replaced(text: &str, range: std::ops::Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

fn flip_byte(text: &str, draws: &mut Draws) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = draws.below(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << draws.below(8);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The beginning of one and the end of the other.
fn splice(text: &str, other: &str, draws: &mut Draws) -> String {
    let cut = |text: &str, draws: &mut Draws| {
        let tokens = tokens(text);
        if tokens.is_empty() { 0 } else { tokens[draws.below(tokens.len())].1.start }
    };
    let (head, tail) = (cut(text, draws), cut(other, draws));
    format!("{}{}", &text[..head], &other[tail..])
}

/// A token is left out, said twice, swapped with another, or replaced by one of another file.
fn change_tokens(text: &str, other: &str, draws: &mut Draws) -> String {
    let (mine, theirs) = (tokens(text), tokens(other));
    if mine.is_empty() || theirs.is_empty() {
        return text.into();
    }
    let (kind, range) = mine[draws.below(mine.len())].clone();
    let token = text[range.clone()].to_string();
    match draws.below(4) {
        0 => replaced(text, range, ""),
        1 => replaced(text, range, &format!("{token} {token}")),
        2 => {
            let (_, second) = mine[draws.below(mine.len())].clone();
            let (first, second) = if range.start <= second.start { (range, second) } else { (second, range) };
            if first == second {
                return text.into();
            }
            let swapped = replaced(text, second.clone(), &text[first.clone()]);
            replaced(&swapped, first, &text[second])
        }
        _ => {
            let alike: Vec<_> = theirs.iter().filter(|(their, _)| *their == kind).collect();
            if alike.is_empty() {
                return text.into();
            }
            replaced(text, range, &other[alike[draws.below(alike.len())].1.clone()])
        }
    }
}

/// An entry of a list, a map or a group (from a sign that opens or parts to the next one at the same depth) is left out
/// or said twice.
fn change_entry(text: &str, draws: &mut Draws) -> String {
    let tokens = tokens(text);
    let sign = |at: usize| tokens.get(at).map_or("", |(_, range)| &text[range.clone()]);
    let starts: Vec<usize> =
        (0..tokens.len()).filter(|at| matches!(sign(*at), "(" | "[" | "{" | ",")).collect();
    if starts.is_empty() {
        return text.into();
    }
    let first = starts[draws.below(starts.len())] + 1;
    let (mut at, mut depth) = (first, 0);
    while at < tokens.len() {
        match sign(at) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => break,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    if at == first || at >= tokens.len() {
        return text.into();
    }
    let range = tokens[first].1.start..tokens[at].1.start;
    let entry = &text[range.clone()];
    let with = if draws.below(2) == 0 { String::new() } else { format!("{entry}, {entry}") };
    replaced(text, range, &with)
}

/// One token of a kind gets an extreme value.
fn extreme(text: &str, kind: Kind, values: &[&str], draws: &mut Draws) -> String {
    let all: Vec<_> = tokens(text).into_iter().filter(|(found, _)| *found == kind).collect();
    if all.is_empty() {
        return text.into();
    }
    let (_, range) = all[draws.below(all.len())].clone();
    let value = draws.one(values);
    if kind == Kind::Text {
        replaced(text, range, &format!("\"{value}\""))
    } else {
        replaced(text, range, value)
    }
}
