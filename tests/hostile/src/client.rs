//! What a hostile replica may send: any bytes, in pieces of any size; and messages whose checksums are right
//! and whose fields are anything. The client takes no more memory than a message needs, makes no more of
//! it than an error, and always has a deadline.

use aof_cli::replay::client::{Action, Client, Closed, Config, Submission};
use aof_cli::replay::decoder::Decoder;
use aof_nostd::message::{self, FRAME_SIZE, HEADER_SIZE, Message, Reply, Request};
use aof_nostd::wire::{Operation, Release};
use aof_nostd::{Checksum, Profile, TigerBeetle};
use arbitrary::Arbitrary;
use std::sync::Arc;
use std::time::Duration;

const CLIENT: u128 = 77;
const RELEASE: Release = Release::new(0, 17, 8);

#[derive(Arbitrary, Debug)]
enum Step {
    /// Raw bytes on a connection, which ends if they cannot be believed.
    Bytes(Vec<u8>),
    /// A message with right checksums, with this many bytes of its header as they come.
    Sealed {
        command: u8,
        header: Vec<u8>,
        body: Vec<u8>,
    },
    /// The reply that the client waits for, with one byte changed.
    Reply {
        at: u8,
        byte: u8,
        view: u32,
        body: Vec<u8>,
    },
    Connected(u8),
    Closed(u8),
    Time(u16),
    Submit {
        size: u16,
        pulse: bool,
    },
}

#[derive(Arbitrary, Debug)]
struct Case {
    replicas: u8,
    pings: bool,
    steps: Vec<Step>,
}

/// Reads a fuzzer's bytes as a case, and checks it.
pub fn run(bytes: &[u8]) {
    crate::with_case(bytes, check);
}

fn check(case: Case) {
    let profile = TigerBeetle::default();
    let replica_count = case.replicas % 6 + 1;
    let config = Config {
        cluster: 0,
        client: CLIENT,
        release: RELEASE,
        replica_count,
        pings: case.pings,
        timeout: Duration::from_secs(30),
        profile,
        seed: 1,
    };
    let mut now = Duration::ZERO;
    let mut client = Client::new(config, None, 0, now);
    let mut decoder = Decoder::new(profile, 0);
    let mut in_flight: Option<Request> = None;
    let _ = client.register(1, now);
    for step in case.steps {
        let result = match step {
            Step::Bytes(bytes) => feed(&mut decoder, &bytes, &mut client, now),
            Step::Sealed { command, header, body } => {
                let mut bytes = [0; HEADER_SIZE];
                let (target, source) = (&mut bytes[FRAME_SIZE - 24..], &header[..]);
                let count = target.len().min(source.len());
                target[..count].copy_from_slice(&source[..count]);
                bytes[114] = command;
                let mut message = *Reply::view(&bytes);
                message::seal(&mut message, &profile, &body[..body.len().min(4096)]).expect("it is small");
                let stream = [&message.header()[..], &body[..body.len().min(4096)]].concat();
                feed(&mut decoder, &stream, &mut client, now)
            }
            Step::Reply { at, byte, view, body } => {
                let Some(request) = in_flight else { continue };
                let mut reply = Reply::new(0, RELEASE, CLIENT);
                reply.frame.view = view.into();
                reply.request_checksum = request.frame.checksum;
                (reply.op, reply.commit) = (5.into(), 5.into());
                (reply.timestamp, reply.request) = (request.timestamp, request.request);
                reply.operation = request.operation;
                let mut header = reply.header();
                header[usize::from(at).max(100)] ^= byte;
                let mut reply = *Reply::view(&header);
                message::seal(&mut reply, &profile, &body[..body.len().min(4096)]).expect("it is small");
                client.message(0, &reply.header(), &body[..body.len().min(4096)], now).map(|_| ())
            }
            Step::Connected(replica) => {
                client.connected(replica % 8, now);
                Ok(())
            }
            Step::Closed(replica) => {
                let why = if replica > 127 { Closed::Refused } else { Closed::ByReplica };
                client.closed(replica % 8, why, now);
                Ok(())
            }
            Step::Time(milliseconds) => {
                now += Duration::from_millis(milliseconds.into());
                client.elapsed(now)
            }
            Step::Submit { size, pulse } => {
                let body = Arc::new(vec![0; size.into()]);
                let checksum_body: Checksum = profile.checksum(&body);
                let operation = Operation::CREATE_TRANSFERS;
                let pulse = pulse.then_some(8);
                let _ =
                    client.submit(Submission { operation, timestamp: 9, body, checksum_body, pulse }, now);
                Ok(())
            }
        };
        while let Some(action) = client.next_action() {
            let (Action::Connect(replica) | Action::Close(replica) | Action::Send(replica, _)) = &action;
            assert!(*replica < replica_count);
            if let Action::Send(_, packet) = action
                && packet.header[114] == 5
            {
                let request = *Request::view(&packet.header);
                assert_eq!(request.rule(), None);
                in_flight = Some(request).filter(|request| request.client.get() == CLIENT).or(in_flight);
            }
        }
        assert!(client.deadline() < Duration::MAX);
        if result.is_err() {
            return;
        }
    }
}

fn feed(
    decoder: &mut Decoder,
    mut bytes: &[u8],
    client: &mut Client,
    now: Duration,
) -> Result<(), aof_cli::replay::client::ClientError> {
    while !bytes.is_empty() {
        let space = decoder.space();
        assert!(space.len() <= 2 << 20);
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        decoder.filled(count);
        bytes = &bytes[count..];
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some((header, body))) => {
                    client.message(0, header, body, now)?;
                }
                Err(error) => {
                    client.closed(0, Closed::Unbelievable(error), now);
                    *decoder = Decoder::new(TigerBeetle::default(), 0);
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
