//! Who processed what, in a small run: a lane per member, as in figure 11-2 of DDIA (1st ed.).

use crate::result::{ConsumerResult, MemberResult};
use crate::show::DesignShow;

/// A run is small if no subscription has more messages than this.
const MESSAGES_MAX: u64 = 12;
/// … and no more members than this.
const MEMBERS_MAX: usize = 8;

/// The members of a subscription and what each processed.
pub(crate) struct Lanes {
    /// The columns stand in the order of processing over all members; else each lane has its own order.
    pub(crate) ordered: bool,
    /// In the order of the names.
    pub(crate) lanes: Vec<Lane>,
}

/// A member.
pub(crate) struct Lane {
    /// Its node.
    pub(crate) member: String,
    /// What it processed, by column.
    pub(crate) processed: Vec<Option<String>>,
    /// What it was given and never processed.
    pub(crate) given: Vec<String>,
}

/// The lanes, if the run is small enough to show them.
pub(crate) fn lanes(consumer: &ConsumerResult, show: Option<&DesignShow>) -> Option<Lanes> {
    let members = &consumer.members;
    let effects: usize = members.values().map(|member| member.processed.len()).sum();
    let small = consumer.addressed <= MESSAGES_MAX && effects as u64 <= 2 * MESSAGES_MAX;
    if !small
        || effects == 0
        || members.len() > MEMBERS_MAX
        || members.values().any(|member| member.truncated)
    {
        return None;
    }
    let times: Option<Vec<Vec<f64>>> =
        members.iter().map(|(name, member)| times(name, member, show?)).collect();
    let places = places(members.values().map(|member| member.processed.len()), times.as_deref());
    let lanes = members.iter().zip(places).map(|((name, member), places)| {
        let mut processed = vec![None; effects];
        for (message, place) in member.processed.iter().zip(places) {
            processed[place] = Some(message.clone());
        }
        Lane { member: name.clone(), processed, given: given(member) }
    });
    let mut lanes: Vec<Lane> = lanes.collect();
    let used = lanes.iter().filter_map(|lane| lane.processed.iter().rposition(Option::is_some)).max();
    for lane in &mut lanes {
        lane.processed.truncate(used.map_or(0, |last| last + 1));
    }
    Some(Lanes { ordered: times.is_some(), lanes })
}

/// The column of every effect of every member.
fn places(counts: impl Iterator<Item = usize>, times: Option<&[Vec<f64>]>) -> Vec<Vec<usize>> {
    let Some(times) = times else { return counts.map(|count| (0..count).collect()).collect() };
    let mut all: Vec<(f64, usize, usize)> = Vec::new();
    for (member, times) in times.iter().enumerate() {
        all.extend(times.iter().enumerate().map(|(index, time)| (*time, member, index)));
    }
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut places: Vec<Vec<usize>> = times.iter().map(|times| vec![0; times.len()]).collect();
    for (place, (_, member, index)) in all.into_iter().enumerate() {
        places[member][index] = place;
    }
    places
}

/// When the member's effects took place, if that was kept for all of them.
fn times(name: &str, member: &MemberResult, show: &DesignShow) -> Option<Vec<f64>> {
    let times = show.effect_times.get(name).cloned().unwrap_or_default();
    (times.len() == member.processed.len()).then_some(times)
}

fn given(member: &MemberResult) -> Vec<String> {
    let mut given: Vec<String> = Vec::new();
    for (message, _) in &member.delivered {
        if !member.processed.contains(message) && !given.contains(message) {
            given.push(message.clone());
        }
    }
    given
}
