//! The texts of `explain`, by kind.

mod causes;
mod exit;
mod metrics;
mod settings;

/// Something that can be explained.
pub(crate) struct Topic {
    /// Its names; the first is the one that lists show.
    pub(crate) names: &'static [&'static str],
    /// What it means, in one to four sentences.
    pub(crate) text: &'static str,
}

const fn topic(names: &'static [&'static str], text: &'static str) -> Topic {
    Topic { names, text }
}

/// All topics, in the order of their kinds.
pub(crate) fn all() -> impl Iterator<Item = &'static Topic> {
    [metrics::METRICS, causes::CAUSES, settings::SETTINGS, exit::EXIT].into_iter().flatten()
}
