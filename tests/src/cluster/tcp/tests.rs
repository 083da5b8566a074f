//! The server and the player, against a client that knows the recorded session by heart.

use super::*;
use crate::cluster::{Config, Mode, Packet, Spread, packets};
use aof_nostd::TigerBeetle;
use aof_nostd::message::{Command, Eviction, EvictionReason, PingClient, Reply};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const SENT: &[u8] = include_bytes!("../../../data/replay-session/client-to-replica.bin");
const RECEIVED: &[u8] = include_bytes!("../../../data/replay-session/replica-to-client.bin");

fn connect(port: u16) -> TcpStream {
    let begin = Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                stream.set_nodelay(true).unwrap();
                return stream;
            }
            Err(error) => assert!(begin.elapsed() < Duration::from_secs(10), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The next message, `None` at the end of the stream.
fn receive(mut stream: &TcpStream) -> Option<Packet> {
    let mut header = [0; 256];
    stream.read_exact(&mut header).ok()?;
    let size = u32::from_le_bytes(header[96..100].try_into().unwrap()) as usize;
    let mut body = vec![0; size.clamp(256, 1 << 20) - 256];
    stream.read_exact(&mut body).ok()?;
    Some(Packet { header, body: body.into() })
}

/// What is not taken is not answered either.
fn send(mut stream: &TcpStream, packet: &Packet) {
    let _ = stream.write_all(&packet.bytes());
}

/// The session from request `first` on, to its end or to the connection's; the replies that came.
fn play(stream: &TcpStream, first: usize) -> Vec<Packet> {
    let mut replies = Vec::new();
    for request in &packets(SENT)[first..] {
        send(stream, request);
        let Some(reply) = receive(stream) else { break };
        replies.push(reply);
    }
    replies
}

fn server(faults: Vec<Fault>) -> Server {
    Server::start(Config::default(), faults)
}

#[test]
fn recorded_session_passes_the_sockets_unchanged() {
    for faults in [vec![], vec![Fault::ByteByByte]] {
        let server = server(faults);
        let replies = play(&connect(server.port(0)), 0);
        assert!(replies == packets(RECEIVED));
        let received = server.received();
        assert!(received.request_bytes() == SENT);
        assert_eq!((received.connections().len(), received.pings().count()), (1, 0));
        assert!(received.request_bytes_on(received.connections()[0]) == SENT);
        assert_eq!(server.log().len(), 39);
    }
}

#[test]
fn commits_that_take_time_are_answered_when_they_are_done() {
    let config = Config { commit_time: Spread::ms(1, 3), ..Config::default() };
    let server = Server::start(config, vec![Fault::DelayReplies(Duration::from_millis(2))]);
    let begin = Instant::now();
    assert!(play(&connect(server.port(0)), 0) == packets(RECEIVED));
    assert!(begin.elapsed() >= Duration::from_millis(3 * 39));
}

#[test]
fn replies_are_cut_flipped_and_swallowed_where_asked() {
    let recorded = packets(RECEIVED);
    let cut = server(vec![Fault::CutReply { reply: 3, size: 100 }]);
    let stream = connect(cut.port(0));
    assert!(play(&stream, 0) == recorded[..3]);
    // What was lost on the way was committed, and comes again.
    assert!(play(&connect(cut.port(0)), 3) == recorded[3..]);

    let flip = server(vec![Fault::FlipReply { reply: 2, bit: 256 * 8 + 1 }]);
    let replies = play(&connect(flip.port(0)), 0);
    assert!(replies[2] != recorded[2] && replies[2].body[0] == recorded[2].body[0] ^ 2);

    let swallow = server(vec![Fault::SwallowReply { reply: 0 }, Fault::SwallowRequest { request: 1 }]);
    let stream = connect(swallow.port(0));
    let register = &packets(SENT)[0];
    (0..3).for_each(|_| send(&stream, register));
    assert!(receive(&stream).as_ref() == Some(&recorded[0]));
    assert_eq!((swallow.received().requests().count(), swallow.log().len()), (3, 1));
}

#[test]
fn replies_come_twice_and_older_ones_first_where_asked() {
    let recorded = packets(RECEIVED);
    let server = server(vec![Fault::Twice { reply: 0 }, Fault::OlderFirst { reply: 2 }]);
    let stream = connect(server.port(0));
    let sent = packets(SENT);
    for (request, expected) in [(0, vec![0, 0]), (1, vec![1]), (2, vec![1, 2]), (3, vec![3])] {
        send(&stream, &sent[request]);
        for reply in expected {
            assert!(receive(&stream).as_ref() == Some(&recorded[reply]));
        }
    }
}

#[test]
fn connections_are_closed_or_met_with_silence_where_asked() {
    let closing = server(vec![Fault::CloseAtOnce { connections: 2 }]);
    for _ in 0..2 {
        assert!(receive(&connect(closing.port(0))).is_none());
    }
    assert_eq!(play(&connect(closing.port(0)), 0).len(), 39);

    let silent = server(vec![Fault::Silent]);
    let stream = connect(silent.port(0));
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert_eq!(play(&stream, 0), []);
    assert_eq!((silent.received().requests().count(), silent.log().len()), (1, 0));

    let normal = Server::start(Config { mode: Mode::Normal, ..Config::default() }, Vec::new());
    let stream = connect(normal.port(0));
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert_eq!(play(&stream, 0), []);
    assert_eq!(normal.log().len(), 1, "its pulse");
}

#[test]
fn refusals_are_made_where_asked() {
    let server = server(vec![Fault::Evict { request: 1, reason: EvictionReason::NoSession }]);
    let stream = connect(server.port(0));
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    // What follows the refusal does not fit the session.
    let replies = play(&stream, 0);
    assert_eq!((replies.len(), replies[1].command()), (2, Command::EVICTION));
    assert_eq!(replies[1].view::<Eviction>().reason(), Some(EvictionReason::NoSession));
    assert_eq!(server.log().len(), 1);
}

#[test]
fn replica_dies_at_an_op_and_comes_back() {
    for answered in [false, true] {
        let restart_after = Some(Duration::from_millis(20));
        let server = server(vec![Fault::Kill { op: 5, victim: Victim::Primary, answered, restart_after }]);
        let stream = connect(server.port(0));
        let replies = play(&stream, 0).len();
        assert_eq!(replies, if answered { 5 } else { 4 });
        // It goes on in the next view; what was committed is answered from memory.
        let request = &packets(SENT)[4];
        let again = || {
            let stream = connect(server.port(0));
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            send(&stream, request);
            receive(&stream)
        };
        let reply = std::iter::repeat_with(again).take(100).find_map(|reply| reply).unwrap();
        assert_eq!((reply.view::<Reply>().op.get(), reply.view::<Reply>().frame.view.get()), (5, 2));
        assert_eq!(server.log().len(), 5);
    }
}

#[test]
fn killed_cluster_refuses_connections_until_it_is_started() {
    let config = Config { replica_count: 3, ..Config::default() };
    let server = Server::start(config, Vec::new());
    assert_eq!(server.addresses().split(',').count(), 3);
    server.crash(2);
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", server.port(2))).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
    server.restart(2);
    connect(server.port(2));
    server.restart_as(Mode::Normal);
    connect(server.port(2));
    while !server.look(|cluster| cluster.is_available()) {
        assert!(begin.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn player_takes_the_recorded_session_and_nothing_else() {
    let start = || Player::start(SENT, RECEIVED, TigerBeetle::default());
    let connect_to = |player: &Player| connect(player.addresses()[10..].parse().unwrap());
    let player = start();
    let stream = connect_to(&player);
    let ping = PingClient::new(0, aof_nostd::wire::Release::new(65535, 0, 0), 77);
    send(&stream, &Packet::seal(ping, &TigerBeetle::default(), b""));
    assert_eq!(receive(&stream).unwrap().command(), Command::PONG_CLIENT);
    let sent = packets(SENT);
    send(&stream, &sent[0]);
    assert!(receive(&stream).unwrap() == packets(RECEIVED)[0]);
    // Sent again, on another connection, and then on to the end.
    assert!(play(&connect_to(&player), 0) == packets(RECEIVED));
    assert_eq!(player.finish(), Ok(()));

    let player = start();
    let stream = connect_to(&player);
    send(&stream, &sent[0]);
    receive(&stream).unwrap();
    send(&stream, &sent[2]);
    assert!(receive(&stream).is_none());
    let error = player.finish().unwrap_err();
    assert!(error.starts_with("request 1 differs from byte 0 on"), "{error}");

    let player = start();
    let stream = connect_to(&player);
    send(&stream, &sent[0]);
    receive(&stream).unwrap();
    assert_eq!(player.finish(), Err("1 of 39 requests came".into()));
}
