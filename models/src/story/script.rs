//! A story as data: who does what, step by step. `scenarios` makes it from the file's `script`.

use crate::properties::Said;
use redeliver_sim::Span;

/// A whole story.
#[derive(Clone, Debug)]
pub struct Script {
    /// Names of the clients, in the order of the names. Their nodes have the same names.
    pub clients: Vec<String>,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// One line: one or several actors, and what each does, one verb after the other.
#[derive(Clone, Debug)]
pub struct Line {
    /// Who acts; each does all of it before the next begins.
    pub who: Vec<Who>,
    /// What is done.
    pub verbs: Vec<Verb>,
    /// The line in the file, from 1, for messages.
    pub line: u32,
}

/// An actor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// A client of the story: an index into [`Script::clients`].
    Client(usize),
    /// A broker's node, or a member of a load, by name.
    Node(String),
    /// The wires.
    Net,
    /// An administrator, and the one who looks.
    Ops,
}

/// A message of a story as it is sent: a key, and a body, which is a label and may repeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Before the `=`.
    pub key: Option<String>,
    /// The body, a single word.
    pub body: String,
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{key}={}", self.body),
            None => f.write_str(&self.body),
        }
    }
}

/// Something that is done.
#[derive(Clone, Debug)]
pub enum Verb {
    /// Publish these, one after the other, each when the one before has its outcome.
    Send {
        /// What.
        messages: Vec<Label>,
        /// A queue, an exchange, a topic, or `topic-partition`; the only one if none is named.
        to: Option<String>,
        /// Bytes of each.
        size: u64,
        /// What else is said of them: one entry for each, or one for all.
        said: Vec<Said>,
    },
    /// Be given messages from now on. For a log: subscribe, and keep polling.
    Consume {
        /// Of which queue or topic.
        from: String,
        /// Before consumers with a lower one. AMQP: `x-priority`. None: the client's.
        priority: Option<i32>,
        /// At this quality of service at most. MQTT. None: the client's.
        qos: Option<u8>,
    },
    /// Be given no more messages; what is held stays held. AMQP: `basic.cancel`, of all consumers of the client.
    Cancel,
    /// Have all that is held sent again. AMQP: `basic.recover`, with requeue.
    Recover,
    /// Close the channel, and keep the connection: what is held goes back. A verb that needs a channel opens another.
    CloseChannel,
    /// Ask until `n` have come, or without `n` until something has, or `wait` is over.
    Poll {
        /// Where; the only subscription if none is named.
        from: Option<String>,
        /// How many.
        n: Option<u32>,
        /// How long; none is the client's own default.
        wait: Option<Span>,
    },
    /// Ask until nothing is left.
    PollAll {
        /// Where; the only subscription if none is named.
        from: Option<String>,
    },
    /// Settle a held message (none: the one at hand in a handler, else all held); what is not processed yet is
    /// processed first.
    Ack {
        /// Which.
        message: Option<String>,
        /// And all before it. AMQP: `multiple`.
        multiple: bool,
    },
    /// Give a held message back, or away.
    Nack {
        /// Which (none: the one at hand in a handler, else all held).
        message: Option<String>,
        /// And all before it.
        multiple: bool,
        /// Back into the queue; else it is dropped or dead-lettered.
        requeue: bool,
    },
    /// Still be at work on a held message (none: the one at hand in a handler, else all held): the broker waits for so long
    /// more, or as long as at first. JetStream: `in_progress`; SQS: `ChangeMessageVisibility`.
    Extend {
        /// Which.
        message: Option<String>,
        /// So long from now; zero is as long as at first.
        wait: Span,
    },
    /// Claim what others have held for so long. Redis: `XAUTOCLAIM`.
    Claim {
        /// At least so long.
        idle: Span,
        /// So many messages at most.
        batch: u16,
    },
    /// The effect takes place (none: of the one at hand in a handler, else of all held). Labels.
    Process(Vec<String>),
    /// With each message from now on, and with those held: of the rules that match the one that says most.
    Handle(Vec<Rule>),
    /// Write the position down.
    Commit {
        /// This offset; none is the position.
        offset: Option<u64>,
        /// Of this topic, or `topic-partition`; the only one if none is named.
        of: Option<String>,
    },
    /// Join a group for this topic; polling is separate.
    Subscribe(String),
    /// Make a queue.
    Declare(Box<crate::queue::QueueConfig>),
    /// Bind a queue to an exchange.
    Bind {
        /// The exchange.
        exchange: String,
        /// The queue.
        queue: String,
    },
    /// Die as by kill -9.
    Crash,
    /// Be told to end, and end in good order.
    Shutdown,
    /// Start again.
    Restart,
    /// Stand still, as by SIGSTOP.
    Pause,
    /// Go on.
    Resume,
    /// An administrator sets how much memory a node's messages may take before publishers are held up: bytes, or less
    /// than the node takes without any.
    LimitMemory {
        /// Which node.
        node: String,
        /// How much.
        limit: Option<u64>,
    },
    /// Leave in good order.
    Close,
    /// Keep the picture under this name.
    Look(String),
    /// Let time pass.
    Wait(Span),
    /// Let time pass until this condition holds: an index into the plan's conditions.
    Until(usize),
    /// Do it, and go on at once.
    Async(Box<Verb>),
}

/// One rule of a [`Verb::Handle`].
#[derive(Clone, Debug)]
pub struct Rule {
    /// A body; none is any.
    pub body: Option<String>,
    /// Only the n-th time that this body comes, from 1.
    pub time: Option<u32>,
    /// What is done with it.
    pub verbs: Vec<Verb>,
}

impl Rule {
    /// In the order in which they are tried, whatever the order of the file: what says more goes first, a body before a
    /// number, and both before either.
    pub(super) fn in_turn(rules: &[Rule]) -> Vec<Rule> {
        let mut rules = rules.to_vec();
        rules.sort_by_key(|rule| (rule.body.is_none(), rule.time.is_none()));
        rules
    }
}

impl Verb {
    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Send { .. } => "Send",
            Verb::Consume { .. } => "Consume",
            Verb::Cancel => "Cancel",
            Verb::Recover => "Recover",
            Verb::CloseChannel => "CloseChannel",
            Verb::Poll { .. } => "Poll",
            Verb::PollAll { .. } => "PollAll",
            Verb::Ack { .. } => "Ack",
            Verb::Nack { .. } => "Nack",
            Verb::Extend { .. } => "Extend",
            Verb::Claim { .. } => "Claim",
            Verb::Process(_) => "Process",
            Verb::Handle(_) => "Handle",
            Verb::Commit { .. } => "Commit",
            Verb::Subscribe(_) => "Subscribe",
            Verb::Shutdown => "Shutdown",
            Verb::Declare(_) => "Declare",
            Verb::Bind { .. } => "Bind",
            Verb::Pause => "Pause",
            Verb::Resume => "Resume",
            Verb::LimitMemory { .. } => "Alter",
            Verb::Crash => "Crash",
            Verb::Restart => "Restart",
            Verb::Close => "Close",
            Verb::Look(_) => "Look",
            Verb::Wait(_) => "Wait",
            Verb::Until(_) => "Until",
            Verb::Async(verb) => verb.name(),
        }
    }

    /// Whether it is how a log is read.
    pub(super) fn reads(&self) -> bool {
        matches!(
            self,
            Verb::Subscribe(_)
                | Verb::Consume { .. }
                | Verb::Poll { .. }
                | Verb::PollAll { .. }
                | Verb::Commit { .. }
        )
    }

    /// Does this with each verb, those within it included.
    pub fn for_each(&mut self, change: &mut impl FnMut(&mut Verb)) {
        change(self);
        match self {
            Verb::Async(verb) => verb.for_each(change),
            Verb::Handle(rules) => {
                rules.iter_mut().flat_map(|rule| &mut rule.verbs).for_each(|verb| verb.for_each(change));
            }
            _ => {}
        }
    }

    /// This verb and those within it.
    pub fn all(&self) -> Vec<&Verb> {
        let within: Vec<&Verb> = match self {
            Verb::Async(verb) => verb.all(),
            Verb::Handle(rules) => rules.iter().flat_map(|rule| &rule.verbs).flat_map(Verb::all).collect(),
            _ => Vec::new(),
        };
        std::iter::once(self).chain(within).collect()
    }
}

impl Script {
    /// All verbs, those within others included.
    pub fn all_verbs(&self) -> impl Iterator<Item = &Verb> {
        self.lines.iter().flat_map(|line| &line.verbs).flat_map(Verb::all)
    }

    /// Whether this client sends anything.
    pub(crate) fn publishes(&self, client: usize) -> bool {
        self.verbs_of(client).any(|verb| matches!(verb, Verb::Send { .. }))
    }

    /// All verbs of one client.
    pub(crate) fn verbs_of(&self, client: usize) -> impl Iterator<Item = &Verb> {
        let lines = self.lines.iter().filter(move |line| line.who.contains(&Who::Client(client)));
        lines.flat_map(|line| &line.verbs).flat_map(Verb::all)
    }

    /// The names under which pictures are kept.
    pub fn look_names(&self) -> Vec<String> {
        let verbs = self.lines.iter().flat_map(|line| &line.verbs);
        let looks = verbs.filter_map(|verb| match verb {
            Verb::Look(name) => Some(name.clone()),
            _ => None,
        });
        looks.collect()
    }
}
