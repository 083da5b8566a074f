//! Two writers of one log: the second is refused, as long as the first one lives, rotations included.

use crate::environment::{has_strace, tell};
use crate::log::{self, continued, goes_on};
use crate::sweep::strace;
use crate::writer::{LONG, Writer};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A writer that does not end before it is killed.
fn endless(path: &Path) -> Writer {
    Writer { sizes: vec![100, 3000], every: 5, ..Writer::new(path) }
}

#[test]
fn second_writer_is_refused_until_the_first_is_dead() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.aof");
    let mut first = endless(&path).start();
    assert!(first.says("acknowledged"));
    for _ in 0..10 {
        let second = endless(&path).run();
        assert_eq!(
            second.all("ended").collect::<Vec<_>>(),
            [" another process writes this log"],
            "{second:?}"
        );
        assert!(!second.has("opened"), "{second:?}");
    }
    assert!(first.says("acknowledged"), "the first one goes on");
    let said = first.kill();
    let found = log::read(&path, &endless(&path).sizes);
    assert!(found.last_op >= said.acknowledged());
    goes_on(&endless(&path), &found, 3);
}

#[test]
fn writers_that_start_at_once_agree_on_one() {
    let (mut one, mut none) = (0, 0);
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let writer = Writer { up_to: 200, ..endless(&path) };
        let both: Vec<_> = [writer.start(), writer.start(), writer.start()].into();
        let both: Vec<_> = both.into_iter().map(|running| running.finish()).collect();
        // One that starts when the other has ended opens the whole log, and has nothing to do.
        let wrote = both.iter().filter(|said| said.all("acknowledged").next().is_some()).count();
        for said in &both {
            assert!(said.has("closed") || said.has("ended"), "{said:?}");
        }
        match wrote {
            1 => one += 1,
            // Both saw the file before either had the lock: each may be refused, and nothing is harmed.
            0 => none += 1,
            _ => panic!("two writers wrote: {both:?}"),
        }
        let found = log::read(&path, &writer.sizes);
        assert_eq!(found.last_op, 200 * wrote as u64);
        log::verify(&path, &found);
    }
    tell(&format!("three writers at once: {one} times one of them wrote, {none} times none"));
    assert!(one > 0);
}

#[test]
fn writer_that_starts_while_the_other_rotates_is_refused_or_waits_for_its_own_file() {
    let (mut rotations, mut refused) = (0, 0);
    for _ in 0..4 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let writer = endless(&path);
        let mut first = writer.start();
        let mut moved = Vec::new();
        for number in 0..5 {
            assert!(first.says("acknowledged"));
            let away = directory.path().join(format!("log.{number}.aof"));
            fs::rename(&path, &away).unwrap();
            moved.push(away);
            // The second writer may only come in where the first has not taken the place yet: then the first
            // is told that another file is there, and goes on with its own.
            let second = Writer { up_to: 1, ..writer.clone() }.run();
            if second.has("opened") {
                assert!(first.says("replaced") || !first.says("acknowledged"));
                fs::remove_file(&path).unwrap();
            } else {
                assert!(second.has("ended"), "{second:?}");
                refused += 1;
            }
            assert!(first.says("rotated"), "{second:?}\n{:?}", first.finish());
            rotations += 1;
        }
        let said = first.kill();
        // All files together are one chain, and what was acknowledged is in it.
        let mut found = log::Found::default();
        moved.push(path.clone());
        for file in &moved {
            assert!(found.tail.is_empty(), "a file that was moved away is whole");
            found = continued(&fs::read(file).unwrap(), &writer.sizes, &found);
        }
        assert!(found.last_op >= said.acknowledged(), "{said:?}");
    }
    tell(&format!("{rotations} rotations, in {refused} of them a second writer was refused"));
}

/// A second writer that locks the new file of a rotation, in the moment between its creation and its locking:
/// where it kept the lock, the first one failed for good; where it had ended by then, the first one wrote behind
/// its entries. Now the first is told that another file is there, as for any other in the log's place.
#[test]
fn second_writer_that_locks_the_new_file_of_a_rotation_does_not_disturb_the_first() {
    if !has_strace() {
        return;
    }
    for second_ends in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.aof");
        let moved = directory.path().join("log.0.aof");
        // Held in both of its threads: the one that opens the log, and the one that syncs and rotates.
        let words = strace(&["trace=flock", "inject=flock:delay_enter=1500000:when=1"], "/dev/null");
        let slow = Writer { up_to: 6000, ..endless(&path) }.through(&words);
        let mut first = slow.start();
        assert!(first.says("acknowledged"));
        fs::rename(&path, &moved).unwrap();
        let end = Instant::now() + LONG;
        while !path.exists() {
            assert!(Instant::now() < end, "no new file was created");
            std::thread::sleep(Duration::from_millis(1));
        }
        let up_to = if second_ends { 20 } else { 1_000_000 };
        let mut second = Writer { up_to, ..endless(&path) }.start();
        assert!(second.says(if second_ends { "closed" } else { "opened" }));
        assert!(first.says("replaced"), "{second_ends}: {:?}", first.finish());
        assert!(first.says("closed 6000"), "{second_ends}: {:?}", first.finish());
        drop(second);
        assert!(log::read(&path, &slow.sizes).last_op > 0, "the second one's file is its own");
        assert_eq!(log::read(&moved, &slow.sizes).last_op, 6000);
    }
}
