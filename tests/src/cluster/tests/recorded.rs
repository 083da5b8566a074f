//! What a real server answered (`tests/data/replay-session`): the model answers the same, byte for byte.

use super::*;
use aof_nostd::Checksum;

const SENT: &[u8] = include_bytes!("../../../data/replay-session/client-to-replica.bin");
const RECEIVED: &[u8] = include_bytes!("../../../data/replay-session/replica-to-client.bin");

#[test]
fn recorded_session_gives_the_recorded_replies() {
    let mut hand = Hand::new(Config::default());
    let connection = hand.open(0);
    let mut received = Vec::new();
    for request in packets(SENT) {
        hand.send(connection, &request);
        received.extend(hand.reply().bytes());
    }
    assert_eq!(received.len(), RECEIVED.len());
    assert!(received == RECEIVED);
    assert_eq!(hand.cluster.log().len(), 39);
    assert_eq!((hand.cluster.harms(), hand.cluster.aborts()), (&[][..], &[][..]));
}

#[test]
fn repeats_of_the_recorded_session_are_answered_or_silent() {
    let mut hand = Hand::new(Config::default());
    let connection = hand.open(0);
    let requests = packets(SENT);
    for (request, recorded) in requests.iter().zip(packets(RECEIVED)) {
        for _ in 0..3 {
            hand.send(connection, request);
            assert!(hand.reply() == recorded);
        }
    }
    // The whole session again hangs at its register: the reference's second run.
    hand.send(connection, &requests[0]);
    hand.silent(Silence::RequestBelow);
    assert_eq!(hand.cluster.log().len(), 39);
}

macro_rules! recorded {
    ($name:literal) => {
        &only(include_bytes!(concat!("../../../data/replay-session/evictions/", $name, ".bin")))
    };
}

fn only(stream: &[u8]) -> Packet {
    let [packet] = packets(stream).try_into().expect("one message");
    packet
}

/// The server of `evictions/`: three requests and a register, with a limit of 64 KiB.
#[test]
fn recorded_refusals_are_the_models() {
    let mut hand = Hand::new(Config { request_size_max: 64 << 10, ..Config::default() });
    let connection = hand.open(0);
    hand.send(connection, recorded!("pong_client.request"));
    let pong = recorded!("pong_client.reply");
    assert!(*pong == hand.answer());

    // The requests of the recorded session, but for the parents, which depend on the limit.
    let connection = hand.open(0);
    let mut parent = Checksum::ZERO;
    for packet in &packets(SENT)[..4] {
        let mut request = *packet.view::<Request>();
        request.parent = parent;
        hand.send(connection, &Packet::seal(request, &hand.config().profile, &packet.body));
        parent = hand.reply().view::<Reply>().context;
    }
    // The real server's requests continue this very chain.
    let questions = [
        (recorded!("invalid_request_operation.request"), recorded!("invalid_request_operation.reply")),
        (recorded!("invalid_request_body.request"), recorded!("invalid_request_body.reply")),
        (recorded!("session_release_mismatch.request"), recorded!("session_release_mismatch.reply")),
        (recorded!("no_session.request"), recorded!("no_session.reply")),
    ];
    for (question, _) in questions {
        assert_eq!(question.view::<Request>().parent, parent);
    }
    let mut question = *recorded!("invalid_request_body.request").view::<Request>();
    question.frame.size = 0.into();
    let too_large = Packet::seal(question, &hand.config().profile, &vec![0; 64 << 10]);
    let others = [
        (recorded!("no_session_by_ping.request"), recorded!("no_session_by_ping.reply")),
        (recorded!("client_release_too_low.request"), recorded!("client_release_too_low.reply")),
        (recorded!("client_release_too_high.request"), recorded!("client_release_too_high.reply")),
        (&too_large, recorded!("invalid_request_body_size.reply")),
    ];
    hand.cluster.closed(connection, hand.now);
    for (question, answer) in questions.into_iter().chain(others) {
        let connection = hand.open(0);
        hand.send(connection, question);
        assert!(&hand.answer() == answer, "{:?}", answer.view::<Eviction>());
        hand.cluster.closed(connection, hand.now);
    }

    let timestamp = hand.cluster.log().last().unwrap().timestamp + 1;
    let (sender, connection) = hand.register(77, timestamp);
    assert_eq!(sender.session, 5);
    hand.cluster.closed(connection, hand.now);
    let connection = hand.open(0);
    hand.send(connection, recorded!("session_too_low.request"));
    let eviction = recorded!("session_too_low.reply");
    assert!(*eviction == hand.answer());
    assert_eq!(hand.cluster.log().len(), 5);
}
