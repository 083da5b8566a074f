//! The network between clients and replicas: streams of bytes, and what becomes of them.
//!
//! A stream keeps its order, as TCP does, unless the weather says otherwise: then whole messages are lost,
//! come twice or overtake each other, which is more than TCP would do. (What a replica drops in silence
//! looks like a loss.) A wire that is cut tells neither end at once: for a while both write into nothing.

use aof_cli::replay::client::{Closed, Packet};
use aof_cli::replay::decoder::Decoder;
use aof_nostd::TigerBeetle;
use aof_tests::cluster::{self, Connection, Spread};
use aof_tests::random::Random;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How bad the network is. Rates are once in so many messages; 0 is never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    latency: Spread,
    /// Lost on the way.
    loss: usize,
    /// Comes twice.
    twice: usize,
    /// May overtake and be overtaken.
    reorder: usize,
    /// One bit of it is flipped.
    flip: usize,
    /// Comes in two pieces.
    torn: usize,
    /// Waits for as long as `stall` has it, and all behind it.
    stalled: usize,
    stall: Spread,
    /// How long the ends of a wire that was cut do not know it.
    half_open: Spread,
    /// What is on its way to a replica when a wire is cut still arrives.
    stragglers: bool,
    /// Requests may be lost, come twice and overtake, not only what replicas send.
    both_ways: bool,
}

impl Weather {
    /// Nothing happens.
    pub(crate) const FAIR: Self = Self {
        latency: Spread::ms(0, 1),
        loss: 0,
        twice: 0,
        reorder: 0,
        flip: 0,
        torn: 0,
        stalled: 0,
        stall: Spread::ZERO,
        half_open: Spread::ms(0, 1),
        stragglers: false,
        both_ways: false,
    };

    /// One as the seed will have it. A pulse is executed as often as it comes, so that where there are
    /// pulses the way to the replicas is as TCP has it. `late`: what is sent may arrive seconds later.
    pub(crate) fn new(random: &mut Random, pulses: bool) -> Self {
        let mut rate = |rates: [usize; 4]| rates[random.below(4)];
        Self {
            loss: rate([0, 0, 50, 5]),
            twice: rate([0, 20, 20, 3]),
            reorder: rate([0, 0, 10, 2]),
            flip: rate([0, 0, 100, 20]),
            torn: rate([0, 10, 10, 2]),
            stalled: rate([0, 0, 100, 20]),
            stall: Spread::ms(100, 10_000),
            latency: Spread::ms(0, rate([1, 5, 50, 300]) as u64),
            half_open: Spread::ms(0, rate([1, 100, 3000, 17_000]) as u64),
            stragglers: rate([0, 0, 1, 1]) == 1,
            both_ways: !pulses,
        }
    }
}

impl Weather {
    /// How long a message is on its way.
    fn delay(self, random: &mut Random) -> Duration {
        let stall = if self.stalled > 0 && random.one_in(self.stalled) { self.stall } else { Spread::ZERO };
        self.latency.pick(random) + stall.pick(random)
    }
}

/// Something that happens on a wire.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "most arrivals are messages")]
pub(crate) enum Arrival {
    /// A client's attempt to connect reaches the replica.
    Knock,
    /// The client learns that it is connected.
    Connected,
    /// The client learns that there is no connection, or not any more.
    ClientEnd(Closed),
    /// The replica learns that there is no connection any more.
    ReplicaEnd,
    /// A message reaches the replica.
    ToReplica(cluster::Packet),
    /// Bytes reach the client.
    ToClient(Arc<[u8]>),
}

/// A connection, or an attempt at one.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Which client, counted over all that ever were.
    pub(crate) client: usize,
    pub(crate) replica: u8,
    pub(crate) decoder: Decoder,
    /// When the last thing arrives that keeps its order.
    to_client: Duration,
    to_replica: Duration,
    cut: bool,
}

/// All wires, and what is on its way.
#[derive(Debug)]
pub(crate) struct Wires {
    pub(crate) weather: Weather,
    pub(crate) wires: BTreeMap<Connection, Wire>,
    arrivals: BTreeMap<(Duration, u64), (Connection, Arrival)>,
    count: u64,
    connections: u64,
}

impl Wires {
    pub(crate) fn new(weather: Weather) -> Self {
        Self { weather, wires: BTreeMap::new(), arrivals: BTreeMap::new(), count: 0, connections: 0 }
    }

    /// When something arrives.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.arrivals.keys().next().map(|&(at, _)| at)
    }

    /// What arrives by now.
    pub(crate) fn next(&mut self, now: Duration) -> Option<(Connection, Arrival)> {
        let first = self.arrivals.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    fn arrive(&mut self, at: Duration, connection: Connection, arrival: Arrival) {
        self.count += 1;
        self.arrivals.insert((at, self.count), (connection, arrival));
    }

    /// A client tries to connect.
    pub(crate) fn connect(
        &mut self,
        (client, replica): (usize, u8),
        (profile, cluster): (TigerBeetle, u128),
        now: Duration,
        random: &mut Random,
    ) -> Connection {
        self.connections += 1;
        let connection = Connection(self.connections);
        let at = now + self.weather.latency.pick(random);
        let decoder = Decoder::new(profile, cluster);
        let wire = Wire { client, replica, decoder, to_client: at, to_replica: at, cut: false };
        self.wires.insert(connection, wire);
        self.arrive(at, connection, Arrival::Knock);
        connection
    }

    /// Something for the client, behind all that is on its way.
    pub(crate) fn tell_client(
        &mut self,
        connection: Connection,
        arrival: Arrival,
        now: Duration,
        random: &mut Random,
    ) {
        let latency = self.weather.latency.pick(random);
        let Some(wire) = self.wires.get_mut(&connection).filter(|wire| !wire.cut) else { return };
        wire.to_client = wire.to_client.max(now + latency);
        let at = wire.to_client;
        self.arrive(at, connection, arrival);
    }

    /// A message to the client.
    pub(crate) fn send_to_client(
        &mut self,
        connection: Connection,
        packet: &cluster::Packet,
        now: Duration,
        random: &mut Random,
    ) {
        let Weather { loss, twice, reorder, flip, torn, .. } = self.weather;
        let mut hits = |rate| rate > 0 && random.one_in(rate);
        let (lost, copies, overtakes) = (hits(loss), if hits(twice) { 2 } else { 1 }, hits(reorder));
        let (flipped, torn) = (hits(flip), hits(torn));
        let weather = self.weather;
        let Some(wire) = self.wires.get_mut(&connection).filter(|wire| !wire.cut && !lost) else { return };
        let mut bytes = packet.bytes();
        if flipped {
            let bit = random.below(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let middle = if torn { random.below(bytes.len()) } else { 0 };
        let mut pieces = Vec::new();
        for _ in 0..copies {
            for piece in [&bytes[..middle], &bytes[middle..]] {
                let mut at = now + weather.delay(random);
                if !overtakes || torn {
                    wire.to_client = wire.to_client.max(at);
                    at = wire.to_client;
                }
                if !piece.is_empty() {
                    pieces.push((at, Arc::from(piece)));
                }
            }
        }
        for (at, piece) in pieces {
            self.arrive(at, connection, Arrival::ToClient(piece));
        }
    }

    /// A message to the replica.
    pub(crate) fn send_to_replica(
        &mut self,
        connection: Connection,
        packet: &Packet,
        now: Duration,
        random: &mut Random,
    ) {
        let weather = self.weather;
        let Weather { loss, twice, reorder, flip, both_ways, .. } = weather;
        let mut hits = |rate| rate > 0 && random.one_in(rate);
        let (lost, copies, overtakes) = (hits(loss), if hits(twice) { 2 } else { 1 }, hits(reorder));
        let (lost, copies, overtakes) = if both_ways { (lost, copies, overtakes) } else { (false, 1, false) };
        let flipped = hits(flip);
        let Some(wire) = self.wires.get_mut(&connection).filter(|wire| !wire.cut && !lost) else { return };
        let mut packet = cluster::Packet { header: packet.header, body: packet.body.as_slice().into() };
        if flipped {
            packet.header[random.below(256)] ^= 1 << random.below(8);
        }
        let mut times = Vec::new();
        for _ in 0..copies {
            let mut at = now + weather.delay(random);
            if !overtakes {
                wire.to_replica = wire.to_replica.max(at);
                at = wire.to_replica;
            }
            times.push(at);
        }
        for at in times {
            self.arrive(at, connection, Arrival::ToReplica(packet.clone()));
        }
    }

    /// The client gave the wire up: what it sent before arrives, and then its end.
    pub(crate) fn hang_up(&mut self, connection: Connection, now: Duration, random: &mut Random) {
        let latency = self.weather.latency.pick(random);
        let Some(wire) = self.wires.get_mut(&connection).filter(|wire| !wire.cut) else { return };
        wire.cut = true;
        let at = wire.to_replica.max(now + latency);
        self.arrive(at, connection, Arrival::ReplicaEnd);
    }

    /// The wire breaks. The ends learn it each in its time.
    pub(crate) fn cut(&mut self, connection: Connection, now: Duration, random: &mut Random) {
        let Weather { half_open, stragglers, .. } = self.weather;
        let ends = [now + half_open.pick(random), now + half_open.pick(random)];
        let Some(wire) = self.wires.get_mut(&connection).filter(|wire| !wire.cut) else { return };
        wire.cut = true;
        let lost = |arrival: &Arrival| match arrival {
            Arrival::ToReplica(_) => !stragglers,
            _ => true,
        };
        self.arrivals.retain(|_, (on, arrival)| *on != connection || !lost(arrival));
        self.arrive(ends[0], connection, Arrival::ClientEnd(Closed::Failed("cut".into())));
        self.arrive(ends[1], connection, Arrival::ReplicaEnd);
    }
}
