//! Against a recorded session of the reference tool with a real replica.

use super::progress;
use crate::util::{aof, data, file};
use aof_tests::cluster::tcp::Player;
use std::fs;

#[test]
fn requests_are_the_references_to_the_bit() {
    let requests = fs::read(data("replay-session/client-to-replica.bin")).unwrap();
    let replies = fs::read(data("replay-session/replica-to-client.bin")).unwrap();
    let player = Player::start(&requests, &replies, aof_nostd::TigerBeetle::new(aof_std::backend()));
    let directory = tempfile::tempdir().unwrap();
    let input = fs::read(data("replay-session/input.aof")).unwrap();
    let path = file(&directory, "input.aof", &input);
    let addresses = player.addresses();
    let arguments = ["recover", "--cluster", "0", "--addresses", &addresses, path.to_str().unwrap()];
    let ran = aof(arguments).code(0);
    assert_eq!(player.finish(), Ok(()));
    assert!(ran.stdout.starts_with("recovered: 38 requests"), "{}", ran.stdout);
    assert!(ran.stdout.contains("rejected events      0\n"), "{}", ran.stdout);
    let debug = aof(["debug", path.to_str().unwrap()]).code(0);
    let data_checksum = debug.stdout.lines().last().unwrap().rsplit(' ').next().unwrap();
    assert!(ran.stdout.contains(&format!("data checksum chain  {data_checksum}\n")), "{}", ran.stdout);
    assert!(progress(&path).exists());
}
