//! Threads that work on jobs, results in the order of the jobs: [`Pool`].
//!
//! ```text
//! submit --> queue --> worker --.
//!       \          `-> worker ---+--> results, each in a place of its own, taken in order
//!        `---- place ---------------^
//! ```
//!
//! Memory: as many jobs and results as there are threads, and one more.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;

/// Works on jobs in threads of a scope.
#[derive(Debug)]
pub struct Pool<J, R> {
    queue: SyncSender<(J, SyncSender<R>)>,
    waiting: VecDeque<Receiver<R>>,
    ahead: usize,
}

impl<J: Send, R: Send> Pool<J, R> {
    /// Starts `threads` workers, which end when the pool is dropped.
    pub fn new<'scope, 'env, W>(scope: &'scope Scope<'scope, 'env>, threads: usize, work: &'scope W) -> Self
    where
        W: Fn(J) -> R + Sync,
        J: 'scope,
        R: 'scope,
    {
        let threads = threads.max(1);
        let (queue, jobs) = sync_channel::<(J, SyncSender<R>)>(threads + 1);
        let jobs = std::sync::Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = std::sync::Arc::clone(&jobs);
            scope.spawn(move || {
                loop {
                    // The lock is held while it waits: the others wait for the lock, which is the same.
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((job, place)) = job else { return };
                    let _ = place.send(work(job)); // nobody waits where the pool was dropped
                }
            });
        }
        Self { queue, waiting: VecDeque::new(), ahead: threads + 1 }
    }

    /// Gives a job to the workers. Where many are under way, waits for the oldest and gives its result.
    pub fn submit(&mut self, job: J) -> Option<Result<R, Lost>> {
        let (place, result) = sync_channel(1);
        self.waiting.push_back(result);
        let _ = self.queue.send((job, place)); // without workers the result is lost, and that is told
        if self.waiting.len() > self.ahead { self.wait() } else { None }
    }

    /// Waits for the oldest job that is under way, and gives its result; `None` where there is none.
    pub fn wait(&mut self) -> Option<Result<R, Lost>> {
        Some(self.waiting.pop_front()?.recv().map_err(|_| Lost))
    }
}

/// A worker panicked over the job: there is no result, and what comes behind it is not to be taken for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let work = |job: u64| {
            std::thread::sleep(std::time::Duration::from_micros((job * 7919) % 400));
            job * 2
        };
        let results: Vec<Result<u64, Lost>> = std::thread::scope(|scope| {
            let mut pool = Pool::new(scope, 3, &work);
            let mut results: Vec<_> = (0..100).filter_map(|job| pool.submit(job)).collect();
            assert!(results.len() >= 96, "no more are under way than there are threads, and one");
            results.extend(std::iter::from_fn(|| pool.wait()));
            results
        });
        assert_eq!(results, (0..100).map(|job| Ok(job * 2)).collect::<Vec<_>>());
    }
}
