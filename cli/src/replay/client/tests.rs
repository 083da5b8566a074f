//! One thing at a time; whole worlds are in `tests/cli/simulation.rs`.

use super::*;
use aof_nostd::message::{Command, Eviction, EvictionReason, HEADER_SIZE, PongClient, Reply};

const CLUSTER: u128 = 3;
const RELEASE: Release = Release::new(1, 2, 3);
const CLIENT: u128 = 77;
const PROFILE: TigerBeetle = TigerBeetle::new(aof_nostd::Backend::SOFTWARE);
const TIMEOUT: Duration = Duration::from_secs(10);

fn config(replica_count: u8, pings: bool) -> Config {
    Config {
        cluster: CLUSTER,
        client: CLIENT,
        release: RELEASE,
        replica_count,
        pings,
        timeout: TIMEOUT,
        profile: PROFILE,
        seed: 1,
    }
}

fn ms(milliseconds: u64) -> Time {
    Time::from_millis(milliseconds)
}

fn actions(client: &mut Client) -> Vec<Action> {
    std::iter::from_fn(|| client.next_action()).collect()
}

/// The requests among what the client wants sent, and to whom.
fn requests(client: &mut Client) -> Vec<(u8, Request)> {
    let request = |action| match action {
        Action::Send(replica, packet) if packet.header[114] == Command::REQUEST.0 => {
            Some((replica, *Request::view(&packet.header)))
        }
        _ => None,
    };
    actions(client).into_iter().filter_map(request).collect()
}

/// The reply to a request, as the cluster's operation number `op`.
fn reply_to(request: &Request, op: u64, view: u32) -> Reply {
    let mut reply = Reply::new(CLUSTER, RELEASE, CLIENT);
    reply.frame.view = view.into();
    reply.request_checksum = request.frame.checksum;
    reply.context = Checksum::new(u128::from(op) << 32);
    (reply.op, reply.commit) = (op.into(), op.into());
    reply.timestamp = request.timestamp;
    reply.request = request.request;
    reply.operation = request.operation;
    reply
}

fn limit(bytes: u32) -> Vec<u8> {
    let mut body = bytes.to_le_bytes().to_vec();
    body.resize(64, 0);
    body
}

fn deliver(client: &mut Client, reply: &Reply, body: &[u8], now: Time) -> Result<Option<Reply>, ClientError> {
    let mut reply = *reply;
    message::seal(&mut reply, &PROFILE, body).unwrap();
    client.message(0, &reply.header(), body, now)
}

fn submission(timestamp: u64, pulse: Option<u64>) -> Submission {
    let body = Arc::new(vec![5; 300]);
    let checksum_body = PROFILE.checksum(&body);
    Submission { operation: Operation::CREATE_TRANSFERS, timestamp, body, checksum_body, pulse }
}

/// A client with a session, connected to all replicas.
fn registered(replica_count: u8, pings: bool) -> Client {
    let mut client = Client::new(config(replica_count, pings), None, 0, ms(0));
    for replica in 0..replica_count {
        client.connected(replica, ms(0));
    }
    client.register(1, ms(0)).unwrap();
    let (replica, register) = requests(&mut client).pop().unwrap();
    assert_eq!((replica, register.rule()), (0, None));
    let reply = deliver(&mut client, &reply_to(&register, 9, 1), &limit(1000), ms(1)).unwrap().unwrap();
    assert_eq!(reply.op.get(), 9);
    client
}

#[test]
fn session_comes_from_the_reply_to_the_register() {
    let mut client = registered(3, true);
    let session = client.session().unwrap();
    assert_eq!((session.number, session.request, session.view, session.batch_size_limit), (9, 0, 1, 1000));
    client.submit(submission(5, None), ms(2)).unwrap();
    let (replica, request) = requests(&mut client).pop().unwrap();
    assert_eq!((replica, request.rule()), (1, None), "view 1: replica 1 is the primary");
    assert_eq!((request.session.get(), request.request.get(), request.parent), (9, 1, session.context));
    assert_eq!((request.frame.view.get(), request.timestamp.get()), (1, 5));
}

#[test]
fn another_process_makes_the_same_request_from_the_session() {
    let mut client = registered(3, true);
    let session = client.session();
    client.submit(submission(5, None), ms(2)).unwrap();
    let (_, request) = requests(&mut client).pop().unwrap();
    // Whatever view it has heard of since.
    let mut other = Client::new(config(3, true), session, 6, ms(0));
    (0..3).for_each(|replica| other.connected(replica, ms(0)));
    other.submit(submission(5, None), ms(2)).unwrap();
    assert_eq!(requests(&mut other), [(0, request)]);
}

#[test]
fn one_request_at_a_time_and_none_before_the_register() {
    let mut client = Client::new(config(1, true), None, 0, ms(0));
    assert_eq!(client.submit(submission(5, None), ms(0)), Err(ClientError::Busy));
    let mut client = registered(1, true);
    assert_eq!(client.register(1, ms(2)), Err(ClientError::Busy));
    client.submit(submission(5, None), ms(2)).unwrap();
    assert_eq!(client.submit(submission(6, None), ms(2)), Err(ClientError::Busy));
    let mut large = submission(5, None);
    large.body = Arc::new(vec![0; 1001]);
    let mut client = registered(1, true);
    assert_eq!(client.submit(large, ms(2)), Err(ClientError::BodyTooLarge { size: 1001, limit: 1000 }));
}

#[test]
fn late_answers_make_the_same_bytes_go_again_in_turn() {
    let mut client = registered(3, true);
    client.submit(submission(5, None), ms(0)).unwrap();
    let first = requests(&mut client);
    let mut asked = vec![first[0].0];
    let mut now = ms(0);
    while asked.len() < 7 {
        now = client.deadline();
        client.elapsed(now).unwrap();
        for (replica, request) in requests(&mut client) {
            assert_eq!(request, first[0].1);
            asked.push(replica);
        }
    }
    assert_eq!(asked, [1, 1, 2, 1, 0, 1, 2]);
    assert!(now < TIMEOUT);
    let error = loop {
        if let Err(error) = client.elapsed(client.deadline()) {
            break error;
        }
    };
    let ClientError::Timeout { waited, peers } = error else { panic!("{error}") };
    assert_eq!((waited, peers.len()), (TIMEOUT, 3));
    assert!(peers.iter().all(|peer| peer.connected));
}

#[test]
fn higher_view_in_a_pong_sends_the_request_to_the_new_primary() {
    let mut client = registered(3, true);
    client.submit(submission(5, None), ms(0)).unwrap();
    requests(&mut client);
    let mut pong = PongClient::new(CLUSTER, RELEASE);
    pong.frame.view = 5.into();
    message::seal(&mut pong, &PROFILE, b"").unwrap();
    assert_eq!(client.message(0, &pong.header(), b"", ms(3)), Ok(None));
    let sent = requests(&mut client);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].0, sent[0].1.frame.view.get()), (2, 1), "its view stays that of the reply before");
    assert_eq!(client.message(0, &pong.header(), b"", ms(4)), Ok(None));
    assert_eq!(requests(&mut client), []);
}

#[test]
fn answers_to_others_and_to_the_past_are_ignored() {
    let mut client = registered(1, true);
    client.submit(submission(5, None), ms(0)).unwrap();
    let (_, first) = requests(&mut client).pop().unwrap();
    let good = reply_to(&first, 10, 1);
    for change in [
        |reply: &mut Reply| reply.client = 78.into(),
        |reply: &mut Reply| reply.reserved[0] = 1,
        |reply: &mut Reply| reply.commit = 11.into(),
        |reply: &mut Reply| reply.frame.command = 99,
    ] {
        let mut other = good;
        change(&mut other);
        assert_eq!(deliver(&mut client, &other, b"", ms(1)), Ok(None));
    }
    assert!(deliver(&mut client, &good, b"", ms(1)).unwrap().is_some());
    assert_eq!(deliver(&mut client, &good, b"", ms(1)), Ok(None), "the second time");
    client.submit(submission(6, None), ms(2)).unwrap();
    assert_eq!(deliver(&mut client, &good, b"", ms(3)), Ok(None), "a request later");
    assert!(client.is_busy());
}

#[test]
fn answers_that_no_cluster_gives_are_errors_that_name_the_field() {
    let wrong = |change: fn(&mut Reply)| {
        let mut client = registered(1, true);
        client.submit(submission(5, None), ms(0)).unwrap();
        let (_, request) = requests(&mut client).pop().unwrap();
        let mut reply = reply_to(&request, 10, 1);
        change(&mut reply);
        match deliver(&mut client, &reply, b"", ms(1)) {
            Err(ClientError::Reply { field, request: 1 }) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wrong(|reply| reply.request = 2.into()), ReplyField::Request);
    assert_eq!(wrong(|reply| reply.frame.release = 9.into()), ReplyField::Release);
    assert_eq!(wrong(|reply| reply.request_checksum = Checksum::new(1)), ReplyField::RequestChecksum);
    assert_eq!(wrong(|reply| reply.operation = 146), ReplyField::Operation);
    assert_eq!(wrong(|reply| reply.timestamp = 6.into()), ReplyField::Timestamp);
    for bytes in [0, BODY_SIZE_MAX + 1] {
        let mut client = Client::new(config(1, true), None, 0, ms(0));
        client.connected(0, ms(0));
        client.register(1, ms(0)).unwrap();
        let (_, register) = requests(&mut client).pop().unwrap();
        let error = deliver(&mut client, &reply_to(&register, 1, 0), &limit(bytes), ms(1)).unwrap_err();
        assert_eq!(error, ClientError::Reply { field: ReplyField::BatchSizeLimit, request: 0 });
    }
}

#[test]
fn evictions_count_if_they_are_about_us_and_not_outdated() {
    let evict = |about: u128, view: u32, reason: u8| {
        let mut client = registered(1, true);
        let mut eviction: Eviction = *Eviction::view(&[0; HEADER_SIZE]);
        eviction.frame.cluster = CLUSTER.into();
        eviction.frame.command = Command::EVICTION.0;
        eviction.frame.release = Release::new(2, 0, 0).0.into();
        eviction.frame.view = view.into();
        eviction.client = about.into();
        eviction.reason = reason;
        message::seal(&mut eviction, &PROFILE, b"").unwrap();
        client.message(0, &eviction.header(), b"", ms(1))
    };
    let error =
        ClientError::Evicted { reason: EvictionReason::SessionTooLow, release: Release::new(2, 0, 0) };
    assert_eq!(evict(CLIENT, 1, 7), Err(error));
    assert_eq!(evict(78, 1, 7), Ok(None));
    assert_eq!(evict(CLIENT, 0, 7), Ok(None));
    assert_eq!(evict(CLIENT, 1, 9), Ok(None));
}

/// A replica aborts if a connection begins with a pulse, and would execute one twice that came twice.
#[test]
fn pulse_goes_once_and_never_first() {
    let mut client = registered(1, false);
    client.submit(submission(6, Some(5)), ms(2)).unwrap();
    let sent = requests(&mut client);
    assert_eq!(
        sent.iter().map(|(replica, request)| (*replica, request.operation)).collect::<Vec<_>>(),
        [(0, Operation::PULSE.0), (0, Operation::CREATE_TRANSFERS.0)]
    );
    assert_eq!((sent[0].1.rule(), sent[0].1.client.get(), sent[0].1.timestamp.get()), (None, 0, 5));
    client.elapsed(client.deadline()).unwrap();
    assert!(requests(&mut client).iter().all(|(_, request)| request.operation != Operation::PULSE.0));

    let mut client = registered(1, false);
    client.closed(0, Closed::ByReplica, ms(2));
    client.connected(0, ms(3));
    client.submit(submission(6, Some(5)), ms(4)).unwrap();
    let sent = requests(&mut client);
    assert_eq!(sent.len(), 1, "the connection is new: the pulse is left out, and its op will tell");
    assert_eq!(sent[0].1.operation, Operation::CREATE_TRANSFERS.0);
}

/// What is behind a pulse goes the same way, and no other way until it is certain that the pulse is not
/// on that way any more.
#[test]
fn nothing_overtakes_a_pulse() {
    let pulse_sent = || {
        let mut client = registered(3, false);
        client.peers[1].introduced = true; // view 1: replica 1 is the primary
        client.submit(submission(6, Some(5)), ms(2)).unwrap();
        assert_eq!(requests(&mut client).len(), 2);
        client.elapsed(client.deadline()).unwrap();
        assert!(requests(&mut client).iter().all(|(replica, _)| *replica == 1));
        client
    };
    let pong = |client: &mut Client, replica: u8, view: u32| {
        let mut pong = PongClient::new(CLUSTER, RELEASE);
        pong.frame.view = view.into();
        message::seal(&mut pong, &PROFILE, b"").unwrap();
        client.message(replica, &pong.header(), b"", ms(5000)).unwrap();
    };

    // The connection ended: a new one with a ping, and after the pong a plain one.
    let mut client = pulse_sent();
    client.closed(1, Closed::ByReplica, ms(3000));
    client.connected(0, ms(3001));
    client.connected(1, ms(3002));
    let pings = actions(&mut client);
    assert_eq!(pings.iter().filter(|action| matches!(action, Action::Send(..))).count(), 2);
    client.elapsed(client.deadline()).unwrap();
    assert_eq!(requests(&mut client), []);
    pong(&mut client, 0, 1);
    assert!(actions(&mut client).contains(&Action::Close(0)));
    client.connected(0, ms(5001));
    assert_eq!(requests(&mut client), [], "another replica says nothing about the primary");
    pong(&mut client, 1, 1);
    client.connected(1, ms(5002));
    let sent = requests(&mut client);
    assert_eq!(
        sent.iter().map(|(replica, request)| (*replica, request.operation)).collect::<Vec<_>>(),
        [(1, Operation::CREATE_TRANSFERS.0)]
    );

    // The replica is dead, or no primary any more: the others may have it.
    let mut client = pulse_sent();
    client.closed(1, Closed::Refused, ms(3000));
    client.elapsed(client.in_flight.as_ref().unwrap().resend_at).unwrap();
    assert!(requests(&mut client).iter().any(|(replica, _)| *replica != 1));
    let mut client = pulse_sent();
    client.clear_all(ms(3000));
    client.connected(2, ms(3001));
    actions(&mut client);
    pong(&mut client, 2, 2);
    client.connected(2, ms(3002));
    assert_eq!(requests(&mut client).len(), 1);
}

#[test]
fn connections_are_made_again_after_a_pause_and_given_up_when_they_hang() {
    let mut client = Client::new(config(1, true), None, 0, ms(0));
    assert_eq!(actions(&mut client), [Action::Connect(0)]);
    client.closed(0, Closed::Failed("refused".into()), ms(1));
    assert_eq!(actions(&mut client), []);
    let again = client.deadline();
    assert!((ms(51)..=ms(1001)).contains(&again), "{again:?}");
    client.elapsed(again).unwrap();
    assert_eq!(actions(&mut client), [Action::Connect(0)]);
    let hangs = client.deadline();
    client.elapsed(hangs).unwrap();
    assert_eq!(actions(&mut client), [Action::Close(0)]);
    assert!(matches!(client.peers()[0].closed, Some(Closed::Failed(_))));
    client.connected(0, hangs + ms(1));
    assert!(matches!(actions(&mut client)[..], [Action::Send(0, _)]), "a ping");
}
