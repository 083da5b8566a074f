//! Notifications of a file's changes, and of what happens to its name.
//!
//! Two watches: the directory tells of the name (moved away, begun anew), the file tells of what is written to
//! it, under whatever name. Both are there before the follower looks for the first time, and each new file is
//! looked at once more after it is watched: nothing is missed in between.
//!
//! Where the system notifies of nothing (a network file system, no watches left, no thread to wait for them), the
//! follower's own slow look has to do, and that is said if the system says so.
//!
//! On Linux this asks inotify itself: the crate for the other systems panics where it gets no thread.

#[cfg(target_os = "linux")]
#[path = "watch/inotify.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "watch/notify.rs"]
mod system;

pub use system::Watch;
