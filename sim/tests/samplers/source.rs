//! Where uniform bits come from: a stream, and keyed draws of which one part of the key counts up.

use redeliver_sim::{Luck, Purpose, Stream, name_hash};

/// The seed of all tests.
pub(crate) const SEED: u64 = 42;
/// How many draws a test takes from a source.
pub(crate) const DRAWS: usize = 100_032;

/// What a sequence of draws goes along.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// One stream.
    Stream,
    /// The first draws of streams of consecutive seeds.
    StreamSeeds,
    /// Consecutive messages of a producer.
    Messages,
    /// One message on links of consecutive names.
    Links,
    /// Consecutive attempts at one message.
    Attempts,
    /// Consecutive draws about one message.
    Counters,
    /// Consecutive syncs of a node's disk.
    Syncs,
    /// The same message under consecutive seeds.
    Seeds,
    /// Nodes of consecutive names.
    Names,
    /// Four draws for each of four attempts at each message.
    Grid,
}

impl Source {
    pub(crate) const ALL: [Source; 10] = [
        Source::Stream,
        Source::StreamSeeds,
        Source::Messages,
        Source::Links,
        Source::Attempts,
        Source::Counters,
        Source::Syncs,
        Source::Seeds,
        Source::Names,
        Source::Grid,
    ];

    /// The first `DRAWS` draws for what has this name.
    pub(crate) fn draws(self, name: &str) -> Vec<u64> {
        let purpose = Purpose::new(SEED, name);
        // Sources have messages of their own, so that no two draw with the same key.
        let producer = format!("message {self:?}/1");
        let message = |number| Luck::new(Purpose::new(SEED, &producer), number);
        let mut stream = Stream::new(SEED, name);
        let draw = |i: u64| match self {
            Source::Stream => stream.draw(),
            Source::StreamSeeds => Stream::new(SEED + 1 + i, name).draw(),
            Source::Messages => purpose.draw(message(i), 1),
            Source::Links => Purpose::new(SEED, &format!("link broker>{name}/{i}")).draw(message(7), 1),
            Source::Attempts => purpose.draw(message(7).attempt(i), 1),
            Source::Counters => purpose.draw(message(7), i),
            Source::Syncs => purpose.draw(Luck::new(purpose, i), 3),
            Source::Seeds => {
                let luck = Luck::new(Purpose::new(i, &producer), 7);
                Purpose::new(i, name).draw(luck, 1)
            }
            Source::Names => purpose.draw(Luck(name_hash(&format!("worker/{i}"))), 0),
            Source::Grid => purpose.draw(message(i / 16).attempt(i / 4 % 4), i % 4),
        };
        (0..DRAWS as u64).map(draw).collect()
    }
}
