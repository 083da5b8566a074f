//! Makes a pack of a fuzzer's directory, and back:
//!
//! ```text
//! cargo run -p aof-hostile --example corpus -- unpack slice DIRECTORY
//! cargo run -p aof-hostile --example corpus -- pack slice DIRECTORY [BYTES]
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use aof_hostile::pack;
use std::path::Path;

/// The bytes of a pack, unless told otherwise.
const SIZE_MAX: usize = 40 << 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["unpack", target, directory] => {
            std::fs::create_dir_all(directory).unwrap();
            let bytes = std::fs::read(corpus.join(target)).unwrap();
            let inputs = pack::unpack(&bytes).unwrap();
            for (number, input) in inputs.iter().enumerate() {
                std::fs::write(Path::new(directory).join(format!("kept-{number:04}")), input).unwrap();
            }
            println!("{target}: {} inputs", inputs.len());
        }
        ["pack", target, directory, ref rest @ ..] => {
            let size_max = rest.first().map_or(SIZE_MAX, |size| size.parse().unwrap());
            let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
            let inputs: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
            let count = inputs.len();
            let (bytes, packed) = pack::pack(inputs, size_max);
            std::fs::create_dir_all(&corpus).unwrap();
            std::fs::write(corpus.join(target), &bytes).unwrap();
            println!("{target}: {packed} of {count} inputs, {} bytes", bytes.len());
        }
        _ => println!("usage: corpus unpack|pack TARGET DIRECTORY [BYTES]"),
    }
}
