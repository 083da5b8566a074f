//! Each rule by itself: what is answered, what closes a connection, what is met with silence, what kills.

use super::*;
use aof_nostd::message::{FrameError, MessageRule};
use std::collections::BTreeMap;

/// The next request, changed and sealed again.
fn changed(hand: &Hand, sender: Sender, change: fn(&mut Request)) -> Packet {
    let config = hand.config();
    let mut request = sender.request(&config);
    change(&mut request);
    Packet::seal(request, &config.profile, &sender.body(1))
}

#[test]
fn requests_that_do_not_fit_their_session_are_dropped() {
    let mut hand = Hand::new(Config::default());
    let (mut sender, connection) = hand.register(CLIENT, 1);
    let first = sender.packet(&hand.config());
    hand.send(connection, &first);
    let reply = hand.reply();
    sender.accept(&reply);
    let mut try_one = |change: fn(&mut Request), why| {
        let packet = changed(&hand, sender, change);
        hand.send(connection, &packet);
        hand.silent(why);
    };
    try_one(|r| r.frame.view = 2.into(), Silence::ViewAbove);
    try_one(|r| r.frame.epoch = 1.into(), Silence::Rule(MessageRule::Frame));
    try_one(|r| r.session = 2.into(), Silence::SessionAbove);
    try_one(|r| r.request = 1.into(), Silence::RequestOther);
    try_one(|r| r.request = 3.into(), Silence::RequestAbove);
    try_one(|r| r.parent = aof_nostd::Checksum::new(1), Silence::Parent);
    try_one(|r| r.timestamp = 0.into(), Silence::TimestampMissing);
    try_one(|r| r.operation = Operation::UPGRADE.0, Silence::Operation);
    // After all of it the session is as good as before.
    let second = sender.packet(&hand.config());
    hand.send(connection, &second);
    sender.accept(&hand.reply());
    hand.send(connection, &first);
    hand.silent(Silence::RequestBelow);
    assert_eq!(hand.cluster.log().len(), 3);
}

#[test]
fn register_again_is_answered_while_it_is_the_last_request() {
    let mut hand = Hand::new(Config::default());
    let (mut sender, connection) = hand.register(CLIENT, 1);
    let register = Sender::new(CLIENT);
    hand.send(connection, &register.packet(&hand.config()));
    assert_eq!(hand.reply().view::<Reply>().op.get(), 1);
    let other = Sender { timestamp: 2, ..register };
    hand.send(connection, &other.packet(&hand.config()));
    hand.silent(Silence::RequestOther);
    hand.send(connection, &sender.packet(&hand.config()));
    sender.accept(&hand.reply());
    hand.send(connection, &register.packet(&hand.config()));
    hand.silent(Silence::RequestBelow);
}

#[test]
fn refusals_leave_the_session_alive() {
    let mut hand = Hand::new(Config { request_size_max: 4096, ..Config::default() });
    let (sender, connection) = hand.register(CLIENT, 1);
    let config = hand.config();
    let too_large = Packet::seal(sender.request(&config), &config.profile, &sender.body(40));
    hand.send(connection, &too_large);
    hand.evicted(EvictionReason::InvalidRequestBodySize);
    let malformed = Packet::seal(sender.request(&config), &config.profile, &[0; 128]);
    hand.send(connection, &malformed);
    hand.evicted(EvictionReason::InvalidRequestBody);
    let mut old = Sender::new(8).request(&config);
    old.frame.size = 256.into();
    let without_body = Packet::seal(old, &config.profile, b"");
    let other = hand.open(0);
    hand.send(other, &without_body);
    hand.evicted(EvictionReason::InvalidRequestBodySize);
    hand.send(connection, &sender.packet(&config));
    hand.reply();
}

#[test]
fn answers_go_to_the_connection_that_pinged_last() {
    let mut hand = Hand::new(Config::default());
    let (mut sender, old) = hand.register(CLIENT, 1);
    let new = hand.open(0);
    let request = sender.packet(&hand.config());
    hand.send(new, &request);
    let [(connection, reply)] = hand.sent().try_into().unwrap();
    assert_eq!(connection, old);
    sender.accept(&reply);
    hand.ping(new, CLIENT, sender.session);
    let outputs = hand.outputs();
    assert_eq!(outputs[0], Output::Close { connection: old, why: CloseReason::Replaced });
    assert!(matches!(outputs[1], Output::Send { connection, .. } if connection == new));
    // A repeat of the last request finds its reply on the new connection.
    hand.send(new, &request);
    assert!(hand.reply() == reply);
}

#[test]
fn connections_are_closed_over_what_cannot_be_believed() {
    let mut hand = Hand::new(Config::default());
    let config = hand.config();
    let packet = Sender::new(CLIENT).packet(&config);
    let mut flipped = packet.clone();
    flipped.header[200] ^= 1;
    let connection = hand.open(0);
    hand.send(connection, &flipped);
    hand.closed(CloseReason::Frame(FrameError::HeaderChecksum));
    let connection = hand.open(0);
    hand.cluster.message(connection, &packet.header, &packet.body[1..], hand.now);
    hand.closed(CloseReason::Frame(FrameError::BodyChecksum));
    let connection = hand.open(0);
    let foreign = Sender::new(CLIENT).packet(&Config { cluster: 9, ..config });
    hand.send(connection, &foreign);
    hand.closed(CloseReason::Frame(FrameError::Cluster(9)));
    let connection = hand.open(0);
    hand.ping(connection, CLIENT, 0);
    hand.answer();
    hand.ping(connection, 7, 0);
    hand.closed(CloseReason::Identity);
    assert_eq!(hand.cluster.log().len(), 0);
}

/// A request without client, executed at once and never answered.
fn pulse(hand: &Hand, timestamp: u64) -> Packet {
    let config = hand.config();
    let mut pulse = Request::new(config.cluster, config.release, 0);
    pulse.frame.view = 1.into();
    pulse.operation = Operation::PULSE.0;
    pulse.timestamp = timestamp.into();
    Packet::seal(pulse, &config.profile, b"")
}

#[test]
fn pulses_are_committed_without_an_answer_and_counted_in_the_next_op() {
    let mut hand = Hand::new(Config { commit_time: Spread::ms(10, 10), ..Config::default() });
    let connection = hand.open(0);
    let mut sender = Sender::new(CLIENT);
    hand.send(connection, &sender.packet(&hand.config()));
    hand.wait(ms(10));
    sender.accept(&hand.reply());
    let packet = pulse(&hand, 5);
    hand.send(connection, &packet);
    assert_eq!(hand.outputs(), []);
    hand.send(connection, &pulse(&hand, 6));
    hand.silent(Silence::InPipeline);
    sender.timestamp = 7;
    hand.send(connection, &sender.packet(&hand.config()));
    hand.wait(ms(10));
    assert_eq!(hand.reply().view::<Reply>().op.get(), 3);
    assert_eq!(hand.cluster.harms(), []);
    // The same once more is executed once more, and does harm.
    hand.send(connection, &packet);
    hand.wait(ms(10));
    let harms = [Harm::TimestampNotGrowing { op: 4 }, Harm::Twice { op: 4, first: 2 }];
    assert_eq!(hand.cluster.harms(), harms);
}

#[test]
fn pulse_on_a_connection_that_pinged_closes_it() {
    let mut hand = Hand::new(Config::default());
    let (_, connection) = hand.register(CLIENT, 1);
    hand.ping(connection, CLIENT, 1);
    hand.answer();
    let packet = pulse(&hand, 5);
    hand.send(connection, &packet);
    hand.closed(CloseReason::Identity);
}

#[test]
fn replicas_abort_where_real_ones_do() {
    let aborted = |send: &dyn Fn(&mut Hand)| {
        let mut hand = Hand::new(Config::default());
        send(&mut hand);
        assert!(!hand.cluster.is_up(0));
        hand.cluster.aborts().to_vec()
    };
    let packet_first = aborted(&|hand| {
        let connection = hand.open(0);
        hand.send(connection, &pulse(hand, 5));
    });
    assert_eq!(packet_first, [(0, Abort::RequestWithoutClient)]);
    let body = aborted(&|hand| {
        let connection = hand.open(0);
        let config = hand.config();
        let mut body = [0; 256];
        body[255] = 1;
        hand.send(connection, &Packet::seal(Sender::new(7).request(&config), &config.profile, &body));
    });
    assert_eq!(body, [(0, Abort::RegisterBody)]);
    let timestamp = aborted(&|hand| {
        let connection = hand.open(0);
        let sender = Sender { timestamp: TIMESTAMP_MAX + 1, ..Sender::new(7) };
        hand.send(connection, &sender.packet(&hand.config()));
    });
    assert_eq!(timestamp, [(0, Abort::Timestamp)]);
    let state_machine = aborted(&|hand| {
        let (sender, connection) = hand.register(7, 1);
        let mut request = sender.request(&hand.config());
        request.operation = Operation::PULSE_STATE_MACHINE.0;
        hand.send(connection, &Packet::seal(request, &hand.config().profile, b""));
        assert_eq!(hand.sent()[0].1.command(), Command::REPLY);
    });
    assert_eq!(state_machine, [(0, Abort::PulseStateMachine)]);
}

#[test]
fn timestamps_that_do_not_grow_are_taken_and_kill_at_the_next_start() {
    let mut hand = Hand::new(Config::default());
    let (mut sender, connection) = hand.register(CLIENT, 10);
    sender.timestamp = 10;
    hand.send(connection, &sender.packet(&hand.config()));
    hand.reply();
    assert_eq!(hand.cluster.harms(), [Harm::TimestampNotGrowing { op: 2 }]);
    hand.cluster.crash(0, hand.now);
    hand.cluster.restart(0, hand.now);
    assert_eq!(hand.cluster.aborts(), [(0, Abort::HeadersNotGrowing)]);
}

#[test]
fn ping_with_a_session_probes_the_log() {
    let mut hand = Hand::new(Config::default());
    let probe = |hand: &mut Hand, client, session| {
        let connection = hand.open(0);
        hand.ping(connection, client, session);
        hand.answer().command()
    };
    assert_eq!(probe(&mut hand, 99, 1), Command::PONG_CLIENT);
    hand.register(CLIENT, 1);
    hand.register(5, 2);
    assert_eq!(probe(&mut hand, 98, 0), Command::PONG_CLIENT);
    assert_eq!(probe(&mut hand, 97, 1), Command::EVICTION);
    assert_eq!(probe(&mut hand, 96, 2), Command::EVICTION);
    assert_eq!(probe(&mut hand, 95, 3), Command::PONG_CLIENT);
    assert_eq!(probe(&mut hand, CLIENT, 1), Command::PONG_CLIENT);

    let release = aof_nostd::wire::Release::new(0, 16, 78);
    let mut old = Hand::new(Config { release, ..Config::default() });
    let connection = old.open(0);
    old.ping(connection, 7, 1);
    old.silent(Silence::PingSession);
}

#[test]
fn normal_mode_gives_timestamps_and_takes_none() {
    let mut hand = Hand::new(Config { mode: Mode::Normal, ..Config::default() });
    hand.outputs();
    assert_eq!(hand.cluster.log()[0].operation, Operation::PULSE);
    let connection = hand.open(0);
    hand.send(connection, &Sender::new(CLIENT).packet(&hand.config()));
    hand.silent(Silence::TimestampGiven);
    let mut sender = Sender::new(CLIENT);
    sender.timestamp = 0;
    hand.send(connection, &sender.packet(&hand.config()));
    let reply = hand.reply();
    assert!(reply.view::<Reply>().timestamp.get() > hand.config().realtime);
    assert_eq!(hand.cluster.harms(), []);
}

#[test]
fn chosen_events_fail() {
    let failing = (CLIENT << 64) + (1 << 16) + 1;
    let failures = BTreeMap::from([(failing, 54)]);
    let mut hand = Hand::new(Config { failures, ..Config::default() });
    let (mut sender, connection) = hand.register(CLIENT, 1);
    sender.timestamp = 100;
    let config = hand.config();
    let packet = Packet::seal(sender.request(&config), &config.profile, &sender.body(2));
    hand.send(connection, &packet);
    let reply = hand.reply();
    assert_eq!(reply.body[8..12], u32::MAX.to_le_bytes());
    assert_eq!(reply.body[24..28], 54_u32.to_le_bytes());
    assert_eq!(hand.cluster.log()[1].events, 2);
}
