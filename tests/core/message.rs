//! The messages of a recorded replay into a real replica (`tests/data/replay-session`), and its refusals.

use aof_nostd::message::{
    self, Batches, Command, Eviction, EvictionReason, Frame, FrameError, HEADER_SIZE, MESSAGE_SIZE_MAX,
    Message, PingClient, PongClient, RegisterResult, Reply, Request,
};
use aof_nostd::wire::{Operation, Release};
use aof_nostd::{Checksum, Entries, Profile, TigerBeetle};
use zerocopy::FromBytes;

const PROFILE: TigerBeetle = TigerBeetle::new(aof_nostd::Backend::SOFTWARE);

/// Headers and bodies of a stream, each believed.
fn messages(stream: &[u8]) -> Vec<([u8; HEADER_SIZE], &[u8])> {
    let mut messages = Vec::new();
    let mut rest = stream;
    while let Some((header, behind)) = rest.split_first_chunk::<HEADER_SIZE>() {
        let frame = Frame::check(header, &PROFILE, 0, MESSAGE_SIZE_MAX).unwrap();
        let (body, behind) = behind.split_at(frame.body_size() as usize);
        frame.check_body(&PROFILE, body).unwrap();
        messages.push((*header, body));
        rest = behind;
    }
    assert!(rest.is_empty());
    messages
}

#[test]
fn recorded_session_is_a_chain_of_valid_messages() {
    let sent = include_bytes!("../data/replay-session/client-to-replica.bin");
    let received = include_bytes!("../data/replay-session/replica-to-client.bin");
    let (sent, received) = (messages(sent), messages(received));
    assert_eq!((sent.len(), received.len()), (39, 39));
    let mut parent = Checksum::ZERO;
    for (number, ((request, _), (reply, body))) in (0..).zip(sent.iter().zip(&received)) {
        let (request, reply) = (Request::view(request), Reply::view(reply));
        assert_eq!((request.rule(), reply.rule()), (None, None));
        assert_eq!(request.parent, parent);
        assert_eq!((request.request.get(), reply.request.get()), (number, number));
        assert_eq!(reply.request_checksum, request.frame.checksum);
        assert_eq!(message::reply_context(reply, &PROFILE), reply.context);
        assert_eq!(reply.timestamp, request.timestamp);
        assert_eq!(reply.op.get(), u64::from(number) + 1);
        parent = reply.context;
        if number == 0 {
            let result = RegisterResult::ref_from_bytes(body).unwrap();
            assert_eq!(result.batch_size_limit.get(), message::BODY_SIZE_MAX);
        } else {
            assert_eq!(request.session.get(), 1);
            let results = Batches::new(body, 16).unwrap();
            let events = Batches::new(sent[number as usize].1, 128).unwrap();
            assert_eq!(results.elements(), events.elements());
        }
    }
}

/// Bodies go from entries to requests as they are, and their checksums with them.
#[test]
fn requests_are_made_of_entries_without_reading_bodies() {
    let log = include_bytes!("../data/replay-session/input.aof");
    let sent = include_bytes!("../data/replay-session/client-to-replica.bin");
    let mut requests = messages(sent).into_iter().skip(1);
    for located in Entries::new(log, PROFILE) {
        let header = located.unwrap().entry.header;
        if !header.operation().is_replayable() {
            continue;
        }
        let (recorded, _) = requests.next().unwrap();
        let recorded = Request::view(&recorded);
        let mut request =
            Request::new(header.cluster.get(), header.release(), u128::from(header.release.get()));
        request.frame.view = recorded.frame.view;
        request.parent = recorded.parent;
        request.session = recorded.session;
        request.request = recorded.request;
        request.timestamp = header.timestamp;
        request.operation = header.operation;
        message::seal_with(&mut request, &PROFILE, header.body_size(), header.checksum_body).unwrap();
        assert_eq!(&request, recorded);
    }
    assert_eq!(requests.next(), None);
}

macro_rules! answer {
    ($name:literal) => {
        include_bytes!(concat!("../data/replay-session/evictions/", $name, ".bin"))
    };
}

#[test]
fn evictions_of_a_real_server_are_understood() {
    let answers: [&[u8]; 8] = [
        answer!("no_session.reply"),
        answer!("client_release_too_low.reply"),
        answer!("client_release_too_high.reply"),
        answer!("invalid_request_operation.reply"),
        answer!("invalid_request_body.reply"),
        answer!("invalid_request_body_size.reply"),
        answer!("session_too_low.reply"),
        answer!("session_release_mismatch.reply"),
    ];
    for (value, answer) in (1..).zip(answers) {
        let (header, body) = messages(answer)[0];
        let eviction = Eviction::view(&header);
        let reason = EvictionReason::new(value);
        assert_eq!((eviction.rule(), eviction.reason(), body.len()), (None, reason, 0));
        assert_eq!(eviction.frame.command(), Command::EVICTION);
    }
    assert_eq!(EvictionReason::new(0), None);
    assert_eq!(EvictionReason::new(9), None);
}

#[test]
fn ping_and_pong_of_a_real_server_are_understood() {
    let (ping, pong) = (answer!("pong_client.request"), answer!("pong_client.reply"));
    let (ping, pong) = (PingClient::view(ping), PongClient::view(pong));
    assert_eq!((ping.rule(), pong.rule()), (None, None));
    assert_eq!(ping.ping_timestamp_monotonic, pong.ping_timestamp_monotonic);
    assert_eq!((pong.frame.view.get(), pong.frame.release()), (1, Release::new(65535, 0, 0)));

    let mut own = PingClient::new(0, ping.frame.release(), ping.client.get());
    own.ping_timestamp_monotonic = ping.ping_timestamp_monotonic;
    message::seal(&mut own, &PROFILE, b"").unwrap();
    assert_eq!(&own, ping);
}

#[test]
fn any_flipped_bit_makes_a_message_unbelievable() {
    let bytes = include_bytes!("../data/replay-session/replica-to-client.bin");
    let (header, body) = messages(bytes)[1];
    for bit in 0..HEADER_SIZE * 8 {
        let mut damaged = header;
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = Frame::check(&damaged, &PROFILE, 0, MESSAGE_SIZE_MAX).unwrap_err();
        assert_eq!(error, FrameError::HeaderChecksum);
    }
    let frame = Frame::check(&header, &PROFILE, 0, MESSAGE_SIZE_MAX).unwrap();
    let mut damaged = body.to_vec();
    damaged[body.len() / 2] ^= 1;
    assert_eq!(frame.check_body(&PROFILE, &damaged), Err(FrameError::BodyChecksum));
    assert_eq!(Frame::check(&header, &PROFILE, 1, MESSAGE_SIZE_MAX).unwrap_err(), FrameError::Cluster(0));
    let size = frame.size.get();
    assert_eq!(Frame::check(&header, &PROFILE, 0, size - 1).unwrap_err(), FrameError::Size(size));
}

#[test]
fn broken_rules_are_named() {
    use message::MessageRule as Rule;
    let release = Release::new(1, 2, 3);
    let request = |change: fn(&mut Request)| {
        let mut request = Request::new(0, release, 7);
        request.session = 1.into();
        request.request = 1.into();
        request.operation = Operation::CREATE_TRANSFERS.0;
        assert_eq!(request.rule(), None);
        change(&mut request);
        request.rule()
    };
    assert_eq!(request(|r| r.frame.epoch = 1.into()), Some(Rule::Frame));
    assert_eq!(request(|r| r.frame.release = 0.into()), Some(Rule::Frame));
    assert_eq!(request(|r| r.frame.command = 8), Some(Rule::Command));
    assert_eq!(request(|r| r.reserved[51] = 1), Some(Rule::Reserved));
    assert_eq!(request(|r| r.client = 0.into()), Some(Rule::Client));
    assert_eq!(request(|r| r.session = 0.into()), Some(Rule::Session));
    assert_eq!(request(|r| r.request = 0.into()), Some(Rule::Request));
    assert_eq!(request(|r| r.operation = Operation::REGISTER.0), Some(Rule::Session));
    let reply = |change: fn(&mut Reply)| {
        let mut reply = Reply::new(0, release, 7);
        (reply.op, reply.commit) = (5.into(), 5.into());
        reply.timestamp = 1.into();
        reply.request = 1.into();
        reply.operation = Operation::CREATE_TRANSFERS.0;
        assert_eq!(reply.rule(), None);
        change(&mut reply);
        reply.rule()
    };
    assert_eq!(reply(|r| r.commit = 4.into()), Some(Rule::Op));
    assert_eq!(reply(|r| (r.op, r.commit) = (0.into(), 0.into())), Some(Rule::Op));
    assert_eq!(reply(|r| r.timestamp = 0.into()), Some(Rule::Timestamp));
    assert_eq!(reply(|r| r.client = 0.into()), Some(Rule::Client));
    assert_eq!(reply(|r| r.operation = Operation::REGISTER.0), Some(Rule::Size));
    assert_eq!(reply(|r| r.request = 0.into()), Some(Rule::Request));
    assert_eq!(reply(|r| r.reserved[0] = 1), Some(Rule::Reserved));
    // Whatever the bytes are, they can be looked at.
    assert!(Reply::view(&[0xff; HEADER_SIZE]).rule().is_some());
    assert_eq!(PROFILE.checksum(b"").get(), 0x49f1_7461_8255_402d_e6e7_e3c4_0d60_cc83);
}
