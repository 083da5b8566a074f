//! What is saved is found again, or refused.

use super::*;

fn state(op: u64) -> State {
    let session = Session {
        number: 1,
        request: u32::MAX,
        context: Checksum::new(u128::MAX),
        view: 7,
        batch_size_limit: 1_048_320,
    };
    let mut state = State::new(u128::MAX, Checksum::new(9), "auto");
    state.op = op;
    let last = SavedRequest {
        parent: Checksum::new(u128::MAX).to_string(),
        view: u32::MAX,
        timestamp: u64::MAX,
        op: Some(u64::MAX),
    };
    state.sessions.push(SavedSession::new(u32::MAX, u128::MAX, session, Some(last)));
    state.entry = Some(SavedEntry { op, checksum: Checksum::new(3).to_string(), digest: None });
    state
}

#[test]
fn last_state_is_found_again_even_if_the_next_was_half_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    assert!(StateFile::open(&path).unwrap().is_none());
    let mut file = StateFile::create(&path, &state(0)).unwrap();
    for op in 1..=5 {
        file.save(&state(op)).unwrap();
    }
    assert!(matches!(StateFile::open(&path), Err(StateError::Locked(_))));
    drop(file);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(StateFile::open(&path).unwrap().unwrap().1, state(5));
    // The slot that is written next holds op 4; wherever its writing stops, op 5 is there.
    let (file, found) = StateFile::open(&path).unwrap().unwrap();
    let older = SLOT_SIZE * (usize::try_from(file.sequence + 1).unwrap() % 2);
    assert_eq!(found, state(5));
    drop(file);
    for cut in [0, 1, 31, 32, 33, 60, 200, SLOT_SIZE - 1] {
        let mut torn = bytes.clone();
        torn[older + cut..older + SLOT_SIZE].fill(b'x');
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(StateFile::open(&path).unwrap().unwrap().1, state(5), "{cut}");
    }
    let saved = &state(5).sessions[0];
    assert_eq!(saved.restore().unwrap().1.context, Checksum::new(u128::MAX));
}

#[test]
fn other_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    for bytes in [vec![], vec![b' '; 2 * SLOT_SIZE], vec![0; 10], vec![b'x'; 3 * SLOT_SIZE]] {
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(StateFile::open(&path), Err(StateError::Damaged(_))));
    }
    assert!(matches!(StateFile::create(&path, &state(0)), Err(StateError::Locked(_))));
}

/// Format 1 did not say whether a request was in flight: so one may have been.
#[test]
fn records_of_the_first_format_are_read() {
    let text = r#"{"format":1,"cluster":"0","log":"9","pulses":"auto","resumes":0,"sessions":[{"release":1,
        "client":"1","number":1,"request":2,"context":"ff","view":1,"batch_size_limit":9}],"active":0,"op":3,
        "entry":null,"timestamp":5,"pulse_in_doubt":null,"requests":1,"pulses_executed":0,"rejected":0}"#;
    let old: State = serde_json::from_str(text).unwrap();
    assert!(old.in_flight && old.granted.is_none());
    assert_eq!(old.sessions[0].last, None);
    // Its slots were smaller, and stay so.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let (mut bytes, mut line) = (Vec::new(), Vec::new());
    for sequence in 0..2 {
        encode(&mut line, TigerBeetle::default(), sequence, &old, SLOT_SIZE_BEFORE).unwrap();
        bytes.extend_from_slice(&line);
    }
    std::fs::write(&path, &bytes).unwrap();
    let (mut file, found) = StateFile::open(&path).unwrap().unwrap();
    assert_eq!(found, old);
    file.save(&state(7)).unwrap();
    drop(file);
    assert_eq!(StateFile::open(&path).unwrap().unwrap().1, state(7));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes.len() as u64);
}

#[test]
fn sessions_of_as_many_releases_as_are_taken_fit() {
    let directory = tempfile::tempdir().unwrap();
    let mut full = state(u64::MAX);
    let session = full.sessions[0].clone();
    full.granted = Some(Granted { op: u64::MAX, requests: u64::MAX });
    full.sessions = vec![SavedSession { number: u64::MAX, ..session }; super::super::admission::RELEASES_MAX];
    StateFile::create(&directory.path().join("state"), &full).unwrap();
}
