//! A connection: one thread reads messages, another one writes.

use crate::cluster::packet::Packet;
use aof_nostd::TigerBeetle;
use aof_nostd::message::{Frame, HEADER_SIZE, MESSAGE_SIZE_MAX};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

/// Bytes to be written.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) bytes: Vec<u8>,
    /// Before they are.
    pub(super) delay: Duration,
    pub(super) byte_by_byte: bool,
    /// The connection is closed behind them.
    pub(super) close: bool,
}

/// The writing end. What was given to it is written, and then, when it is dropped, the connection closed.
#[derive(Debug)]
pub(super) struct Link {
    outgoing: Sender<Outgoing>,
    stream: TcpStream,
}

impl Link {
    pub(super) fn new(stream: &TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        // Who does not read is not waited for.
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        let (outgoing, incoming) = mpsc::channel();
        let writer = stream.try_clone()?;
        thread::spawn(move || {
            let _ = write_all(&writer, &incoming);
            let _ = writer.shutdown(Shutdown::Both);
        });
        Ok(Self { outgoing, stream: stream.try_clone()? })
    }

    pub(super) fn write(&self, outgoing: Outgoing) {
        // Where nobody writes any more, the connection is gone.
        let _ = self.outgoing.send(outgoing);
    }

    /// Closes the connection at once.
    pub(super) fn cut(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn write_all(mut stream: &TcpStream, incoming: &Receiver<Outgoing>) -> io::Result<()> {
    for outgoing in incoming {
        if !outgoing.delay.is_zero() {
            thread::sleep(outgoing.delay);
        }
        if outgoing.byte_by_byte {
            for byte in &outgoing.bytes {
                stream.write_all(std::slice::from_ref(byte))?;
            }
        } else {
            stream.write_all(&outgoing.bytes)?;
        }
        if outgoing.close {
            break;
        }
    }
    Ok(())
}

/// Reads a message. One that cannot be believed has no body: its size is not known.
pub(super) fn read(mut stream: &TcpStream, profile: &TigerBeetle, cluster: u128) -> io::Result<Packet> {
    let mut header = [0; HEADER_SIZE];
    stream.read_exact(&mut header)?;
    let size = Frame::check(&header, profile, cluster, MESSAGE_SIZE_MAX).map_or(0, Frame::body_size);
    let mut body = vec![0; size as usize];
    stream.read_exact(&mut body)?;
    Ok(Packet { header, body: body.into() })
}

/// Accepts connections as long as the other function says so. Then the port is free again.
pub(super) fn listen(
    listener: &TcpListener,
    goes_on: impl Fn() -> bool,
    mut accepted: impl FnMut(TcpStream),
) -> io::Result<()> {
    const PAUSE: Duration = Duration::from_millis(1);
    listener.set_nonblocking(true)?;
    while goes_on() {
        match listener.accept() {
            Ok((stream, _)) => accepted(stream),
            Err(_) => thread::sleep(PAUSE),
        }
    }
    Ok(())
}
