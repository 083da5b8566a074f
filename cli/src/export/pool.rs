//! Threads that work on jobs, results in the order of the jobs: [`Pool`].
//!
//! ```text
//! submit --> queue --> worker --.
//!       \          `-> worker ---+--> results, each in a place of its own, taken in order
//!        `---- place ---------------^
//! ```
//!
//! Where the system has no thread to give, there are fewer, or jobs are done by whoever submits them.
//!
//! Memory: as many jobs and results as there are threads, and one more.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;

/// Works on jobs in threads of a scope.
pub struct Pool<'a, J, R> {
    queue: SyncSender<(J, SyncSender<R>)>,
    waiting: VecDeque<Receiver<R>>,
    ahead: usize,
    /// What is done with a job where there is no worker.
    alone: Option<&'a (dyn Fn(J) -> R + Sync)>,
}

impl<J, R> fmt::Debug for Pool<'_, J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

impl<'scope, J: Send + 'scope, R: Send + 'scope> Pool<'scope, J, R> {
    /// Starts up to `threads` workers, which end when the pool is dropped.
    pub fn new<'env, W>(scope: &'scope Scope<'scope, 'env>, threads: usize, work: &'scope W) -> Self
    where
        W: Fn(J) -> R + Sync,
    {
        let threads = threads.max(1);
        let (queue, jobs) = sync_channel::<(J, SyncSender<R>)>(threads + 1);
        let jobs = std::sync::Arc::new(Mutex::new(jobs));
        let spawn = || {
            let jobs = std::sync::Arc::clone(&jobs);
            std::thread::Builder::new().spawn_scoped(scope, move || {
                loop {
                    // The lock is held while it waits: the others wait for the lock, which is the same.
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((job, place)) = job else { return };
                    let _ = place.send(work(job)); // nobody waits where the pool was dropped
                }
            })
        };
        // A system that has no more threads to give may have given some.
        let started = (0..threads).map_while(|_| spawn().ok()).count();
        let alone = (started == 0).then_some(work as &(dyn Fn(J) -> R + Sync));
        Self { queue, waiting: VecDeque::new(), ahead: started + 1, alone }
    }

    /// Gives a job to the workers. Where many are under way, waits for the oldest and gives its result.
    pub fn submit(&mut self, job: J) -> Option<Result<R, Lost>> {
        if let Some(work) = self.alone {
            return Some(Ok(work(job)));
        }
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
