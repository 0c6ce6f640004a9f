//! A first-in-first-out queue for what is put in and taken out for every message. As many places as a power of two, so the
//! mask of an index finds one: `VecDeque` needs more than twice the instructions.

/// The queue.
#[derive(Clone, Debug)]
pub struct Fifo<T> {
    places: Vec<T>,
    head: usize,
    len: usize,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo { places: Vec::new(), head: 0, len: 0 }
    }
}

impl<T: Copy> Fifo<T> {
    /// How many there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One more, behind all others.
    #[inline(always)]
    pub fn push_back(&mut self, item: T) {
        if self.len == self.places.len() {
            self.grow(item);
        }
        let place = self.place(self.len);
        self.places[place] = item;
        self.len += 1;
    }

    /// Takes the first.
    #[inline(always)]
    pub fn pop_front(&mut self) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        let item = self.places[self.head];
        self.head = self.place(1);
        self.len -= 1;
        Some(item)
    }

    /// The first.
    #[inline(always)]
    pub fn front(&self) -> Option<&T> {
        self.get(0)
    }

    /// The one at this place from the first on.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Option<&T> {
        if index < self.len { self.places.get(self.place(index)) } else { None }
    }

    /// All of them, the first first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len).map(|index| &self.places[self.place(index)])
    }

    /// Takes out those that are not to stay.
    pub fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        for _ in 0..self.len {
            let item = self.pop_front().expect("counted before");
            if stays(&item) {
                self.push_back(item);
            }
        }
    }

    /// One more, at this place from the first on.
    pub fn insert(&mut self, index: usize, item: T) {
        self.push_back(item);
        for later in (index + 1..self.len).rev() {
            let (place, before) = (self.place(later), self.place(later - 1));
            self.places.swap(place, before);
        }
    }

    /// Takes all of them.
    pub fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        let mut all = std::mem::take(self);
        std::iter::from_fn(move || all.pop_front())
    }

    #[inline(always)]
    fn place(&self, index: usize) -> usize {
        (self.head + index) & self.places.len().wrapping_sub(1)
    }

    /// Twice as many places; `filler` stands where nothing does.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, filler: T) {
        self.places.rotate_left(self.head);
        self.head = 0;
        self.places.resize((2 * self.len).max(4), filler);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::mix;
    use std::collections::VecDeque;

    #[test]
    fn it_does_what_a_vec_deque_does() {
        let (mut fifo, mut expected) = (Fifo::default(), VecDeque::new());
        for i in 0..20_000 {
            // Grows to some hundreds, and shrinks to nothing again.
            let growing = i / 500 % 2 == 0;
            match mix(i) % 20 {
                0..=6 => assert_eq!(fifo.pop_front(), expected.pop_front()),
                7..=8 if !growing => assert_eq!(fifo.pop_front(), expected.pop_front()),
                7 if !expected.is_empty() => {
                    let index = (mix(i) >> 8) as usize % (expected.len() + 1);
                    fifo.insert(index, i);
                    expected.insert(index, i);
                }
                8 if mix(i) >> 8 & 31 == 0 => {
                    fifo.retain(|item| !item.is_multiple_of(5));
                    expected.retain(|item| !item.is_multiple_of(5));
                }
                _ if growing || mix(i).is_multiple_of(3) => {
                    fifo.push_back(i);
                    expected.push_back(i);
                }
                _ => assert_eq!(fifo.pop_front(), expected.pop_front()),
            }
            assert_eq!((fifo.len(), fifo.is_empty()), (expected.len(), expected.is_empty()));
            assert_eq!((fifo.front(), fifo.get(3)), (expected.front(), expected.get(3)));
        }
        assert!(fifo.iter().eq(expected.iter()));
        assert!(fifo.take().eq(expected));
        assert!(fifo.is_empty());
    }
}
