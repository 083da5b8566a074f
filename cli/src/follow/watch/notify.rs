//! [`Watch`] by the crate `notify`, where there is no inotify.

use crate::failure::shown;
use crate::follow::bell::Ringer;
use crate::output;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Rings when something changes.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    ringer: Ringer,
    /// Held: a watcher that is dropped is silent.
    _directory: Option<RecommendedWatcher>,
    file: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches the name `path`.
    #[must_use]
    pub fn new(path: &Path, ringer: Ringer) -> Self {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let name = path.file_name().map(OsString::from);
        let own = ringer.clone();
        let ring = move |event: &Event| {
            if event.paths.iter().any(|path| path.file_name() == name.as_deref()) {
                own.ring();
            }
        };
        let watcher = watcher(directory, ringer.clone(), ring);
        if let Err(error) = &watcher {
            output::note(&format!(
                "no notifications for {}: looking from time to time ({error})",
                shown(path)
            ));
        }
        Self { path: path.to_path_buf(), ringer, _directory: watcher.ok(), file: None }
    }

    /// Watches `file`, instead of the one before.
    pub fn file(&mut self, file: Option<&File>) {
        let own = self.ringer.clone();
        let changed = move |_: &Event| own.ring();
        let watcher = watcher(&path_of(file, &self.path), self.ringer.clone(), changed);
        // Where there is none, the slow look does it.
        self.file = watcher.ok();
    }
}

/// The path, and where it leads if it is a link: that is what is written.
fn path_of(_file: Option<&File>, path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// Lets `changed` know of changes of `path`; what went wrong is looked at.
fn watcher(
    path: &Path,
    ringer: Ringer,
    changed: impl Fn(&Event) + Send + 'static,
) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
        // The follower's own reading.
        Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
        Ok(event) if event.need_rescan() => ringer.ring(),
        Ok(event) => changed(&event),
        Err(_) => ringer.ring(),
    })?;
    watcher.watch(path, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
