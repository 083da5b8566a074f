//! `aof-nostd/c/include/aof.h`: the committed file is what the code gives, and compilers take it.

use aof_tests::c;
use std::path::Path;
use std::{env, fs};

fn crate_directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The header that cbindgen makes of the crate.
fn generated() -> String {
    let directory = crate_directory();
    let config = cbindgen::Config::from_file(directory.join("cbindgen.toml")).unwrap();
    let mut text = Vec::new();
    cbindgen::generate_with_config(directory, config).unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn header_is_the_one_that_the_code_gives() {
    let path = crate_directory().join("include/aof.h");
    let (committed, generated) = (fs::read_to_string(&path).unwrap_or_default(), generated());
    if env::var_os("AOF_C_HEADER").is_some_and(|value| value == "write") {
        fs::write(&path, generated).unwrap();
        return;
    }
    let line = committed.lines().zip(generated.lines()).position(|(one, other)| one != other);
    let line = line.unwrap_or_else(|| committed.lines().count().min(generated.lines().count()));
    assert!(
        committed == generated,
        "aof-nostd/c/include/aof.h, line {}: has {:?}, and the code gives {:?}: \
         `AOF_C_HEADER=write cargo test -p aof-c --test c` writes it",
        line + 1,
        committed.lines().nth(line),
        generated.lines().nth(line)
    );
}

#[test]
fn header_compiles_as_c99_and_as_cpp_without_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    for (compiler, name, standard) in
        [("cc", "header.c", "c99"), ("cc", "header.c", "c11"), ("c++", "header.cpp", "c++11")]
    {
        let source = directory.path().join(name);
        // Twice: it has to be guarded.
        let text = "#include \"aof.h\"\n#include \"aof.h\"\n\
                    int main(void) { aof_reader reader = {{0}}; aof_device device = {0, 0, 0, 0, 0, 0};\n\
                    return (int)reader.opaque[0] + (device.read != 0); }\n";
        fs::write(&source, text).unwrap();
        c::compile(compiler, standard, &[&source], &directory.path().join("object"), &["-c"]);
    }
}
