//! What the texts that were read on this thread show of the schema: of each struct, enum and table of settings that
//! they use, which names they say. Noted where the decoder and the tables know both; compiled into tests only.

use crate::fault::TIMING;
use crate::tree::{Body, Field, Kind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// By a struct's, an enum's or a table's name and the names that it knows: those that were said.
type Shown = BTreeMap<(String, &'static [&'static str]), BTreeSet<String>>;

thread_local! {
    static SHOWN: RefCell<Shown> = RefCell::default();
}

/// Some of the known names were said.
pub(crate) fn names<'n>(
    owner: &str,
    known: &'static [&'static str],
    said: impl IntoIterator<Item = &'n str>,
) {
    SHOWN.with_borrow_mut(|shown| {
        let names = shown.entry((owner.to_string(), known)).or_default();
        names.extend(said.into_iter().map(str::to_string));
    });
}

/// The fields in a body were said, but for those that are `None`: these show nothing of what could stand there.
pub(crate) fn fields(owner: &str, known: &'static [&'static str], body: &Body) {
    let fields: &[Field] = match body {
        Body::Fields(fields) => fields,
        Body::Values(_) | Body::Bare => &[],
    };
    let said = fields.iter().filter(|field| !is_none(field)).map(|field| field.name.as_str());
    if !TIMING.iter().all(|name| known.contains(name)) {
        return names(owner, known, said);
    }
    // Every fault can say when it acts; one that shows how is enough for all.
    let (timing, own): (Vec<&str>, Vec<&str>) = said.partition(|name| TIMING.contains(name));
    names(owner, known, own.into_iter().chain(TIMING));
    names("a fault's timing", &TIMING, timing);
}

fn is_none(field: &Field) -> bool {
    match &field.value.kind {
        Kind::Group { name: Some((name, _)), body: Body::Bare } => name == "None",
        _ => false,
    }
}

/// What is known and was never said, in words, and how much was said.
pub(crate) fn missing() -> (Vec<String>, usize) {
    SHOWN.with_borrow(|shown| {
        let absent = shown.iter().flat_map(|((owner, known), said)| {
            let absent = known.iter().filter(|name| !said.contains(**name));
            absent.map(move |name| format!("`{name}` of {owner}"))
        });
        (absent.collect(), shown.values().map(BTreeSet::len).sum())
    })
}
