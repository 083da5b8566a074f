//! C programs over the library, compiled with sanitizers.

use aof_tests::c;
use std::path::Path;

/// Builds and runs the program `name` of `tests/c`; it prints what it finds wrong.
#[track_caller]
fn runs(name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/c").join(name);
    let program = c::program(Path::new(env!("CARGO_TARGET_TMPDIR")), &[&source], directory.path(), &[]);
    let output = c::run::<&str>(&program, &[]);
    assert!(output.status.success(), "{name}: {}\n{}", output.status, c::text(&output));
}

#[test]
fn interface_does_what_the_header_says() {
    runs("use.c");
}

#[test]
fn wrong_calls_are_refused_with_codes() {
    runs("misuse.c");
}
