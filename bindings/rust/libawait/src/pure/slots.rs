// SPDX-License-Identifier: MIT
//! Slots for operations in flight, each found by a token that no later operation has.

/// Slots with generations. A token names one slot in one generation, so a stale one finds nothing.
pub(crate) struct Slots<T> {
    entries: Vec<Entry<T>>,
    free: Option<u32>,
    taken: usize,
}

struct Entry<T> {
    generation: u32,
    next_free: Option<u32>,
    value: Option<T>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Slots { entries: Vec::new(), free: None, taken: 0 }
    }

    /// Puts a value in a slot, and returns its token.
    pub(crate) fn insert(&mut self, value: T) -> u64 {
        let index = match self.free {
            Some(index) => {
                let entry = &mut self.entries[index as usize];
                self.free = entry.next_free.take();
                entry.value = Some(value);
                index
            }
            None => {
                let index =
                    u32::try_from(self.entries.len()).expect("four thousand million operations in flight");
                self.entries.push(Entry { generation: 0, next_free: None, value: Some(value) });
                index
            }
        };
        self.taken += 1;
        u64::from(self.entries[index as usize].generation) << 32 | u64::from(index)
    }

    /// Returns the value of a token, if it is still there.
    pub(crate) fn get_mut(&mut self, token: u64) -> Option<&mut T> {
        let entry = self.entries.get_mut(token as u32 as usize)?;
        if u64::from(entry.generation) != token >> 32 {
            return None;
        }
        entry.value.as_mut()
    }

    /// Takes the value out; its token is stale from then on.
    pub(crate) fn remove(&mut self, token: u64) -> Option<T> {
        let index = token as u32;
        let entry = self.entries.get_mut(index as usize)?;
        if u64::from(entry.generation) != token >> 32 {
            return None;
        }
        let value = entry.value.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        entry.next_free = self.free;
        self.free = Some(index);
        self.taken -= 1;
        Some(value)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn a_token_finds_its_value_and_no_other() {
        let mut slots = Slots::new();
        let a = slots.insert("a");
        let b = slots.insert("b");
        assert_eq!(slots.get_mut(a), Some(&mut "a"));
        assert_eq!(slots.remove(b), Some("b"));
        assert_eq!(slots.len(), 1);
        assert_eq!(slots.get_mut(b), None);
        assert_eq!(slots.remove(b), None);
        assert_eq!(slots.get_mut(77), None);
        assert_eq!(slots.remove(77), None);
    }

    #[test]
    fn a_stale_token_finds_nothing_in_a_slot_used_again() {
        let mut slots = Slots::new();
        let old = slots.insert(1);
        assert_eq!(slots.remove(old), Some(1));
        let new = slots.insert(2);
        assert_eq!(old as u32, new as u32, "the slot is used again");
        assert_eq!(slots.get_mut(old), None);
        assert_eq!(slots.remove(old), None);
        assert_eq!(slots.remove(new), Some(2));
    }

    #[test]
    fn free_slots_are_used_before_new_ones() {
        let mut slots = Slots::new();
        let tokens: Vec<u64> = (0..100).map(|i| slots.insert(i)).collect();
        for token in &tokens {
            slots.remove(*token);
        }
        for i in 0..100 {
            slots.insert(i);
        }
        assert_eq!(slots.entries.len(), 100);
        assert_eq!(slots.len(), 100);
    }

    #[test]
    fn what_is_left_is_dropped_with_the_slots() {
        let value = Rc::new(());
        let mut slots = Slots::new();
        let token = slots.insert(value.clone());
        slots.insert(value.clone());
        drop(slots.remove(token));
        assert_eq!(Rc::strong_count(&value), 2);
        drop(slots);
        assert_eq!(Rc::strong_count(&value), 1);
    }
}
