//! Keeps facts: of all messages or of a few, for a witness, a diagram, a message's life or a trace.

use crate::fact::Fact;
use crate::message::Messages;
use redeliver_sim::{News, NodeId, Time};

/// A fact that was kept, with what its message was called (its record may have been closed since).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// When.
    pub at: Time,
    /// Where.
    pub node: NodeId,
    /// What.
    pub event: Event,
}

/// What was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A fact; about this message (source, number, label).
    Fact(Fact, Option<(u32, u32, u32)>),
    /// The kernel's own news.
    News(News),
}

/// Which facts are kept.
#[derive(Clone, Debug, Default)]
pub enum Recorder {
    /// None.
    #[default]
    Off,
    /// All.
    All(Vec<Recorded>),
    /// Those about these messages (source, number; sorted), and the kernel's news.
    Of(Vec<(u32, u32)>, Vec<Recorded>),
}

impl Recorder {
    pub(super) fn is_on(&self) -> bool {
        !matches!(self, Recorder::Off)
    }

    pub(super) fn keep(&mut self, at: Time, node: NodeId, fact: &Fact, messages: &Messages) {
        if !self.is_on() {
            return;
        }
        let about = fact.message().filter(|m| messages.is_current(*m)).map(|m| {
            let message = messages.get(m);
            (message.source.0, message.number, message.label)
        });
        let recorded = Recorded { at, node, event: Event::Fact(*fact, about) };
        match self {
            Recorder::Off => {}
            Recorder::All(kept) => kept.push(recorded),
            Recorder::Of(wanted, kept) => {
                if about.is_some_and(|(source, number, _)| wanted.binary_search(&(source, number)).is_ok()) {
                    kept.push(recorded);
                }
            }
        }
    }

    pub(super) fn told(&mut self, at: Time, node: NodeId, news: News) {
        match self {
            Recorder::Off => {}
            Recorder::All(kept) | Recorder::Of(_, kept) => {
                kept.push(Recorded { at, node, event: Event::News(news) });
            }
        }
    }

    /// How many facts are kept.
    pub(crate) fn len(&self) -> usize {
        match self {
            Recorder::Off => 0,
            Recorder::All(kept) | Recorder::Of(_, kept) => kept.len(),
        }
    }

    /// Takes what has been kept so far.
    pub fn take(&mut self) -> Vec<Recorded> {
        match self {
            Recorder::Off => Vec::new(),
            Recorder::All(kept) | Recorder::Of(_, kept) => std::mem::take(kept),
        }
    }
}
