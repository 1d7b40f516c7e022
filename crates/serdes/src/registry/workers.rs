//! A few threads for requests that block.

use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that are started when they are needed. They end when this value is dropped; jobs that have not started are dropped
/// with it.
pub(super) struct Workers {
    shared: Arc<Shared>,
    max_threads: usize,
    max_queued: usize,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Run only while `jobs` is empty.
    minor_jobs: VecDeque<Job>,
    /// Few, and in no order.
    later: Vec<(Instant, Job)>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

/// The queue is full.
#[derive(Debug)]
pub(super) struct Full;

impl Workers {
    pub(super) fn new(max_threads: usize, max_queued: usize) -> Self {
        Self { shared: Arc::default(), max_threads, max_queued }
    }

    /// Runs a job as soon as a thread is free.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        self.push(Box::new(job), |queue| &mut queue.jobs)
    }

    /// Runs a job when no other one waits.
    pub(super) fn submit_minor(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        self.push(Box::new(job), |queue| &mut queue.minor_jobs)
    }

    fn push(&self, job: Job, list: impl FnOnce(&mut Queue) -> &mut VecDeque<Job>) -> Result<(), Full> {
        let mut queue = self.shared.lock();
        let jobs = list(&mut queue);
        if jobs.len() >= self.max_queued {
            return Err(Full);
        }
        jobs.push_back(job);
        let is_thread_missing = queue.jobs.len() + queue.minor_jobs.len() > queue.idle;
        self.wake(&mut queue, is_thread_missing);
        Ok(())
    }

    /// Runs a job at a time, or later if no thread is free then.
    pub(super) fn submit_at(&self, time: Instant, job: impl FnOnce() + Send + 'static) {
        let mut queue = self.shared.lock();
        queue.later.push((time, Box::new(job)));
        let is_thread_missing = queue.threads == 0;
        self.wake(&mut queue, is_thread_missing);
    }

    fn wake(&self, queue: &mut Queue, is_thread_missing: bool) {
        if is_thread_missing && queue.threads < self.max_threads {
            let shared = self.shared.clone();
            let started = std::thread::Builder::new().name("registry".to_owned()).spawn(move || shared.work());
            match started {
                Ok(_) => queue.threads += 1,
                // The jobs wait for the threads that exist, or for the next attempt to start one.
                Err(error) => tracing::warn!(%error, "cannot start a thread for the schema registry"),
            }
        }
        self.shared.changed.notify_one();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.is_closed = true;
        let dropped = (mem::take(&mut queue.jobs), mem::take(&mut queue.minor_jobs), mem::take(&mut queue.later));
        drop(queue);
        // Without the lock, because a job may own something that uses this queue when it is dropped.
        drop(dropped);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a request to the schema registry panicked");
            }
        }
    }

    /// Blocks until a job is due. `None`: the thread ends.
    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            let now = Instant::now();
            if let Some(index) = queue.later.iter().position(|(time, _)| *time <= now) {
                return Some(queue.later.swap_remove(index).1);
            }
            let job = queue.jobs.pop_front();
            if let Some(job) = job.or_else(|| queue.minor_jobs.pop_front()) {
                return Some(job);
            }
            let next = queue.later.iter().map(|(time, _)| *time).min();
            queue.idle += 1;
            queue = match next {
                Some(time) => {
                    let waited = self.changed.wait_timeout(queue, time.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
            queue.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::Workers;

    #[test]
    fn jobs_run_in_order_and_minor_ones_last() {
        let workers = Workers::new(1, 3);
        let (sender, receiver) = mpsc::channel();
        let (release, wait) = mpsc::channel::<()>();
        let (started, running) = mpsc::channel();
        workers
            .submit(move || {
                started.send(()).expect("open");
                wait.recv().expect("open");
            })
            .expect("room");
        running.recv().expect("the first job runs");
        let job = |name: &'static str| {
            let sender = sender.clone();
            move || sender.send(name).expect("open")
        };
        workers.submit_minor(job("minor")).expect("room");
        workers.submit_at(Instant::now(), job("due"));
        workers.submit_at(Instant::now() + Duration::from_millis(50), job("later"));
        for name in ["first", "second", "third"] {
            workers.submit(job(name)).expect("room");
        }
        assert!(workers.submit(job("too many")).is_err());
        release.send(()).expect("open");
        let order: Vec<_> = receiver.iter().take(6).collect();
        assert_eq!(order, ["due", "first", "second", "third", "minor", "later"]);
    }

    #[test]
    fn threads_outlive_a_panic_and_end_with_the_workers() {
        let workers = Workers::new(2, 10);
        let (sender, receiver) = mpsc::channel();
        for _ in 0..5 {
            workers.submit(|| panic!("a job")).expect("room");
        }
        let job_sender = sender.clone();
        workers.submit(move || job_sender.send(()).expect("open")).expect("room");
        receiver.recv().expect("the last job runs");
        let shared = std::sync::Arc::downgrade(&workers.shared);
        workers.submit_at(Instant::now() + Duration::from_secs(3600), move || drop(sender));
        drop(workers);
        // The job that was not due is dropped with its sender.
        assert!(receiver.recv().is_err());
        while shared.upgrade().is_some() {
            std::thread::yield_now();
        }
    }
}
