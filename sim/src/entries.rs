//! The entries of a disk's file, in the order of their positions; removed ones stay between others until all before
//! them are gone.
//!
//! A file whose records are all words takes 8 bytes for each of them: a log may retain millions. The first record that
//! is none makes all of them wide.

use std::collections::VecDeque;

/// What a disk stores. Kinds of records of which there may be very many can be words.
pub trait Stored: Copy {
    /// The word that stands for it, if there is one.
    fn word(&self) -> Option<u32> {
        None
    }

    /// What this word stands for.
    fn of_word(_word: u32) -> Self {
        unreachable!("none of these records is a word")
    }

    /// What is left of it, if no sync has covered it and the machine dies in the midst of a write.
    fn in_torn_write(&self) -> InTornWrite {
        InTornWrite::InLine
    }
}

/// What a machine that dies in the midst of a write leaves of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InTornWrite {
    /// It stands in line: the disk has it if the write came so far. In a register nothing of it is left.
    InLine,
    /// Nothing: it is written behind another in another file, and worth nothing without it.
    Nothing,
    /// It is there: it was written together with another, and whoever reads it sees whether that one is there.
    Whole,
    /// In a register: it was written beside the old value, and has taken its place or not.
    Either,
}

impl Stored for () {}

impl Stored for u32 {
    fn word(&self) -> Option<u32> {
        Some(*self)
    }

    fn of_word(word: u32) -> Self {
        word
    }
}

/// In the place of an entry's bytes: it was removed.
const REMOVED: u32 = u32::MAX;

/// The entries: records with their bytes.
#[derive(Clone)]
pub(crate) enum Entries<R> {
    /// All of them are words; with bytes.
    Words(VecDeque<[u32; 2]>),
    /// Not all.
    Wide(VecDeque<Option<(R, u64)>>),
}

impl<R: Stored> Entries<R> {
    pub(crate) fn new() -> Self {
        Entries::Words(VecDeque::new())
    }

    /// How many there are, removed ones included.
    pub(crate) fn len(&self) -> usize {
        match self {
            Entries::Words(words) => words.len(),
            Entries::Wide(all) => all.len(),
        }
    }

    /// How many of them take no more than a word and its bytes.
    pub(crate) fn words(&self) -> usize {
        match self {
            Entries::Words(words) => words.len(),
            Entries::Wide(_) => 0,
        }
    }

    /// An entry that has not been removed.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> Option<(R, u64)> {
        match self {
            Entries::Words(words) => words.get(index).copied().and_then(read),
            Entries::Wide(all) => all.get(index).copied().flatten(),
        }
    }

    /// Those that have not been removed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, R)> {
        (0..self.len()).filter_map(|index| self.get(index).map(|(record, _)| (index, record)))
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, record: R, bytes: u64) {
        match self {
            Entries::Wide(all) => all.push_back(Some((record, bytes))),
            Entries::Words(_) => self.push_word(record, bytes),
        }
    }

    #[inline(never)]
    fn push_word(&mut self, record: R, bytes: u64) {
        match self {
            Entries::Words(words) if bytes < u64::from(REMOVED) && record.word().is_some() => {
                words.extend(record.word().map(|word| [word, bytes as u32]));
            }
            _ => {
                self.widen();
                self.push(record, bytes);
            }
        }
    }

    /// Removes an entry, if it is still there.
    #[inline(always)]
    pub(crate) fn take(&mut self, index: usize) -> Option<(R, u64)> {
        match self {
            Entries::Words(words) => {
                let entry = words.get_mut(index)?;
                let taken = read(*entry);
                entry[1] = REMOVED;
                taken
            }
            Entries::Wide(all) => all.get_mut(index)?.take(),
        }
    }

    /// Forgets removed entries before all others; says how many.
    #[inline(always)]
    pub(crate) fn trim(&mut self) -> u64 {
        let mut trimmed = 0;
        while self.len() > 0 && self.get(0).is_none() {
            match self {
                Entries::Words(words) => drop(words.pop_front()),
                Entries::Wide(all) => drop(all.pop_front()),
            }
            trimmed += 1;
        }
        trimmed
    }

    /// Takes the last one off; none if that one was removed.
    pub(crate) fn pop(&mut self) -> Option<(R, u64)> {
        match self {
            Entries::Words(words) => words.pop_back().and_then(read),
            Entries::Wide(all) => all.pop_back().flatten(),
        }
    }

    /// Puts another record in the place of one, if that is still there.
    pub(crate) fn replace(&mut self, index: usize, record: R) {
        let Some((_, bytes)) = self.get(index) else { return };
        self.widen();
        if let Entries::Wide(all) = self {
            all[index] = Some((record, bytes));
        }
    }

    fn widen(&mut self) {
        if let Entries::Words(words) = self {
            *self = Entries::Wide(words.iter().map(|word| read(*word)).collect());
        }
    }
}

#[inline(always)]
fn read<R: Stored>([word, bytes]: [u32; 2]) -> Option<(R, u64)> {
    (bytes != REMOVED).then(|| (R::of_word(word), u64::from(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word if it is even.
    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Number(u32);

    impl Stored for Number {
        fn word(&self) -> Option<u32> {
            self.0.is_multiple_of(2).then_some(self.0)
        }

        fn of_word(word: u32) -> Self {
            Number(word)
        }
    }

    fn shown(entries: &Entries<Number>) -> String {
        let all = (0..entries.len()).map(|index| match entries.get(index) {
            Some((Number(n), bytes)) => format!("{n}:{bytes}"),
            None => "-".into(),
        });
        format!("{} ({} words)", all.collect::<Vec<_>>().join(" "), entries.words())
    }

    #[test]
    fn what_is_no_word_or_too_large_for_one_makes_all_wide_and_changes_nothing_else() {
        for (last, bytes) in [(7, 70), (8, u64::from(u32::MAX))] {
            let mut entries = Entries::new();
            for n in [2, 4, 6] {
                entries.push(Number(n), u64::from(10 * n));
            }
            assert_eq!(entries.take(1), Some((Number(4), 40)));
            assert_eq!(entries.take(1), None);
            assert_eq!(shown(&entries), "2:20 - 6:60 (3 words)");
            entries.push(Number(last), bytes);
            assert_eq!(shown(&entries), format!("2:20 - 6:60 {last}:{bytes} (0 words)"));
        }
    }

    #[test]
    fn words_and_wide_entries_do_the_same() {
        let mut shows = Vec::new();
        for wide in [false, true] {
            let mut entries = Entries::new();
            if wide {
                entries.widen();
            }
            for n in [2, 4, 6, 8] {
                entries.push(Number(n), 1);
            }
            let taken = [entries.take(0), entries.take(1)];
            let trimmed = entries.trim();
            entries.take(1);
            shows.push((taken, trimmed, entries.pop(), entries.pop(), entries.len(), entries.trim()));
        }
        assert_eq!(shows[0], shows[1]);
    }
}
