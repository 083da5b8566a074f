//! Makes a pack of a fuzzer's directory, and back:
//!
//! ```text
//! cargo run -p aof-hostile --example corpus -- unpack slice DIRECTORY
//! cargo run -p aof-hostile --example corpus -- pack slice DIRECTORY [BYTES]
//! ```
//!
//! Files whose names begin with `real` are in the pack whatever their size: pieces of real logs.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use aof_hostile::pack;
use std::path::Path;

/// The bytes of a pack, unless told otherwise.
const SIZE_MAX: usize = 44 << 10;

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
            let (mut real, mut found) = (Vec::new(), Vec::new());
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let is_real = path.file_name().unwrap().to_string_lossy().starts_with("real");
                if is_real { &mut real } else { &mut found }.push(std::fs::read(path).unwrap());
            }
            let count = real.len() + found.len();
            let (mut bytes, packed_real) = pack::pack(real, usize::MAX);
            let (more, packed) = pack::pack(found, size_max.saturating_sub(bytes.len()));
            bytes.extend(more);
            let packed = packed_real + packed;
            std::fs::create_dir_all(&corpus).unwrap();
            std::fs::write(corpus.join(target), &bytes).unwrap();
            println!("{target}: {packed} of {count} inputs, {} bytes", bytes.len());
        }
        _ => println!("usage: corpus unpack|pack TARGET DIRECTORY [BYTES]"),
    }
}
