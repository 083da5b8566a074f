//! Replicas die and come back, and the primary changes.

use super::*;

/// Three replicas with delays.
fn three(seed: u64) -> Hand {
    Hand::new(Config {
        replica_count: 3,
        commit_time: Spread::ms(1, 5),
        lag: Spread::ms(1, 3),
        start_time: Spread::ms(10, 50),
        seed,
        ..Config::default()
    })
}

/// A connection to each replica, as one client's for certain.
fn connect(hand: &mut Hand) -> Vec<Connection> {
    let count = hand.config().replica_count;
    let connections = (0..count).map(|replica| {
        let connection = hand.open(replica);
        hand.ping(connection, CLIENT, 0);
        connection
    });
    let connections = connections.collect();
    hand.outputs();
    connections
}

#[test]
fn reply_comes_from_the_primary_and_from_one_backup() {
    let mut hand = three(1);
    let connections = connect(&mut hand);
    hand.send(connections[1], &Sender::new(CLIENT).packet(&hand.config()));
    assert_eq!(hand.sent(), []);
    hand.wait(ms(20));
    let sent = hand.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].0, connections[1]);
    assert!(sent[0].1 == sent[1].1);
    assert_eq!((sent[0].1.view::<Reply>().frame.view.get(), sent[0].1.view::<Reply>().frame.replica), (1, 1));
}

#[test]
fn backup_forwards_and_answers_repeats() {
    let mut hand = three(2);
    let connections = connect(&mut hand);
    let mut sender = Sender::new(CLIENT);
    let register = sender.packet(&hand.config());
    hand.send(connections[0], &register);
    hand.wait(ms(20));
    let sent = hand.sent();
    sender.accept(&sent[0].1);
    hand.send(connections[0], &register);
    let repeated = hand.sent();
    assert!(repeated[0] == (connections[0], sent[0].1.clone()));
    hand.send(connections[2], &sender.packet(&hand.config()));
    hand.wait(ms(20));
    assert_eq!(hand.cluster.log().len(), 2);
    // A backup drops what it does not know.
    let stranger = hand.open(0);
    hand.outputs();
    let unknown = Sender { client: 7, session: 1, request: 1, ..sender };
    hand.send(stranger, &unknown.packet(&hand.config()));
    hand.silent(Silence::BackupNoSession);
}

#[test]
fn death_of_the_primary_leads_to_the_next_view() {
    for seed in 0..50 {
        let mut hand = three(seed);
        let connections = connect(&mut hand);
        let mut sender = Sender::new(CLIENT);
        hand.send(connections[1], &sender.packet(&hand.config()));
        hand.wait(ms(20));
        sender.accept(&hand.sent()[0].1);
        let request = sender.packet(&hand.config());
        hand.send(connections[1], &request);
        let committed = hand.cluster.log().len();
        hand.cluster.crash(1, hand.now);
        hand.send(connections[0], &request);
        hand.wait(ms(1000));
        assert_eq!((hand.cluster.view(), hand.cluster.primary()), (2, 2));
        assert!(hand.cluster.log().len() >= committed);
        // Kept or lost: sent again it is committed once, and answered in the new view.
        hand.outputs();
        hand.send(connections[2], &request);
        hand.wait(ms(20));
        let sent = hand.sent();
        let reply = sent[0].1.view::<Reply>();
        assert_eq!((reply.op.get(), reply.frame.view.get()), (2, 2));
        assert_eq!(reply.rule(), None);
        let kept = hand.cluster.log()[1].view == 1;
        let recomputed = aof_nostd::message::reply_context(reply, &hand.config().profile);
        assert_eq!(recomputed == reply.context, !kept, "the context is of the first view");
        assert_eq!((hand.cluster.log().len(), hand.cluster.harms()), (2, &[][..]));
    }
}

#[test]
fn pipeline_is_kept_by_some_seeds_and_lost_by_others() {
    let kept = |seed| {
        let mut hand = Hand::new(Config { commit_time: Spread::ms(50, 50), seed, ..Config::default() });
        let connection = hand.open(0);
        hand.send(connection, &Sender::new(CLIENT).packet(&hand.config()));
        hand.cluster.crash(0, hand.now);
        assert!(!hand.cluster.opened(0, Connection(1000), hand.now));
        hand.cluster.restart(0, hand.now);
        hand.wait(ms(1000));
        assert_eq!(hand.cluster.view(), 2);
        hand.cluster.log().len()
    };
    let kept: usize = (0..100).map(kept).sum();
    assert!((30..70).contains(&kept), "{kept}");
}

#[test]
fn without_a_majority_nothing_is_committed_and_pings_are_answered() {
    let mut hand = three(3);
    let connections = connect(&mut hand);
    hand.cluster.crash(0, hand.now);
    hand.cluster.crash(2, hand.now);
    hand.outputs();
    let register = Sender::new(CLIENT).packet(&hand.config());
    hand.send(connections[1], &register);
    hand.wait(ms(60_000));
    assert_eq!(hand.outputs(), []);
    hand.ping(connections[1], CLIENT, 0);
    assert_eq!(hand.answer().command(), Command::PONG_CLIENT);
    hand.cluster.restart(2, hand.now);
    hand.wait(ms(1000));
    assert_eq!(hand.cluster.log().len(), 1);
    assert_eq!(hand.cluster.view(), 1);
}

#[test]
fn whole_cluster_restarts_with_its_log_and_sessions() {
    let mut hand = three(4);
    let connections = connect(&mut hand);
    let mut sender = Sender::new(CLIENT);
    hand.send(connections[1], &sender.packet(&hand.config()));
    hand.wait(ms(20));
    sender.accept(&hand.sent()[0].1);
    for replica in 0..3 {
        hand.cluster.crash(replica, hand.now);
    }
    hand.wait(ms(5000));
    for replica in 0..3 {
        hand.cluster.restart(replica, hand.now);
    }
    hand.wait(ms(5000));
    assert!(hand.cluster.view() > 1);
    assert!(hand.cluster.is_available());
    let connections = connect(&mut hand);
    let primary = usize::from(hand.cluster.primary());
    hand.send(connections[primary], &sender.packet(&hand.config()));
    hand.wait(ms(20));
    assert_eq!(hand.sent()[0].1.view::<Reply>().op.get(), 2);
}

#[test]
fn connections_end_with_their_replica() {
    let mut hand = Hand::new(Config::default());
    let (sender, connection) = hand.register(CLIENT, 1);
    hand.cluster.crash(0, hand.now);
    assert_eq!(hand.outputs(), [Output::Close { connection, why: CloseReason::Crash }]);
    hand.cluster.restart(0, hand.now);
    hand.wait(ms(1000));
    hand.send(connection, &sender.packet(&hand.config()));
    assert_eq!((hand.outputs(), hand.cluster.log().len()), (vec![], 1));
}

#[test]
fn isolated_primary_takes_requests_that_it_cannot_commit() {
    let mut hand = three(5);
    let connections = connect(&mut hand);
    hand.cluster.isolate(1, hand.now);
    hand.send(connections[1], &Sender::new(CLIENT).packet(&hand.config()));
    hand.silent(Silence::Isolated);
    hand.wait(ms(1000));
    assert_eq!(hand.cluster.primary(), 2);
    hand.ping(connections[1], CLIENT, 0);
    assert_eq!(hand.answer().view::<aof_nostd::message::PongClient>().frame.view.get(), 1);
    hand.cluster.heal(1, hand.now);
    hand.wait(ms(100));
    hand.ping(connections[1], CLIENT, 0);
    assert_eq!(hand.answer().view::<aof_nostd::message::PongClient>().frame.view.get(), 2);
}

#[test]
fn requests_are_dropped_while_a_replica_starts_and_while_clocks_differ() {
    let config = Config { start_time: Spread::ms(100, 100), ..Config::default() };
    let mut hand = Hand::new(config);
    hand.cluster.crash(0, hand.now);
    hand.cluster.restart(0, hand.now);
    let connection = hand.open(0);
    hand.send(connection, &Sender::new(CLIENT).packet(&hand.config()));
    hand.silent(Silence::Starting);
    let clock_time = Spread::ms(100, 100);
    let mut hand = Hand::new(Config { replica_count: 3, clock_time, ..Config::default() });
    let connection = hand.open(1);
    hand.send(connection, &Sender::new(CLIENT).packet(&hand.config()));
    hand.silent(Silence::Clock);
    hand.wait(ms(100));
    hand.send(connection, &Sender::new(CLIENT).packet(&hand.config()));
    hand.reply();
}

/// One seed, one behaviour: whatever happens, it happens twice in the same way.
#[test]
fn seed_is_all_that_decides() {
    let run = |seed| {
        let mut hand = three(seed);
        let connections = connect(&mut hand);
        let mut log = Vec::new();
        let register = Sender::new(CLIENT).packet(&hand.config());
        for step in 0..20 {
            hand.send(connections[step % 3], &register);
            if step % 7 == 3 {
                hand.cluster.change_view(hand.now);
            }
            hand.wait(ms(30));
            log.extend(hand.outputs());
        }
        log
    };
    assert_eq!(run(9), run(9));
    assert_ne!(run(9), run(10));
}
