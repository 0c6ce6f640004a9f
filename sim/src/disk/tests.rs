//! A disk on its own: what it holds, what crashes take, when transfers end.

use super::*;
use crate::sample::Distribution;

/// Great letters belong to something else; digits are written beside what they replace.
impl Stored for char {
    fn in_torn_write(&self) -> InTornWrite {
        match self {
            'A'..='Z' => InTornWrite::Whole,
            '0'..='9' => InTornWrite::Either,
            _ => InTornWrite::InLine,
        }
    }
}

fn disk(capacity: u64) -> Disk<char> {
    Disk::new(DiskSpec { capacity: Some(capacity), bandwidth: 1e9, sync: Distribution::Constant(5) })
}

fn held(disk: &Disk<char>) -> String {
    disk.records(FileId(0)).map(|(_, record)| record).collect()
}

#[test]
fn a_machine_crash_takes_what_was_not_synced() {
    let mut disk = disk(100);
    for record in ['a', 'b'] {
        disk.append(FileId(0), record, 10).unwrap();
    }
    disk.begin_sync(Time(0), 0);
    disk.append(FileId(0), 'c', 10).unwrap();
    disk.end_sync();
    disk.remove(FileId(0), Position(0));
    let mut lost = String::new();
    disk.lose_unsynced(|record, _| lost.push(record));
    assert_eq!((held(&disk).as_str(), lost.as_str(), disk.used()), ("b", "c", 10));
}

/// What a torn write leaves of these records, and of registers that had `-` before; all that is drawn is this.
fn torn(records: &str, registers: &str, draw: u64) -> (String, String) {
    let mut disk = disk(100);
    (0..registers.len() as u32).for_each(|number| disk.set_register(number, '-'));
    disk.begin_sync(Time(0), 0);
    disk.end_sync();
    records.chars().for_each(|record| _ = disk.append(FileId(0), record, 1));
    (0..).zip(registers.chars()).for_each(|(number, value)| disk.set_register(number, value));
    disk.tear(|_| draw);
    disk.lose_unsynced(|_, _| ());
    let values = (0..registers.len() as u32).filter_map(|number| disk.register(number));
    (held(&disk), values.collect())
}

#[test]
fn a_torn_write_takes_no_record_that_belongs_to_another_file() {
    let both = |file: &str, registers: &str| (file.to_string(), registers.to_string());
    assert_eq!(torn("abc", "aA1", 1), both("a", "-A1"));
    assert_eq!(torn("abc", "aA1", 2), both("ab", "-A-"));
    assert_eq!(torn("ABC", "", 1), both("ABC", ""));
    assert_eq!(torn("aBc", "", 1), both("aB", ""), "it is cut off at one of those in line");
}

#[test]
fn a_full_disk_refuses_until_something_goes() {
    let mut disk = disk(20);
    let first = disk.append(FileId(0), 'a', 15).unwrap();
    assert_eq!(disk.append(FileId(0), 'b', 6), Err(DiskFull));
    disk.remove(FileId(0), first);
    assert!(disk.append(FileId(0), 'b', 6).is_ok());
    assert_eq!(disk.used_max(), 15);
}

#[test]
fn transfers_and_syncs_queue_up() {
    let mut disk = disk(100);
    assert_eq!(disk.transfer(Time(0), 10), Time(10));
    assert_eq!(disk.transfer(Time(5), 10), Time(20));
    assert_eq!(disk.begin_sync(Time(7), 0), Time(25));
    assert_eq!(disk.transfer(Time(30), 1), Time(31));
}
