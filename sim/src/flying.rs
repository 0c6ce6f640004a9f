//! What is under way, counted by the verb of a story that it descends from. Deadlines and periodic timers are not counted.

/// The mark of what no verb of a story has caused: it is work all the same.
pub(crate) const UNMARKED: u32 = 0;
/// The mark of deadlines and periodic timers: nobody waits for them.
pub(crate) const DEADLINE: u32 = u32::MAX;

/// Pending events by mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flying {
    unmarked: u32,
    /// From mark 1 on.
    marked: Vec<u32>,
}

impl Flying {
    /// A new mark.
    pub(crate) fn new_mark(&mut self) -> u32 {
        self.marked.push(0);
        self.marked.len() as u32
    }

    /// One more.
    #[inline(always)]
    pub(crate) fn add(&mut self, mark: u32) {
        if mark == UNMARKED {
            self.unmarked += 1;
        } else if mark != DEADLINE {
            self.marked[mark as usize - 1] += 1;
        }
    }

    /// One less; the mark of what it brings about.
    #[inline(always)]
    pub(crate) fn remove(&mut self, mark: u32) -> u32 {
        if mark == UNMARKED {
            self.unmarked -= 1;
        } else if mark != DEADLINE {
            self.marked[mark as usize - 1] -= 1;
            return mark;
        }
        UNMARKED
    }

    /// How many descend from a mark.
    pub(crate) fn of(&self, mark: u32) -> u32 {
        if mark == UNMARKED { self.unmarked } else { self.marked[mark as usize - 1] }
    }

    /// Nothing is under way.
    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        self.unmarked == 0 && self.marked.iter().all(|count| *count == 0)
    }
}
