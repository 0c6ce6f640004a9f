//! Each verb in a short story, over a queue and over a log.

mod aside;
mod groups;
mod hiding;
mod log;
mod queue;
mod restart;
mod returns;
mod streams;

use super::*;
use crate::checks::Recorder;
use crate::log as logs;
use crate::queue::{AckMode, ClientConfig, Config, ExchangeConfig, Overflow, QueueConfig};
use crate::setup::{Design, MachineChange, NodePattern, Setup};
use crate::testing;
use redeliver_sim::{Distribution, Span};

fn queue(name: &str) -> QueueConfig {
    QueueConfig { name: name.into(), ..testing::queue().queues.remove(0) }
}

fn client() -> ClientConfig {
    ClientConfig { prefetch: 0, ..testing::queue().clients.remove(0).1 }
}

fn setup(queues: &[&str]) -> Setup {
    let config = Config {
        node: "n1".into(),
        queues: queues.iter().map(|name| queue(name)).collect(),
        exchanges: Vec::new(),
        clients: vec![(NodePattern::any(), client())],
        ..testing::queue()
    };
    let mut setup = Setup {
        duration: Span::seconds(86_400),
        drain: Span::ZERO,
        topics: Vec::new(),
        producers: Vec::new(),
        ..testing::setup(Design::Queue(config), 0)
    };
    setup.network.default.latency = Distribution::Constant(500_000);
    setup
}

fn with_client(mut setup: Setup, glob: &str, change: impl Fn(&mut ClientConfig)) -> Setup {
    if let Design::Queue(config) = &mut setup.design {
        let mut settings = client();
        change(&mut settings);
        config.clients.insert(0, (NodePattern::Glob(glob.into()), settings));
    }
    setup
}

fn text(message: &str) -> Option<String> {
    (!message.is_empty()).then(|| message.into())
}

fn send_to(messages: &str, to: &str) -> Verb {
    let label = |word: &str| match word.split_once('=') {
        Some((key, body)) => Label { key: Some(key.into()), body: body.into() },
        None => Label { key: None, body: word.into() },
    };
    let messages = messages.split_whitespace().map(label).collect();
    Verb::Send { messages, to: text(to), size: 1000, said: Vec::new() }
}

fn send(messages: &str) -> Verb {
    send_to(messages, "")
}

fn consume(queue: &str) -> Verb {
    Verb::Consume { from: queue.into(), priority: None, qos: None }
}

fn poll() -> Verb {
    Verb::Poll { from: None, n: None, wait: None }
}

fn poll_all() -> Verb {
    Verb::PollAll { from: None }
}

fn ack(message: &str) -> Verb {
    Verb::Ack { message: text(message), multiple: false }
}

fn nack(message: &str, multiple: bool, requeue: bool) -> Verb {
    Verb::Nack { message: text(message), multiple, requeue }
}

fn process(labels: &str) -> Verb {
    Verb::Process(labels.split_whitespace().map(String::from).collect())
}

fn look(name: &str) -> Verb {
    Verb::Look(name.into())
}

fn rule(body: &str, time: u32, verbs: Vec<Verb>) -> Rule {
    Rule { body: text(body).filter(|body| body != "*"), time: (time > 0).then_some(time), verbs }
}

/// A script: `ops` and `n1` are themselves, all others are clients.
fn with_script(mut setup: Setup, lines: Vec<(&str, Vec<Verb>)>) -> Setup {
    let is_client = |name: &&str| *name != "ops" && *name != "n1";
    let mut clients: Vec<String> =
        lines.iter().map(|(who, _)| *who).filter(is_client).map(String::from).collect();
    clients.sort();
    clients.dedup();
    let who = |name: &str| match clients.iter().position(|client| client == name) {
        Some(client) => Who::Client(client),
        None if name == "ops" => Who::Ops,
        None => Who::Node(name.into()),
    };
    let lines = lines.into_iter().enumerate();
    let lines = lines.map(|(i, (name, verbs))| Line { who: vec![who(name)], verbs, line: i as u32 + 1 });
    setup.script = Some(Script { lines: lines.collect(), clients: clients.clone() });
    setup
}

fn tell(setup: Setup, lines: Vec<(&str, Vec<Verb>)>) -> StoryEnded {
    run_story(&with_script(setup, lines), Recorder::Off, &mut |_, _| None)
}

/// What was got, processed and is held by each client, and what the queues hold.
fn show(ended: &StoryEnded) -> String {
    let mut text = String::new();
    for (name, picture) in ended.looks.iter().map(|(name, picture)| (name.as_str(), picture)) {
        text += &format!("{name}:\n{}", show_picture(picture));
    }
    if let Some(stopped) = &ended.ended.stopped {
        text += &format!("stopped: {stopped}\n");
    }
    text += &show_picture(&ended.picture);
    let names = &ended.ended.world.shared().names.subscriptions;
    for (checks, name) in ended.ended.world.checks().subscriptions.iter().zip(names) {
        let label = |label: u32| ended.ended.world.shared().labels[label as usize].clone();
        let lost: Vec<String> =
            checks.lost.iter().map(|((_, _, l), why, _)| format!("{} {}", label(*l), why.name())).collect();
        let again: Vec<String> = checks
            .duplicates
            .iter()
            .map(|((_, _, l), why)| format!("{} {}", label(*l), why.name()))
            .collect();
        if !lost.is_empty() || !again.is_empty() {
            text += &format!("{name} lost {lost:?} again {again:?}\n");
        }
    }
    text
}

fn show_picture(picture: &Picture) -> String {
    let mut text = String::new();
    for (name, client) in &picture.clients {
        let lists = [
            ("got", &client.got),
            ("holds", &client.holds),
            ("processed", &client.processed),
            ("events", &client.events),
            ("errors", &client.errors),
            ("calls", &client.calls),
        ];
        let mut parts: Vec<String> = lists
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| format!("{name} {}", list.join(", ")))
            .collect();
        if !client.polls.is_empty() {
            parts.push(format!("polls {:?}", client.polls));
        }
        if !client.sent.is_empty() {
            let (confirmed, refused, unknown) = (client.confirmed, client.refused, client.unknown);
            parts.push(format!("sent {} ({confirmed}/{refused}/{unknown})", outcomes(client)));
        }
        text += format!("{name} {}: {}", client.connection, parts.join("; ")).trim_end();
        text += "\n";
    }
    for (name, queue) in &picture.queues {
        text += format!("{name} ({} ready): {}", queue.ready, queue.messages.join(", ")).trim_end();
        text += "\n";
    }
    text
}

fn outcomes(client: &ClientPicture) -> String {
    let outcome = |outcome: &SendOutcome| match outcome {
        SendOutcome::Word(word) => word.to_string(),
        other => format!("{other:?}"),
    };
    let all: Vec<String> =
        client.sent.iter().map(|(label, sent)| format!("{label} {}", outcome(sent))).collect();
    all.join(", ")
}

/// A log with these topics: names and numbers of partitions.
fn log_setup(topics: &[(&str, u32)], group: &str) -> Setup {
    let topic = |(name, partitions): &(&str, u32)| logs::TopicConfig {
        name: name.to_string(),
        partitions: *partitions,
        retention_age: None,
        retention_bytes: None,
        segment_bytes: 1 << 30,
        segment_age: None,
    };
    let client = logs::ClientConfig {
        acks: logs::Acks::All,
        request_timeout: Span::seconds(30),
        retries: u32::MAX,
        window: 0,
        group: text(group),
        commit: logs::Commit::Never,
        poll_records_max: 500,
        fetch_wait_max: Span::millis(500),
        offset_reset: logs::OffsetReset::Earliest,
        reconnect_after: Span::millis(50),
    };
    let config = logs::Config {
        node: "n1".into(),
        topics: topics.iter().map(topic).collect(),
        session_timeout: Span::seconds(45),
        heartbeat: Span::seconds(3),
        retention_check: Span::seconds(300),
        when_full: logs::WhenFull::Offline,
        clients: vec![(NodePattern::any(), client)],
    };
    Setup { design: Design::Log(config), ..setup(&[]) }
}
