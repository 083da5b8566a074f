//! A bit of the journal rots, any one: it costs the last entry at most, and that one only where it ends in a partly
//! filled unit.

use super::world::{End, Step, World};
use aof_tests::flash::Reads;

const fn append(size: usize) -> Step {
    Step::Append { size, ones: 0 }
}

/// Flips a bit of each byte of the journal by itself, and looks at what is there then. Gives how often an entry was
/// lost, and how often none.
fn every_flip<const WRITE: usize, const ERASE: usize, const N: usize>(
    world: &World<1, WRITE, ERASE, N>,
) -> [u64; 2] {
    let end = world.region().end as usize - ERASE;
    let mut seen = [0; 2];
    for at in end - 3 * ERASE..end {
        for lost in 0.. {
            assert!(lost < 2, "byte {at}: more than the last entry is lost");
            let mut rotten = world.clone();
            rotten.flash.flip(at);
            rotten.flash.power_on(Reads::Any, at as u64);
            rotten.lose(lost);
            if rotten.finds_what_is_durable() {
                // And the log goes on.
                assert_eq!(rotten.live(&[append(40), Step::Checkpoint, append(1)]), End::Done);
                assert_eq!(rotten.live(&[]), End::Done);
                seen[1 - lost] += 1;
                break;
            }
        }
    }
    seen
}

/// Nothing is in the journal but where the log goes on: which blocks were entered, and that a block was put back.
#[test]
fn rot_in_the_journal_costs_nothing_where_entries_fill_their_units() {
    for entries in 1..12 {
        let mut world = World::<1, 16, 256, 32>::new(30);
        for size in [16, 288] {
            assert_eq!(world.live(&[append(size), Step::Checkpoint]), End::Done);
        }
        let steps: Vec<Step> = (0..entries).flat_map(|_| [append(48), Step::Checkpoint]).collect();
        assert_eq!(world.live(&steps), End::Done);
        assert_eq!(every_flip(&world), [0, 768], "{entries} entries");
    }
}

/// Whole units in the block that was put back: no record is written behind the one that says so. Without it the one
/// before counts, which has the block's copy put back once more.
#[test]
fn rot_in_the_journal_puts_no_old_copy_over_what_was_appended_since() {
    let mut world = World::<1, 16, 1024, 16>::new(8);
    for size in [16, 32] {
        assert_eq!(world.live(&[append(size), Step::Checkpoint]), End::Done);
    }
    assert_eq!(every_flip(&world), [0, 3 * 1024]);
}

/// The last bytes of the last entry stand in the newest record, and nowhere else.
#[test]
fn rot_in_the_journal_costs_the_last_entry_where_it_ends_in_a_partly_filled_unit() {
    for entries in 1..12 {
        let mut world = World::<1, 16, 256, 32>::new(30);
        assert_eq!(world.live(&[append(21), Step::Checkpoint]), End::Done);
        let steps: Vec<Step> = (0..entries).flat_map(|_| [append(37), Step::Checkpoint]).collect();
        assert_eq!(world.live(&steps), End::Done);
        let [lost, kept] = every_flip(&world);
        assert!(lost <= 48, "{entries} entries: {lost} bytes of a record of 48");
        assert_eq!(lost + kept, 768);
    }
}
