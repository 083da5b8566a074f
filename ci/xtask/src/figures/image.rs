//! A linked program: how large it is, and what is in it that should not be.

use crate::outcome::Stop;
use object::elf::{SHF_ALLOC, SHF_WRITE};
use object::{
    File, Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionFlags, SectionKind, SymbolKind,
};
use rustc_demangle::demangle;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Sections by which linker scripts keep room for stack and heap: they are what is left of the RAM.
const ROOM: [&str; 2] = [".stack", ".heap"];

/// What a program takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Code, constants, and the initial values of variables.
    pub(crate) flash: u64,
    /// Variables.
    pub(crate) ram: u64,
}

/// A function that should not be in a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unwanted {
    /// Its name.
    pub(crate) name: String,
    /// Who calls it, as far as the linker left that to be seen.
    pub(crate) callers: Vec<String>,
}

/// Reads the size of the program at `path`.
pub(crate) fn size(path: &Path) -> Result<Size, Stop> {
    with(path, |file| {
        let mut size = Size::default();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
            if sh_flags.0 & SHF_ALLOC.0 == 0 || section.name().is_ok_and(|name| ROOM.contains(&name)) {
                continue;
            }
            if section.kind() == SectionKind::UninitializedData {
                size.ram += section.size();
                continue;
            }
            size.flash += section.size();
            if sh_flags.0 & SHF_WRITE.0 != 0 {
                size.ram += section.size();
            }
        }
        size
    })
}

/// The functions in the program at `path` whose names `is_unwanted`, and those of the language's library that
/// lead to them: so that the last callers told are the ones to be mended.
pub(crate) fn unwanted(path: &Path, is_unwanted: fn(&str) -> bool) -> Result<Vec<Unwanted>, Stop> {
    with(path, |file| {
        let mut names: Vec<String> =
            functions(file).map(|(_, name)| name).filter(|name| is_unwanted(name)).collect();
        names.sort();
        names.dedup();
        let mut all: Vec<Unwanted> = Vec::new();
        while let Some(name) = names.pop() {
            let callers = callers(file, &name);
            let known = |name: &String| names.contains(name) || all.iter().any(|other| other.name == *name);
            let inner = callers.iter().filter(|caller| is_library(caller) && !known(caller));
            let inner: Vec<String> = inner.cloned().collect();
            names.extend(inner);
            all.push(Unwanted { name, callers });
        }
        all
    })
}

/// Whether a function is the language's own.
fn is_library(name: &str) -> bool {
    ["core::", "<core::", "__rustc::"].iter().any(|prefix| name.starts_with(prefix))
}

/// All functions, with their names as in the source.
fn functions<'a>(file: &'a File<'a>) -> impl Iterator<Item = (object::SymbolIndex, String)> + 'a {
    file.symbols().filter_map(|symbol| Some((symbol.index(), plain(symbol.name().ok()?))))
}

/// The functions that refer to another one, by the relocations that the linker was asked to keep.
fn callers(file: &File<'_>, callee: &str) -> Vec<String> {
    let callees: Vec<_> =
        functions(file).filter(|(_, name)| name == callee).map(|(index, _)| index).collect();
    let mut names = BTreeSet::new();
    for section in file.sections() {
        for (address, relocation) in section.relocations() {
            if let RelocationTarget::Symbol(index) = relocation.target()
                && callees.contains(&index)
            {
                names.extend(function_at(file, address).filter(|name| name != callee));
            }
        }
    }
    names.into_iter().collect()
}

/// The name of the function that contains an address.
fn function_at(file: &File<'_>, address: u64) -> Option<String> {
    let contains = |symbol: &object::Symbol<'_, '_>| {
        // Thumb functions have an odd address.
        let start = symbol.address() & !1;
        symbol.kind() == SymbolKind::Text && (start..start + symbol.size()).contains(&address)
    };
    file.symbols().find(contains).and_then(|symbol| symbol.name().ok().map(plain))
}

/// The name as in the source, without its hash.
fn plain(name: &str) -> String {
    format!("{:#}", demangle(name))
}

fn with<T>(path: &Path, read: impl FnOnce(&File<'_>) -> T) -> Result<T, Stop> {
    let failed = |error: String| Stop::Failed(format!("{}: {error}", path.display()));
    let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let file = File::parse(&*bytes).map_err(|error| failed(error.to_string()))?;
    Ok(read(&file))
}

/// Whether a function is part of what happens in a panic.
pub(crate) fn is_panic(name: &str) -> bool {
    name.contains("panicking::") || name.contains("rust_begin_unwind") || name.ends_with("::panicked")
}

/// What the compiler puts into every `async fn`: a panic for an executor that polls a future which was done.
/// No input leads there.
const RESUMED: &str = "core::panicking::panic_const::panic_const_async_fn_resumed";

/// What is left of a program's panics without [`RESUMED`], and without what nothing else calls.
pub(crate) fn without_resumed(mut found: Vec<Unwanted>) -> Vec<Unwanted> {
    let mut excused = vec![RESUMED.to_owned()];
    loop {
        let is_excused = |function: &Unwanted| {
            function.name == RESUMED
                || !function.callers.is_empty()
                    && function.callers.iter().all(|caller| excused.contains(caller))
        };
        let (more, left): (Vec<_>, Vec<_>) = found.into_iter().partition(is_excused);
        found = left;
        if more.is_empty() {
            return found;
        }
        excused.extend(more.into_iter().map(|function| function.name));
    }
}

/// Whether a function computes what a 32-bit CPU has no instruction for and the core does without: 64-bit
/// division, or floating point.
pub(crate) fn is_slow_arithmetic(name: &str) -> bool {
    const DIVISION: [&str; 11] = [
        "__aeabi_uldivmod",
        "__aeabi_ldivmod",
        "__udivdi3",
        "__umoddi3",
        "__divdi3",
        "__moddi3",
        "__udivmoddi4",
        "__divmoddi4",
        "__udivti3",
        "__umodti3",
        "__udivmodti4",
    ];
    let name = name.rsplit("::").next().unwrap_or(name);
    let aeabi = name.strip_prefix("__aeabi_").unwrap_or_default();
    let of_arm =
        ["f", "d", "cf", "cd", "i2", "ui2", "l2", "ul2"].iter().any(|prefix| aeabi.starts_with(prefix));
    let of_others = name.starts_with("__")
        && ["sf2", "sf3", "df2", "df3", "sfsi", "sfdi", "dfsi", "dfdi", "sisf", "sidf", "disf", "didf"]
            .iter()
            .any(|suffix| name.ends_with(suffix));
    DIVISION.contains(&name) || of_arm || of_others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_told_by_name() {
        for name in
            ["core::panicking::panic_bounds_check", "aof_firmware_figures::panicked", "rust_begin_unwind"]
        {
            assert!(is_panic(name), "{name}");
        }
        assert!(!is_panic("aof_nostd::reader::Reader<D,B,P>::next"));
    }

    #[test]
    fn panic_of_a_future_polled_again_excuses_nothing_else() {
        let function = |name: &str, callers: &[&str]| Unwanted {
            name: name.into(),
            callers: callers.iter().map(|caller| (*caller).into()).collect(),
        };
        let resumed = function(RESUMED, &["main"]);
        let found = |callers: &[&str]| {
            vec![function("unwind", &["panic_fmt"]), function("panic_fmt", callers), resumed.clone()]
        };
        assert_eq!(without_resumed(found(&[RESUMED])), []);
        assert_eq!(without_resumed(found(&[RESUMED, "bounds"])).len(), 2);
        assert_eq!(without_resumed(found(&[])).len(), 2, "nobody knows who calls it");
    }

    #[test]
    fn divisions_and_floats_are_told_by_name() {
        for name in [
            "__aeabi_uldivmod",
            "compiler_builtins::int::udiv::__udivdi3",
            "__aeabi_fadd",
            "__muldf3",
            "__aeabi_ui2d",
        ] {
            assert!(is_slow_arithmetic(name), "{name}");
        }
        for name in ["__aeabi_memcpy", "__aeabi_llsl", "__aeabi_uidiv", "main", "__clzsi2"] {
            assert!(!is_slow_arithmetic(name), "{name}");
        }
    }
}
